"""Organisations registered twice, and numbers that two organisations share (D1, D1b)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from msgspec import Struct

from mfm.core.org_likeness import OrgView, Read, Registration
from mfm.core.org_matching import OrgMatcher, worth_asking
from mfm.core.overlap_words import topics
from mfm.core.overlaps import Overlap
from mfm.core.traits import HOLDERS_MAX

TICK_EVERY = 1_000


class Registered(Struct, frozen=True):
    """An organisation in the register.

    Attributes:
        id: the party's.
        view: what is known of it.
    """

    id: str
    view: OrgView


def same_organisations(
    parties: Sequence[Registered],
    pairs: Iterable[tuple[int, int]],
    matcher: OrgMatcher,
    tick: Callable[[int], None],
) -> list[Overlap]:
    """Return the pairs that seem one organisation, or share a number and nothing else.

    Args:
        parties: the register, or a part of it.
        pairs: places of two that are worth comparing, the lesser first.
        matcher: compares two.
        tick: told how many are done.
    """
    known = [(each.id, matcher.read(each.view)) for each in parties]
    found = []
    near = {*pairs, *_one_number(known), *_one_fact(known)}
    for done, (one, other) in enumerate(sorted(near), start=1):
        told = _told(known[one], known[other], matcher)
        found += [told] if told else []
        if done % TICK_EVERY == 0:
            tick(done)
    tick(len(known))
    return found


def twins(found: Iterable[Overlap]) -> set[frozenset[str]]:
    """Return the pairs among what was found that seem one organisation by more than their names."""
    return {
        frozenset((each.left, each.right))
        for each in found
        if each.detector == "same-organisation" and each.band == "strong"
    }


def _one_number(known: list[tuple[str, Read]]) -> set[tuple[int, int]]:
    holders: defaultdict[Registration, list[int]] = defaultdict(list)
    for place, (_, read) in enumerate(known):
        for number in read.registrations:
            holders[number].append(place)
    return {pair for places in holders.values() for pair in combinations(places, 2)}


def _one_fact(known: list[tuple[str, Read]]) -> set[tuple[int, int]]:
    """Return the pairs that share a domain, or what two seldom share, however they are called."""
    holders: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (_, read) in enumerate(known):
        for fact in (*read.traits, ("domain", read.domain)):
            if fact[1]:
                holders[fact].append(place)
    some = (places for places in holders.values() if len(places) <= HOLDERS_MAX)
    return {pair for places in some for pair in combinations(places, 2)}


def _told(one: tuple[str, Read], other: tuple[str, Read], matcher: OrgMatcher) -> Overlap | None:
    """Return what is noticed of a pair, or None."""
    sides = sorted((one, other), key=lambda each: each[0])
    (left, here), (right, there) = sides
    judged = matcher.judge(here, there)
    if not worth_asking(judged):
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
        facts=_facts(here, there, found.reasons),
    )


def _facts(one: Read, other: Read, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names and numbers of two, and the kinds of facts that agree.

    How a model weighs the words of the names, and which it tells first, is no fact of the two.
    """
    names = (" ".join(each.view.name.casefold().split()) for each in (one, other))
    kinds = (kind for kind in topics(reasons) if kind.startswith("for:"))
    numbers = (" ".join(each) for each in one.registrations | other.registrations)
    return (*names, *sorted(numbers), *sorted(kinds))
