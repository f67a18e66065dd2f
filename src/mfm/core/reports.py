"""Reports: a grantee's expenditure, accepted (IATI 4 in the grantee's own activity)."""

from datetime import date

from msgspec import structs

from mfm.core.commitments import Commitment, standing
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text


class Report(Noun, frozen=True, kw_only=True):
    """Accepted expenditure.

    Attributes:
        commitment: the grant.
        fund: the fund that gave it.
        party: the grantee.
        currency: the fund's.
        direct_minor: direct cost accepted.
        support_minor: indirect support cost accepted.
    """

    commitment: str
    fund: str
    party: str
    currency: str
    direct_minor: int
    support_minor: int


class AcceptReport(Command, frozen=True, kw_only=True):
    """Accept reported expenditure: direct cost, and indirect support cost on top."""

    id: Id | None = None
    commitment: Id
    direct: Money
    support_cost: Money | None = None
    effective_on: date | None = None
    description: Text = ""


def must_be_grant(commitment: Commitment) -> None:
    """Hold that only grants are reported on and refunded.

    Raises:
        Invalid: `commitment-kind`.
    """
    if commitment.kind != "grant":
        detail = f"Commitment {commitment.id} is a {commitment.kind}, not a grant."
        raise Invalid("commitment-kind", detail, "/commitment")


def unsettled_minor(commitment: Commitment) -> int:
    """Return what a grantee still has to account for: paid, not accepted, not claimed back."""
    return commitment.paid_minor - commitment.accepted_minor - commitment.claimed_minor


def accept(
    act: Act, command: AcceptReport, report_id: str, commitment: Commitment, fund: Fund
) -> Draft:
    """Record accepted expenditure: 5100 and 5500 / 1300.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `advance-exceeded` when more is reported than was paid and is open.
    """
    must_be_grant(commitment)
    direct_minor = fund.amount(command.direct, "/direct")
    support_minor = 0
    if command.support_cost is not None:
        support_minor = fund.amount(command.support_cost, "/support_cost")
    total_minor, open_minor = direct_minor + support_minor, unsettled_minor(commitment)
    if total_minor > open_minor:
        left = decimal_text(open_minor, fund.currency)
        detail = f"Of what was paid under {commitment.id}, {left} {fund.currency} is open."
        raise Refused("advance-exceeded", detail, "/direct")
    report = Report(
        id=report_id,
        status="accepted",
        commitment=commitment.id,
        fund=fund.id,
        party=commitment.to_party,
        currency=fund.currency,
        direct_minor=direct_minor,
        support_minor=support_minor,
    )
    advance = ("1300", commitment.id)
    postings = [fund.move(("5100", commitment.id), advance, direct_minor)]
    if support_minor:
        postings.append(fund.move(("5500", commitment.id), advance, support_minor))
    changed = structs.replace(commitment, accepted_minor=commitment.accepted_minor + total_minor)
    changed = structs.replace(changed, status=standing(changed))
    return Draft(effective_on=act.on, sets=(report, changed), postings=tuple(postings))
