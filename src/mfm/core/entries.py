"""Journal vouchers: an accountant's own entries, on accounts that no verb keeps; and reversals."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated

from msgspec import Meta, Struct, structs

from mfm.core.accounts import CHART, Account, Line, for_vouchers, line
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Key, Text

MAX_BATCH = 8_192
"""The most entries one batch may carry."""

Subject = Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9._-]{0,62})?$(?!\n)")]


class EntryLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One line of a voucher: an account, and an amount on one side."""

    account: Annotated[str, Meta(max_length=8, description="A code of the chart, such as 1100")]
    subject: Subject = ""
    debit: Money | None = None
    credit: Money | None = None


class PostEntry(Command, frozen=True, kw_only=True):
    """Post a voucher: lines in a fund's books that balance per book and currency."""

    fund: Id
    # Untold: the record's postings say them.
    lines: Annotated[
        tuple[EntryLine, ...], Meta(min_length=2, max_length=64, extra={"untold": True})
    ]
    effective_on: date | None = None
    description: Text = ""


class EntryItem(PostEntry, frozen=True, kw_only=True):
    """A voucher in a batch: with an idempotency key of its own, and perhaps a linked group.

    Items of one group stand next to each other and succeed or fail together.
    """

    key: Key
    group: Annotated[str, Meta(max_length=63)] = ""


class EntryBatch(Command, frozen=True, kw_only=True):
    """Up to 8,192 vouchers, each with an outcome of its own."""

    entries: Annotated[tuple[EntryItem, ...], Meta(min_length=1, max_length=MAX_BATCH)]


class ReverseRecord(Command, frozen=True, kw_only=True):
    """Take a record back: its exact mirror, linked to it.

    Without a day it counts from the record's own, so that the corrected one can take that day;
    where a fund is closed on it, or no money moved, from today.
    """

    record: Annotated[int, Meta(ge=1, le=2**53)]
    effective_on: date | None = None
    reason: Text = ""


def accounts_of(commands: Iterable[PostEntry]) -> set[Account]:
    """Return the accounts that vouchers name, as far as they make sense: for reading ahead."""
    return {
        Account(command.fund, CHART[each.account].book, each.account, money.currency, each.subject)
        for command in commands
        for each in command.lines
        if each.account in CHART and (money := each.debit or each.credit) is not None
    }


def _side(entry: EntryLine, fund: Fund, at: int, added: Mapping[str, Line]) -> tuple[Account, int]:
    """Return a line's account and its amount, debit above zero and credit below."""
    told = (
        CHART.get(entry.account)
        or added.get(entry.account)
        or line(entry.account, f"/lines/{at}/account")
    )
    if not for_vouchers(told, entry.subject):
        detail = f"{told.code} {told.name} is kept by the verbs; a voucher cannot post to it."
        raise Invalid("account-controlled", detail, f"/lines/{at}/account")
    signed_minor = signed(entry, fund, at)
    return Account(fund.id, told.book, told.code, fund.currency, entry.subject), signed_minor


def signed(entry: EntryLine, fund: Fund, at: int) -> int:
    """Return a line's amount in the fund's currency, in minor units: credit below zero.

    Raises:
        Invalid: `line-sides`, and as `Fund.amount`.
    """
    debit, credit = entry.debit, entry.credit
    money = debit or credit
    if money is None or (debit is not None and credit is not None):
        raise Invalid("line-sides", "A line has either a debit or a credit.", f"/lines/{at}")
    try:
        amount_minor = fund.amount(money, "")
    except Invalid as fault:
        where = f"/lines/{at}/{'credit' if debit is None else 'debit'}{fault.pointer}"
        raise Invalid(fault.code, fault.detail, where) from None
    return -amount_minor if debit is None else amount_minor


def paired(sides: list[tuple[Account, int]]) -> list[Posting]:
    """Pair debits with credits of one book in the order given; together they must balance."""
    difference_minor = 0
    for _, signed_minor in sides:
        difference_minor += signed_minor
    if difference_minor:
        detail = f"{sides[0][0].book} differs by {abs(difference_minor)} minor units."
        raise Invalid("entry-unbalanced", detail, "/lines")
    debits = [side for side in sides if side[1] > 0]
    credits_ = [(account, -signed_minor) for account, signed_minor in sides if signed_minor < 0]
    postings: list[Posting] = []
    while debits:
        (debit, owed_minor), (credit, given_minor) = debits.pop(0), credits_.pop(0)
        amount_minor = min(owed_minor, given_minor)
        if debit == credit:
            detail = f"{debit.code} {debit.subject} would be debited and credited with itself."
            raise Invalid("entry-circular", detail, "/lines")
        postings.append(Posting(debit, credit, amount_minor))
        if owed_minor > amount_minor:
            debits.insert(0, (debit, owed_minor - amount_minor))
        if given_minor > amount_minor:
            credits_.insert(0, (credit, given_minor - amount_minor))
    return postings


def post(
    act: Act, command: PostEntry, fund: Fund, added: Mapping[str, Line] = MappingProxyType({})
) -> Draft:
    """Record a voucher, its lines paired into postings.

    Args:
        act: who, and the day.
        command: what is asked.
        fund: whose books.
        added: the fund's own accounts by code.

    Raises:
        Invalid: `entry-cross-currency`, `entry-unbalanced`, `entry-circular`, `line-sides`,
            `account-unknown`, `account-controlled`, `fund-reported`, and as `money.minor`.
        Refused: `balance-floor`, `cash-without-authority`, `period-closed` (by the journal).
    """
    fund.must_be_kept()
    _check_currency(command)
    books: dict[str, list[tuple[Account, int]]] = {}
    for at, each in enumerate(command.lines):
        side = _side(each, fund, at, added)
        books.setdefault(side[0].book, []).append(side)
    postings: list[Posting] = []
    for sides in books.values():
        postings += paired(sides)
    return Draft(effective_on=act.on, postings=tuple(postings))


def _check_currency(command: PostEntry) -> None:
    currency = ""
    for each in command.lines:
        money = each.debit or each.credit
        if money is not None and money.currency != currency:
            if currency:
                detail = f"One entry is in one currency; this has {currency}, {money.currency}."
                raise Invalid("entry-cross-currency", detail, "/lines")
            currency = money.currency


def mirror(posting: Posting) -> Posting:
    """Return the posting that takes another back, reported with the opposite sign."""
    sign = -posting.iati_sign if posting.iati_type else 1
    return structs.replace(posting, debit=posting.credit, credit=posting.debit, iati_sign=sign)


def reverse(
    act: Act, seq: int, postings: tuple[Posting, ...], nouns: tuple[tuple[Noun, Noun | None], ...]
) -> Draft:
    """Record the exact mirror of a record.

    Args:
        act: who, and the day.
        seq: the record that is taken back.
        postings: what it moved.
        nouns: for each noun it set: its current state, and its state before (None: it made it).

    Raises:
        Refused: `record-superseded` when a noun has changed since; `record-empty` when the record
            changed nothing.
    """
    if not postings and not nouns:
        raise Refused("record-empty", f"Record {seq} moved nothing that could be taken back.")
    restored: list[Noun] = []
    for now, before in nouns:
        if now.seq != seq:
            detail = f"{now.id} has changed since: take record {now.seq} back first."
            raise Refused("record-superseded", detail, "/record")
        restored.append(structs.replace(now, status="reversed") if before is None else before)
    return Draft(
        effective_on=act.on,
        sets=tuple(restored),
        postings=tuple(mirror(posting) for posting in reversed(postings)),
        reverses=seq,
    )
