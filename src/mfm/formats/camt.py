"""Bank-to-customer statements, camt.053 of ISO 20022, every version from .001.02 on.

Versions differ in where a few things stand (a status as text or as a code, a name within a
party); both places are looked at, whatever namespace the message declares.
"""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from mfm.core.errors import Invalid
from mfm.formats.bank_model import BankFile, BankFileLine, plain_amount
from mfm.formats.iati_xml import Element, elements, local_name, opened, own_text, root_of
from mfm.formats.table import Problems

_FIELDS = ("Acct", "Bal", "Ntry", "FrToDt", "ElctrncSeqNb", "LglSeqNb", "Stmt")
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_NONE = {"", "NOTPROVIDED", "NOT PROVIDED", "NONREF"}
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")


class _Balance(NamedTuple):
    amount: str
    currency: str
    on: date


class _Statement:
    """A statement while it is read."""

    def __init__(self) -> None:
        self.account = ""
        self.currency = ""
        self.sequence = 0
        self.period: tuple[date | None, date | None] = (None, None)
        self.balances: dict[str, _Balance] = {}
        self.lines: list[BankFileLine] = []
        self.entries = 0


def looks_so(path: Path) -> bool:
    """Tell whether a file begins as XML does.

    Raises:
        Invalid: `file-unreadable`.
    """
    with opened(path) as stream:
        head = stream.read(64)
    return head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def read(path: Path, problems: Problems) -> list[BankFile]:
    """Read every statement of a message.

    Args:
        path: the file.
        problems: gets what is wrong with single entries.

    Raises:
        Invalid: `camt-other` when it is another message; `balance-missing`; what is wrong with
            its XML.
    """
    made: list[BankFile] = []
    with opened(path) as stream:
        root, head = root_of(stream)
        if b"BkToCstmrStmt" not in head and "camt.053" not in root.tag:
            detail = f"The root {local_name(root)[:60]} is no camt.053 bank statement."
            raise Invalid("camt-other", detail)
        reading = _Statement()
        for element in elements(stream, head, _FIELDS, ("Stmt", "BkToCstmrStmt")):
            if local_name(element) == "Stmt":
                made.append(_finished(reading, problems))
                reading = _Statement()
            else:
                _take(reading, element, problems)
    if not made:
        raise Invalid("camt-other", "The message has no statement.")
    return made


def _take(reading: _Statement, element: Element, problems: Problems) -> None:
    match local_name(element):
        case "Acct":
            reading.account = _text(element, "Id/IBAN") or _text(element, "Id/Othr/Id")
            reading.currency = _text(element, "Ccy")
        case "FrToDt":
            begins, ends = _text(element, "FrDtTm", "FrDt"), _text(element, "ToDtTm", "ToDt")
            # Midnight ends the day before.
            ended = _day(ends)
            if ended is not None and ends[10:19] == "T00:00:00" and ended != _day(begins):
                ended -= timedelta(days=1)
            reading.period = _day(begins), ended
        case "ElctrncSeqNb" | "LglSeqNb":
            text = own_text(element)
            reading.sequence = int(text[:15]) if text.isascii() and text.isdigit() else 0
        case "Bal":
            kind = _text(element, "Tp/CdOrPrtry/Cd")
            on = _day(_text(element, "Dt/Dt", "Dt/DtTm"))
            amount, currency = _amount(element)
            if on is not None and amount:
                reading.balances.setdefault(kind, _Balance(amount, currency, on))
        case _:
            _entry(reading, element, problems)


def _entry(reading: _Statement, entry: Element, problems: Problems) -> None:
    """Take an entry that is booked; one that is pending may never be."""
    reading.entries += 1
    number = reading.entries
    if _text(entry, "Sts/Cd", "Sts") not in ("BOOK", ""):
        return
    amount, currency = _amount(entry)
    booked_on = _day(_text(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"))
    if not amount or not currency:
        detail = "The entry has no amount with a currency and a direction."
        problems.add(number, "Amt", "amount-malformed", detail)
    elif booked_on is None:
        problems.add(number, "BookgDt", "date-malformed", "The entry has no booking day.")
    elif reading.currency and currency != reading.currency:
        detail = f"The entry is in {currency}, the account in {reading.currency}."
        problems.add(number, "Amt", "currency-mixed", detail)
    else:
        reading.currency = currency
        words = [own_text(each) for each in _all(entry, "EndToEndId")]
        told = [word for word in words if word.upper() not in _NONE]
        reference = " ".join(told) or _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
        texts = [own_text(each) for name in ("Nm", "Ustrd") for each in _all(entry, name)]
        texts.append(_text(entry, "AddtlNtryInf"))
        line = BankFileLine(number, booked_on, amount, reference, " ".join(filter(None, texts)))
        reading.lines.append(line)


def _finished(reading: _Statement, problems: Problems) -> BankFile:
    opening = next((reading.balances[c] for c in _OPENING if c in reading.balances), None)
    closing = next((reading.balances[c] for c in _CLOSING if c in reading.balances), None)
    if opening is None or closing is None:
        detail = "The statement lacks its opening (OPBD, PRCD) or its closing balance (CLBD)."
        raise Invalid("balance-missing", detail)
    currency = reading.currency or closing.currency
    if {opening.currency, closing.currency} != {currency}:
        detail = f"The balances are not in {currency}, as the account is."
        problems.add(0, "Bal", "currency-mixed", detail)
    days = [line.booked_on for line in reading.lines]
    began, ended = reading.period
    closed_on = max([ended or closing.on, *days])
    return BankFile(
        reading.account,
        currency,
        reading.sequence,
        min([began or min(days, default=closed_on), closed_on, *days]),
        closed_on,
        opening.amount,
        closing.amount,
        tuple(reading.lines),
    )


def _amount(element: Element) -> tuple[str, str]:
    """Return an element's signed amount and its currency, or nothing."""
    for child in element:
        text = own_text(child)
        if local_name(child) == "Amt" and _AMOUNT.fullmatch(text):
            sign = {"CRDT": "", "DBIT": "-"}.get(_text(element, "CdtDbtInd"))
            if sign is None:
                break
            return sign + plain_amount(text), child.get("Ccy", "")
    return "", ""


def _all(element: Element, name: str) -> list[Element]:
    return [each for each in element.iter() if local_name(each) == name]  # type: ignore[attr-defined]  # lxml has it


def _text(element: Element, *paths: str) -> str:
    """Return the text at the first of some paths that has one, or ""."""
    for path in paths:
        found = [element]
        for step in path.split("/"):
            found = [child for each in found for child in each if local_name(child) == step]
        for each in found:
            if text := own_text(each):
                return text
    return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
