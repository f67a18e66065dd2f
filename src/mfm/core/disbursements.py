"""Disbursements: a tranche asked for, reviewed and decided. How it is paid is in `payments`.

requested -> reviewed (where the fund wants that) -> approved, and then paid, confirmed, reported.
Until it is paid it may be returned for more, rejected or cancelled: each is a step of its own with
its reason, and what an approval booked is booked back.
"""

from datetime import date
from typing import Literal

from msgspec import structs

from mfm.core.commitments import Commitment, must_go_on
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import FIRST_DAY, Act, Command, Id, Text

Need = Literal["report", "documents", "budget", "bank-details", "signature", "other"]
"""What a returned request lacks: a code, so that it can be told in any language."""

OWED = ("approved", "instructed")
"""The statuses in which a tranche is owed and not yet paid."""

PAID = ("released", "confirmed", "reported")
"""The statuses in which its money has left."""

ADVANCE, EXPENSE, REIMBURSEMENT = "advance", "expense", "reimbursement"


class Disbursement(Noun, frozen=True, kw_only=True):
    """A tranche on its way.

    Attributes:
        commitment: the grant or transfer it belongs to.
        tranche: its number there.
        from_fund: the fund that pays.
        to_fund: the fund that gets it (transfers), or "".
        to_party: the grantee (grants), or "".
        currency: the paying fund's.
        amount_minor: how much.
        requested_by: the key that asked; likewise those that took the other steps.
        requested_on: the day; likewise the other steps'.
        motion: the carried motion by which it was approved, or "".
        basis: advance (expense once a report is accepted), expense (when approved) or
            reimbursement (of what the grantee has spent already, IATI 7).
        resubmitted_by: the key that asked again after it was returned.
        returned_by: the key that last returned it.
        needs: what it lacked then, a `Need`, or "".
        answer_by: when it is to be asked for again, or None.
        ended_by: the key that rejected or cancelled it.
        bounced_by: the key that last recorded that the bank sent the payment back.
        bank_account: where it is paid from, or "".
        short_minor: sent, not confirmed by the receiver, and not yet resolved.
        charged_minor: of what was sent, taken by banks on the way.
        original_currency: what the receiver's bank credited, where that is another currency.
        original_minor: how much of it, in its minor units.
        report_by: when the grantee's report is due, or None.
        reported_by: the key that accepted the report.
    """

    commitment: str
    tranche: int
    from_fund: str
    to_fund: str = ""
    to_party: str = ""
    currency: str
    amount_minor: int
    requested_by: str = ""
    requested_on: date | None = None
    approved_by: str = ""
    approved_on: date | None = None
    released_by: str = ""
    released_on: date | None = None
    confirmed_by: str = ""
    confirmed_on: date | None = None
    motion: str = ""
    basis: str = ADVANCE
    resubmitted_by: str = ""
    resubmitted_on: date | None = None
    reviewed_by: str = ""
    reviewed_on: date | None = None
    returned_by: str = ""
    returned_on: date | None = None
    needs: str = ""
    answer_by: date | None = None
    ended_by: str = ""
    ended_on: date | None = None
    instructed_by: str = ""
    instructed_on: date | None = None
    bounced_by: str = ""
    bounced_on: date | None = None
    bank_account: str = ""
    short_minor: int = 0
    charged_minor: int = 0
    original_currency: str = ""
    original_minor: int = 0
    report_by: date | None = None
    reported_by: str = ""
    reported_on: date | None = None

    @property
    def funds(self) -> tuple[str, ...]:
        """The funds on its two sides."""
        return tuple(fund for fund in (self.from_fund, self.to_fund) if fund)

    @property
    def parties(self) -> tuple[str, ...]:
        """The grantee, if it goes to one."""
        return (self.to_party,) if self.to_party else ()

    @property
    def last_on(self) -> date:
        """The day of the latest step that it has taken."""
        days = [getattr(self, name) for name in self.__struct_fields__ if name.endswith("_on")]
        return max((day for day in days if day), default=FIRST_DAY)

    @property
    def expensed(self) -> bool:
        """Whether its approval is expense (5100), with no advance (1300) to account for."""
        return self.basis != ADVANCE


class RequestDisbursement(Command, frozen=True, kw_only=True):
    """Ask for a tranche; as `reimbursement`, for what the grantee has spent already."""

    id: Id | None = None
    commitment: Id
    tranche: int
    reimbursement: bool = False
    effective_on: date | None = None


class ReviewDisbursement(Command, frozen=True, kw_only=True):
    """Review a requested tranche before it is decided."""

    disbursement: Id
    effective_on: date | None = None


