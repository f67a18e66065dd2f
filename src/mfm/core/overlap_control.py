"""Organisations that seem to be in one hand: an account, a signatory, an address (D8)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import combinations

from msgspec import Struct

from mfm.core.overlaps import Overlap
from mfm.core.scoring import FULL

WEIGHTS: dict[str, int] = {"bank-account": FULL, "signatory": 700, "phone": 600, "address": 500}
"""Kind of fact -> how sure one of it makes that two are in one hand, in thousandths."""
STRONG_FROM = 800
HOLDERS_MAX = 20
"""What more share (the house of all non-profits of a town) says nothing of any two of them."""
_SAID = {
    "bank-account": "one bank account",
    "signatory": "one signatory",
    "phone": "one telephone number",
    "address": "one address",
}


class Trait(Struct, frozen=True):
    """A fact of an organisation that two seldom share.

    Attributes:
        party: whose.
        kind: of WEIGHTS.
        value: in one form, so that equal facts are equal; of accounts and people, a hash.
    """

    party: str
    kind: str
    value: str


def shared_control(
    traits: Iterable[Trait], hosted: Collection[frozenset[str]] = ()
) -> list[Overlap]:
    """Return pairs of organisations that share such facts.

    Args:
        traits: facts of organisations.
        hosted: pairs of a fiscal host and whom it hosts, as attested: sharing is as it should be,
            between them and among those with one host.
    """
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for trait in traits:
        if trait.value:
            holders[trait.kind, trait.value].add(trait.party)
    shared: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (kind, _), parties in holders.items():
        if len(parties) <= HOLDERS_MAX:
            for one, other in combinations(sorted(parties), 2):
                shared[one, other].add(kind)
    hosts = _hosts(hosted)
    return [
        _told(one, other, kinds)
        for (one, other), kinds in sorted(shared.items())
        if frozenset((one, other)) not in hosted and hosts[one].isdisjoint(hosts[other])
    ]


def _hosts(hosted: Collection[frozenset[str]]) -> defaultdict[str, set[str]]:
    """Return whom each organisation is in a hosting with."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for pair in hosted:
        for party in pair:
            beside[party] |= pair - {party}
    return beside


def _told(one: str, other: str, kinds: set[str]) -> Overlap:
    apart = FULL
    for kind in kinds:  # what is left of the doubt
        apart = apart * (FULL - WEIGHTS[kind]) // FULL
    weighty = sorted(kinds, key=lambda kind: (-WEIGHTS[kind], kind))
    return Overlap(
        detector="shared-control",
        left=one,
        right=other,
        score=FULL - apart,
        band="strong" if FULL - apart >= STRONG_FROM else "possible",
        reasons=(
            *(f"for: {_SAID[kind]}" for kind in weighty),
            "against: neither is attested as the other's fiscal host",
        ),
        suggestions=("declare-host", "conflict-question"),
    )
