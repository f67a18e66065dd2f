"""Grantees that were promised more than they can carry (D9)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct

from mfm.core.money import Exchange
from mfm.core.overlaps import Overlap

EXPOSURE_MAX_PERCENT = 200
"""Active awards of one year come to so much of an organisation's annual budget at the most."""
_YEAR_DAYS = 365


class Award(Struct, frozen=True):
    """A grant in force.

    Attributes:
        id: the commitment's.
        party: the grantee.
        fund: who gives.
        currency: ISO 4217.
        amount_minor: agreed.
        starts_on, ends_on: its days, or None.
    """

    id: str
    party: str
    fund: str
    currency: str
    amount_minor: int
    starts_on: date | None = None
    ends_on: date | None = None


class AnnualBudget(Struct, frozen=True):
    """What an organisation spends in a year, as it was attested.

    Attributes:
        id: the attestation's.
        party: whose.
        currency: ISO 4217.
        amount_minor: in its minor units.
    """

    id: str
    party: str
    currency: str
    amount_minor: int


def over_stretched(
    awards: Iterable[Award], budgets: Mapping[str, AnnualBudget], exchange: Exchange, on: date
) -> list[Overlap]:
    """Return organisations whose awards in force, by the year, are far beyond their budget.

    Args:
        awards: grants, those that are over among them.
        budgets: party -> its attested annual budget; others are passed over.
        exchange: how amounts are compared.
        on: the day on which awards are in force.
    """
    by_party: defaultdict[str, list[Award]] = defaultdict(list)
    for award in awards:
        begun = award.starts_on is None or award.starts_on <= on
        if begun and (award.ends_on is None or award.ends_on >= on):
            by_party[award.party].append(award)
    found = []
    for party, mine in sorted(by_party.items()):
        budget = budgets.get(party)
        if budget is not None and budget.amount_minor > 0:
            told = _told(budget, sorted(mine, key=lambda award: award.id), exchange)
            found += [told] if told else []
    return found


def by_the_year(award: Award) -> int:
    """Return what falls on a year of an award, in minor units; all of one that is shorter."""
    if award.starts_on is None or award.ends_on is None:
        return award.amount_minor
    days = (award.ends_on - award.starts_on).days + 1
    return award.amount_minor * _YEAR_DAYS // max(days, _YEAR_DAYS)


def _told(budget: AnnualBudget, awards: list[Award], exchange: Exchange) -> Overlap | None:
    worth = [exchange(by_the_year(each), each.currency, budget.currency) for each in awards]
    total = sum(each for each in worth if each is not None)
    percent = 100 * total // budget.amount_minor
    if percent <= EXPOSURE_MAX_PERCENT:
        return None
    funds = sorted({each.fund for each in awards})
    reasons = [
        f"for: {len(awards)} awards in force come to {percent} % of its annual budget",
        f"for: they are of {', '.join(funds)}",
    ]
    if unknown := worth.count(None):
        reasons.append(f"against: {unknown} awards are not counted, for no rate is known")
    return Overlap(
        detector="over-stretched",
        left=budget.party,
        right=budget.id,
        reasons=tuple(reasons),
        suggestions=("capacity-plan", "stagger"),
        facts=(
            f"budget {budget.currency} {budget.amount_minor}",
            *(f"award {each.id}" for each in awards),
        ),
    )
