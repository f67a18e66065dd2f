"""Bank statements from files: read whole, kept page by page, matched with the books."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NamedTuple, TypeAlias

from msgspec import Struct, json

from mfm.app.bank import account_at, last_day
from mfm.app.import_rows import Manner, Step, write_steps
from mfm.app.perform import Ask, perform, submit
from mfm.app.registry import VERBS
from mfm.core import permissions
from mfm.core.bank import PAGE_LINES, BankLineTerm, BankStatement, ImportBankStatement
from mfm.core.bank_lines import OPENING, RECORDS_MAX, BankMatchTerm, MatchBankLines
from mfm.core.bank_matching import BankFinding, propose, words_of
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.money import decimal_text, signed_minor
from mfm.core.permissions import Actor
from mfm.core.reconciliation import BankAccount, opening_records, reconcile
from mfm.formats import bank
from mfm.formats.bank import BankFile, BankFileLine
from mfm.formats.table import Problems, TableProblem
from mfm.store.unit import Unit
from mfm.store.writer import Writer

Narratives: TypeAlias = Mapping[tuple[str, int], str]
"""What else a bank said of its lines, by page and number."""


class Place(NamedTuple):
    """A bank account: its fund, and the subject of its cash there."""

    fund: str
    bank_account: str


class ImportedStatement(Struct, frozen=True):
    """What an import of a bank statement has come to.

    Attributes:
        rows: how many lines the file has.
        records: how many records this run appended; 0 where the books said it all already.
        problems: what is wrong, row by row.
        written: whether the lines are kept; what follows is what it is, or would come to.
        statements: the pages that they stand in.
        matched: how many lines of the account are matched with records.
        unmatched: how many are not.
        findings: every difference between bank and books.
    """

    rows: int
    records: int
    problems: list[TableProblem]
    written: bool
    statements: list[str] = []
    matched: int = 0
    unmatched: int = 0
    findings: list[BankFinding] = []


async def import_bank(
    writer: Writer, actor: Actor, place: Place, path: Path, manner: Manner
) -> ImportedStatement:
    """Import a bank statement and match its lines with the books.

    Args:
        writer: of the mechanism.
        actor: who imports.
        place: whose account it is of.
        path: camt.053, or CSV or XLSX with known columns.
        manner: whether to write, and whom to tell how far it is.

    Raises:
        Invalid: `role-not-allowed`; as `bank.read` where the file cannot be read at all.
    """
    verb = VERBS["bank.import"]
    permissions.require(actor, verb.name, (place.fund,))
    problems = Problems()
    digest, found = await asyncio.to_thread(_read, path, problems)
    rows = sum(len(statement.lines) for statement in found)
    if problems.found:  # pages that lack lines say nothing
        return ImportedStatement(rows, 0, problems.found, written=False)
    pages = [page for statement in found for page in _pages(place, digest, statement)]
    manner.progress("read", rows)
    asked = await writer.run(partial(_steps, actor=actor, pages=pages))
    made = await write_steps(writer, (rows, asked), problems, manner)
    if made.problems:
        return ImportedStatement(rows, 0, made.problems, written=False)
    narratives = {
        (command.id or "", number): text
        for command in pages
        for number, text in enumerate(command.narrative.split("\n"), 1)
    }
    if made.written:
        records = made.records + await match_account(writer, actor, place, narratives)
        account = await _account(writer, place)
    else:
        records = 0
        foretold = partial(_foretold, actor=actor, place=place, told=(asked, narratives))
        account = await writer.rehearse(foretold)
    lines = [match for line, match in account.lines() if line.number != OPENING]
    return ImportedStatement(
        rows,
        records,
        [],
        written=made.written,
        statements=[command.id or "" for command in pages],
        matched=sum(match > 0 for match in lines),
        unmatched=sum(match == 0 for match in lines),
        findings=reconcile(account, last_day(account)).findings,
    )


def _read(path: Path, problems: Problems) -> tuple[str, list[BankFile]]:
    found = bank.read(path, problems)
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest(), found


def _pages(place: Place, digest: str, statement: BankFile) -> Iterator[ImportBankStatement]:
    """Give a statement page by page; between pages the balance runs on."""
    lines = statement.lines
    parts = [lines[at : at + PAGE_LINES] for at in range(0, len(lines), PAGE_LINES)] or [()]
    opening = statement.opening
    told = (*place, digest, str(statement.sequence), str(statement.opened_on))
    for number, part in enumerate(parts, 1):
        closing = statement.closing
        if number < len(parts):
            closing = _after(opening, part, statement.currency)
        name = sha256("\n".join((*told, str(number))).encode()).hexdigest()[:40]
        yield ImportBankStatement(
            id=f"bank-{name}",
            fund=place.fund,
            bank_account=place.bank_account,
            currency=statement.currency,
            file=digest,
            sequence=statement.sequence,
            page=number,
            pages=len(parts),
            opened_on=statement.opened_on,
            closed_on=statement.closed_on,
            opening=opening,
            closing=closing,
            lines=tuple(BankLineTerm(each.booked_on, each.amount, each.reference) for each in part),
            narrative="\n".join(each.text for each in part),
        )
        opening = closing


def _after(opening: str, lines: Sequence[BankFileLine], currency: str) -> str:
    moved_minor = sum(signed_minor(line.amount, currency) for line in lines)
    return decimal_text(signed_minor(opening, currency) + moved_minor, currency)


async def _steps(unit: Unit, actor: Actor, pages: Sequence[ImportBankStatement]) -> list[Step]:
    """Return the pages as verbs, without those that stand in the books already."""
    steps: list[Step] = []
    await unit.load(BankStatement, [page.id or "" for page in pages])
    for number, page in enumerate(pages):
        known = await unit.find(BankStatement, page.id or "")
        if known is None or known.status == "reversed":
            # Taken back and imported anew is another request.
            key = f"bank.import-{page.id}-{known.seq if known else 0}"
            row = 2 + number * PAGE_LINES
            steps.append(Step(row, Ask(actor, VERBS["bank.import"], page, key)))
    return steps


async def _foretold(
    unit: Unit, actor: Actor, place: Place, told: tuple[Sequence[Step], Narratives]
) -> BankAccount:
    """Return the account as it would stand after an import, in a unit that is never written."""
    steps, narratives = told
    for step in steps:
        await perform(unit, step.ask)
    account = await _look(unit, place)
    for ask in _matches(actor, account, narratives):
        await perform(unit, ask)
    return await _look(unit, place)


async def _account(writer: Writer, place: Place) -> BankAccount:
    return await writer.rehearse(partial(_look, place=place))


async def _look(unit: Unit, place: Place) -> BankAccount:
    fund = await unit.find(Fund, place.fund)
    if fund is None or fund.status == "reversed":
        raise Invalid("not-found", f"There is no fund {place.fund}.", "/fund")
    pages = await unit.find_all(BankStatement, "fund", [fund.id])
    where = unit.connection, unit.mechanism.id
    return await account_at(where, fund, place.bank_account, pages)


async def match_account(
    writer: Writer, actor: Actor, place: Place, narratives: Narratives | None = None
) -> int:
    """Match all of an account's free lines that plainly are free records; return records made.

    Args:
        writer: of the mechanism.
        actor: who matches.
        place: whose account.
        narratives: (page, line) -> what else the bank said of it, where that is at hand.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`, `not-found`.
    """
    permissions.require(actor, "bank.match", (place.fund,))
    account = await _account(writer, place)
    records = 0
    for ask in _matches(actor, account, narratives or {}):
        records += not (await submit(writer, ask)).replayed
    return records


def _matches(actor: Actor, account: BankAccount, narratives: Narratives) -> Iterator[Ask]:
    """Return the matches that are plain, as verbs."""
    pages = {page.id: page for page in account.pages}
    for name, terms in _terms(account, narratives).items():
        for at in range(0, len(terms), PAGE_LINES):
            command = MatchBankLines(statement=name, matches=tuple(terms[at : at + PAGE_LINES]))
            digest = sha256(json.encode(command)).hexdigest()[:40]
            key = f"bank.match-{name}-{pages[name].seq}-{digest}"
            yield Ask(actor, VERBS["bank.match"], command, key)


def _terms(account: BankAccount, narratives: Narratives) -> dict[str, list[BankMatchTerm]]:
    """Return the matches that are plain, page by page."""
    terms: defaultdict[str, list[BankMatchTerm]] = defaultdict(list)
    brought = opening_records(account)
    if 0 < len(brought) <= RECORDS_MAX:
        terms[account.pages[0].id].append(BankMatchTerm((OPENING,), tuple(brought)))
    lines = [
        line._replace(words=line.words | words_of(narratives.get(line[:2], "")))
        for line, match in account.lines()
        if not match and line.number != OPENING
    ]
    free = [entry for entry in account.free_records() if entry.record not in brought]
    for line, entry in propose(lines, free):
        terms[line.statement].append(BankMatchTerm((line.number,), (entry.record,)))
    return terms
