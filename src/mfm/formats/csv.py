"""CSV (RFC 4180) of statements, histories and totals, safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay
numbers, negative ones too.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from mfm.core.histories import History
from mfm.core.statements import Statement, TrailPoint
from mfm.core.totals import Total

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet evaluates; `text_of_cell` gives it back."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def text_of_cell(cell: str) -> str:
    """Return the text that a cell stands for, without the apostrophe that `text_cell` sets."""
    guarded = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if guarded else cell


def sources_and_uses(statement: Statement) -> str:
    """Return Sources and Uses in the published layout: a column of lines, and one of amounts.

    The amounts are headed by the day they are as of, or by the record they are known at.
    """
    moment = statement.as_of or f"record {statement.known_at}"
    rows = [(text_cell(each.line), each.amount) for each in statement.sources_and_uses]
    return _table(("as_shown_on", str(moment)), rows, statement.trail)


def trial_balance(statement: Statement) -> str:
    """Return both trial balances: book, code, name, debit, credit."""
    rows = [
        (book, each.code, text_cell(each.name), each.debit, each.credit)
        for book, lines in statement.trial_balance.items()
        for each in lines
    ]
    return _table(("book", "code", "name", "debit", "credit"), rows, statement.trail)


def history(page: History) -> str:
    """Return an account's history, a row a posting; the first row is the opening balance."""
    names = (
        *("seq", "line", "recorded_at", "effective_on", "verb", "subject", "other"),
        *("other_subject", "iati_type", "debit", "credit", "balance"),
    )
    opening = (*[""] * 4, "opening", *[""] * 6, page.opening)
    rows = [
        (
            *(str(each.seq), str(each.line), each.recorded_at, str(each.effective_on)),
            *map(text_cell, (each.verb, each.subject, each.other, each.other_subject)),
            *(text_cell(each.iati_type), each.debit, each.credit, each.balance),
        )
        for each in page.rows
    ]
    return _table(names, [opening, *rows], page.trail)


def totals(rows: Sequence[Total], by: tuple[str, ...]) -> str:
    """Return totals: a column for each dimension they are by, amount, count."""
    cells = [
        (*(text_cell(getattr(each, name)) for name in by), each.amount, str(each.count))
        for each in rows
    ]
    return _table((*by, "amount", "count"), cells)


def _table(
    names: Sequence[str], rows: Iterable[Sequence[str]], trail: TrailPoint | None = None
) -> str:
    """Return a table; where the trail is sealed that far, its size and root are the last rows."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(rows)
    if trail is not None:
        rest = [""] * (len(names) - len(("name", "value")))
        writer.writerow(("trail_size", str(trail.size), *rest))
        writer.writerow(("trail_root", text_cell(trail.root), *rest))
    return text.getvalue()
