"""Money in chains: an intermediary beside its own sub-grantee, and money counted twice (D5, D6)."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice

from msgspec import Struct, structs

from mfm.core.overlap_calls import meet, places_meet
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
    """Who gives to whom, for what.

    Attributes:
        giver, receiver: organisations.
        first, last: its days; None where not known.
        places: ISO 3166 codes; none means anywhere.
        themes: none means any.
    """

    giver: str
    receiver: str
    first: date | None = None
    last: date | None = None
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()


class Asked(Struct, frozen=True):
    """An organisation that asks, or is funded by, a source.

    Attributes:
        party: the organisation.
        source: a fund, or a donor.
        first, last: the days of the window, or of the funding; None where not known.
        starts_on, ends_on: the days of what it asks for; None where not known.
        places: where that is, ISO 3166 codes; none means anywhere.
        themes: what it is for; none means any.
    """

    party: str
    source: str
    first: date | None = None
    last: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()


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


def intermediaries(asked: Iterable[Asked], agreements: Iterable[Agreement]) -> list[Overlap]:
    """Return organisations that ask a source beside one that they themselves give to.

    What both ask for, and what is given, must be for places, themes and days that meet; what is
    not known meets all. Agreements are followed at most `DEPTH_MAX` deep, each organisation once,
    so circles end. The one above must not learn of the other's ask: who may see what is decided
    where this is shown.
    """
    below: defaultdict[str, list[Agreement]] = defaultdict(list)
    for agreement in sorted(set(agreements), key=_order):
        below[agreement.giver].append(agreement)
    by_source: defaultdict[str, defaultdict[str, list[Asked]]]
    by_source = defaultdict(lambda: defaultdict(list))
    for ask in asked:
        by_source[ask.source][ask.party].append(ask)
    ways: dict[Asked, dict[str, tuple[str, ...]]] = {}
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for source, of in sorted(by_source.items()):
        for ask in (each for party in of.keys() & below.keys() for each in of[party]):
            alike = structs.replace(ask, source="")
            if alike not in ways:
                ways[alike] = _paths(ask, below)
            for other in ways[alike].keys() & of.keys():
                if any(_compete(ask, each) for each in of[other]):
                    path, (one, two) = ways[alike][other], sorted((ask.party, other))
                    before = found.get((source, one, two), path)
                    found[source, one, two] = min(before, path, key=lambda way: (len(way), way))
    return [_between(key[0], path) for key, path in sorted(found.items())]


def _order(agreement: Agreement) -> tuple[str, ...]:
    days = (str(day or "") for day in (agreement.first, agreement.last))
    return (agreement.giver, agreement.receiver, *days, *agreement.places, *agreement.themes)


def _paths(ask: Asked, below: Mapping[str, Sequence[Agreement]]) -> dict[str, tuple[str, ...]]:
    """Return the shortest way down from who asks to each that its money for the like reaches."""
    paths: dict[str, tuple[str, ...]] = {ask.party: (ask.party,)}
    waiting = deque([ask.party])
    while waiting:
        here = waiting.popleft()
        if len(paths[here]) > DEPTH_MAX:
            continue
        for agreement in below.get(here, ()):
            there = agreement.receiver
            if there not in paths and _serves(agreement, ask):
                paths[there] = (*paths[here], there)
                waiting.append(there)
    del paths[ask.party]
    return paths


def _serves(agreement: Agreement, ask: Asked) -> bool:
    """Tell whether an agreement is for the like of an ask, between its window and its own end.

    One that was over before, or ended, gives nothing any more; one that is planned will.
    """
    return (
        _days_meet((agreement.first, agreement.last), (ask.first, ask.ends_on))
        and places_meet(agreement.places, ask.places)
        and meet(agreement.themes, ask.themes)
    )


def _compete(one: Asked, other: Asked) -> bool:
    return (
        _near(one, other)
        and _days_meet((one.starts_on, one.ends_on), (other.starts_on, other.ends_on))
        and places_meet(one.places, other.places)
        and meet(one.themes, other.themes)
    )


_Days = tuple[date | None, date | None]


def _days_meet(one: _Days, other: _Days) -> bool:
    begins = one[0] is None or other[1] is None or one[0] <= other[1]
    return begins and (other[0] is None or one[1] is None or other[0] <= one[1])


def _near(one: Asked, other: Asked) -> bool:
    near = timedelta(days=NEAR_DAYS)
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
        facts=("amount",),
    )
