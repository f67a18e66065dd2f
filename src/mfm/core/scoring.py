"""An additive score: each fact gives points, read off a curve; the sum is a probability.

The curves are data, trained beforehand (`make overlap-model`). Points are thousandths of a
logit, so all is whole numbers and the same on every machine.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping

from msgspec import Struct

FULL = 1000
_LOGIT = 1000
_LOGIT_MAX = 30_000


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """The points that a fact gives: straight between the places named, level beyond them.

    Attributes:
        at: values of the fact, rising.
        points: thousandths of a logit at each.
    """

    at: tuple[int, ...]
    points: tuple[int, ...]

    def read(self, value: int) -> int:
        """Return the points at a value."""
        place = bisect_right(self.at, value)
        if place == 0:
            return self.points[0]
        if place == len(self.at):
            return self.points[-1]
        left, right = self.at[place - 1], self.at[place]
        rise = self.points[place] - self.points[place - 1]
        return self.points[place - 1] + rise * (value - left) // (right - left)


class Score(Struct, frozen=True, forbid_unknown_fields=True):
    """How facts make a score.

    Attributes:
        base: the points of no fact at all.
        curves: fact -> its points.
        possible, strong: scores from which the bands begin, in thousandths.
    """

    base: int
    curves: Mapping[str, Curve]
    possible: int
    strong: int

    def parts(self, facts: Mapping[str, int]) -> dict[str, int]:
        """Return the points that each fact gives."""
        return {name: curve.read(facts[name]) for name, curve in self.curves.items()}

    def total(self, parts: Mapping[str, int]) -> int:
        """Return the score of the points: a probability in thousandths."""
        logit = max(-_LOGIT_MAX, min(_LOGIT_MAX, self.base + sum(parts.values())))
        return round(FULL / (1 + math.exp(-logit / _LOGIT)))


class Verdict(Struct, frozen=True):
    """What a matcher says of a pair.

    Attributes:
        score: thousandths.
        band: strong, possible or none.
        reasons: sentences, for and against, the weightiest first.
    """

    score: int
    band: str
    reasons: tuple[str, ...]
