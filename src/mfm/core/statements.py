"""Statements: Sources and Uses and the trial balances of a fund, from sums of its postings.

Sources and Uses is on a cash basis, in the layout in which the administrative agents of pooled
funds publish it: cash is 1100, 1110 and 1190 (foreign money, as it is carried), and every flow
between cash and something else is named by that other account. The balances of the two books come
from the same flows, so the statement and the trial balance cannot disagree (invariant 10 of the
accounting rules).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from mfm.core.accounts import CASH, line_of
from mfm.core.money import decimal_text

# What is asked ------------------------------------------------------------------------------------


class StatementQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which books, at which moment; decoded from a query string or the command line.

    Attributes:
        fund: the fund's id, or the IATI identifier of its activity.
        as_of: only what counts from this day or an earlier one; None for everything.
        known_at: only what records up to this one say; None for the newest.
        currency: ISO 4217 (verbatim in reported books); None for the fund's own.
    """

    fund: Annotated[str, Meta(min_length=1, max_length=300)]
    as_of: date | None = None
    known_at: Annotated[int, Meta(ge=0)] | None = None
    currency: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class TrailPoint(Struct, frozen=True):
    """The trail's tree of so many records: whoever has its root can hold them to it.

    Attributes:
        size: how many records.
        root: base64, as in checkpoints.
    """

    size: int
    root: str


class Scope(Struct, frozen=True):
    """The books of one fund in one currency, as of a day, as known at a record.

    Attributes:
        fund: the fund's id.
        currency: as accounts carry it.
        known_at: records after this one are not seen.
        as_of: what counts from a later day is not seen; None for no such limit.
        current: whether this leaves nothing out, so that the kept balances say the same.
        names: code -> name of the accounts that the fund added to the chart.
        trail: the tree of all records up to `known_at`, or None while it is not sealed that far.
    """

    fund: str
    currency: str
    known_at: int
    as_of: date | None = None
    current: bool = False
    names: dict[str, str] = {}
    trail: TrailPoint | None = None

    def name_of(self, code: str) -> str:
        """Return what an account is called in these books."""
        return self.names.get(code) or line_of(code).name


# What is summed -----------------------------------------------------------------------------------


class Flow(NamedTuple):
    """The sum of a fund's postings from one code to another.

    Attributes:
        debit: the code debited.
        credit: the code credited.
        amount_minor: their sum. What a reversal takes back is taken off the flow it reverses, so
            that it is no flow the other way; the sum may be negative where that came first.
        iati_type: the IATI transaction type they were reported as, or "".
    """

    debit: str
    credit: str
    amount_minor: int
    iati_type: str = ""


# What is answered ---------------------------------------------------------------------------------


class StatementLine(Struct, frozen=True):
    """A line of Sources and Uses: its name as published, and a decimal amount."""

    line: str
    amount: str


class TrialLine(Struct, frozen=True):
    """A code's balance in the trial balance: on one side, with zero on the other."""

    code: str
    name: str
    debit: str
    credit: str


class ForeignMoney(Struct, frozen=True):
    """Money that a fund keeps in another currency.

    Attributes:
        currency: which.
        amount: how much of it, a decimal string in that currency.
        carried: at how much it stands in the statement, in the statement's currency.
    """

    currency: str
    amount: str
    carried: str


class Statement(Struct, frozen=True):
    """A fund's Sources and Uses with the trial balances of its two books.

    Attributes:
        fund: the fund's id.
        currency: of every amount.
        as_of: as asked.
        known_at: as asked, else the newest record there was: asked again with it, the same
            statement comes back for ever.
        sources_and_uses: the lines of the published layout, and our own where they are not zero.
        trial_balance: book -> every code that has had a posting.
        foreign: the part of 1190 that each other currency is.
        trail: the tree that the statement is out of; None while it is not sealed that far.
    """

    fund: str
    currency: str
    as_of: date | None
    known_at: int
    sources_and_uses: tuple[StatementLine, ...]
    trial_balance: dict[str, tuple[TrialLine, ...]]
    foreign: tuple[ForeignMoney, ...] = ()
    trail: TrailPoint | None = None


# Sources and Uses ---------------------------------------------------------------------------------

