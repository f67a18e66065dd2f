"""Who competes in a call: a picture by how far organisations work, never an alarm (D4).

That international and local organisations ask in one window is a normal state to be shown: most
funds mean it so. What the figures say is told as sentences beside them.
"""

from collections.abc import Callable, Iterable, Mapping
from statistics import median_low
from typing import Any

from msgspec import Struct, structs

LEVELS = ("international", "national", "local", "community", "unknown")
"""How far an organisation works, in the picture's order."""
SMALLEST = 5
"""A figure of fewer could tell whom it is of: outsiders are not shown it."""
DIGITS = 2
"""Outsiders are told amounts to so many figures: the middle one is somebody's own ask."""
OPEN = "Figures are told to others than the fund once the window is closed."
DECIDING = "Awards are told to others than the fund once all asks are decided on and signed."
DECIDED_MIN = 5
"""Success is compared where so many were decided on either side."""
SUCCESS_APART_PER_MILLE = 200
ASKS_APART = 5
"""Means of asks that are so many times apart are told."""
_WHOLE = 1_000
_ATTESTED = {
    "grassroots": "community",
    "local": "local",
    "national": "national",
    "regional": "international",
    "international": "international",
}
_KINDS = {
    "10": "national",
    "11": "local",
    "21": "international",
    "22": "national",
    "23": "international",
    "24": "national",
    "40": "international",
}
"""IATI organisation type -> how far it works, where nobody attested it."""
_LOCAL = ("local", "community")


class Ask(Struct, frozen=True, kw_only=True):
    """An application in a call.

    Attributes:
        level: of LEVELS.
        asked_minor: what it asks for, in the call's currency.
        indirect_minor: of that, indirect cost.
        decided: whether it was approved or declined.
        approved: which of the two.
        awarded_minor: what it got; 0 where it got nothing (yet).
        days: from its submission to the decision; None while there is none.
        withdrawn: whether it was taken back after it had been submitted.
    """

    level: str
    asked_minor: int
    indirect_minor: int = 0
    decided: bool = False
    approved: bool = False
    awarded_minor: int = 0
    days: int | None = None
    withdrawn: bool = False

    @property
    def settled(self) -> bool:
        """Whether no more will come of it than has."""
        return self.withdrawn or (self.decided and (not self.approved or self.awarded_minor > 0))


class Cell(Struct, frozen=True, kw_only=True):
    """The asks of one level, or of all; each figure is None where it is suppressed or has no ask.

    Attributes:
        level: of LEVELS, or all.
        asks: how many applications.
        asked_minor: what they ask for.
        awards: how many of them were awarded.
        awarded_minor: what they got.
        success_per_mille: of those decided on, how many were approved.
        median_asked_minor: the middle ask, the lower one of two.
        median_awarded_minor: the middle award.
        median_days: the middle of the days to the decision.
        overhead_per_mille: indirect cost in what is asked for.
        suppressed: whether figures are left out: they are of few, would tell those of few, or are
            not told yet.
    """

    level: str
    asks: int | None = None
    asked_minor: int | None = None
    awards: int | None = None
    awarded_minor: int | None = None
    success_per_mille: int | None = None
    median_asked_minor: int | None = None
    median_awarded_minor: int | None = None
    median_days: int | None = None
    overhead_per_mille: int | None = None
    suppressed: bool = False


def level_of(attested: str, kind: str) -> str:
    """Return how far an organisation works: as attested, else by its IATI type."""
    return _ATTESTED.get(attested) or _KINDS.get(kind, "unknown")


def cells(asks: Iterable[Ask]) -> tuple[tuple[Cell, ...], Cell, tuple[str, ...]]:
    """Return the cell of each level that asks, that of all, and what they say.

    This is for the fund itself and for overseers; what was withdrawn does not count.
    """
    told = [ask for ask in asks if not ask.withdrawn]
    by_level = _by_level(told)
    made = tuple(_cell(level, mine) for level, mine in by_level.items() if mine)
    return made, _cell("all", told), tuple(_notes(by_level))


def _by_level(asks: list[Ask]) -> dict[str, list[Ask]]:
    return {level: [ask for ask in asks if ask.level == level] for level in LEVELS}


def _cell(level: str, asks: list[Ask]) -> Cell:
    awarded = [ask.awarded_minor for ask in asks if ask.awarded_minor]
    days = [ask.days for ask in asks if ask.days is not None]
    asked_minor = sum(ask.asked_minor for ask in asks)
    return Cell(
        level=level,
        asks=len(asks),
        asked_minor=asked_minor,
        awards=len(awarded),
        awarded_minor=sum(awarded),
        success_per_mille=_success(asks),
        median_asked_minor=median_low(ask.asked_minor for ask in asks) if asks else None,
        median_awarded_minor=median_low(awarded) if awarded else None,
        median_days=median_low(days) if days else None,
        overhead_per_mille=_part(sum(ask.indirect_minor for ask in asks), asked_minor),
    )


