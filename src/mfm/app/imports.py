"""Imports: a published IATI file is read, and what it says differently is written to the books."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from msgspec import Struct, json

from mfm.app.context import Context
from mfm.app.import_file import File, read_file
from mfm.app.import_plan import Step, party_steps, steps
from mfm.app.import_steps import Outcome, take
from mfm.core import permissions
from mfm.core.imports import Import, import_id
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.reported import ReportedTransaction, book_id
from mfm.formats.iati import Activity, Finding, Refusal
from mfm.store.journal import Entry, key_hash
from mfm.store.unit import Unit
from mfm.store.writer import Writer

CHUNK_STEPS = 500
"""Steps that share a commit. A verb that comes meanwhile waits for one such chunk: some 65 ms for
500. With 1,000 it waits twice as long and nothing is won; with 250 speed is lost."""
_CHUNK_BYTES = 4 * 1024 * 1024
_LOOK_ACTIVITIES = 200

Progress = Callable[[str, int], None]
"""Told what is going on and how much of it is done: ("read", bytes) and ("write", steps)."""


class Imported(Struct, frozen=True):
    """What an import has come to.

    Attributes:
        activities: how many the file has.
        transactions: how many of its transactions stand in the books.
        records: how many records this run appended; 0 where the books said it all already.
        findings: everything odd.
        refused: transactions left out.
    """

    activities: int
    transactions: int
    records: int
    findings: list[Finding]
    refused: list[Refusal]


def _silent(_what: str, _done: int) -> None:
    """Tell nobody."""


async def import_iati(
    writer: Writer,
    actor: Actor,
    path: Path,
    schemas: Path | None = None,
    progress: Progress = _silent,
) -> Imported:
    """Import an IATI activity file.

    The whole file is read first. Then it is written in chunks, between other verbs; whatever
    interrupts it, running it again goes on from there.

    Args:
        writer: of the mechanism.
        actor: who imports.
        path: the file.
        schemas: folder with a copy of the IATI schema, to validate against first.
        progress: told how far it is.

    Raises:
        Invalid: `role-not-allowed`; it is no IATI activity file (as `iati.read`); `id-taken`.
    """
    permissions.require(actor, "import.iati")
    # In a thread: verbs of the same process go on meanwhile.
    file = await asyncio.to_thread(read_file, path, schemas, partial(progress, "read"))
    try:
        return await _write(writer, actor, file, progress)
    finally:
        file.close()


async def _write(writer: Writer, actor: Actor, file: File, progress: Progress) -> Imported:
    outcome, done = Outcome(), 0
    async for chunk in _chunks(_steps(writer, file, outcome)):
        outcome.add(await writer.run(partial(take, actor=actor, some=chunk)))
        done += len(chunk)
        progress("write", done)
    findings = sorted(file.findings + outcome.findings, key=lambda finding: finding.line)
    refused = sorted(file.refused + outcome.refused, key=lambda row: (row.line, row.ordinal))
    listed = json.encode({"findings": findings, "refused": refused})
    made = Import(
        id=import_id(file.digest),
        status="finished",
        file=file.digest,
        activities=file.activities,
        transactions=file.transactions - len(outcome.refused),
        findings=sha256(listed).hexdigest(),
    )
    finish = partial(_finish, actor=actor, made=made, listed=listed, outcome=outcome)
    outcome.records += await writer.run(finish)
    return Imported(made.activities, made.transactions, outcome.records, findings, refused)


async def _steps(writer: Writer, file: File, outcome: Outcome) -> AsyncIterator[Step]:
    """Give all steps of a file, having looked what the books have of each activity."""
    for party in party_steps(file.organisations.values()):
        yield party
    for group in _groups(file):
        funds = [book_id(elements[0].identifier) for elements in group]
        known = await writer.run(partial(_look, funds=funds))
        for fund, elements in zip(funds, group, strict=True):
            rows = known.pop(fund, {})
            outcome.latest = max(outcome.latest, *(row.seq for row in rows.values()), 0)
            for step in steps(elements, rows, file.digest):
                yield step


def _groups(file: File) -> Iterator[list[tuple[Activity, ...]]]:
    """Give the activities in groups that are looked up together."""
    group: list[tuple[Activity, ...]] = []
    count = 0
    for elements in file.elements():
        group.append(elements)
        count += sum(len(element.transactions) for element in elements)
        if count >= CHUNK_STEPS or len(group) >= _LOOK_ACTIVITIES:
            yield group
            group, count = [], 0
    if group:
        yield group


async def _look(unit: Unit, funds: list[str]) -> dict[str, dict[str, ReportedTransaction]]:
    known: defaultdict[str, dict[str, ReportedTransaction]] = defaultdict(dict)
    for row in await unit.find_all(ReportedTransaction, "fund", funds):
        known[row.fund][row.id] = row
    return known


async def _chunks(all_steps: AsyncIterator[Step]) -> AsyncIterator[list[Step]]:
    chunk: list[Step] = []
    size = 0
    async for step in all_steps:
        chunk.append(step)
        size += step.size
        if len(chunk) >= CHUNK_STEPS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


async def _finish(unit: Unit, actor: Actor, made: Import, listed: bytes, outcome: Outcome) -> int:
    """Record that the file is in the books; nothing where an earlier record says so already."""
    before = await unit.find(Import, made.id)
    # An import that was cut short just before this record appends nothing when run again.
    if before is not None and before.seq > outcome.latest and not outcome.records:
        return 0
    unit.keep_blob(listed)
    key = f"import.finish {made.id} {before.seq if before else 0}"
    keys = (key_hash(actor.party, key), sha256(key.encode()).digest())
    draft = Draft(effective_on=Context(unit, actor, "import.iati").act(None).on, sets=(made,))
    await unit.write(Entry("import.finish", actor.told(), keys, {}), draft, [])
    return 1
