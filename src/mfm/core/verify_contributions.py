"""Verification, the money in: what contributions and a fund's own cash must hold."""

from mfm.core import verify_evidence
from mfm.core.commitments import Commitment
from mfm.core.costs import Cost
from mfm.core.deposits import Deposit
from mfm.core.donor_refunds import DonorRefund
from mfm.core.in_kind import InKind
from mfm.core.record import Noun
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.core.verify_form import Differs, Told
from mfm.core.verify_rates import RATE, product, worth


def check(before: Noun | None, state: Noun, told: Told) -> None:
    """Hold one state by itself, and by the state before it.

    Raises:
        Differs: `state-amounts`, `state-machine`, `state-documents`, `four-eyes`, `invariant-7`.
    """
    if isinstance(state, Commitment):
        _check_contribution(before, state, told)
    elif isinstance(state, DonorRefund):
        _check_refund(state, told)
    elif isinstance(state, UnidentifiedReceipt):
        check_worth(state, told)
    elif isinstance(state, InKind):
        worth = product(state.hour_minor, state.hours, 0)
        if worth != state.amount_minor:
            raise Differs("state-amounts", told.seq, f"{state.id} is worth {worth}.")
    elif isinstance(state, Cost):
        verify_evidence.check(state, state.documents, told.seq)
        parts = [share.amount_minor for share in state.shares]
        if sum(parts) != state.amount_minor or min(parts, default=0) <= 0:
            raise Differs("invariant-7", told.seq, f"The shares of {state.id} are not its amount.")


def _check_contribution(before: Noun | None, state: Commitment, told: Told) -> None:
    """Hold the parts of a contribution, and that only an amendment makes it more."""
    firm_minor = state.amount_minor - state.conditional_minor
    earned_minor = firm_minor - state.deferred_minor
    expected = [tranche.amount_minor for tranche in state.tranches]
    fits = (
        min(state.conditional_minor, state.deferred_minor, state.written_off_minor) >= 0
        and state.written_off_minor <= min(firm_minor - state.paid_minor, earned_minor)
        and 0 <= state.from_balance_minor <= state.reduced_minor
        and state.recognition in ("immediate", "on_compliance", "")
        and (not state.deferred_minor or state.recognition == "on_compliance")
        and (not expected or sum(expected) == state.amount_minor)
    )
    signed_minor = state.amount_minor
    if isinstance(before, Commitment):
        signed_minor = before.amount_minor + before.reduced_minor
    grown_minor = state.amount_minor + state.reduced_minor - signed_minor
    if not fits or grown_minor < 0 or (grown_minor and told.verb != "commitment.amend"):
        detail = f"The parts of contribution {state.id} contradict each other."
        raise Differs("state-amounts", told.seq, detail)


def standing(state: Commitment) -> str:
    """Return the status that a contribution's amounts mean."""
    if state.paid_minor + state.written_off_minor < state.amount_minor:
        return "partly_received" if state.paid_minor else "signed"
    names = ((state.written_off_minor, "written_off"), (state.reduced_minor, "reduced"))
    return next((name for minor, name in names if minor), "received")


def _check_refund(state: DonorRefund, told: Told) -> None:
    """Hold that the step just taken is signed and dated by the record, by two people."""
    steps = {
        "decided": (state.decided_by, state.decided_on),
        "paid": (state.paid_by, state.paid_on),
    }
    if steps[state.status] != (told.actor["key"], told.effective_on):
        detail = f"Donor refund {state.id} is not {state.status} by who made the record."
        raise Differs("state-machine", told.seq, detail)
    if state.status == "decided" and steps["paid"] != ("", None):
        raise Differs("state-machine", told.seq, f"Donor refund {state.id} is paid early.")
    if state.decided_by == state.paid_by:
        raise Differs("four-eyes", told.seq, f"One person decided and paid {state.id}.")


def check_worth(state: Deposit | UnidentifiedReceipt, told: Told) -> None:
    """Hold what money received is worth by its rate.

    Raises:
        Differs: `state-amounts`.
    """
    rate = state.rate or "1"
    if RATE.fullmatch(rate) is None:
        raise Differs("state-amounts", told.seq, f"{rate!r} is no rate.")
    by_rate = worth(state.original_minor, state.original_currency, state.currency, rate)
    foreign = state.currency != state.original_currency
    if by_rate != state.amount_minor or bool(state.rate) != foreign:
        detail = f"{state.id} is {state.amount_minor}, by its rate {by_rate}."
        raise Differs("state-amounts", told.seq, detail)
