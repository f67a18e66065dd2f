"""Exports, naming: how funds, grants and organisations are called in public."""

import re
from collections.abc import Collection, Iterable
from typing import TypeVar

from msgspec import structs

from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.masks import pseudonym
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.formats.iati_model import Conditions, Narrative, Organisation
from mfm.store import exports
from mfm.store.database import Snapshot

N = TypeVar("N", bound=Noun)

_KEPT_MAX = 10_000


def unnamed(mask: str) -> str:
    """Return how a party at risk is called."""
    return f"Organisation at risk {pseudonym(mask)}"


class Known:
    """Nouns that were read on a snapshot; no more of them than a piece of an export needs."""

    def __init__(self, connection: Snapshot) -> None:
        """Start with none."""
        self.connection = connection
        self._rows: dict[tuple[type[Noun], str], Noun] = {}

    async def load(self, noun: type[Noun], ids: Collection[str]) -> None:
        """Read those that are not known yet."""
        missing = {each for each in ids if each and (noun, each) not in self._rows}
        for row in await exports.named(self.connection, noun, missing):
            self._rows[noun, row.id] = row

    async def load_sides(self, commitments: Iterable[Commitment]) -> None:
        """Read the funds and parties on both sides of commitments."""
        some = tuple(commitments)
        await self.load_funds({fund for each in some for fund in each.funds})
        await self.load(Party, {party for each in some for party in each.parties})

    async def load_funds(self, ids: Collection[str]) -> None:
        """Read funds with their stewards."""
        await self.load(Fund, ids)
        stewards = {fund.steward for each in ids if (fund := self.get(Fund, each))}
        await self.load(Party, stewards)

    def get(self, noun: type[N], noun_id: str) -> N | None:
        """Return what was read, None where there is none."""
        return self._rows.get((noun, noun_id))  # type: ignore[return-value]  # keyed by its own type

    def trim(self) -> None:
        """Forget all when it has become much; only between pieces."""
        if len(self._rows) > _KEPT_MAX:
            self._rows.clear()


class Names:
    """What the nouns of a mechanism are called in its publications."""

    def __init__(self, known: Known, mechanism: str) -> None:
        """Name what is `known`, for the mechanism of this name."""
        self.known = known
        self._own = f"mfm-{mechanism}"

    def organisation(self, party_id: str, activity: str = "") -> Organisation:
        """Return a party as it is told in public: by its pseudonym where it is at risk.

        Args:
            party_id: the party, or "".
            activity: identifier of its activity that this is about, or "".
        """
        party = self.known.get(Party, party_id)
        if party is None:
            return Organisation(activity=activity)
        if party.at_risk:
            names = (Narrative(unnamed(party.mask)),)
            return Organisation(type=party.kind, activity=activity, names=names)
        return Organisation(
            ref=party.identifier,
            reported_ref=party.identifier,
            type=party.kind,
            activity=activity,
            names=(Narrative(party.name),),
        )

    def giver(self, commitment: Commitment) -> Organisation:
        """Return a donor, with the activity of its own that it said it pays from."""
        return self._theirs(commitment.from_party, commitment.activity)

    def grantee(self, grant: Commitment) -> Organisation:
        """Return a grantee, with the activity of its own that it said it reports."""
        return self._theirs(grant.to_party, grant.activity)

    def _theirs(self, party_id: str, activity: str) -> Organisation:
        party = self.known.get(Party, party_id)
        return self.organisation(party_id, "" if party and party.at_risk else activity)

    def reporter(self, fund: Fund) -> Organisation:
        """Return who reports a fund's activities; without an identifier, under the mechanism's."""
        made = self.organisation(fund.steward)
        ref = made.ref or self._own
        return structs.replace(made, ref=ref, reported_ref=ref)

    def fund(self, fund: Fund) -> str:
        """Return the IATI identifier of a fund's activity."""
        steward = self.known.get(Party, fund.steward)
        named = steward.identifier if steward and not steward.at_risk else ""
        return fund.identifier or f"{named or self._own}-{fund.id}"

    def allocation(self, fund: Fund, allocation_id: str) -> str:
        """Return the IATI identifier of an allocation's activity."""
        return f"{self.fund(fund)}:allocation:{allocation_id}"

    def grant(self, fund: Fund, commitment: Commitment) -> str:
        """Return the IATI identifier of a grant's activity; it tells nothing of one at risk."""
        grantee = self.known.get(Party, commitment.to_party)
        told = commitment.id
        if grantee is not None and grantee.at_risk:
            told = pseudonym(grantee.mask, "grant", commitment.id)
        return f"{self.fund(fund)}:grant:{told}"

    def fund_side(self, fund_id: str) -> Organisation:
        """Return a fund as a side of a transaction: its steward, with the fund's activity."""
        fund = self.known.get(Fund, fund_id)
        if fund is None:
            return Organisation()
        return self.organisation(fund.steward, self.fund(fund))


class Redaction:
    """What must not be told of parties at risk in what others have published of them.

    Attributes:
        count: how many names were taken out.
    """

    def __init__(self, parties: Iterable[Party]) -> None:
        """Keep the parties at risk."""
        self.count = 0
        some = tuple(parties)
        self._by_ref = {each.identifier: each for each in some if each.identifier}
        self._by_name = {each.name.casefold(): each for each in some}
        refs = sorted(self._by_ref, key=len, reverse=True)
        self._refs = re.compile("|".join(map(re.escape, refs)) or r"(?!)")
        told = sorted([*refs, *(each.name for each in some)], key=len, reverse=True)
        self._told = re.compile("|".join(map(re.escape, told)) or r"(?!)", re.IGNORECASE)

    def identifier(self, written: str) -> str:
        """Return an activity's identifier, without the reference of a party at risk in it."""
        found = self._refs.search(written)
        if found is None:
            return written
        self.count += 1
        return f"at-risk-{pseudonym(self._by_ref[found[0]].mask, 'activity', written)}"

    def organisation(self, org: Organisation) -> Organisation:
        """Return an organisation, by its pseudonym where it is at risk."""
        ref = org.reported_ref.strip() or org.ref
        party = self._by_ref.get(ref) or next(
            (found for each in org.names if (found := self._by_name.get(each.text.casefold()))),
            None,
        )
        activity = self.identifier(org.activity)
        if party is None:
            return structs.replace(org, activity=activity) if activity != org.activity else org
        self.count += 1
        names = (Narrative(unnamed(party.mask)),)
        return Organisation(type=org.type, activity=activity, names=names)

    def conditions(self, said: Conditions) -> Conditions:
        """Return conditions without those whose text names a party at risk."""
        kept = tuple(
            structs.replace(each, narratives=self.texts(each.narratives))
            for each in said.conditions
        )
        return structs.replace(said, conditions=kept)

    def texts(self, told: tuple[Narrative, ...]) -> tuple[Narrative, ...]:
        """Return free text without those parts that name a party at risk."""
        kept = tuple(each for each in told if self._told.search(each.text) is None)
        self.count += len(told) - len(kept)
        return kept
