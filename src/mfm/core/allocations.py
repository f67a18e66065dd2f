"""Allocations: a board's decision to set an envelope aside, by the contributions it draws from."""

from datetime import date

from msgspec import Struct, structs

from mfm.core import markers
from mfm.core.countries import check_places
from mfm.core.earmarks import OPEN, Earmark
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.markers import Marker, MarkerTerm
from mfm.core.money import Money, decimal_text, split
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Text


class Share(Struct, frozen=True):
    """Minor units of one contribution in an allocation."""

    contribution: str
    amount_minor: int


class Allocation(Noun, frozen=True, kw_only=True):
    """An envelope.

    Attributes:
        fund: whose money.
        currency: the fund's.
        amount_minor: as decided.
        shares: what it still holds of each contribution: drawn, less what came back.
        motion: the carried motion that decided it, or "".
        earmark: what it is for: inside the earmark of each contribution it draws on.
        markers: how it was classified, the latest of each scheme; none means unscreened.
        call: the call that it is for, or "".
    """

    fund: str
    currency: str
    amount_minor: int
    shares: tuple[Share, ...]
    motion: str = ""
    earmark: Earmark = OPEN
    markers: tuple[Marker, ...] = ()
    call: str = ""


class ShareTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of an allocation a contribution carries."""

    contribution: Id
    amount: Money


class ApproveAllocation(Command, frozen=True, kw_only=True):
    """Decide an allocation; without `shares`, all that admit its earmark carry it pro rata.

    Its marker was given by the party `marker_author`, and is reviewed by who decides.
    """

    id: Id | None = None
    fund: Id
    amount: Money
    shares: tuple[ShareTerm, ...] = ()
    motion: Id | None = None
    earmark: Earmark = OPEN
    call: Id | None = None
    marker: MarkerTerm | None = None
    marker_author: Id | None = None
    effective_on: date | None = None
    description: Text = ""
    marker_justification: Text = ""


class ReturnAllocation(Command, frozen=True, kw_only=True):
    """Return an allocation's unsigned money, or a part of it, to the unallocated authority."""

    allocation: Id
    amount: Money
    effective_on: date | None = None
    reason: Text = ""


def approve(
    act: Act,
    command: ApproveAllocation,
    allocation_id: str,
    fund: Fund,
    available_minor: dict[str, int],
) -> Draft:
    """Record a board's decision: 9300 (by contribution) / 9310.

    Args:
        act: who, and the day.
        command: what is asked.
        allocation_id: its id.
        fund: whose money.
        available_minor: contribution -> unallocated minor units, of those that admit its earmark.

    Raises:
        Invalid: `country-unknown`, `score-unknown`, and as `Fund.amount`.
        Refused: `authority-exceeded`, `shares-differ`.
    """
    check_places(command.earmark.place, "/earmark/place")
    amount_minor = fund.amount(command.amount, "/amount")
    shares = draw(command.shares, fund, amount_minor, available_minor)
    allocation = Allocation(
        id=allocation_id,
        status="approved",
        fund=fund.id,
        currency=fund.currency,
        amount_minor=amount_minor,
        shares=shares,
        earmark=command.earmark,
        call=command.call or "",
        markers=_marked(act, command),
    )
    postings = tuple(
        fund.move(("9300", share.contribution), ("9310", allocation_id), share.amount_minor)
        for share in shares
    )
    return Draft(effective_on=act.on, sets=(allocation,), postings=postings)


def _marked(act: Act, command: ApproveAllocation) -> tuple[Marker, ...]:
    """Return the marker that an allocation is decided with; who decides has reviewed it."""
    if command.marker is None:
        return ()
    told, actor = command.marker, act.actor
    markers.check(told.scheme, told.score)
    return (Marker(told.scheme, told.version, told.score, actor.party, actor.key),)


def draw(
    terms: tuple[ShareTerm, ...], fund: Fund, amount_minor: int, available_minor: dict[str, int]
) -> tuple[Share, ...]:
    """Return which contributions an amount is drawn on: as named, or else all of them pro rata.

    Raises:
        Refused: `authority-exceeded`, `shares-differ`.
    """
    if terms:
        return named_shares(terms, fund, amount_minor)
    return _pro_rata(fund, amount_minor, available_minor)


def named_shares(terms: tuple[ShareTerm, ...], fund: Fund, amount_minor: int) -> tuple[Share, ...]:
    """Return shares that name each contribution once and sum to the amount.

    Raises:
        Invalid: as `Fund.amount`.
        Refused: `shares-differ`.
    """
    shares = tuple(
        Share(term.contribution, fund.amount(term.amount, f"/shares/{i}/amount"))
        for i, term in enumerate(terms)
    )
    named = {share.contribution for share in shares}
    if sum(share.amount_minor for share in shares) != amount_minor or len(named) != len(shares):
        detail = "The shares must name each contribution once and sum to the amount."
        raise Refused("shares-differ", detail, "/shares")
    return shares


def _pro_rata(fund: Fund, amount_minor: int, available_minor: dict[str, int]) -> tuple[Share, ...]:
    whole_minor = sum(available_minor.values())
    if amount_minor > whole_minor:
        left = decimal_text(whole_minor, fund.currency)
        detail = f"Fund {fund.id} has {left} {fund.currency} unallocated."
        raise Refused("authority-exceeded", detail, "/amount")
    names = sorted(available_minor)
    parts = split(amount_minor, [available_minor[name] for name in names])
    return tuple(Share(name, part) for name, part in zip(names, parts, strict=True) if part)


def give_back(
    allocation: Allocation, fund: Fund, amount_minor: int, origin: tuple[str, str], iati: int = 0
) -> tuple[Allocation, tuple[Posting, ...]]:
    """Bring money of an allocation back to the contributions it came from: `origin` / 9300.

    The parts follow what the allocation still holds of each contribution, so that no
    contribution ever gets back more than it gave.

    Args:
        allocation: the envelope.
        fund: its fund.
        amount_minor: how much comes back.
        origin: (code, subject) of the account it comes back from.
        iati: the IATI type of the return in the fund's activity, 0 for none.
    """
    parts = split(amount_minor, [share.amount_minor for share in allocation.shares])
    shares = tuple(
        structs.replace(share, amount_minor=share.amount_minor - part)
        for share, part in zip(allocation.shares, parts, strict=True)
    )
    postings = tuple(
        fund.move(origin, ("9300", share.contribution), part, iati)
        for share, part in zip(allocation.shares, parts, strict=True)
        if part
    )
    return structs.replace(allocation, shares=shares), postings


def return_(act: Act, command: ReturnAllocation, allocation: Allocation, fund: Fund) -> Draft:
    """Record that an envelope, or a part of it, is free again: 9310 / 9300.

    Raises:
        Refused: `allocation-exceeded`.
    """
    amount_minor = fund.amount(command.amount, "/amount")
    held_minor = sum(share.amount_minor for share in allocation.shares)
    if amount_minor > held_minor:
        held = decimal_text(held_minor, fund.currency)
        detail = f"Allocation {allocation.id} holds {held} {fund.currency}."
        raise Refused("allocation-exceeded", detail, "/amount")
    changed, postings = give_back(allocation, fund, amount_minor, ("9310", allocation.id))
    if amount_minor == held_minor:
        changed = structs.replace(changed, status="returned")
    return Draft(effective_on=act.on, sets=(changed,), postings=postings)
