"""Costs that a fund pays itself: the secretariat's direct cost, and bank charges (IATI 4)."""

from datetime import date
from typing import Literal

from mfm.core.allocations import Share, ShareTerm, draw
from mfm.core.countries import check_places
from mfm.core.earmarks import OPEN, Earmark
from mfm.core.evidence import Documents, Invoices, together
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text

CostKind = Literal["direct", "bank-charge"]
USE: dict[str, str] = {"direct": "5600", "bank-charge": "5700"}
"""The account of use of each kind of cost."""


class Cost(Noun, frozen=True, kw_only=True):
    """A cost paid.

    Attributes:
        kind: direct (secretariat, monitoring, audit) or bank-charge.
        fund: whose money.
        bank_account: where from.
        currency: the fund's.
        amount_minor: how much.
        shares: which contributions bear it; they sum to `amount_minor`.
        earmark: what it is for: inside the earmark of each contribution that bears it.
        documents: SHA-256 (hex) of what proves it, in order.
    """

    kind: str
    fund: str
    bank_account: str
    currency: str
    amount_minor: int
    shares: tuple[Share, ...]
    earmark: Earmark = OPEN
    documents: tuple[str, ...] = ()


class PayCost(Command, frozen=True, kw_only=True):
    """Pay a cost of the fund; without `shares`, all that admit its earmark bear it pro rata."""

    id: Id | None = None
    fund: Id
    kind: CostKind
    amount: Money
    bank_account: Id = "main"
    shares: tuple[ShareTerm, ...] = ()
    earmark: Earmark = OPEN
    documents: Documents = ()
    invoices: Invoices = ()
    effective_on: date | None = None
    description: Text = ""


def pay(
    act: Act, command: PayCost, cost_id: str, fund: Fund, available_minor: dict[str, int]
) -> Draft:
    """Record a cost: 5600 or 5700 / 1100, IATI 4; and 9300 (by contribution) / 9340.

    Args:
        act: who, and the day.
        command: what is asked.
        cost_id: its id.
        fund: whose money.
        available_minor: contribution -> unallocated minor units, of those that admit its earmark.

    Raises:
        Invalid: `country-unknown`, `currency-not-fund`.
        Refused: `authority-exceeded`, `shares-differ`.
    """
    check_places(command.earmark.place, "/earmark/place")
    amount_minor = fund.amount(command.amount, "/amount")
    shares = draw(command.shares, fund, amount_minor, available_minor)
    made = Cost(
        id=cost_id,
        status="paid",
        kind=command.kind,
        fund=fund.id,
        bank_account=command.bank_account,
        currency=fund.currency,
        amount_minor=amount_minor,
        shares=shares,
        earmark=command.earmark,
        documents=together((), command.documents),
    )
    bank, use = ("1100", command.bank_account), (USE[command.kind], "")
    drawn = tuple(
        fund.move(("9300", share.contribution), ("9340", ""), share.amount_minor)
        for share in shares
    )
    spent = fund.move(use, bank, amount_minor, 4)
    return Draft(effective_on=act.on, sets=(made,), postings=(spent, *drawn))
