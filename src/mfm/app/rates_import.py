"""Rate tables: a published file of exchange rates, each row a record, nothing twice."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, ValidationError, convert

from mfm.app.perform import Ask, perform
from mfm.app.rates import RECORD
from mfm.core import permissions, rates
from mfm.core.errors import Invalid
from mfm.core.money import KNOWN, ratio
from mfm.core.permissions import Actor
from mfm.core.rates import Rate, RecordRate, rate_id
from mfm.formats import table
from mfm.formats.table import Columns, Problems, Row, TableProblem, date_fault
from mfm.store.unit import Unit
from mfm.store.writer import Writer

_COLUMNS = Columns(
    {
        **dict.fromkeys(("date", "rate", "currency"), True),
        **dict.fromkeys(("base", "source", "frequency", "country_code", "country"), False),
    }
)
"""Those that the public tables have; what is not needed here is let pass."""
_COLUMN_OF = {"quote": "currency", "rated_on": "date"}
_CHUNK = 500
_NOISE = Fraction(1, 10**12)
T = TypeVar("T")


class RateTable(Struct, frozen=True, kw_only=True):
    """How to read a table.

    Attributes:
        base: the currency of which each row's rate has one, where no column says it.
        source: who published it, where no column says it.
        only: a column and a value: rows that have another are not looked at.
        dry_run: whether to say what would be done and do nothing.
    """

    base: str = ""
    source: str = ""
    only: tuple[str, str] | None = None
    dry_run: bool = False


class RatesImported(Struct, frozen=True, kw_only=True):
    """What an import of rates has come to.

    Attributes:
        rows: how many rows were looked at.
        recorded: how many rates it recorded, or would record.
        unchanged: how many the books had.
        left_out: rows that are sound and of no use: not a currency of today, or one of several
            that contradict each other.
        problems: what is wrong with the file; where there is anything, nothing was recorded.
    """

    rows: int
    recorded: int
    unchanged: int
    left_out: list[TableProblem]
    problems: list[TableProblem]


class _File:
    """A table as it was read: its rates by id, each with its row."""

    def __init__(self) -> None:
        self.rows = 0
        self.told: dict[str, tuple[int, RecordRate]] = {}
        self.problems = Problems()
        self.left_out: list[TableProblem] = []


async def import_rates(writer: Writer, actor: Actor, path: Path, how: RateTable) -> RatesImported:
    """Import a rate table: all of it, or nothing; what the books have already is passed over.

    Raises:
        Invalid: `role-not-allowed`; the file cannot be read at all (as `table.read`).
    """
    permissions.require(actor, RECORD.name)
    file = await asyncio.to_thread(_read, path, how)
    fresh = await _fresh(writer, file)
    recorded = 0 if file.problems.found else len(fresh)
    if recorded and not how.dry_run:
        recorded = 0
        for some in _chunks(fresh):
            recorded += await writer.run(partial(_record, actor=actor, some=some))
    return RatesImported(
        rows=file.rows,
        recorded=recorded,
        unchanged=len(file.told) - len(fresh),
        left_out=sorted(file.left_out, key=lambda each: each.row),
        problems=sorted(file.problems.found, key=lambda each: each.row),
    )


async def _fresh(writer: Writer, file: _File) -> list[RecordRate]:
    """Return the rates that the books do not have; those that they have otherwise are problems."""
    fresh: list[RecordRate] = []
    for some in _chunks(list(file.told)):
        known = await writer.run(partial(_known, ids=some))
        for name in some:
            row, command = file.told[name]
            if name not in known:
                fresh.append(command)
            elif not _same(known[name].rate, command.rate):
                detail = f"The books have {known[name].rate} (record {known[name].seq})."
                file.problems.add(row, "rate", "rate-recorded", detail)
    return fresh


def _chunks(things: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(things), _CHUNK):
        yield things[start : start + _CHUNK]


async def _known(unit: Unit, ids: list[str]) -> dict[str, Rate]:
    await unit.load(Rate, ids)
    found = [await unit.find(Rate, name) for name in ids]
    return {row.id: row for row in found if row is not None and row.status != "reversed"}


async def _record(unit: Unit, actor: Actor, some: list[RecordRate]) -> int:
    """Record some rates; return how many."""
    done = 0
    for command in some:
        name = rate_id(command.base, command.quote, command.rated_on, command.source)
        before = await unit.find(Rate, name)
        key = f"import.rates {name} {before.seq if before else 0}"
        done += (await perform(unit, Ask(actor, RECORD, command, key))).accepted
    return done


def _read(path: Path, how: RateTable) -> _File:
    file = _File()
    said: defaultdict[str, list[tuple[int, RecordRate]]] = defaultdict(list)
    for row in table.read(path, _COLUMNS, file.problems):
        if how.only is not None and row.cells.get(how.only[0]) != how.only[1]:
            continue
        file.rows += 1
        command = _command(row, how, file)
        if command is not None:
            name = rate_id(command.base, command.quote, command.rated_on, command.source)
            said[name].append((row.number, command))
    for name, rows in said.items():
        if all(_same(command.rate, rows[0][1].rate) for _, command in rows):
            file.told[name] = rows[0]
            continue
        for number, command in rows:
            detail = f"The table has several rates of {command.quote} for {command.rated_on}."
            file.left_out.append(TableProblem(number, "rate", "rate-contradicted", detail))
    return file


def _command(row: Row, how: RateTable, file: _File) -> RecordRate | None:
    """Return what a row says; None, and why, where it is of no use or wrong."""
    told = _told(row, how, file.problems)
    if told is None:
        return None
    try:
        command = convert(told, RecordRate)
        code, detail = _useless(command)
        if not code:
            rates.check(command)
            return command
        file.left_out.append(TableProblem(row.number, "currency", code, detail))
    except ValidationError as error:
        file.problems.add(row.number, "", "field-invalid", str(error))
    except Invalid as invalid:
        column = invalid.pointer.removeprefix("/")
        file.problems.add(row.number, _COLUMN_OF.get(column, column), invalid.code, invalid.detail)
    return None


def _told(row: Row, how: RateTable, problems: Problems) -> dict[str, str] | None:
    """Return a row's cells by the command's fields; None, and why, where one is not there."""
    cells = row.cells
    told = {
        "base": cells.get("base", how.base),
        "quote": cells.get("currency", ""),
        "rated_on": cells.get("date", ""),
        "rate": cells.get("rate", ""),
        "source": _slug(cells.get("source", how.source)),
    }
    absent = [_COLUMN_OF.get(name, name) for name, text in told.items() if not text]
    for column in absent:
        problems.add(row.number, column, "cell-missing", f"The row has no {column}.")
    code, detail = date_fault(told["rated_on"]) if told["rated_on"] else ("", "")
    if code:
        problems.add(row.number, "date", code, detail)
    return None if absent or code else told


def _useless(command: RecordRate) -> tuple[str, str]:
    """Return why a sound row is of no use, as code and detail; ("", "") where it is."""
    for currency in (command.base, command.quote):
        if currency not in KNOWN:
            return "currency-unknown", f"{currency} is not a currency of today (ISO 4217)."
    if command.base == command.quote:
        return "rate-needless", f"{command.base} needs no rate into itself."
    return "", ""


def _same(one: str, other: str) -> bool:
    """Tell whether two rates are one, but for the last digits of somebody's binary arithmetic."""
    return abs(ratio(one) / ratio(other) - 1) < _NOISE


def _slug(text: str) -> str:
    """Return a publisher's name as ids have it: `IMF` -> `imf`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
