"""Organisations that seem to be in one hand: an account, a signatory, an address (D8)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import combinations

from mfm.core.overlaps import Overlap
from mfm.core.scoring import FULL
from mfm.core.traits import HOLDERS_MAX, Trait, doubt_left, told

ALWAYS_TELLS = "bank-account"
"""However many share it: nobody has an account by living in one house."""
ALL_PAIRS_MAX = 5
"""Of more, each is told beside the first of them: twenty are nineteen cases, not 190."""
STRONG_FROM = 800
"""From so many thousandths that two are in one hand it is strong."""


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
        for one, other in _pairs(kind, sorted(parties)):
            shared[one, other].add(kind)
    hosts = _hosts(hosted)
    return [
        _told(one, other, kinds)
        for (one, other), kinds in sorted(shared.items())
        if frozenset((one, other)) not in hosted and hosts[one].isdisjoint(hosts[other])
    ]


def _pairs(kind: str, parties: list[str]) -> Iterable[tuple[str, str]]:
    """Return which of those that share a fact are told in pairs."""
    if kind != ALWAYS_TELLS and len(parties) > HOLDERS_MAX:
        return ()
    if len(parties) <= ALL_PAIRS_MAX:
        return combinations(parties, 2)
    return ((parties[0], other) for other in parties[1:])


def _hosts(hosted: Collection[frozenset[str]]) -> defaultdict[str, set[str]]:
    """Return whom each organisation is in a hosting with."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for pair in hosted:
        for party in pair:
            beside[party] |= pair - {party}
    return beside


def _told(one: str, other: str, kinds: set[str]) -> Overlap:
    sure = FULL - doubt_left(FULL, kinds)
    return Overlap(
        detector="shared-control",
        left=one,
        right=other,
        score=sure,
        band="strong" if sure >= STRONG_FROM else "possible",
        reasons=(*told(kinds), "against: neither is attested as the other's fiscal host"),
        suggestions=("declare-host", "conflict-question"),
    )
