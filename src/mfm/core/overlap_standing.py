"""How somebody stands to a case of overlap: for whom it speaks, and which sides it sees.

The database tells it, to who reads a case and to who takes a step in it alike: the funds that an
organisation deals with change while its case stands.
"""

from typing import Literal

from msgspec import Struct


class StandingSide(Struct, frozen=True):
    """One of the two sides of a case, for who looks.

    Attributes:
        funds: the funds that it concerns by now.
        whole: whether who looks sees it whole.
    """

    funds: tuple[str, ...] = ()
    whole: bool = False


class Standing(Struct, frozen=True, kw_only=True):
    """How somebody stands to a case.

    Attributes:
        scope: none, for whom it is not there; own, of one of the two; fund, of a fund that it
            concerns; any.
        own: the ids of the organisation that is spoken for: its own, and its aliases'.
        stands_for: these, and those of the steward whose fund's secretariat it is.
        sides: the two, in the case's order.
    """

    scope: Literal["none", "own", "fund", "any"] = "any"
    own: frozenset[str] = frozenset()
    stands_for: frozenset[str] = frozenset()
    sides: tuple[StandingSide, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether both sides are seen."""
        return all(side.whole for side in self.sides)
