"""Accounts that a fund adds to the chart, each under a line of it, for its own vouchers."""

from typing import Annotated

from msgspec import Meta

from mfm.core.accounts import ADDED, CHART, Line
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Name

AddedCode = Annotated[
    str,
    Meta(
        max_length=8,
        description="A code of the chart and two or three digits under it, such as 5600-10",
    ),
]


class ChartAccount(Noun, frozen=True, kw_only=True):
    """An account that a fund added: its type and side are those of the line it is under.

    Attributes:
        fund: whose.
        code: the line's code and a number under it, such as 5600-10.
        name: in the fund's own words.
    """

    fund: str
    code: str
    name: str


class OpenAccount(Command, frozen=True, kw_only=True):
    """Add an account to a fund's chart, under a line that vouchers may use."""

    fund: Id
    code: AddedCode
    name: Name


def account_id(fund: str, code: str) -> str:
    """Return the id of a fund's own account."""
    return f"{fund}.{code}"


def under(code: str) -> Line | None:
    """Return the line of the chart that a code may be added under, or None.

    Lines that verbs keep, that cash is counted by, or that may not fall below zero stay whole: what
    is held of them would not see the parts. 1290 stands on the other side than its class.
    """
    found = ADDED.fullmatch(code)
    told = CHART.get(found[1]) if found else None
    if told is None or not told.manual or told.floor or told.code == "1290":
        return None
    return told


def open_account(act: Act, command: OpenAccount, fund: Fund) -> Draft:
    """Record an account of a fund's own.

    Raises:
        Invalid: `account-code`, `fund-reported`.
    """
    fund.must_be_kept()
    if under(command.code) is None:
        open_lines = [code for code in CHART if under(f"{code}-10")]
        detail = (
            f"{command.code!r} is no code under a line that a fund may divide, such as 5600-10;"
            f" these lines are {', '.join(open_lines)}."
        )
        raise Invalid("account-code", detail, "/code")
    made = ChartAccount(
        id=account_id(fund.id, command.code),
        status="open",
        fund=fund.id,
        code=command.code,
        name=command.name,
    )
    return Draft(effective_on=act.on, sets=(made,), funds=(fund.id,))
