"""The chart of accounts: two books per fund, FIN (what is) and BUD (what may still be decided)."""

import re
from typing import Literal, NamedTuple

from msgspec import Struct

from mfm.core.errors import Invalid

Book = Literal["FIN", "BUD"]
Kind = Literal["asset", "liability", "net assets", "income", "use", "transfer", "budgetary"]


class Account(NamedTuple):
    """One account: a place in a fund's book, per currency and per thing it is kept for.

    Attributes:
        fund: the fund's id.
        book: FIN or BUD.
        code: a code of the chart, such as 1100.
        currency: ISO 4217 code (verbatim in reported books).
        subject: the bank account, contribution, commitment, allocation or pledge, or "".
    """

    fund: str
    book: str
    code: str
    currency: str
    subject: str


class Line(Struct, frozen=True):
    """A line of the chart.

    Attributes:
        code: four digits.
        name: in the field's words.
        book: FIN or BUD.
        kind: asset, liability ...
        side: +1 when a debit increases it, -1 when a credit does.
        floor: whether its balance, on its own side, may never fall below zero.
        manual: whether a journal voucher may touch it. The others are kept by verbs, which hold
            the account and the noun's state together (a control account, in bookkeeping terms).
        subject: what its subject names.
    """

    code: str
    name: str
    book: Book
    kind: Kind
    side: Literal[1, -1]
    floor: bool = False
    manual: bool = True
    subject: str = ""


def _line(text: str) -> Line:
    code, name, kind, side, flags, subject = (part.strip() for part in text.split("|"))
    return Line(
        code=code,
        name=name,
        book="BUD" if code.startswith("9") else "FIN",
        kind=kind,  # type: ignore[arg-type]  # the table below is checked by a test
        side=1 if side == "Dr" else -1,
        floor="f" in flags,
        manual="m" in flags,
        subject=subject,
    )


# f: its balance never falls below zero; m: journal vouchers may use it.
CHART: dict[str, Line] = {
    line.code: line
    for line in map(
        _line,
        """
1100 | Cash at bank                                   | asset      | Dr | fm | bank account
1110 | Payments in transit                            | asset      | Dr | f  | bank account
1120 | Transfers in transit from other funds          | asset      | Dr | f  | commitment
1190 | Exchange position                              | asset      | Dr |    | currency pair
1200 | Contributions receivable                       | asset      | Dr | f  | commitment
1290 | Allowance for doubtful contributions           | asset      | Cr | m  |
1300 | Advances to partners                           | asset      | Dr | f  | commitment
1400 | Due from other funds                           | asset      | Dr | f  | commitment
1500 | Refunds receivable from partners               | asset      | Dr | f  | commitment
1600 | Loans receivable                               | asset      | Dr | m  |
1700 | Equity holdings                                | asset      | Dr | m  |
2100 | Deferred contributions                         | liability  | Cr | f  | commitment
2200 | Grants payable                                 | liability  | Cr | f  | commitment
2300 | Due to other funds                             | liability  | Cr | f  | commitment
2400 | Refundable to donors                           | liability  | Cr | f  | commitment
2500 | Administrative agent fee payable               | liability  | Cr | fm |
2900 | Unidentified receipts                          | liability  | Cr | fm | receipt
3100 | Fund balance, unrestricted                     | net assets | Cr | m  |
3200 | Fund balance, donor restricted                 | net assets | Cr | m  |
3300 | Fund balance, board-designated reserve         | net assets | Cr | m  |
4100 | Contributions, unearmarked                     | income     | Cr |    | commitment
4110 | Contributions, earmarked                       | income     | Cr |    | commitment
4120 | Contributions from public budget               | income     | Cr |    | commitment
4130 | Contributions, private sector                  | income     | Cr |    | commitment
4140 | Contributions in kind                          | income     | Cr | m  |
4500 | Interest and investment income                 | income     | Cr | m  |
4510 | Interest from participating organisations      | income     | Cr | m  |
4600 | Inter-fund transfer in                         | transfer   | Cr |    | commitment
4900 | Exchange gain                                  | income     | Cr | m  |
5100 | Grant expense                                  | use        | Dr |    | commitment
5300 | Inter-fund transfer out                        | transfer   | Dr |    | commitment
5400 | Administrative agent fee                       | use        | Dr |    | deposit
5500 | Indirect support cost                          | use        | Dr |    | commitment
5600 | Direct cost                                    | use        | Dr | m  |
5700 | Bank charges                                   | use        | Dr | m  |
5800 | In-kind services used                          | use        | Dr | m  |
5900 | Exchange loss                                  | use        | Dr | m  |
5950 | Write-off of advances and receivables          | use        | Dr |    | commitment
9100 | Pledges outstanding                            | budgetary  | Dr | f  | pledge
9150 | Outgoing pledges                               | budgetary  | Dr |    |
9190 | Pledge control                                 | budgetary  | Cr | f  | pledge
9195 | Outgoing pledge control                        | budgetary  | Cr |    |
9200 | Conditional commitments in                     | budgetary  | Dr | f  | commitment
9290 | Conditional commitments control                | budgetary  | Cr | f  | commitment
9300 | Unallocated                                    | budgetary  | Cr | fm | contribution
9310 | Allocated, not signed                          | budgetary  | Cr | f  | allocation
9320 | Encumbered (signed, unpaid)                    | budgetary  | Cr | f  | commitment
9330 | Approved to pay                                | budgetary  | Cr | f  | commitment
9340 | Liquidated (paid)                              | budgetary  | Cr | m  | commitment
9399 | Authority control                              | budgetary  | Dr | fm |
9500 | Guarantees given                               | budgetary  | Dr |    |
9590 | Guarantee control                              | budgetary  | Cr |    |
9900 | Unclassified as reported                       | budgetary  | Dr |    |
9990 | Unclassified control                           | budgetary  | Cr |    |
""".strip().splitlines(),
    )
}

