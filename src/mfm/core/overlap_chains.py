"""Money in chains: an intermediary beside its own sub-grantee, and money counted twice (D5, D6)."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice

from msgspec import Struct

from mfm.core.overlaps import Overlap
from mfm.core.scoring import FULL

DEPTH_MAX = 5
"""So many agreements are followed from an intermediary down."""
NEAR_DAYS = 92
"""A quarter: asks that are further apart do not compete."""
COUNTED_NEAR_DAYS = 31
COUNTED_TOLERANCE_PER_MILLE = 10
"""Amounts of one money told in two places differ by charges."""
EXCHANGED_TOLERANCE_PER_MILLE = 30
"""In two currencies they differ by the days' rates too."""
Exchange = Callable[[int, str, str], int | None]
"""Given an amount, its currency and another: the amount in that one, None without a rate."""


class Agreement(Struct, frozen=True):
    """Who gives to whom.

    Attributes:
        giver, receiver: organisations.
    """

    giver: str
    receiver: str


class Asked(Struct, frozen=True):
    """An organisation that asks, or is funded by, a source.

    Attributes:
        party: the organisation.
        source: a fund, or a donor.
        first, last: the days of the window, or of the funding; None where not known.
    """

    party: str
    source: str
    first: date | None = None
    last: date | None = None


class Inflow(Struct, frozen=True):
    """Money that is told as new somewhere.

    Attributes:
        id: of the record or commitment that tells it.
        donor: whose money.
        fund: where it is told.
        currency: ISO 4217.
        amount_minor: in its minor units.
        on: the day.
    """

    id: str
    donor: str
    fund: str
    currency: str
    amount_minor: int
    on: date


def intermediaries(
    asked: Iterable[Asked], agreements: Iterable[Agreement], near_days: int = NEAR_DAYS
) -> list[Overlap]:
    """Return organisations that ask a source beside one that they themselves give to.

    Agreements are followed at most `DEPTH_MAX` deep, each organisation once, so circles end. The
    one above must not learn of the other's ask: who may see what is decided where this is shown.
    """
    below: defaultdict[str, set[str]] = defaultdict(set)
    for agreement in agreements:
        below[agreement.giver].add(agreement.receiver)
    by_source: defaultdict[str, list[Asked]] = defaultdict(list)
    for ask in asked:
        by_source[ask.source].append(ask)
    givers = {ask.party for asks in by_source.values() for ask in asks} & below.keys()
    ways = {party: _paths(party, below) for party in givers}
    found: dict[tuple[str, str, str], Overlap] = {}
    for source, asks in sorted(by_source.items()):
        of: defaultdict[str, list[Asked]] = defaultdict(list)
        for ask in asks:
            of[ask.party].append(ask)
        for ask in asks:
            for other, path in ways.get(ask.party, {}).items():
                if any(_near(ask, each, near_days) for each in of.get(other, ())):
                    told = _between(source, path)
                    found.setdefault((source, told.left, told.right), told)
    return list(found.values())


def _paths(start: str, below: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    """Return the shortest way down from an organisation to each that its money reaches."""
    paths: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if len(paths[here]) > DEPTH_MAX:
            continue
        for there in sorted(below.get(here, ())):
            if there not in paths:
                paths[there] = (*paths[here], there)
                waiting.append(there)
    del paths[start]
    return paths


def _near(one: Asked, other: Asked, near_days: int) -> bool:
    near = timedelta(days=near_days)
    starts = one.first is None or other.last is None or one.first - other.last <= near
    return starts and (other.first is None or one.last is None or other.first - one.last <= near)


def _between(source: str, path: tuple[str, ...]) -> Overlap:
    left, right = sorted((path[0], path[-1]))
    return Overlap(
        detector="intermediary",
        left=left,
        right=right,
        reasons=(f"for: {' gives to '.join(path)}", f"for: both turn to {source}"),
        suggestions=("declare-both",),
        facts=(f"source {source}",),
    )


def counted_twice(inflows: Iterable[Inflow], exchange: Exchange) -> list[Overlap]:
    """Return money of one donor that two funds tell as new: much the same amount, near in days.

    Contributions that are linked as one chain are not to be given here.
    """
    groups: defaultdict[str, list[Inflow]] = defaultdict(list)
    for inflow in inflows:
        groups[inflow.donor].append(inflow)
    return [
        _counted(*sorted(pair, key=lambda each: each.id))
        for _, group in sorted(groups.items())
        for pair in _near_days(sorted(group, key=lambda each: (each.on, each.id)))
        if pair[0].fund != pair[1].fund and _one_amount(*pair, exchange)
    ]


def _near_days(ordered: list[Inflow]) -> Iterator[tuple[Inflow, Inflow]]:
    """Yield the pairs that are near in days, each with those after it as far as they are near."""
    near = timedelta(days=COUNTED_NEAR_DAYS)
    for place, one in enumerate(ordered):
        for other in islice(ordered, place + 1, None):
            if other.on - one.on > near:
                break
            yield one, other


def alike_between(amount_minor: int) -> tuple[int, int]:
    """Return the least and the most that may be one amount with this, told in two places."""
    less = FULL - COUNTED_TOLERANCE_PER_MILLE
    return amount_minor * less // FULL, amount_minor * FULL // less + 1


def _one_amount(one: Inflow, other: Inflow, exchange: Exchange) -> bool:
    there_minor, tolerance = other.amount_minor, COUNTED_TOLERANCE_PER_MILLE
    if one.currency != other.currency:
        exchanged_minor = exchange(there_minor, other.currency, one.currency)
        if exchanged_minor is None:
            return False
        there_minor, tolerance = exchanged_minor, EXCHANGED_TOLERANCE_PER_MILLE
    low, high = sorted((one.amount_minor, there_minor))
    return FULL * (high - low) <= tolerance * high


def _counted(one: Inflow, other: Inflow) -> Overlap:
    days = abs((one.on - other.on).days)
    return Overlap(
        detector="counted-twice",
        left=one.id,
        right=other.id,
        score=FULL // 2,
        band="possible",
        reasons=(
            f"for: both are of {one.donor}, told by {one.fund} and by {other.fund}",
            (
                f"for: {one.currency} {one.amount_minor} and {other.currency} {other.amount_minor}"
                " (minor units)"
            ),
            f"for: {days} days apart",
        ),
        suggestions=("link",),
    )
