"""Exports, own books: funds, allocations and grants as IATI activities."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta

from msgspec import Struct

from mfm.app import export_terms as terms
from mfm.app.export_names import Known, Names, Redaction
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.funds import Fund
from mfm.core.record import Noun
from mfm.core.schedules import Tranche
from mfm.formats.iati_model import (
    Activity,
    Budget,
    Conditions,
    Narrative,
    Organisation,
    Participant,
    PlannedDisbursement,
    RelatedActivity,
)
from mfm.store import exports, reads
from mfm.store.database import Snapshot
from mfm.store.reads import Page, Reach

FUND, ALLOCATION, GRANT = "1", "2", "3"
"""Hierarchies."""
_PARENT, _CHILD = "1", "2"
_FUNDING, _ACCOUNTABLE, _EXTENDING, _IMPLEMENTING = "1", "2", "3", "4"
_ORIGINAL, _REVISED, _COMMITTED = "1", "2", "2"
_YEAR = timedelta(days=364)
_PAGE = 500


class Published(Struct, frozen=True):
    """An activity ready to be written, and the first day that it speaks of."""

    activity: Activity
    since: date


async def pages(
    connection: Snapshot, noun: type[Noun], **filters: str
) -> AsyncIterator[list[Noun]]:
    """Give the nouns with these fields that stand, a page at a time."""
    page = Page(limit=_PAGE, filters=filters)
    while found := await reads.page_of(connection, noun, page, Reach()):
        yield [each for each in found if each.status != "reversed"]
        page = Page(limit=_PAGE, after=(found[-1].seq, found[-1].id), filters=filters)


class OwnBooks:
    """A fund of this mechanism while it is published."""

    def __init__(self, known: Known, names: Names, redaction: Redaction, fund: Fund) -> None:
        """Publish this fund, of which `known` has the steward."""
        self.known, self.names, self.redaction, self.fund = known, names, redaction, fund
        self.connection = known.connection
        self.identifier = names.fund(fund)
        self.reporter = names.reporter(fund)

    async def refresh(self) -> None:
        """Forget what was read for what is written by now; only between pieces."""
        self.known.trim()
        await self.known.load_funds({self.fund.id})

    async def fund_activity(self) -> Published:
        """Return the fund's own activity."""
        fund = self.fund
        day = await self._day(fund)
        since = min(day, await exports.first_day(self.connection, fund.id) or day)
        allocations = await self.allocations()
        weighed = [(each.earmark, _envelope_minor(each)) for each in allocations]
        steward = self.reporter.name
        activity = self._activity(
            (self.identifier, FUND),
            fund.name,
            f"{fund.name}: a {fund.tier} fund kept by {steward}.",
            status=terms.status(fund.status),
            dates=terms.dates({terms.ACTUAL_START: since}),
            participants=await self._givers(),
            sectors=terms.sectors(weighed) or terms.UNSPECIFIED,
            recipient_countries=terms.countries(weighed),
            planned=await self._transfers(),
            related=await self._relatives(allocations),
            conditions=await self._conditions(to_fund=fund.id),
        )
        return Published(activity, since)

    async def allocations(self) -> list[Allocation]:
        """Return the fund's allocations."""
        return [
            each
            async for page in pages(self.connection, Allocation, fund=self.fund.id)
            for each in page
            if isinstance(each, Allocation)
        ]

    async def allocation_activity(self, allocation: Allocation) -> Published:
        """Return an allocation's activity, with its envelope as its budget."""
        first = await self._first("9310", [allocation.id])
        since = first.get(allocation.id) or await self._day(allocation)
        shares = [share.contribution for share in allocation.shares]
        await self.known.load(Commitment, shares)
        drawn = [each for name in shares if (each := self.known.get(Commitment, name))]
        related = [RelatedActivity(self.identifier, _PARENT)]
        async for grants in self.grants(allocation):
            related += [RelatedActivity(self.names.grant(self.fund, g), _CHILD) for g in grants]
        weighed = [(allocation.earmark, 1)]
        ended = terms.over(allocation.status)
        activity = self._activity(
            (self.names.allocation(self.fund, allocation.id), ALLOCATION),
            f"Allocation {allocation.id}",
            f"What {self.fund.name} has set aside as {allocation.id}.",
            status=terms.status(allocation.status),
            dates=terms.dates(
                {
                    terms.ACTUAL_START: since,
                    terms.ACTUAL_END: await self._day(allocation) if ended else None,
                }
            ),
            participants=(*await self._funders(drawn), *self._stewards()),
            sectors=terms.sectors(weighed),
            recipient_countries=terms.countries(weighed),
            policy_markers=terms.markers(allocation.markers),
            budgets=(_budget(allocation, since),),
            related=tuple(related),
        )
        return Published(activity, since)

    async def grants(self, allocation: Allocation) -> AsyncIterator[list[Commitment]]:
        """Give the grants under an allocation, a page at a time, with their sides known."""
        filters = {"allocation": allocation.id, "kind": "grant"}
        async for page in pages(self.connection, Commitment, **filters):
            grants = [each for each in page if isinstance(each, Commitment)]
            await self.refresh()
            await self.known.load_sides(grants)
            yield grants

    async def grant_activities(self, grants: Sequence[Commitment]) -> list[Published]:
        """Return the activities of some grants of one allocation."""
        first = await self._first("9320", [grant.id for grant in grants])
        return [
            await self._grant_activity(grant, first.get(grant.id) or await self._day(grant))
            for grant in grants
        ]

    async def _grant_activity(self, grant: Commitment, since: date) -> Published:
        identifier = self.names.grant(self.fund, grant)
        grantee = self.names.organisation(grant.to_party)
        parent = self.names.allocation(self.fund, grant.allocation)
        due = [tranche.due_on for tranche in grant.tranches if tranche.due_on]
        ended = terms.over(grant.status)
        activity = self._activity(
            (identifier, GRANT),
            f"Grant to {grantee.name}",
            f"A grant of {self.fund.name} to {grantee.name}.",
            status=terms.status(grant.status),
            dates=terms.dates(
                {
                    terms.PLANNED_START: grant.starts_on,
                    terms.ACTUAL_START: since,
                    terms.PLANNED_END: grant.ends_on or max(due, default=None),
                    terms.ACTUAL_END: await self._day(grant) if ended else None,
                }
            ),
            participants=(
                Participant(self._fund_side(), _FUNDING),
                *self._stewards(),
                Participant(self.names.grantee(grant), _IMPLEMENTING),
            ),
            sectors=terms.sectors([(grant.earmark, 1)]),
            recipient_countries=terms.countries([(grant.earmark, 1)]),
            policy_markers=terms.markers(grant.markers),
            planned=_planned(grant, (self._fund_side(), self.grant_side(grant)), since),
            related=(RelatedActivity(parent, _PARENT),),
            conditions=await self._conditions(commitment=grant.id),
        )
        return Published(activity, since)

    def grant_side(self, grant: Commitment) -> Organisation:
        """Return a grantee as a side of a transaction: with the grant's activity."""
        return self.names.organisation(grant.to_party, self.names.grant(self.fund, grant))

    # Parts ----------------------------------------------------------------------------------------

    def _activity(
        self,
        named: tuple[str, str],
        title: str,
        description: str,
        **parts: object,
    ) -> Activity:
        identifier, hierarchy = named
        return Activity(
            identifier=identifier,
            line=0,
            reporting=self.reporter,
            title=(Narrative(title),),
            description=(Narrative(description),),
            lang="en",
            default_currency=self.fund.currency,
            hierarchy=hierarchy,
            **parts,  # type: ignore[arg-type]  # fields of Activity, by name
        )

    def _fund_side(self) -> Organisation:
        return self.names.organisation(self.fund.steward, self.identifier)

    def _stewards(self) -> tuple[Participant, Participant]:
        steward = self._fund_side()
        return Participant(steward, _ACCOUNTABLE), Participant(steward, _EXTENDING)

    async def _givers(self) -> tuple[Participant, ...]:
        """Return who gives to the fund, each once, and who keeps it."""
        found: dict[Participant, None] = {}
        async for page in pages(self.connection, Commitment, to_fund=self.fund.id):
            given = [each for each in page if isinstance(each, Commitment)]
            found |= dict.fromkeys(await self._funders(given))
        return (*found, *self._stewards())

    async def _funders(self, given: Sequence[Commitment]) -> tuple[Participant, ...]:
        """Return the donors and funds behind contributions and transfers, each once."""
        await self.known.load_sides(given)
        sides = (
            self.names.fund_side(each.from_fund) if each.from_fund else self.names.giver(each)
            for each in given
        )
        return tuple(dict.fromkeys(Participant(side, _FUNDING) for side in sides))

    async def _transfers(self) -> tuple[PlannedDisbursement, ...]:
        """Return what the fund has agreed to pay to other funds, and when."""
        made: list[PlannedDisbursement] = []
        filters = {"from_fund": self.fund.id, "kind": "transfer"}
        async for page in pages(self.connection, Commitment, **filters):
            given = [each for each in page if isinstance(each, Commitment)]
            await self.known.load_sides(given)
            first = await self._first("9320", [each.id for each in given])
            for each in given:
                sides = (self._fund_side(), self.names.fund_side(each.to_fund))
                made += _planned(each, sides, first.get(each.id) or await self._day(each))
        return tuple(made)

    async def _relatives(self, allocations: Sequence[Allocation]) -> tuple[RelatedActivity, ...]:
        """Return the fund above, the funds below and the allocations."""
        related: list[RelatedActivity] = []
        await self.known.load_funds({self.fund.parent})
        if parent := self.known.get(Fund, self.fund.parent):
            related.append(RelatedActivity(self.names.fund(parent), _PARENT))
        async for page in pages(self.connection, Fund, parent=self.fund.id):
            await self.known.load_funds({each.id for each in page})
            funds = [each for each in page if isinstance(each, Fund)]
            related += [RelatedActivity(self.names.fund(each), _CHILD) for each in funds]
        related += [
            RelatedActivity(self.names.allocation(self.fund, each.id), _CHILD)
            for each in allocations
        ]
        return tuple(related)

    async def _conditions(self, **filters: str) -> Conditions:
        found: list[Condition] = []
        async for page in pages(self.connection, Condition, **filters):
            found += [each for each in page if isinstance(each, Condition)]
        return self.redaction.conditions(terms.conditions(found))

    async def _first(self, code: str, subjects: Sequence[str]) -> dict[str, date]:
        found = await exports.spans(self.connection, self.fund.id, code, subjects)
        return {subject: first for subject, (first, _) in found.items()}

    async def _day(self, noun: Noun) -> date:
        """Return the day of the record that a noun's state is from."""
        return (await exports.days(self.connection, [noun.seq]))[noun.seq]


def _envelope_minor(allocation: Allocation) -> int:
    """Return what an allocation still holds: as decided, less what came back."""
    return sum(share.amount_minor for share in allocation.shares)


def _budget(allocation: Allocation, since: date) -> Budget:
    """Return an allocation's envelope: original while nothing came back, revised after."""
    amount_minor = _envelope_minor(allocation)
    return Budget(
        start=since,
        end=since + _YEAR,
        amount_minor=amount_minor,
        currency=allocation.currency,
        type=_ORIGINAL if amount_minor == allocation.amount_minor else _REVISED,
        status=_COMMITTED,
    )


def _planned(
    commitment: Commitment, sides: tuple[Organisation, Organisation], since: date
) -> tuple[PlannedDisbursement, ...]:
    """Return a schedule; a tranche without a day of its own is due from the signature on."""

    def one(tranche: Tranche) -> PlannedDisbursement:
        return PlannedDisbursement(
            start=tranche.due_on or since,
            amount_minor=tranche.amount_minor,
            currency=commitment.currency,
            type=_ORIGINAL,
            provider=sides[0],
            receiver=sides[1],
        )

    return tuple(one(tranche) for tranche in commitment.tranches if tranche.amount_minor)
