"""Interest that a fund's own bank accounts earn (IATI 1, from within)."""

from datetime import date

from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text

SOURCE = "interest"
"""Where 9300 keeps authority that interest made: no donor's, so it stands beside theirs. No
contribution or transfer may have this id."""


class Interest(Noun, frozen=True, kw_only=True):
    """Interest earned.

    Attributes:
        fund: whose bank account earned it.
        bank_account: which one.
        currency: the fund's.
        amount_minor: how much.
    """

    fund: str
    bank_account: str
    currency: str
    amount_minor: int


class EarnInterest(Command, frozen=True, kw_only=True):
    """Record interest that the bank paid."""

    id: Id | None = None
    fund: Id
    amount: Money
    bank_account: Id = "main"
    effective_on: date | None = None
    description: Text = ""


def earn(act: Act, command: EarnInterest, interest_id: str, fund: Fund) -> Draft:
    """Record interest: 1100 / 4500, IATI 1; and 9399 / 9300, for anybody's allocation to draw on.

    Raises:
        Invalid: `currency-not-fund`.
    """
    amount_minor = fund.amount(command.amount, "/amount")
    made = Interest(
        id=interest_id,
        status="earned",
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        amount_minor=amount_minor,
    )
    postings = (
        fund.move(("1100", command.bank_account), ("4500", ""), amount_minor, 1),
        fund.move(("9399", ""), ("9300", SOURCE), amount_minor),
    )
    return Draft(effective_on=act.on, sets=(made,), postings=postings)
