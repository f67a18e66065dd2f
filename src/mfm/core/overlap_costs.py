"""One cost charged twice: lines of expenditure on two grants, or on two funds (D2b)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from itertools import combinations

from msgspec import Struct

from mfm.core.overlaps import Overlap
from mfm.core.scoring import FULL

CHARGED_NEAR_DAYS = 31
"""So many days lie between two tellings of one bill at the most: a month's reporting."""
LIKELY_SCORE = 600
PROVED_MAX = 20
"""What more lines name (the statutes of a group, an empty file) proves no cost of any two."""
_PROVED = {"document": "one document proves both", "invoice": "one invoice proves both"}


class CostLine(Struct, frozen=True):
    """Expenditure as somebody tells it.

    Attributes:
        id: of the report or cost that tells it.
        spender: who spent: the grantee of a report, the steward of a fund's own cost.
        source: the grant, or the fund, that is to bear it.
        currency: ISO 4217.
        amount_minor: in its minor units.
        on: the day it was told.
        proofs: (kind, value) of what it was proved by: a document, an invoice; equal where one
            proves both.
    """

    id: str
    spender: str
    source: str
    currency: str
    amount_minor: int
    on: date
    proofs: frozenset[tuple[str, str]] = frozenset()


def charged_twice(
    detector: str, lines: Iterable[CostLine], shared: Collection[frozenset[str]] = ()
) -> list[Overlap]:
    """Return lines of one spender that seem one cost, borne by two grants or funds.

    Args:
        detector: same-cost of reports, same-charge of funds' own costs.
        lines: expenditure, in any order.
        shared: pairs of grants that were declared to bear the same cost in shares: no hits.
    """
    groups: defaultdict[tuple[str, str, int], list[CostLine]] = defaultdict(list)
    proofs: defaultdict[tuple[str, str], list[CostLine]] = defaultdict(list)
    for line in lines:
        if line.amount_minor:
            groups[line.spender, line.currency, line.amount_minor].append(line)
        for proof in line.proofs:
            proofs[proof].append(line)
    few = (some for some in proofs.values() if len(some) <= PROVED_MAX)
    near = timedelta(days=CHARGED_NEAR_DAYS)
    found = {(one.id, other.id): _told(detector, one, other) for one, other in _pairs(few, shared)}
    for one, other in _pairs(groups.values(), shared):
        if abs(one.on - other.on) <= near:
            found.setdefault((one.id, other.id), _told(detector, one, other))
    return [found[key] for key in sorted(found)]


def _pairs(
    groups: Iterable[list[CostLine]], shared: Collection[frozenset[str]]
) -> Iterable[tuple[CostLine, CostLine]]:
    """Yield the pairs, lesser first, whose cost is borne by two and not in declared shares."""
    for group in groups:
        for one, other in combinations(sorted(group, key=lambda line: line.id), 2):
            sources = frozenset((one.source, other.source))
            if len(sources) > 1 and one.id != other.id and sources not in shared:
                yield one, other


def _told(detector: str, one: CostLine, other: CostLine) -> Overlap:
    kinds = sorted({kind for kind, _ in one.proofs & other.proofs})
    proved = [f"for: {_PROVED[kind]}" for kind in kinds]
    who = f"for: {one.spender} tells it to {one.source} and to {other.source}"
    if one.spender != other.spender:
        who = f"for: {one.spender} and {other.spender} tell it"
    days = abs((one.on - other.on).days)
    amounts = f"{one.currency} {one.amount_minor} and {other.currency} {other.amount_minor}"
    return Overlap(
        detector=detector,
        left=one.id,
        right=other.id,
        score=FULL if proved else LIKELY_SCORE,
        band="strong" if proved else "possible",
        reasons=(
            who,
            f"for: {amounts} (minor units), {days} days apart",
            *(proved or ["against: no document or invoice is named on both"]),
        ),
        suggestions=("question", "declare-shares"),
        facts=("amount", *kinds),
    )
