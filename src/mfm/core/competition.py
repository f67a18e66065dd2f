"""Who competes in a call: a picture by how far organisations work, never an alarm (D4).

That international and local organisations ask in one window is a normal state to be shown: most
funds mean it so. What the figures say is told as sentences beside them.
"""

from collections.abc import Iterable
from statistics import median_low

from msgspec import Struct, structs

LEVELS = ("international", "national", "local", "community", "unknown")
"""How far an organisation works, in the picture's order."""
SMALLEST = 5
"""A cell of fewer asks could tell who they are of: outsiders are not shown it."""
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
    """

    level: str
    asked_minor: int
    indirect_minor: int = 0
    decided: bool = False
    approved: bool = False
    awarded_minor: int = 0
    days: int | None = None


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
        suppressed: whether it is left out, for it is small, or would tell a small one.
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


class Competition(Struct, frozen=True, kw_only=True):
    """The picture of a call.

    Attributes:
        call: its id.
        fund: whose.
        currency: of all amounts.
        levels: a cell for each level that asks.
        all: all of them together.
        notes: what the figures say, as sentences.
    """

    call: str
    fund: str
    currency: str
    levels: tuple[Cell, ...]
    all: Cell
    notes: tuple[str, ...] = ()


def level_of(attested: str, kind: str) -> str:
    """Return how far an organisation works: as attested, else by its IATI type."""
    return _ATTESTED.get(attested) or _KINDS.get(kind, "unknown")


def cells(asks: Iterable[Ask]) -> tuple[tuple[Cell, ...], Cell, tuple[str, ...]]:
    """Return the cell of each level that asks, that of all, and what they say."""
    told = list(asks)
    by_level = {level: [ask for ask in told if ask.level == level] for level in LEVELS}
    made = tuple(_cell(level, mine) for level, mine in by_level.items() if mine)
    return made, _cell("all", told), tuple(_notes(by_level))


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


def suppressed(picture: Competition) -> Competition:
    """Return a picture for outsiders: no cell of it, and no difference of cells, is of few.

    A single small cell could be found from the others and their sum, so the next smallest goes
    with it; where all are few, the sum goes too.
    """
    by_size = sorted(picture.levels, key=lambda cell: cell.asks or 0)
    hidden: list[Cell] = []
    for cell in by_size:
        asks = cell.asks or 0
        together = sum(each.asks or 0 for each in hidden)
        if asks < SMALLEST or (hidden and (len(hidden) == 1 or together < SMALLEST)):
            hidden.append(cell)
    names = {cell.level for cell in hidden}
    levels = tuple(
        Cell(level=each.level, suppressed=True) if each.level in names else each
        for each in picture.levels
    )
    everything = picture.all
    alone = len(hidden) == 1  # nothing stands beside it: its figures are the sum's
    few = (everything.asks or 0) < SMALLEST
    if few or alone:
        everything = Cell(level="all", suppressed=True)
    return structs.replace(
        picture, levels=levels, all=everything, notes=() if hidden else picture.notes
    )
