"""Tables into verbs: every row is held against the books before the first one is written.

A row is a verb under a key made of what the row says, so that an import which was cut short goes
on where it stopped, and the same file again appends nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, json, structs

from mfm.app.perform import Ask, Made, Verb, entry_of, perform, refusal_of
from mfm.app.registry import VERBS
from mfm.core import permissions
from mfm.core.errors import Invalid, Problem
from mfm.core.parties import Party, RegisterParty
from mfm.core.permissions import Actor
from mfm.core.terms import Command
from mfm.formats import table
from mfm.formats.table import Problems, Row, TableProblem
from mfm.formats.table_rows import column_at, columns_of, command_of
from mfm.store.memory import Ahead
from mfm.store.unit import Unit
from mfm.store.writer import Writer

TABLES = {
    "commitments": "commitment.sign",
    "deposits": "deposit.receive",
    "parties": "party.register",
}
"""What can be imported as a table, and the verb that each of its rows is."""
EXPORTED: dict[str, dict[str, str | None]] = {
    "parties": {"seq": None, "status": "registered", "merged_into": ""},
}
"""Columns that the exported list has beside its verb's fields -> what an import makes of them."""
CHUNK_ROWS = 200
"""Rows that share a commit; other verbs come between two chunks."""
_READ_STEP = 500
_THERE = frozenset({"id-taken", "party-exists"})
"""What the rules say to a row that is in the books, under a key of another's."""

Progress = Callable[[str, int], None]
"""Told what is going on and how much of it is done: read, check or write, and rows."""


class Manner(NamedTuple):
    """How to import: whether to rehearse only, and whom to tell how far it is."""

    dry_run: bool
    progress: Progress


class ImportedTable(Struct, frozen=True):
    """What an import of a table has come to.

    Attributes:
        rows: how many the file has.
        records: how many records this run appended; 0 where the books said it all already.
        problems: what is wrong, row by row.
        written: whether the rows are in the books.
    """

    rows: int
    records: int
    problems: list[TableProblem]
    written: bool


class Step(NamedTuple):
    """A row as a verb: its number in the file, and what is asked."""

    row: int
    ask: Ask


async def import_table(
    writer: Writer, actor: Actor, what: str, path: Path, manner: Manner
) -> ImportedTable:
    """Import a CSV or XLSX file of commitments, parties or deposits.

    Args:
        writer: of the mechanism.
        actor: who imports; each row is his verb.
        what: one of TABLES.
        path: the file.
        manner: whether to write, and whom to tell how far it is.

    Raises:
        Invalid: `role-not-allowed`; as `table.read` where the file cannot be read at all.
    """
    verb = VERBS[TABLES[what]]
    permissions.scope_of(actor, verb.name)
    problems = Problems()
    # In a thread: verbs of the same process go on meanwhile.
    columns = columns_of(verb.command)._replace(exported=EXPORTED.get(what, {}))
    rows = table.read(path, columns, problems)
    count, steps = await asyncio.to_thread(_read, actor, verb, rows, problems, manner.progress)
    return await write_steps(writer, (count, steps), problems, manner)


def _read(
    actor: Actor, verb: Verb, rows: Iterable[Row], problems: Problems, progress: Progress
) -> tuple[int, list[Step]]:
    """Read a file to its end; return how many rows it has, and those that make sense."""
    count, asked = 0, []
    for row in rows:
        count += 1
        if not count % _READ_STEP:
            progress("read", count)
        command = command_of(row, verb.command, problems)
        if command is not None:
            asked.append((row.number, command))
    return count, steps_of(actor, verb, asked, problems)


def steps_of(
    actor: Actor, verb: Verb, asked: Sequence[tuple[int, Command]], problems: Problems
) -> list[Step]:
    """Return commands with their rows as verbs, each under a key made of what it says."""
    steps: list[Step] = []
    seen: Counter[str] = Counter()
    ids: dict[str, int] = {}
    for row, command in asked:
        made_id = getattr(command, "id", None)
        if made_id is not None and made_id in ids:
            detail = f"Row {ids[made_id]} has the id {made_id} already."
            problems.add(row, "id", "id-repeated", detail)
            continue
        if made_id is not None:
            ids[made_id] = row
        digest = sha256(json.encode(command)).hexdigest()[:40]
        seen[digest] += 1  # rows that say the same are as many
        key = f"table {verb.name} {digest} {seen[digest]}".replace(" ", "-")
        steps.append(Step(row, Ask(actor, verb, command, key)))
    return steps


async def write_steps(
    writer: Writer, read: tuple[int, Sequence[Step]], problems: Problems, manner: Manner
) -> ImportedTable:
    """Rehearse all steps, and write them if nothing is wrong with any.

    Args:
        writer: of the mechanism.
        read: how many rows the file has, and those that make sense.
        problems: what was wrong with the others; gets what the rules say to these.
        manner: whether to write, and whom to tell how far it is.
    """
    count, steps = read
    progress = manner.progress
    await writer.rehearse(partial(_rehearse, steps=steps, problems=problems, progress=progress))
    problems.found.sort(key=lambda problem: problem.row)
    if problems.found or manner.dry_run:
        return ImportedTable(count, 0, problems.found, written=False)
    records = 0
    for at in range(0, len(steps), CHUNK_ROWS):
        chunk = steps[at : at + CHUNK_ROWS]
        outcomes = await writer.run(partial(_take, steps=chunk), Ahead(weight=len(chunk)))
        for step, outcome in zip(chunk, outcomes, strict=True):
            records += isinstance(outcome, Made) and not outcome.replayed
            _tell(step, outcome, problems)
        progress("write", at + len(chunk))
    return ImportedTable(count, records, problems.found, written=True)


async def _rehearse(
    unit: Unit, steps: Sequence[Step], problems: Problems, progress: Progress
) -> None:
    """Take all steps in a unit that is never written."""
    for at in range(0, len(steps), CHUNK_ROWS):
        chunk = steps[at : at + CHUNK_ROWS]
        for step, outcome in zip(chunk, await _take(unit, chunk), strict=True):
            _tell(step, outcome, problems)
        progress("check", at + len(chunk))
        await asyncio.sleep(0)


async def _take(unit: Unit, steps: Sequence[Step]) -> list[Made | Problem | None]:
    """Take some steps in order; each has an outcome of its own, None where it is so already."""
    if unit.strict:
        await unit.known([entry_of(step.ask).key_hash for step in steps])
    outcomes: list[Made | Problem | None] = []
    for step in steps:
        try:
            outcomes.append(await perform(unit, step.ask))
        except Invalid as invalid:
            there = invalid.code in _THERE and await _stands(unit, step.ask.command)
            outcomes.append(None if there else invalid)
    return outcomes


async def _stands(unit: Unit, command: Command) -> bool:
    """Tell whether the register has just such a party: a list that was taken out of it."""
    if not isinstance(command, RegisterParty) or command.id is None:
        return False
    known = await unit.find(Party, command.id)
    return (
        known is not None
        and (known.status, known.merged_into) == ("registered", "")
        and structs.asdict(command).items() <= structs.asdict(known).items()
    )


def _tell(step: Step, outcome: Made | Problem | None, problems: Problems) -> None:
    """Tell what the rules had against a row."""
    if isinstance(outcome, Problem):
        code, detail, pointer = outcome.code, outcome.detail, outcome.pointer
    elif outcome is not None and not outcome.accepted:
        code, detail, pointer = refusal_of(outcome)
    else:
        return
    problems.add(step.row, column_at(pointer, type(step.ask.command)), code, detail)
