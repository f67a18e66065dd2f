"""Write-offs: what a donor owes, a grantee's advance or a refund, none of which will come (5950).

proposed -> approved by somebody else, or rejected. It is no transaction in IATI.
"""

from datetime import date

from msgspec import structs

from mfm.core.commitments import Commitment, moved, must_be_grant, must_be_open
from mfm.core.contributions import give_up_owed, losable_minor, must_be_there, part
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.refunds import Refund, must_be_due
from mfm.core.terms import Act, Command, Id, Text

_LOST = "owed and was income"


class WriteOff(Noun, frozen=True, kw_only=True):
    """Money under a grant or a contribution that is given up.

    Attributes:
        commitment: which.
        fund: the fund that gave it, or was to get it.
        party: the grantee, or the donor.
        currency: the fund's.
        amount_minor: how much.
        refund: the refund that will not come, or "" for an advance or what a donor owes.
        receivable: whether it is what a donor owes.
        proposed_by: the key that proposed it; likewise decided_by.
        proposed_on: the day; likewise decided_on.
    """

    commitment: str
    fund: str
    party: str
    currency: str
    amount_minor: int
    refund: str = ""
    receivable: bool = False
    proposed_by: str = ""
    proposed_on: date | None = None
    decided_by: str = ""
    decided_on: date | None = None


class ProposeWriteOff(Command, frozen=True, kw_only=True):
    """Propose to give up an amount of a grant's open advance, a refund, or what a donor owes.

    Of a contribution, without `amount`, all that it owes and that was income.
    """

    id: Id | None = None
    commitment: Id
    amount: Money | None = None
    refund: Id | None = None
    effective_on: date | None = None
    reason: Text = ""


class ApproveWriteOff(Command, frozen=True, kw_only=True):
    """Approve a proposed write-off."""

    write_off: Id
    effective_on: date | None = None


class RejectWriteOff(Command, frozen=True, kw_only=True):
    """Reject a proposed write-off."""

    write_off: Id
    effective_on: date | None = None
    reason: Text = ""


def propose(
    act: Act,
    command: ProposeWriteOff,
    write_off_id: str,
    nouns: tuple[Commitment, Refund | None],
    fund: Fund,
) -> Draft:
    """Record a proposal; nothing is given up yet.

    Raises:
        Invalid: `commitment-kind`, `write-off-what` unless it is an amount or a refund of this
            grant.
        Refused: `advance-exceeded`, `refund-state`, `contribution-exceeded`.
    """
    commitment, refund = nouns
    receivable = commitment.kind == "contribution"
    ask = _of_donor if receivable else _of_grantee
    made = WriteOff(
        id=write_off_id,
        status="proposed",
        commitment=commitment.id,
        fund=fund.id,
        party=commitment.from_party if receivable else commitment.to_party,
        currency=fund.currency,
        amount_minor=ask(command, commitment, refund, fund),
        refund=refund.id if refund else "",
        receivable=receivable,
        proposed_by=act.actor.key,
        proposed_on=act.on,
    )
    return Draft(effective_on=act.on, sets=(made,), funds=(fund.id,))


def _of_donor(
    command: ProposeWriteOff, commitment: Commitment, refund: Refund | None, fund: Fund
) -> int:
    if refund is not None:
        detail = "A refund is a grantee's; of a contribution, state what the donor owes."
        raise Invalid("write-off-what", detail, "/refund")
    return part(command.amount, losable_minor(commitment), fund, _LOST)


def _of_grantee(
    command: ProposeWriteOff, commitment: Commitment, refund: Refund | None, fund: Fund
) -> int:
    must_be_grant(commitment)
    if (command.amount is None) == (refund is None):
        detail = "State an amount of the open advance, or name a refund that is due."
        raise Invalid("write-off-what", detail, "/amount")
    if refund is not None:
        if refund.commitment != commitment.id:
            detail = f"Refund {refund.id} is of commitment {refund.commitment}."
            raise Invalid("write-off-what", detail, "/refund")
        must_be_due(refund)
        return refund.amount_minor
    assert command.amount is not None  # held above
    amount_minor = fund.amount(command.amount, "/amount")
    must_be_open(commitment, amount_minor, "/amount")
    return amount_minor


def _decided(act: Act, write_off: WriteOff, status: str) -> WriteOff:
    if write_off.status != "proposed":
        detail = f"Write-off {write_off.id} is {write_off.status}; it must be proposed."
        raise Refused("write-off-state", detail, "/write_off")
    return structs.replace(write_off, status=status, decided_by=act.actor.key, decided_on=act.on)


def approve(
    act: Act,
    write_off: WriteOff,
    nouns: tuple[Commitment, Refund | None],
    fund: Fund,
) -> Draft:
    """Record that money is given up: 5950 / 1300, / 1500 for a refund, / 1200 for a receivable.

    Raises:
        Refused: `write-off-state`, `four-eyes`, `advance-exceeded`, `refund-state`,
            `contribution-exceeded`.
    """
    commitment, refund = nouns
    approved = _decided(act, write_off, "approved")
    if act.actor.key == write_off.proposed_by:
        detail = "Who proposed a write-off cannot approve it: use another key."
        raise Refused("four-eyes", detail)
    amount_minor, subject = write_off.amount_minor, commitment.id
    if write_off.receivable:
        must_be_there(amount_minor, losable_minor(commitment), fund, _LOST)
        given_up, posting = give_up_owed(commitment, fund, amount_minor)
        return Draft(effective_on=act.on, sets=(approved, given_up), postings=(posting,))
    sets: tuple[Noun, ...]
    if refund is None:
        must_be_open(commitment, amount_minor, "/write_off")
        sets = (approved, moved(commitment, lost=amount_minor))
    else:
        must_be_due(refund)
        changed = moved(commitment, lost=amount_minor, claimed=-amount_minor)
        sets = (approved, changed, structs.replace(refund, status="written_off"))
    held = "1300" if refund is None else "1500"
    posting = fund.move(("5950", subject), (held, subject), amount_minor)
    return Draft(effective_on=act.on, sets=sets, postings=(posting,))


def reject(act: Act, write_off: WriteOff) -> Draft:
    """Record that a proposed write-off is not approved.

    Raises:
        Refused: `write-off-state`.
    """
    rejected = _decided(act, write_off, "rejected")
    return Draft(effective_on=act.on, sets=(rejected,), funds=(write_off.fund,))