def _success(asks: Iterable[Ask]) -> int | None:
    decided = [ask for ask in asks if ask.decided]
    return _part(sum(ask.approved for ask in decided), len(decided))


def _part(some: int, whole: int) -> int | None:
    return _WHOLE * some // whole if whole else None


def _notes(by_level: dict[str, list[Ask]]) -> list[str]:
    far = by_level["international"]
    near = [ask for level in _LOCAL for ask in by_level[level]]
    if not far or not near:
        return []
    notes = [f"International ({len(far)}) and local organisations ({len(near)}) ask in one window."]
    decided = [[ask for ask in side if ask.decided] for side in (far, near)]
    rates = [_success(side) or 0 for side in decided]
    enough = min(map(len, decided)) >= DECIDED_MIN
    if enough and rates[0] - rates[1] > SUCCESS_APART_PER_MILLE:
        notes.append(
            f"Of local organisations' asks {rates[1] // 10} % succeed, of international ones'"
            f" {rates[0] // 10} %: a window kept for local groups, or partnership, may help."
        )
    means = [sum(ask.asked_minor for ask in side) // len(side) for side in (far, near)]
    if means[0] > ASKS_APART * means[1]:
        notes.append(f"International asks are {means[0] // max(1, means[1])} times as large.")
    return notes


# For outsiders ------------------------------------------------------------------------------------


def cells_outside(
    asks: Iterable[Ask], *, over: bool
) -> tuple[tuple[Cell, ...], Cell, tuple[str, ...]]:
    """Return what outsiders are told: nothing by which somebody's ask could be found.

    Whoever looks before and after one more submission would read it off the difference, so
    nothing is told while the window is open. Then all that were submitted count, withdrawn or
    not: no later step adds or takes one. Awards are told once no ask waits for one.

    Args:
        asks: all that were ever submitted.
        over: whether nothing can be submitted any more.
    """
    told = list(asks)
    if not over:
        return (), Cell(level="all", suppressed=True), (OPEN,)
    settled = all(ask.settled for ask in told)
    by_level = {level: mine for level, mine in _by_level(told).items() if mine}
    made = {"all": _cell("all", told)}
    made |= {level: _cell(level, mine) for level, mine in by_level.items()}
    for figures, counts in _OUTSIDE:
        count = {level: counts(mine) for level, mine in by_level.items()}
        shown = _shown(count) if settled or figures is _ASKED else set()
        made = {
            name: cell if name in shown else _without(cell, figures) for name, cell in made.items()
        }
    levels = tuple(_rounded(made[level]) for level in by_level)
    left_out = any(cell.suppressed for cell in made.values())
    notes = () if left_out else tuple(_notes(_by_level(told)))
    return levels, _rounded(made["all"]), notes if settled else (DECIDING,)


_ASKED = ("asks", "asked_minor", "median_asked_minor", "overhead_per_mille")
_OUTSIDE: tuple[tuple[tuple[str, ...], Callable[[list[Ask]], int]], ...] = (
    (_ASKED, len),
    (("awards", "success_per_mille", "median_days"), lambda asks: sum(a.decided for a in asks)),
    (
        ("awarded_minor", "median_awarded_minor"),
        lambda asks: sum(a.awarded_minor > 0 for a in asks),
    ),
)
"""Figures, and of how many they are."""


def _shown(counts: Mapping[str, int]) -> set[str]:
    """Return the levels, and `all`, whose figure is of none or of enough, as is each difference.

    A single small cell could be found from the others and their sum, so the next smallest goes
    with it; where nothing can stand beside it, the sum goes too.
    """
    hidden: list[str] = []
    for level in sorted(counts, key=lambda level: counts[level]):
        count, together = counts[level], sum(counts[each] for each in hidden)
        small = 0 < count < SMALLEST
        if count and (small or (hidden and (len(hidden) == 1 or together < SMALLEST))):
            hidden.append(level)
    whole = sum(counts.values())
    sums = set() if 0 < whole < SMALLEST or len(hidden) == 1 else {"all"}
    return {level for level in counts if level not in hidden} | sums


def _without(cell: Cell, figures: tuple[str, ...]) -> Cell:
    nothing: dict[str, Any] = dict.fromkeys(figures)
    return structs.replace(cell, **nothing, suppressed=True)


def _rounded(cell: Cell) -> Cell:
    amounts: dict[str, Any] = {
        name: _to_digits(told)
        for name in cell.__struct_fields__
        if name.endswith("_minor") and (told := getattr(cell, name)) is not None
    }
    return structs.replace(cell, **amounts)


def _to_digits(amount_minor: int) -> int:
    unit = 10 ** max(0, len(str(amount_minor)) - DIGITS)
    return int((amount_minor + unit // 2) // unit * unit)
