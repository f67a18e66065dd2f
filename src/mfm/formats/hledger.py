"""Journals for hledger: every account and every posting, exactly, as plain text.

An account is `fund:book:code name:subject`. A transaction is a record: dated by the day it counts
from, with the record's number as its code and its verb as its description. Amounts have all
decimals of their currency.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from mfm.core.accounts import line_of
from mfm.core.money import decimal_text, exponent
from mfm.core.moved import Moved

_TYPES = {
    "asset": "A",
    "liability": "L",
    "net assets": "E",
    "income": "R",
    "transfer": "R",
    "use": "X",
}
"""The chart's kinds as hledger's account types; BUD, which is no money, has none."""
_BARE = re.compile(r"[A-Za-z]+")
_OWN = re.compile(r"[A-Za-z0-9_.-]")
# In quotes a symbol may be anything but these; a percent sign, so that the way back is one.
_UNQUOTABLE = re.compile(r'["%;\x00-\x1f\x7f-\x9f\u2028\u2029]')


def title(mechanism: str, seq: int) -> str:
    """Return the first lines: whose books these are, and the record that they go up to."""
    return f"; The books of {escaped(mechanism)}, up to record {seq}.\ndecimal-mark .\n\n"


def commodities(currencies: Iterable[str]) -> str:
    """Return the directives that declare currencies, each with its decimals."""
    return "".join(
        f"commodity {_number(decimal_text(1000 * 10 ** exponent(each), each))} {symbol(each)}\n"
        for each in currencies
    )


def accounts(some: Iterable[tuple[str, str, str]]) -> str:
    """Return the directives that declare accounts, each given as (fund, code, subject)."""
    lines = []
    for fund, code, subject in some:
        kind = _TYPES.get(line_of(code).kind)
        told = f"  ; type:{kind}" if kind else ""
        lines.append(f"account {account(fund, code, subject)}{told}\n")
    return "".join(lines)


def transactions(rows: Sequence[Moved]) -> str:
    """Return the transactions of some whole records, in order."""
    lines = []
    for seq, some in groupby(rows, key=lambda row: row.seq):
        record = tuple(some)
        verb = record[0].verb
        lines.append(f"\n{record[0].on.isoformat()} ({seq}) {verb}  ; verb:{verb}\n")
        for row in record:
            told = _tags(row)
            text, unit = decimal_text(row.amount_minor, row.currency), symbol(row.currency)
            debit = account(row.fund, row.debit, row.debit_subject)
            credit = account(row.fund, row.credit, row.credit_subject)
            lines.append(f"    {debit}  {text} {unit}{told}\n")
            lines.append(f"    {credit}  -{text} {unit}{told}\n")
    return "".join(lines)


def account(fund: str, code: str, subject: str = "") -> str:
    """Return an account's name; parts that hledger would read otherwise are escaped."""
    line = line_of(code)
    # hledger ends a name at two spaces, and parts it at a colon.
    parts = [escaped(fund), line.book, f"{code} {line.name}"]
    return ":".join([*parts, escaped(subject)] if subject else parts)


def symbol(currency: str) -> str:
    """Return a currency as a commodity's symbol: in quotes unless it is letters alone."""
    if _BARE.fullmatch(currency):
        return currency
    return f'"{_UNQUOTABLE.sub(_percent, currency)}"'


def escaped(text: str) -> str:
    """Return a text in letters, digits, dash, dot and underscore, all else as in addresses."""
    return "".join(
        each if _OWN.fullmatch(each) else "".join(f"%{byte:02X}" for byte in each.encode())
        for each in text
    )


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _tags(row: Moved) -> str:
    if not row.iati_type:
        return ""
    sign = "-" if row.iati_sign < 0 else ""
    return f"  ; iati:{sign}{escaped(row.iati_type)}"


def _number(text: str) -> str:
    """Return an amount with its decimal mark, which a commodity's directive must show."""
    return text if "." in text else f"{text}."
