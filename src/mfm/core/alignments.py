"""Which units of one name say the same as which units of another."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import ratio

from mfm.core.letters import skeleton
from mfm.core.normalising import Unit

FULL = 1000
"""Likeness is told in thousandths."""
_SAME_CONCEPT = 950
_SAME_SOUND = 880
_JOINED = 970
_ABBREVIATED = 860
_ALIKE_MIN = 780
_FUZZY_MIN_CHARS = 3
_SOUND_MIN_CHARS = 3
_CUT_OFF_MIN_CHARS = 3
_START_LESS = 60
_JOINED_PERCENT = 90


class Match(NamedTuple):
    """Two units that say the same.

    Attributes:
        left, right: places in the two names.
        alike: thousandths.
        how: letters, concept, sound, joined, abbreviation, spelling.
    """

    left: int
    right: int
    alike: int
    how: str


def align(left: Sequence[Unit], right: Sequence[Unit]) -> list[Match]:
    """Return the likeliest pairs of units, each unit once (two that are written as one apart)."""
    found = [
        match
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if (match := _match(i, one, j, other)) is not None
    ]
    found.sort(key=lambda match: (-match.alike, abs(match.left - match.right), match.left))
    free_left, free_right = set(range(len(left))), set(range(len(right)))
    taken: list[Match] = []
    for match in found:
        if match.left in free_left and match.right in free_right:
            free_left.discard(match.left)
            free_right.discard(match.right)
            taken.append(match)
    if free_left and free_right:
        taken += _joined(left, right, free_left, free_right)
    return taken


def _match(i: int, one: Unit, j: int, other: Unit) -> Match | None:
    if one.text == other.text:
        return Match(i, j, FULL, "letters")
    if not one.concepts.isdisjoint(other.concepts):
        return Match(i, j, _SAME_CONCEPT, "concept")
    if (one.concepts and other.concepts) or "number" in {one.section, other.section}:
        return None
    alike, how = _spelling(*sorted((one.text, other.text), key=len))
    return Match(i, j, alike, how) if alike else None


@lru_cache(maxsize=1 << 18)
def _spelling(short: str, long: str) -> tuple[int, str]:
    """Return how alike two words are written or sound."""
    if len(short) < _SOUND_MIN_CHARS:
        return 0, ""
    if long.startswith(short) and len(long) - len(short) >= _CUT_OFF_MIN_CHARS:
        return _ABBREVIATED, "abbreviation"
    if len(short) >= _FUZZY_MIN_CHARS and (alike := _written(short, long)) >= _ALIKE_MIN:
        return min(alike, _JOINED), "spelling"
    bare = skeleton(short)
    same = len(bare) >= _SOUND_MIN_CHARS and bare == skeleton(long)
    return (_SAME_SOUND, "sound") if same else (0, "")


def _written(short: str, long: str) -> int:
    """Return how alike letters are, in thousandths; the same beginning counts for more."""
    start = round(FULL * JaroWinkler.similarity(short, long)) - _START_LESS
    return max(round(10 * ratio(short, long)), start)


def _joined(
    left: Sequence[Unit], right: Sequence[Unit], free_left: set[int], free_right: set[int]
) -> list[Match]:
    """Match two words in a row on one side with one word on the other."""
    found = [
        Match(i, j, _JOINED, "joined")
        for here, j in _two_in_one(left, right, free_left, free_right)
        for i in here
    ]
    found += [
        Match(i, j, _JOINED, "joined")
        for here, i in _two_in_one(right, left, free_right, free_left)
        for j in here
    ]
    return found


def _two_in_one(
    these: Sequence[Unit], those: Sequence[Unit], free: set[int], free_there: set[int]
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield ((place, next place), place there) of words that are joined there."""
    for i in sorted(free):
        both = these[i].text + these[i + 1].text if {i, i + 1} <= free else ""
        for j in sorted(free_there):
            if len(both) >= _FUZZY_MIN_CHARS and ratio(both, those[j].text) >= _JOINED_PERCENT:
                free.difference_update((i, i + 1))
                free_there.discard(j)
                yield (i, i + 1), j
                break
