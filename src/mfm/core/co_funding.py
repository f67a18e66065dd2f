"""Co-funding: several who pay for one thing, each a declared share of its whole cost."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from mfm.core.applications import Application

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


def declares(one: Application, other: Application) -> bool:
    """Tell whether one of two says that the other, or what it became, pays for the same."""
    return names(one, other) or names(other, one)


def shared_soundly(one: Application, other: Application) -> bool:
    """Tell whether two declare that they share one cost, and together ask for no more than it."""
    if not declares(one, other):
        return False
    total = max(one.total_minor, other.total_minor)
    same = one.currency == other.currency
    return not total or not same or one.amount_minor + other.amount_minor <= total