CONTRIBUTIONS = "Contributions from Donors"
FROM_FUNDS = "Transfers from other funds"
INTEREST = "Interest and Investment Income (from Fund)"
INTEREST_PARTNERS = "Interest (from Participating Organizations)"
OTHER_SOURCES = "Other sources"
SOURCES = "Total source of funds"
TRANSFERRED = "Transferred to Participating Organizations"
TO_FUNDS = "Transfers to MDTFs"
TRANSFERS = "Sub-total Transfers"
REFUNDS = "Refunds from Participating Organizations"
AGENT_FEE = "Administrative Agent Fee"
DIRECT_COST = "Direct Cost"
BANK_CHARGES = "Bank Charges"
OTHER_USES = "Other uses"
USES = "Total use of funds"
CASH_BALANCE = "Balance with Administrative Agent"
PARTNER_TRANSFERS = "PO: Transfers"
PARTNER_EXPENDITURE = "PO: Expenditure"
PARTNER_REFUNDS = "PO: Refunds"
PARTNER_OTHER = "PO: Written off and other"
PARTNER_EXPENSES = "PO: Total expenses"
PARTNER_BALANCE = "PO: Balance"
TOTAL_BALANCE = "Total Balance of Funds"

OWN_LINES = frozenset({FROM_FUNDS, OTHER_SOURCES, OTHER_USES, PARTNER_OTHER})
"""Lines that the published layout does not have; they are left out where they are zero."""

_SOURCE_OF = {
    **dict.fromkeys("1200 2100 2400 4100 4110 4120 4130 4140".split(), CONTRIBUTIONS),
    **dict.fromkeys("1120 1400 4600".split(), FROM_FUNDS),
    "4500": INTEREST,
    "4510": INTEREST_PARTNERS,
}
_USE_OF = {
    **dict.fromkeys("2300 5300".split(), TO_FUNDS),
    **dict.fromkeys("2500 5400".split(), AGENT_FEE),
    "5600": DIRECT_COST,
    "5700": BANK_CHARGES,
}
_ADVANCES = frozenset({"1300", "1500", "2200"})
_BALANCES = frozenset({"3100", "3200", "3300"})
_EXPENDITURE = frozenset({"5100", "5500"})
_PARTNERS = _ADVANCES | _EXPENDITURE


def _cash_line(flow: Flow) -> tuple[str, int]:
    """Return the line that a flow in or out of cash belongs to, and its amount there."""
    inward = flow.debit in CASH
    other = (flow.credit if inward else flow.debit)[:4]  # an added account's line is that above it
    received_minor = flow.amount_minor if inward else -flow.amount_minor
    if other in _PARTNERS:
        refund = inward and other != "2200"  # a payment that the bank sent back is no refund
        return (REFUNDS if refund else TRANSFERRED), -received_minor
    if other in _USE_OF:
        return _USE_OF[other], -received_minor
    # A gain on a deposit (1100 / 4900, IATI 1) is the donor's money like the rest of the deposit.
    gain = (other, flow.iati_type) == ("4900", "1")
    if source := CONTRIBUTIONS if gain else _SOURCE_OF.get(other):
        return source, received_minor
    return (OTHER_SOURCES if inward else OTHER_USES), flow.amount_minor


def sources_and_uses(flows: Iterable[Flow]) -> dict[str, int]:
    """Return every line of Sources and Uses in its order, in minor units, zeros too.

    It ties to the books whatever the flows are: the balance with the agent is 1100 + 1110 + 1190,
    and what partners hold is 1300 + 1500 - 2200 (invariants 5 and 10).
    """
    part: defaultdict[str, int] = defaultdict(int)
    for flow in flows:
        if (flow.debit in CASH) != (flow.credit in CASH):
            line, amount_minor = _cash_line(flow)
            part[line] += amount_minor
        elif flow.debit == "2900":  # received before it was known what for: now it is
            line, amount_minor = _cash_line(flow._replace(debit="1100"))
            part[line] += amount_minor
            part[OTHER_SOURCES] -= flow.amount_minor
        if {flow.debit, flow.credit} & _BALANCES and {flow.debit, flow.credit} & _EXPENDITURE:
            continue  # a year's end closes what was spent; that it was spent stays
        for code, signed in ((flow.debit, flow.amount_minor), (flow.credit, -flow.amount_minor)):
            if code in _EXPENDITURE:
                part[PARTNER_EXPENDITURE] += signed
            if code in _PARTNERS:  # what is left here came from neither cash nor a report
                part[PARTNER_OTHER] -= signed
    part[PARTNER_OTHER] += part[TRANSFERRED] + part[REFUNDS]
    part[PARTNER_TRANSFERS], part[PARTNER_REFUNDS] = part[TRANSFERRED], -part[REFUNDS]
    part[SOURCES] = sum(
        part[name]
        for name in (CONTRIBUTIONS, FROM_FUNDS, INTEREST, INTEREST_PARTNERS, OTHER_SOURCES)
    )
    part[TRANSFERS] = part[TRANSFERRED] + part[TO_FUNDS]
    part[USES] = sum(
        part[name]
        for name in (TRANSFERS, REFUNDS, AGENT_FEE, DIRECT_COST, BANK_CHARGES, OTHER_USES)
    )
    part[CASH_BALANCE] = part[SOURCES] - part[USES]
    part[PARTNER_EXPENSES] = sum(
        part[name] for name in (PARTNER_EXPENDITURE, PARTNER_REFUNDS, PARTNER_OTHER)
    )
    part[PARTNER_BALANCE] = part[PARTNER_TRANSFERS] - part[PARTNER_EXPENSES]
    part[TOTAL_BALANCE] = part[CASH_BALANCE] + part[PARTNER_BALANCE]
    return {name: part[name] for name in _ORDER}


