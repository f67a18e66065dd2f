"""Co-funding: several who pay for one thing, each a declared share of its whole cost."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from mfm.core.applications import Application
from mfm.core.money import Exchange

SHARING_MAX = 64
"""So many share one cost at the most, as far as it is looked at."""
RATES_PER_MILLE = 20
"""So much more than the whole is borne where shares of two currencies are added up: rates move."""
_WHOLE = 1_000
_PAYING = ("submitted", "approved", "awarded")


class DeclaredShare(Struct, frozen=True):
    """What one application asks of the whole cost.

    Attributes:
        application: its id.
        fund: whom it asks.
        status: where it stands.
        amount_minor: what it asks for.
        per_mille: of the whole cost, rounded down; None where nobody said what the whole costs, or
            said so in another currency.
    """

    application: str
    fund: str
    status: str
    amount_minor: int
    per_mille: int | None


class CoFunding(Struct, frozen=True):
    """A cost that several bear, as one application declares it.

    Attributes:
        declared_by: the application that says so.
        lead: whose it is.
        currency: of its amounts.
        total_minor: what the whole costs; 0 where it does not say.
        shares: its own, then those of what it names, in the order in which it names them.
        elsewhere: what it names that is no application or grant here, or is none any more.
        covered_per_mille: the known shares together.
        over: whether more than the whole is paid for.
    """

    declared_by: str
    lead: str
    currency: str
    total_minor: int
    shares: tuple[DeclaredShare, ...]
    elsewhere: tuple[str, ...]
    covered_per_mille: int
    over: bool


def co_funded(
    application: Application, known: Mapping[str, Application], total_minor: int = 0
) -> CoFunding:
    """Return what an application declares about who pays for the same.

    Args:
        application: any that stands.
        known: applications by id, and by the grant that they became: those that may be told of
            here. What it names beside them is elsewhere, and no figure rests on it.
        total_minor: what the whole costs where the application itself does not say.
    """
    others = {each.id: each for name in application.co_financing if (each := known.get(name))}
    others = {name: each for name, each in others.items() if each.status in _PAYING}
    others.pop(application.id, None)
    found = {name for each in others.values() for name in (each.id, each.commitment)}
    totals = [each.total_minor for each in others.values() if each.total_minor]
    total = application.total_minor or total_minor or max(totals, default=0)
    shares = tuple(
        _share(each, total, application.currency) for each in (application, *others.values())
    )
    covered = sum(
        each.amount_minor
        for each in (application, *others.values())
        if each.currency == application.currency
    )
    return CoFunding(
        application.id,
        application.lead,
        application.currency,
        total,
        shares,
        tuple(name for name in application.co_financing if name not in found),
        _WHOLE * covered // total if total else 0,
        bool(total) and covered > total,
    )


def _share(application: Application, total_minor: int, currency: str) -> DeclaredShare:
    known = total_minor and application.currency == currency
    return DeclaredShare(
        application.id,
        application.fund,
        application.status,
        application.amount_minor,
        _WHOLE * application.amount_minor // total_minor if known else None,
    )


def by_name(applications: Iterable[Application]) -> dict[str, Application]:
    """Return applications by id and by the grant that they became."""
    known: dict[str, Application] = {}
    for each in applications:
        known |= {name: each for name in (each.id, each.commitment) if name}
    return known


def names(one: Application, other: Application) -> bool:
    """Tell whether an application says that another, or what that became, pays for the same."""
    return not {other.id, other.commitment}.isdisjoint(one.co_financing)


Standing = Literal["undeclared", "sound", "over", "one-sided", "unknown"]
"""How two stand by what they declare: not at all; by both, within the whole; beyond the whole; by
one of them alone; by both, with nobody saying what the whole costs, or no rate to add it up."""


class Declarations:
    """What applications declare of who else pays for the same."""

    def __init__(self, applications: Iterable[Application], exchange: Exchange) -> None:
        """Take those that ask or are paid.

        Args:
            applications: with all those that name each other; other ones do no harm.
            exchange: how amounts of two currencies are added up.
        """
        self._known = by_name(each for each in applications if each.status in _PAYING)
        self._exchange = exchange

    def pairs(self) -> Iterator[tuple[Application, Application]]:
        """Yield those of which one names the other, some of them twice."""
        for one in {each.id: each for each in self._known.values()}.values():
            for name in one.co_financing:
                if (other := self._known.get(name)) and other.id != one.id:
                    yield one, other

    def standing(self, one: Application, other: Application) -> Standing:
        """Return how two stand; the shares of all that name each other are added up."""
        said = names(one, other), names(other, one)
        if not any(said):
            return "undeclared"
        sharing = self._sharing(one) if all(said) else [one, other]
        within = self._within(sharing, one.currency)
        if within is False:
            return "over"
        if not all(said):
            return "one-sided"
        return "unknown" if within is None else "sound"

    def _sharing(self, one: Application) -> list[Application]:
        """Return an application with all that share its cost, each pair by both their words."""
        found, waiting = {one.id: one}, [one]
        while waiting and len(found) < SHARING_MAX:
            here = waiting.pop()
            for name in here.co_financing:
                there = self._known.get(name)
                if there and there.id not in found and names(there, here):
                    found[there.id] = there
                    waiting.append(there)
        return [found[name] for name in sorted(found)]

    def _within(self, sharing: list[Application], currency: str) -> bool | None:
        """Tell whether shares come to no more than the least that the whole is said to cost."""
        asks = [self._exchange(each.amount_minor, each.currency, currency) for each in sharing]
        totals = [
            self._exchange(each.total_minor, each.currency, currency)
            for each in sharing
            if each.total_minor
        ]
        if not totals or None in asks or None in totals:
            return None
        one_money = {each.currency for each in sharing} == {currency}
        room = _WHOLE if one_money else _WHOLE + RATES_PER_MILLE
        total = min(each for each in totals if each is not None)
        return _WHOLE * sum(each for each in asks if each is not None) <= room * total