class ReturnDisbursement(Command, frozen=True, kw_only=True):
    """Return a tranche to who asked for it: something is needed first."""

    disbursement: Id
    needs: Need
    answer_by: date | None = None
    effective_on: date | None = None
    reason: Text = ""


class ResubmitDisbursement(Command, frozen=True, kw_only=True):
    """Ask again for a tranche that was returned."""

    disbursement: Id
    effective_on: date | None = None
    reason: Text = ""


class RejectDisbursement(Command, frozen=True, kw_only=True):
    """Reject a tranche that is not paid yet; it may be asked for anew."""

    disbursement: Id
    effective_on: date | None = None
    reason: Text = ""


class CancelDisbursement(Command, frozen=True, kw_only=True):
    """Cancel a tranche that is not paid yet: it is not wanted any more, or not now."""

    disbursement: Id
    effective_on: date | None = None
    reason: Text = ""


class ApproveDisbursement(Command, frozen=True, kw_only=True):
    """Approve a requested tranche."""

    disbursement: Id
    motion: Id | None = None
    effective_on: date | None = None


def request(
    act: Act, command: RequestDisbursement, made_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record that a tranche is asked for; no money moves.

    Args:
        act: who, and the day.
        command: what is asked.
        made_id: the disbursement's id.
        commitment: the grant or transfer.
        fund: the fund that pays.

    Raises:
        Invalid: `commitment-kind`, `tranche-unknown`.
        Refused: `commitment-halted`, `tranche-taken`, `tranche-empty`.
    """
    if commitment.kind == "contribution":
        detail = f"Commitment {commitment.id} is a contribution: it is received, not disbursed."
        raise Invalid("commitment-kind", detail, "/commitment")
    must_go_on(commitment)
    if not 1 <= command.tranche <= len(commitment.tranches):
        detail = f"Commitment {commitment.id} has tranches 1 to {len(commitment.tranches)}."
        raise Invalid("tranche-unknown", detail, "/tranche")
    tranche = commitment.tranches[command.tranche - 1]
    if tranche.disbursement:
        detail = f"Tranche {tranche.number} is taken by disbursement {tranche.disbursement}."
        raise Refused("tranche-taken", detail, "/tranche")
    if not tranche.amount_minor:
        detail = f"Nothing is left of tranche {tranche.number}: it was de-obligated."
        raise Refused("tranche-empty", detail, "/tranche")
    made = Disbursement(
        id=made_id,
        status="requested",
        commitment=commitment.id,
        tranche=tranche.number,
        from_fund=commitment.from_fund,
        to_fund=commitment.to_fund,
        to_party=commitment.to_party,
        currency=commitment.currency,
        amount_minor=tranche.amount_minor,
        requested_by=act.actor.key,
        requested_on=act.on,
        basis=_basis(command, commitment, fund),
    )
    taken = _with_taker(commitment, tranche.number, made_id)
    return Draft(effective_on=act.on, sets=(made, taken), funds=commitment.funds)


def _basis(command: RequestDisbursement, commitment: Commitment, fund: Fund) -> str:
    """Tell how a tranche will be booked; it stays so whatever the fund decides later."""
    if command.reimbursement:
        if commitment.kind != "grant":
            detail = f"Commitment {commitment.id} is a {commitment.kind}: only grants reimburse."
            raise Invalid("commitment-kind", detail, "/reimbursement")
        return REIMBURSEMENT
    expensed = commitment.kind == "grant" and fund.advance_model == "expense_on_payment"
    return EXPENSE if expensed else ADVANCE


def _with_taker(commitment: Commitment, number: int, disbursement: str) -> Commitment:
    """Return a commitment with one of its tranches taken by a disbursement, or freed with ""."""
    tranches = tuple(
        structs.replace(tranche, disbursement=disbursement) if tranche.number == number else tranche
        for tranche in commitment.tranches
    )
    return structs.replace(commitment, tranches=tranches)


def must_be(act: Act, disbursement: Disbursement, *statuses: str) -> None:
    """Hold that a disbursement is at one of these steps, and that the next is not dated before it.

    Raises:
        Refused: `disbursement-state`, `step-backwards`.
    """
    if disbursement.status not in statuses:
        wanted = " or ".join(statuses)
        detail = f"Disbursement {disbursement.id} is {disbursement.status}; it must be {wanted}."
        raise Refused("disbursement-state", detail, "/disbursement")
    if act.on < (last := disbursement.last_on):
        detail = f"The last step of {disbursement.id} was on {last}; {act.on} is before that."
        raise Refused("step-backwards", detail, "/effective_on")


def other_eyes(act: Act, disbursement: Disbursement) -> None:
    """Hold that a step is taken by nobody who asked for, reviewed or approved the tranche.

    Raises:
        Refused: `four-eyes`.
    """
    before = (
        disbursement.requested_by,
        disbursement.resubmitted_by,
        disbursement.reviewed_by,
        disbursement.approved_by,
    )
    if act.actor.key in before:
        detail = "Who asked for, reviewed or approved a tranche cannot take its next step:"
        raise Refused("four-eyes", f"{detail} use another key.")


def review(act: Act, disbursement: Disbursement) -> Draft:
    """Record that somebody who did not ask for it has looked a request through.

    Raises:
        Refused: `disbursement-state`, `step-backwards`, `four-eyes`.
    """
    must_be(act, disbursement, "requested")
    other_eyes(act, disbursement)
    reviewed = structs.replace(
        disbursement, status="reviewed", reviewed_by=act.actor.key, reviewed_on=act.on
    )
    return Draft(effective_on=act.on, sets=(reviewed,), funds=(disbursement.from_fund,))


def _owed(disbursement: Disbursement, fund: Fund) -> tuple[Posting, ...]:
    """Return what an approval books: 9320 / 9330, and for a grant 1300 (or 5100) / 2200."""
    subject, amount_minor = disbursement.commitment, disbursement.amount_minor
    bound = fund.move(("9320", subject), ("9330", subject), amount_minor)
    if not disbursement.to_party:
        return (bound,)
    given = "5100" if disbursement.expensed else "1300"
    return (bound, fund.move((given, subject), ("2200", subject), amount_minor))


def _booked_back(disbursement: Disbursement, fund: Fund) -> tuple[Posting, ...]:
    """Return what takes an approval's booking back, nothing where there was none."""
    if disbursement.status != "approved":
        return ()
    return tuple(
        structs.replace(posting, debit=posting.credit, credit=posting.debit)
        for posting in _owed(disbursement, fund)
    )


def approve(act: Act, disbursement: Disbursement, fund: Fund) -> Draft:
    """Record an approval: 1300 / 2200 (grants; 5100 / 2200 on an expense basis) and 9320 / 9330.

    Raises:
        Refused: `disbursement-state`, `step-backwards`, `four-eyes`.
    """
    must_be(act, disbursement, *(("reviewed",) if fund.review else ("requested", "reviewed")))
    other_eyes(act, disbursement)
    approved = structs.replace(
        disbursement, status="approved", approved_by=act.actor.key, approved_on=act.on
    )
    return Draft(effective_on=act.on, sets=(approved,), postings=_owed(disbursement, fund))


def return_(act: Act, command: ReturnDisbursement, disbursement: Disbursement, fund: Fund) -> Draft:
    """Record that a request lacks something; what it went through it will go through again.

    Raises:
        Refused: `disbursement-state`, `step-backwards`.
    """
    must_be(act, disbursement, "requested", "reviewed", "approved")
    returned = structs.replace(
        disbursement,
        status="returned",
        returned_by=act.actor.key,
        returned_on=act.on,
        needs=command.needs,
        answer_by=command.answer_by,
        reviewed_by="",
        reviewed_on=None,
        approved_by="",
        approved_on=None,
        motion="",
    )
    postings = _booked_back(disbursement, fund)
    return Draft(effective_on=act.on, sets=(returned,), postings=postings, funds=(fund.id,))


def resubmit(act: Act, disbursement: Disbursement) -> Draft:
    """Record that a returned request is asked for again.

    Raises:
        Refused: `disbursement-state`, `step-backwards`.
    """
    must_be(act, disbursement, "returned")
    again = structs.replace(
        disbursement,
        status="requested",
        resubmitted_by=act.actor.key,
        resubmitted_on=act.on,
        needs="",
        answer_by=None,
    )
    return Draft(effective_on=act.on, sets=(again,), funds=(disbursement.from_fund,))


def end(
    act: Act, status: str, disbursement: Disbursement, commitment: Commitment, fund: Fund
) -> Draft:
    """Record that a request is rejected or cancelled: its tranche is free again.

    Args:
        act: who, and the day.
        status: rejected or cancelled.
        disbursement: the tranche asked for, at any step before its payment.
        commitment: its commitment.
        fund: the fund that would have paid.

    Raises:
        Refused: `disbursement-state`, `step-backwards`.
    """
    must_be(act, disbursement, "requested", "reviewed", "returned", "approved")
    ended = structs.replace(
        disbursement,
        status=status,
        ended_by=act.actor.key,
        ended_on=act.on,
        needs="",
        answer_by=None,
    )
    freed = _with_taker(commitment, disbursement.tranche, "")
    postings = _booked_back(disbursement, fund)
    sets = (ended, freed)
    return Draft(effective_on=act.on, sets=sets, postings=postings, funds=commitment.funds)