# BUD is several memo pairs in one book: a posting stays inside its group, or (2) would not hold.
_GROUPS = (
    {"9100", "9190"},
    {"9200", "9290"},
    {"9300", "9310", "9320", "9330", "9340", "9399"},
    {"9150", "9195"},
    {"9500", "9590"},
    {"9900", "9990"},
)
_GROUP = {code: number for number, group in enumerate(_GROUPS) for code in group}

OPENING = "opening"
"""The subject of what a fund brought along when it adopted these books. No noun stands behind it:
vouchers may use accounts with it that the verbs keep otherwise, and nothing may have this id."""

EXCHANGE = "exchange"
"""The subject of 9300 for authority that exchange gains made: no donor's, and the first to bear
losses. Nothing may have this id."""

# With a counterpart in other books, or kept for books of reported history.
_NEVER_OPENED = frozenset("1120 1190 1400 2300 4600 5300 9150 9195 9500 9590 9900 9990".split())

CASH = frozenset({"1100", "1110", "1190"})
"""Of these 1190 is cash as far as it stands in for foreign money: in the fund's own currency it is
what that is carried at, and in the foreign one it takes the units out again."""
# The right-hand side of invariant (3): cash = authority not yet paid out + liabilities in cash.
BACKING = frozenset({"9300", "9310", "9320", "9330", "2400", "2500", "2900"})


ADDED = re.compile(r"([1-5][0-9]{3})-[0-9]{2,3}")
"""The code of an account that a fund added: that of a line of the chart, and a number under it."""


def line_of(code: str) -> Line:
    """Return the chart's line of a code that is there; of an added account the line it is under."""
    return CHART.get(code) or CHART[code[:4]]


def has_floor(code: str) -> bool:
    """Tell whether a code's balance may never fall below zero; an added account's always may."""
    return code in CHART and CHART[code].floor


def line(code: str, pointer: str = "") -> Line:
    """Return the chart's line of a code.

    Raises:
        Invalid: `account-unknown`.
    """
    found = CHART.get(code)
    if found is None:
        raise Invalid("account-unknown", f"{code!r} is not an account of the chart.", pointer)
    return found


def same_group(debit: str, credit: str) -> bool:
    """Tell whether two codes may stand in one posting: of one book and, in BUD, one memo group."""
    return _GROUP.get(debit) == _GROUP.get(credit)


def group_of(code: str) -> int | None:
    """Return the number of a code's memo group in BUD; None in FIN, which is one."""
    return _GROUP.get(code)


def for_vouchers(told: Line, subject: str) -> bool:
    """Tell whether journal vouchers may use an account; the verbs keep the others."""
    if subject == OPENING:
        return told.code not in _NEVER_OPENED
    return told.manual and not (told.code == "9340" and subject)
