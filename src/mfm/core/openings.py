"""Opening balances: what a fund brings along when it adopts these books, once and in one record."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from mfm.core.accounts import OPENING, Account, Line, for_vouchers, group_of, line
from mfm.core.entries import EntryLine, paired, signed
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Text


class OpeningLine(Struct, frozen=True):
    """What one account was opened with.

    Attributes:
        code: the account's code.
        subject: the bank account, `opening`, or "".
        amount_minor: debits less credits, in minor units of the fund's currency.
    """

    code: str
    subject: str
    amount_minor: int


class OpeningBalance(Noun, frozen=True, kw_only=True):
    """A fund's opening balances; its id is the fund's.

    Attributes:
        fund: whose.
        currency: the fund's.
        opened_on: the day that they count from.
        lines: what each account was opened with.
    """

    fund: str
    currency: str
    opened_on: date
    lines: tuple[OpeningLine, ...]


class OpenBalances(Command, frozen=True, kw_only=True):
    """Open a fund's books with what it had: once, before anything else is posted.

    Accounts that verbs keep, and 9300, take the subject `opening` by themselves: grants and
    contributions that were in progress are brought to their end on it by vouchers.
    """

    fund: Id
    # Untold: the record's postings say them.
    lines: Annotated[
        tuple[EntryLine, ...], Meta(min_length=2, max_length=64, extra={"untold": True})
    ]
    effective_on: date
    description: Text = ""


def _account(entry: EntryLine, fund: Fund, at: int, added: dict[str, Line]) -> Account:
    """Return the account that a line opens."""
    told = added.get(entry.account) or line(entry.account, f"/lines/{at}/account")
    own = not told.manual or told.code == "9300"
    subject = OPENING if own else entry.subject
    if not for_vouchers(told, subject) or told.code == "9340":
        detail = f"{told.code} {told.name} cannot be opened with a balance: it needs what made it."
        raise Invalid("account-controlled", detail, f"/lines/{at}/account")
    if own and entry.subject not in ("", OPENING):
        detail = f"{told.code} is opened with the subject {OPENING}: leave it out."
        raise Invalid("opening-subject", detail, f"/lines/{at}/subject")
    return fund.account(entry.account, subject)


def open_balances(
    act: Act, command: OpenBalances, fund: Fund, added: dict[str, Line], *, used: bool
) -> Draft:
    """Record a fund's opening balances, each book balanced.

    Args:
        act: who, and the day.
        command: what is asked.
        fund: whose books.
        added: the fund's own accounts by code.
        used: whether the fund's books hold anything already.

    Raises:
        Invalid: `account-unknown`, `account-controlled`, `opening-subject`, `entry-unbalanced`,
            `line-sides`, `fund-reported`, and as `Fund.amount`.
        Refused: `opening-late`; `cash-without-authority`, `balance-floor` (by the journal).
    """
    fund.must_be_kept()
    if used:
        detail = f"The books of fund {fund.id} hold money already: post vouchers instead."
        raise Refused("opening-late", detail, "/fund")
    groups: dict[tuple[str, int | None], list[tuple[Account, int]]] = {}
    for at, each in enumerate(command.lines):
        account = _account(each, fund, at, added)
        place = account.book, group_of(account.code)
        groups.setdefault(place, []).append((account, signed(each, fund, at)))
    made = OpeningBalance(
        id=fund.id,
        status="opened",
        fund=fund.id,
        currency=fund.currency,
        opened_on=act.on,
        lines=tuple(
            OpeningLine(account.code, account.subject, minor)
            for sides in groups.values()
            for account, minor in sides
        ),
    )
    postings: list[Posting] = []
    for sides in groups.values():
        postings += paired(sides)
    return Draft(effective_on=act.on, sets=(made,), postings=tuple(postings))
