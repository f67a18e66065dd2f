"""Organisations registered twice, and numbers that two organisations share (D1, D1b)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations

from msgspec import Struct

from mfm.core.blocking import Candidates, keys_of
from mfm.core.org_likeness import OrgView, Read
from mfm.core.org_matching import OrgMatcher
from mfm.core.overlaps import Overlap

COMPARED_WITH = 20
"""With so many others, those that share most keys, each organisation is compared."""


class Registered(Struct, frozen=True):
    """An organisation in the register.

    Attributes:
        id: the party's.
        view: what is known of it.
    """

    id: str
    view: OrgView


def same_organisations(
    parties: Iterable[Registered], matcher: OrgMatcher, tick: Callable[[int], None]
) -> list[Overlap]:
    """Return the pairs that seem one organisation, or share a number and nothing else.

    Args:
        parties: the register.
        matcher: compares two.
        tick: told how many are done.
    """
    known = [(each.id, matcher.read(each.view)) for each in parties]
    among = Candidates([_keys(read)] for _, read in known)
    pairs = _one_number(known)
    for place, (_, read) in enumerate(known):
        near = among.find(_keys(read), COMPARED_WITH + 1)
        pairs |= {(min(place, other), max(place, other)) for other in near if other != place}
        tick(place + 1)
    told = (_told(known[one], known[other], matcher) for one, other in sorted(pairs))
    return [each for each in told if each is not None]


def _keys(read: Read) -> frozenset[str]:
    return keys_of(read.name, read.view.country)


def _one_number(known: list[tuple[str, Read]]) -> set[tuple[int, int]]:
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for place, (_, read) in enumerate(known):
        for number in read.registrations:
            holders[number].append(place)
    return {pair for places in holders.values() for pair in combinations(places, 2)}


def _told(one: tuple[str, Read], other: tuple[str, Read], matcher: OrgMatcher) -> Overlap | None:
    """Return what is noticed of a pair, or None."""
    sides = sorted((one, other), key=lambda each: each[0])
    (left, here), (right, there) = sides
    judged = matcher.judge(here, there)
    if judged.band == "none":
        return None
    found = judged.verdict()
    detector = "same-organisation"
    if here.registrations & there.registrations and matcher.names_differ(here, there):
        detector = "one-number-two-names"
    return Overlap(
        detector=detector,
        left=left,
        right=right,
        score=found.score,
        band=found.band,
        reasons=found.reasons,
        suggestions=("same", "affiliate", "different"),
    )
