"""Amendments: more money, another schedule, more time; and agreements halted or ended early."""

from datetime import date

from msgspec import structs

from mfm.core.allocations import Allocation
from mfm.core.commitments import (
    Commitment,
    DeobligateCommitment,
    Halted,
    check_terms,
    deobligate,
    mirror,
    standing,
)
from mfm.core.contributions import increased
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Posting
from mfm.core.schedules import Tranche, TrancheTerms, free_minor, rescheduled, schedule
from mfm.core.terms import Act, Command, Id, Text


class AmendCommitment(Command, frozen=True, kw_only=True):
    """Amend a commitment: agree on more, on another schedule, or both.

    `amount` is the new whole; without `tranches` what is added becomes a tranche of its own.
    `tranches` is the new schedule from its beginning; what is asked for already stays as it is.
    """

    commitment: Id
    amount: Money | None = None
    tranches: TrancheTerms = ()
    effective_on: date | None = None
    reason: Text = ""


class ExtendCommitment(Command, frozen=True, kw_only=True):
    """Give a commitment more time for the same money: a no-cost extension."""

    commitment: Id
    ends_on: date
    effective_on: date | None = None
    reason: Text = ""


class SuspendCommitment(Command, frozen=True, kw_only=True):
    """Halt a grant or transfer: nothing is asked for, approved or paid until it is resumed."""

    commitment: Id
    effective_on: date | None = None
    reason: Text = ""


class ResumeCommitment(Command, frozen=True, kw_only=True):
    """Let a suspended grant or transfer go on."""

    commitment: Id
    effective_on: date | None = None
    reason: Text = ""


class TerminateCommitment(Command, frozen=True, kw_only=True):
    """End a grant or transfer early; what nobody has asked for is free again."""

    commitment: Id
    effective_on: date | None = None
    reason: Text = ""


def amend(
    act: Act, command: AmendCommitment, commitment: Commitment, funds: tuple[Fund, Fund | None]
) -> Draft:
    """Record an amendment upwards, IATI +2 (+11 for a contribution), or of the schedule alone.

    A grant or transfer draws on its allocation: 9310 / 9320, a transfer on both sides. A
    contribution is owed: 1200 / 41xx or 2100; while a part is conditional, 9200 / 9290.

    Args:
        act: who, and the day.
        command: what is asked.
        commitment: what is amended.
        funds: the fund whose books it is in (a contribution's receiver), and of a transfer the
            fund that gets it.

    Raises:
        Invalid: `tranches-differ`, `schedule-too-large`, `amendment-empty`.
        Refused: `amendment-down`, `commitment-halted`, `tranche-taken`, `tranche-conditioned`;
            `balance-floor` (by the journal) when the envelope does not hold what is added.
    """
    fund, receiver = funds
    amount_minor = commitment.amount_minor
    if command.amount is not None:
        amount_minor = fund.amount(command.amount, "/amount")
    added_minor = amount_minor - commitment.amount_minor
    _check(command, commitment, added_minor)
    changed, postings = _increased(commitment, fund, receiver, added_minor)
    changed = structs.replace(changed, tranches=_tranches(command, commitment, fund, amount_minor))
    if commitment.kind != "contribution":
        changed = structs.replace(changed, status=standing(changed))
    check_terms(changed)
    return Draft(effective_on=act.on, sets=(changed,), postings=postings, funds=commitment.funds)


def _check(command: AmendCommitment, commitment: Commitment, added_minor: int) -> None:
    must_not_be(commitment, "suspended", "terminated")
    if added_minor < 0:
        agreed = decimal_text(commitment.amount_minor, commitment.currency)
        verb = "commitment.deobligate"
        if commitment.kind == "contribution":
            verb = "commitment.reduce"
        detail = f"{agreed} {commitment.currency} is agreed; less is a matter of {verb}."
        raise Refused("amendment-down", detail, "/amount")
    if not added_minor and not command.tranches:
        raise Invalid("amendment-empty", "This would change nothing.", "/amount")


