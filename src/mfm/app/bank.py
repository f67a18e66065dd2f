"""The bank: statements kept, lines matched with records, and the reconciliation of both."""

from collections.abc import Iterable
from datetime import date

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import bank as rules
from mfm.core import bank_lines
from mfm.core.bank import BankStatement, ImportBankStatement
from mfm.core.bank_lines import MatchBankLines, UnmatchBankLine
from mfm.core.bank_matching import BookEntry, names_of
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.permissions import Actor, require
from mfm.core.reconciliation import BankAccount, Reconciliation, ReconciliationQuery, reconcile
from mfm.core.record import Body, Draft, parse, posting_of
from mfm.store import bank as store
from mfm.store import journal, nouns, reads
from mfm.store.database import Engine, snapshot
from mfm.store.reads import Reach

_NAMES = ("id", "commitment", "reference", "bank_reference", "end_to_end_id")
"""The fields of a record's nouns that a bank may have been told."""
_PIECE = 500


async def import_statement(context: Context, command: ImportBankStatement) -> Draft:
    """Keep a page of a bank statement."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    made_id = command.id or await context.new_id(BankStatement, None)
    known = await context.unit.find(BankStatement, made_id)
    if known is not None and known.status != "reversed":
        raise Invalid("id-taken", f"There is a bank statement {made_id} already.", "/id")
    others = await _pages(context, fund.id, command.bank_account)
    return rules.import_statement(context.act(None, fund), command, made_id, fund, others)


async def match(context: Context, command: MatchBankLines) -> Draft:
    """Match lines of a bank statement with records of the books."""
    statement = await context.get(BankStatement, command.statement, "/statement")
    context.require((statement.fund,))
    fund = await context.get(Fund, statement.fund)
    pages = await _pages(context, statement.fund, statement.bank_account)
    others = [page for page in pages if page.id != statement.id]
    wanted = sorted({record for term in command.matches for record in term.records})
    contents = await context.unit.records(wanted)
    books = {
        record: _book_entry(record, parse(content)[1], statement)
        for record, content in contents.items()
    }
    act = context.act(None, fund)
    return bank_lines.match(act, command, statement, books, others)


async def unmatch(context: Context, command: UnmatchBankLine) -> Draft:
    """Take the match apart that a line of a bank statement is in."""
    statement = await context.get(BankStatement, command.statement, "/statement")
    context.require((statement.fund,))
    fund = await context.get(Fund, statement.fund)
    return bank_lines.unmatch(context.act(None, fund), command, statement)


async def _pages(context: Context, fund: str, bank_account: str) -> list[BankStatement]:
    """Return the pages of an account that stand, those of this batch too."""
    found = await context.unit.find_all(BankStatement, "fund", [fund])
    return _standing(found, bank_account)


def _standing(found: Iterable[BankStatement], bank_account: str) -> list[BankStatement]:
    stand = [
        page for page in found if page.bank_account == bank_account and page.status != "reversed"
    ]
    return sorted(stand, key=lambda page: page.place)


def _book_entry(record: int, body: Body, statement: BankStatement) -> BookEntry:
    postings = [posting_of(told) for told in body.postings]
    moved_minor = bank_lines.cash_moved(postings, statement.fund, statement.bank_account)
    return BookEntry(record, body.effective_on or date.min, moved_minor)


VERBS = (
    Verb("bank.import", ImportBankStatement, import_statement, "/bank-statements"),
    Verb(
        "bank.match",
        MatchBankLines,
        match,
        "/bank-statements/{statement}/match",
        (BankStatement, "statement"),
    ),
    Verb(
        "bank.unmatch",
        UnmatchBankLine,
        unmatch,
        "/bank-statements/{statement}/unmatch",
        (BankStatement, "statement"),
    ),
)


# Reading ------------------------------------------------------------------------------------------


async def account_at(
    where: tuple[store.Driver, int], fund: Fund, bank_account: str, pages: Iterable[BankStatement]
) -> BankAccount:
    """Return what both sides tell of a bank account; free records with the names they go by.

    Args:
        where: a connection, and the mechanism's number.
        fund: whose account.
        bank_account: which.
        pages: the fund's statements.
    """
    connection, mechanism_id = where
    moved = await store.moved(connection, mechanism_id, fund.id, fund.currency, bank_account)
    account = BankAccount(
        fund.id,
        bank_account,
        fund.currency,
        _standing(pages, bank_account),
        [BookEntry(*each) for each in moved],
    )
    free = [entry.record for entry in account.free_records()]
    names: dict[int, frozenset[str]] = {}
    for at in range(0, len(free), _PIECE):
        contents = await journal.by_seq(connection, mechanism_id, free[at : at + _PIECE])
        names |= {seq: _names(parse(content)[1]) for seq, content in contents.items()}
    named = [
        entry._replace(names=names.get(entry.record, frozenset())) for entry in account.records
    ]
    return BankAccount(fund.id, bank_account, fund.currency, account.pages, named)


def _names(body: Body) -> frozenset[str]:
    return names_of(
        str(state[field])
        for states in body.sets.values()
        for state in states
        for field in _NAMES
        if state.get(field)
    )


async def reconciliation(
    engine: Engine, actor: Actor, query: ReconciliationQuery
) -> Reconciliation:
    """Return a bank account's reconciliation, as of a day or of its last statement.

    Raises:
        Invalid: `not-found`, `fund-not-allowed`, `role-not-allowed`.
    """
    async with snapshot(engine) as connection:
        fund = await reads.one(connection, Fund, query.fund, Reach())
        if not isinstance(fund, Fund) or fund.status == "reversed":
            raise Invalid("not-found", f"There is no fund {query.fund}.", "/fund")
        require(actor, "bank_statement.read", (fund.id,))
        driver, mechanism_id = await store.driver_of(connection)
        pages = await nouns.load(driver, mechanism_id, BankStatement, "fund", [fund.id])
        account = await account_at((driver, mechanism_id), fund, query.bank_account, pages)
    return reconcile(account, query.as_of or last_day(account))


def last_day(account: BankAccount) -> date:
    """Return the day on which an account's statements end, or its last record's, or the first."""
    if account.pages:
        return max(page.closed_on for page in account.pages)
    return max((entry.effective_on for entry in account.records), default=date.min)