_ORDER = (
    *(CONTRIBUTIONS, FROM_FUNDS, INTEREST, INTEREST_PARTNERS, OTHER_SOURCES, SOURCES),
    *(TRANSFERRED, TO_FUNDS, TRANSFERS, REFUNDS, AGENT_FEE, DIRECT_COST, BANK_CHARGES),
    *(OTHER_USES, USES, CASH_BALANCE),
    *(PARTNER_TRANSFERS, PARTNER_EXPENDITURE, PARTNER_REFUNDS, PARTNER_OTHER, PARTNER_EXPENSES),
    *(PARTNER_BALANCE, TOTAL_BALANCE),
)


# The books ----------------------------------------------------------------------------------------


def balances(flows: Iterable[Flow]) -> dict[str, int]:
    """Return each code's balance, debits less credits in minor units, by code."""
    held: defaultdict[str, int] = defaultdict(int)
    for flow in flows:
        held[flow.debit] += flow.amount_minor
        held[flow.credit] -= flow.amount_minor
    return dict(sorted(held.items()))


def by_book(held: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return balances by code under the book that each code belongs to."""
    return {
        book: {code: held[code] for code in held if line_of(code).book == book}
        for book in ("FIN", "BUD")
    }


def sides(signed_minor: int, currency: str) -> tuple[str, str]:
    """Return a debit and a credit column: the amount in one, zero in the other."""
    return (
        decimal_text(max(signed_minor, 0), currency),
        decimal_text(max(-signed_minor, 0), currency),
    )


def foreign_money(
    currency: str, positions: Iterable[tuple[str, str, int]]
) -> tuple[ForeignMoney, ...]:
    """Return what a fund keeps in other currencies, those of which it has nothing left out.

    Args:
        currency: the statement's.
        positions: 1190 as (currency pair, currency, debits less credits in minor units).
    """
    rows = list(positions)
    carried = {pair: net for pair, unit, net in rows if unit == currency}
    return tuple(
        ForeignMoney(unit, decimal_text(-net, unit), decimal_text(carried.get(pair, 0), currency))
        for pair, unit, net in rows
        if pair == f"{unit}-{currency}".lower() and (net or carried.get(pair))
    )


def statement(
    scope: Scope, flows: list[Flow], positions: Iterable[tuple[str, str, int]] = ()
) -> Statement:
    """Return the statement that a fund's flows make.

    Args:
        scope: whose flows, and up to when.
        flows: all of them, in minor units of the scope's currency.
        positions: as `foreign_money` takes them.
    """
    currency = scope.currency
    lines = tuple(
        StatementLine(name, decimal_text(amount_minor, currency))
        for name, amount_minor in sources_and_uses(flows).items()
        if amount_minor or name not in OWN_LINES
    )
    trial = {
        book: tuple(
            TrialLine(code, scope.name_of(code), *sides(signed, currency))
            for code, signed in held.items()
        )
        for book, held in by_book(balances(flows)).items()
    }
    foreign = foreign_money(currency, positions)
    told = (scope.fund, currency, scope.as_of, scope.known_at)
    return Statement(*told, lines, trial, foreign, scope.trail)