def _increased(
    commitment: Commitment, fund: Fund, receiver: Fund | None, added_minor: int
) -> tuple[Commitment, tuple[Posting, ...]]:
    if not added_minor:
        return commitment, ()
    if commitment.kind == "contribution":
        changed, posting = increased(commitment, fund, added_minor)
        return changed, (posting,)
    subject = commitment.id
    changed = structs.replace(commitment, amount_minor=commitment.amount_minor + added_minor)
    drawn = fund.move(("9310", commitment.allocation), ("9320", subject), added_minor, 2)
    both = mirror(fund, receiver, subject, added_minor) if receiver else ()
    return changed, (drawn, *both)


def _tranches(
    command: AmendCommitment, commitment: Commitment, fund: Fund, amount_minor: int
) -> tuple[Tranche, ...]:
    """Return the schedule after an amendment; a contribution without one stays without."""
    before = commitment.tranches
    if command.tranches:
        return rescheduled(before, schedule(command.tranches, fund, amount_minor))
    if not before:
        return ()
    return (*before, Tranche(len(before) + 1, amount_minor - commitment.amount_minor))


def extend(act: Act, command: ExtendCommitment, commitment: Commitment) -> Draft:
    """Record a no-cost extension: a later end, the same money, no posting.

    Raises:
        Invalid: `dates-backwards`.
        Refused: `extension-backwards`, `commitment-halted`.
    """
    must_not_be(commitment, "terminated")
    if commitment.ends_on is not None and command.ends_on <= commitment.ends_on:
        detail = f"Commitment {commitment.id} ends on {commitment.ends_on}; name a later day."
        raise Refused("extension-backwards", detail, "/ends_on")
    longer = structs.replace(commitment, ends_on=command.ends_on)
    check_terms(longer)
    return Draft(effective_on=act.on, sets=(longer,), funds=commitment.funds)


def halt(act: Act, commitment: Commitment, halted: Halted | None) -> Draft:
    """Record that a commitment is suspended, or (None) that it goes on.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `commitment-halted`, `commitment-state`.
    """
    must_be_outgoing(commitment)
    if halted:
        must_not_be(commitment, "suspended", "terminated", "closed")
    elif commitment.halted != "suspended":
        detail = f"Commitment {commitment.id} is {commitment.status}, not suspended."
        raise Refused("commitment-state", detail, "/commitment")
    changed = structs.replace(commitment, halted=halted or "")
    changed = structs.replace(changed, status=standing(changed))
    return Draft(effective_on=act.on, sets=(changed,), funds=commitment.funds)


def terminate(
    act: Act, commitment: Commitment, allocation: Allocation, funds: tuple[Fund, Fund | None]
) -> Draft:
    """Record an early end; what nobody has asked for is de-obligated with it, a negative IATI 2.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `commitment-halted`, `commitment-state`.
    """
    must_be_outgoing(commitment)
    must_not_be(commitment, "terminated", "closed")
    ended = structs.replace(commitment, halted="terminated", status="terminated")
    if not free_minor(commitment.tranches):
        return Draft(effective_on=act.on, sets=(ended,), funds=commitment.funds)
    command = DeobligateCommitment(commitment=commitment.id)
    return deobligate(act, command, ended, allocation, funds)


def must_not_be(commitment: Commitment, *states: str) -> None:
    """Hold that a commitment is at none of these states.

    Raises:
        Refused: `commitment-halted` where it is suspended or terminated, else `commitment-state`.
    """
    if commitment.status in states:
        code = "commitment-halted" if commitment.halted else "commitment-state"
        detail = f"Commitment {commitment.id} is {commitment.status}."
        raise Refused(code, detail, "/commitment")


def must_be_outgoing(commitment: Commitment) -> None:
    """Hold that a commitment is a grant or transfer.

    Raises:
        Invalid: `commitment-kind`.
    """
    if commitment.kind == "contribution":
        detail = f"Commitment {commitment.id} is a contribution: it is reduced or written off."
        raise Invalid("commitment-kind", detail, "/commitment")
