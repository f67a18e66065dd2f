"""Disbursements: a tranche requested, approved, released and confirmed (IATI 3)."""

from datetime import date

from msgspec import structs

from mfm.core.commitments import Commitment, standing
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id


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
        requested_by: the key that asked; likewise approved_by, released_by, confirmed_by.
        requested_on: the day; likewise approved_on, released_on, confirmed_on.
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


class RequestDisbursement(Command, frozen=True, kw_only=True):
    """Ask for a tranche."""

    id: Id | None = None
    commitment: Id
    tranche: int
    effective_on: date | None = None


class ApproveDisbursement(Command, frozen=True, kw_only=True):
    """Approve a requested tranche."""

    disbursement: Id
    effective_on: date | None = None


class ReleaseDisbursement(Command, frozen=True, kw_only=True):
    """Pay an approved tranche out of a bank account."""

    disbursement: Id
    bank_account: Id = "main"
    effective_on: date | None = None


class ConfirmDisbursement(Command, frozen=True, kw_only=True):
    """Confirm that a released tranche arrived."""

    disbursement: Id
    bank_account: Id = "main"
    effective_on: date | None = None


def request(act: Act, command: RequestDisbursement, made_id: str, commitment: Commitment) -> Draft:
    """Record that a tranche is asked for; no money moves.

    Raises:
        Invalid: `commitment-kind`, `tranche-unknown`.
        Refused: `tranche-taken`, `tranche-empty`.
    """
    if commitment.kind == "contribution":
        detail = f"Commitment {commitment.id} is a contribution: it is received, not disbursed."
        raise Invalid("commitment-kind", detail, "/commitment")
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
    )
    tranches = list(commitment.tranches)
    tranches[command.tranche - 1] = structs.replace(tranche, disbursement=made_id)
    taken = structs.replace(commitment, tranches=tuple(tranches))
    return Draft(effective_on=act.on, sets=(made, taken), funds=commitment.funds)


def _must_be(disbursement: Disbursement, status: str, act: Act) -> None:
    if disbursement.status != status:
        detail = f"Disbursement {disbursement.id} is {disbursement.status}; it must be {status}."
        raise Refused("disbursement-state", detail, "/disbursement")
    if act.actor.key in (disbursement.requested_by, disbursement.approved_by):
        detail = "Who requested or approved a tranche cannot take its next step: use another key."
        raise Refused("four-eyes", detail)


def approve(act: Act, disbursement: Disbursement, fund: Fund) -> Draft:
    """Record an approval: 1300 / 2200 (grants) and 9320 / 9330.

    Raises:
        Refused: `disbursement-state`, `four-eyes`.
    """
    _must_be(disbursement, "requested", act)
    subject, amount_minor = disbursement.commitment, disbursement.amount_minor
    postings = [fund.move(("9320", subject), ("9330", subject), amount_minor)]
    if disbursement.to_party:
        postings.append(fund.move(("1300", subject), ("2200", subject), amount_minor))
    approved = structs.replace(
        disbursement, status="approved", approved_by=act.actor.key, approved_on=act.on
    )
    return Draft(effective_on=act.on, sets=(approved,), postings=tuple(postings))


def release(
    act: Act,
    command: ReleaseDisbursement,
    disbursement: Disbursement,
    commitment: Commitment,
    funds: tuple[Fund, Fund | None],
) -> Draft:
    """Record a payment: 2200 (2300 for a transfer) / 1100, IATI 3; 9330 / 9340.

    A transfer stands in the receiver's 1120 (in transit) until the receiver confirms.

    Raises:
        Refused: `disbursement-state`, `four-eyes`.
    """
    _must_be(disbursement, "approved", act)
    giver, receiver = funds
    subject, amount_minor = disbursement.commitment, disbursement.amount_minor
    owed = "2200" if receiver is None else "2300"
    postings = [
        giver.move((owed, subject), ("1100", command.bank_account), amount_minor, 3),
        giver.move(("9330", subject), ("9340", subject), amount_minor),
    ]
    if receiver is not None:
        postings.append(receiver.move(("1120", subject), ("1400", subject), amount_minor))
    released = structs.replace(
        disbursement, status="released", released_by=act.actor.key, released_on=act.on
    )
    paid = structs.replace(commitment, paid_minor=commitment.paid_minor + amount_minor)
    paid = structs.replace(paid, status=standing(paid))
    return Draft(effective_on=act.on, sets=(released, paid), postings=tuple(postings))


def confirm(
    act: Act, command: ConfirmDisbursement, disbursement: Disbursement, receiver: Fund | None
) -> Draft:
    """Record the receiver's word; for a transfer 1100 / 1120, IATI 1, and 9399 / 9300.

    Raises:
        Refused: `disbursement-state`.
    """
    if disbursement.status != "released":
        detail = f"Disbursement {disbursement.id} is {disbursement.status}; it must be released."
        raise Refused("disbursement-state", detail, "/disbursement")
    subject, amount_minor = disbursement.commitment, disbursement.amount_minor
    confirmed = structs.replace(
        disbursement, status="confirmed", confirmed_by=act.actor.key, confirmed_on=act.on
    )
    if receiver is None:
        return Draft(effective_on=act.on, sets=(confirmed,), funds=(disbursement.from_fund,))
    postings = (
        receiver.move(("1100", command.bank_account), ("1120", subject), amount_minor, 1),
        receiver.move(("9399", ""), ("9300", subject), amount_minor),
    )
    sender = (disbursement.from_fund,)
    return Draft(effective_on=act.on, sets=(confirmed,), postings=postings, funds=sender)
