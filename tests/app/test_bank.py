"""Bank statements in the books: imported once, matched, taken apart, reconciled and verified."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec import json

from mfm.app.bank import reconciliation
from mfm.app.import_bank import ImportedStatement, Place, import_bank, match_account
from mfm.app.import_rows import Manner
from mfm.app.verify import verify_database
from mfm.core.bank import PAGE_LINES, BankStatement
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.reconciliation import Reconciliation, ReconciliationQuery
from mfm.store import database
from tests.conftest import Database
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio

CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
<GrpHdr><MsgId>m1</MsgId><CreDtTm>2026-04-01T06:00:00</CreDtTm></GrpHdr>
<Stmt><Id>s1</Id><ElctrncSeqNb>7</ElctrncSeqNb>
<FrToDt><FrDtTm>2026-03-01T00:00:00</FrDtTm><ToDtTm>2026-04-01T00:00:00</ToDtTm></FrToDt>
<Acct><Id><IBAN>XX00 1</IBAN></Id><Ccy>USD</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">0.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-01</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">{closing}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-31</Dt></Dt></Bal>
{entries}</Stmt></BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><Amt Ccy="USD">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{ref}</EndToEndId></Refs>
<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def camt(
    closing: str,
    entries: Sequence[tuple[str, str, str, str]],
    version: str = "02",
    pending: str = "",
) -> str:
    rows = [
        ENTRY.format(
            amount=amount.lstrip("-"),
            way="DBIT" if amount.startswith("-") else "CRDT",
            status="BOOK" if version == "02" else "<Cd>BOOK</Cd>",
            day=day,
            ref=ref,
            text=text,
        )
        for day, amount, ref, text in entries
    ]
    return CAMT.format(version=version, closing=closing, entries="".join(rows) + pending)


STATEMENT = camt("1.00", []).partition("</GrpHdr>")[2].partition("</BkToCstmrStmt>")[0]
TWO = camt(
    "1.00", [], pending="</Stmt>" + STATEMENT.replace("XX00 1", "YY").strip()[: -len("</Stmt>")]
)
"""A message of two accounts."""


async def do_import(books: Books, path: Path, *, dry_run: bool = False) -> ImportedStatement:
    manner = Manner(dry_run, lambda *_: None)
    return await import_bank(books.writer, operator(), Place("g", "main"), path, manner)


async def reconciled(books: Books, **fields: Any) -> Reconciliation:  # noqa: ANN401  # any field
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        query = ReconciliationQuery(fund="g", **fields)
        return await reconciliation(engine, operator(), query)
    finally:
        await engine.dispose()


async def verified(books: Books) -> None:
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.ok, found.difference


async def statements(books: Books) -> list[BankStatement]:
    found: list[BankStatement] = await books.writer.rehearse(
        lambda unit: unit.find_all(BankStatement, "fund", ["g"])
    )
    return sorted(found, key=lambda page: page.place)


def come_to(made: ImportedStatement) -> tuple[Any, ...]:
    return made.statements, made.matched, made.unmatched, made.findings


MARCH = [
    ("2026-03-02", "990000.00", "NOTPROVIDED", "from the donor"),
    ("2026-03-02", "-9900.00", "fee", ""),
    ("2026-03-05", "-535000.00", "NOTPROVIDED", "transfer to the national fund"),
    ("2026-03-30", "-12.50", "", "charges"),
]
"""What the bank booked of the worked example, and charges that the books do not have."""


@pytest.mark.parametrize("version", ["02", "08"])
async def test_a_camt_statement_is_kept_matched_and_reconciled(
    books: Books, tmp_path: Path, version: str
) -> None:
    await books.chain()
    path = tmp_path / "march.xml"
    path.write_text(camt("445087.50", MARCH, version))
    dry = await do_import(books, path, dry_run=True)
    assert (dry.rows, dry.records, dry.problems, dry.written) == (4, 0, [], False)
    assert await statements(books) == []
    made = await do_import(books, path)
    assert (made.rows, made.records, made.written) == (4, 2, True)
    assert come_to(dry) == come_to(made)
    assert (made.matched, made.unmatched) == (3, 1)
    assert [each.code for each in made.findings] == ["not-in-books"]
    again = await do_import(books, path)
    assert (again.rows, again.records, again.written) == (4, 0, True)
    assert again.statements == made.statements
    (page,) = await statements(books)
    assert (page.sequence, str(page.opened_on), str(page.closed_on)) == (
        7,
        "2026-03-01",
        "2026-03-31",
    )
    told = await reconciled(books)
    assert (told.book_balance, told.bank_balance) == ("445100.00", "445087.50")
    assert (told.outstanding_lines, told.outstanding_records) == ("-12.50", "0.00")
    assert told.unexplained == "0.00"
    early = await reconciled(books, as_of=date(2026, 3, 3))
    assert (early.bank_balance, early.outstanding_records) == ("980100.00", "-535000.00")
    assert early.unexplained == "0.00"
    await verified(books)


async def test_the_books_catch_up_and_a_match_is_taken_apart(books: Books, tmp_path: Path) -> None:
    await books.chain()
    path = tmp_path / "march.xml"
    path.write_text(camt("445087.50", MARCH))
    await do_import(books, path)
    lines = [
        {"account": "5700", "debit": usd("12.50")},
        {"account": "1100", "subject": "main", "credit": usd("12.50")},
        {"account": "9300", "subject": "c", "debit": usd("12.50")},
        {"account": "9340", "credit": usd("12.50")},
    ]
    charged = await books.do("entry.post", fund="g", lines=lines, effective_on="2026-03-31")
    place = Place("g", "main")
    assert await match_account(books.writer, operator(), place) == 1
    assert await match_account(books.writer, operator(), place) == 0
    (page,) = await statements(books)
    assert page.status == "matched"
    assert (await reconciled(books)).findings == []
    apart = await books.do("bank.unmatch", statement=page.id, line=4)
    assert apart.accepted
    wrong = [{"lines": [4], "records": [charged.seq - 1]}]
    with pytest.raises(Invalid, match="match-record"):
        await books.do("bank.match", statement=page.id, matches=wrong)
    first = page.matches[0].record
    made = await books.do(
        "bank.match", statement=page.id, matches=[{"lines": [4], "records": [first]}]
    )
    assert not made.accepted
    made = await books.do(
        "bank.match", statement=page.id, matches=[{"lines": [4], "records": [charged.seq]}]
    )
    assert made.accepted
    assert (await books.do("record.reverse", record=made.seq)).accepted
    assert (await statements(books))[0].status == "open"
    # The payment is taken back in the books, not at the bank: that shows.
    on = {"effective_on": "2026-03-31"}
    assert (await books.do("record.reverse", record=charged.seq, **on)).accepted
    told = await reconciled(books)
    assert told.unexplained == "0.00"
    assert [each.code for each in told.findings] == ["not-in-books", "not-in-bank", "not-in-bank"]
    await verified(books)


async def test_a_table_is_kept_page_by_page_and_taken_back(books: Books, tmp_path: Path) -> None:
    await books.chain()
    count = PAGE_LINES + 5
    rows = ["booked_on;amount;currency;balance;reference;text"]
    rows += [  # the newest first
        f"2026-04-{1 + at // 4:02};1.00;USD;{at}.00;ref-{at};=text {at}"
        for at in range(count, 0, -1)
    ]
    path = tmp_path / "april.csv"
    path.write_text("\n".join(rows))
    made = await do_import(books, path)
    assert (made.rows, made.records, made.matched, made.unmatched) == (count, 2, 0, count)
    pages = await statements(books)
    assert [(page.page, page.pages, len(page.lines)) for page in pages] == [
        (1, 2, PAGE_LINES),
        (2, 2, 5),
    ]
    assert pages[0].opening_minor == 0
    assert pages[0].closing_minor == pages[1].opening_minor == 100 * PAGE_LINES
    told = await reconciled(books)
    assert (told.bank_balance, told.unexplained) == (f"{count}.00", "0.00")
    other = tmp_path / "other.csv"
    other.write_text(path.read_text() + "\n")
    refused = await do_import(books, other)
    assert [each.code for each in refused.problems] == ["statement-overlap"] * 2
    assert not refused.written
    for page in reversed(pages):
        assert (await books.do("record.reverse", record=page.seq)).accepted
    assert (await do_import(books, path)).records == 2
    await verified(books)


async def test_an_opening_balance_is_met_by_the_books(books: Books, tmp_path: Path) -> None:
    await books.chain()
    path = tmp_path / "may.csv"
    path.write_text("booked_on,amount,currency,balance\n2026-05-04,-100.00,USD,445000.00\n")
    made = await do_import(books, path)
    assert (made.records, made.matched, made.unmatched) == (2, 0, 1)
    (page,) = await statements(books)
    assert (page.opening_match, len(page.matches)) == (1, 3)
    early = tmp_path / "april.csv"
    early.write_text("booked_on,amount,currency,balance\n2026-04-04,1.00,USD,445100.00\n")
    assert [each.code for each in (await do_import(books, early)).problems] == ["statement-order"]
    told = await reconciled(books)
    assert (told.book_balance, told.bank_balance, told.unexplained) == (
        "445100.00",
        "445000.00",
        "0.00",
    )
    await verified(books)


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (
            'booked_on,amount,currency,balance\n31.03.2026,"1,50",USD,2\n,x,USD,1\n',
            [
                (2, "booked_on", "date-locale"),
                (2, "amount", "decimal-separator"),
                (3, "booked_on", "cell-missing"),
                (3, "amount", "amount-malformed"),
            ],
        ),
        ("booked_on,amount,currency\n", [(1, "balance", "column-missing")]),
        ("booked_on,amount,currency,balance\n", [(1, "", "statement-empty")]),
        (
            "booked_on,amount,currency,balance\n2026-03-01,1,USD,1\n2026-03-01,1,EUR,1\n",
            [(3, "currency", "currency-mixed")],
        ),
        (
            "booked_on,amount,currency,balance\n2026-03-01,1.001,USD,1\n",
            [(2, "amount", "amount-precision")],
        ),
        (
            "booked_on,amount,currency,balance\n2026-03-01,1,EUR,1\n",
            [(2, "currency", "currency-not-fund")],
        ),
    ],
)
async def test_what_is_wrong_with_a_table_is_told_by_row(
    books: Books, tmp_path: Path, content: str, problems: list[tuple[int, str, str]]
) -> None:
    await books.chain()
    path = tmp_path / "t.csv"
    path.write_text(content)
    made = await do_import(books, path)
    assert [(each.row, each.column, each.code) for each in made.problems] == problems
    assert not made.written
    assert await statements(books) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<Document><Other/></Document>", "camt-other"),
        ('<!DOCTYPE d [<!ENTITY e "x">]><Document/>', "xml-entities"),
        (camt("1.00", []).replace("CLBD", "XXXX"), "balance-missing"),
        (camt("1.00", [])[:300], "xml-malformed"),
        (
            TWO,
            "bank-accounts-several",
        ),
    ],
)
async def test_a_file_that_is_no_statement_is_refused_whole(
    books: Books, tmp_path: Path, text: str, code: str
) -> None:
    await books.chain()
    path = tmp_path / "t.xml"
    path.write_text(text)
    with pytest.raises(Invalid, match=code):
        await do_import(books, path)


async def test_pending_entries_are_left_out_and_wrong_ones_told(
    books: Books, tmp_path: Path
) -> None:
    await books.chain()
    entry = ENTRY.format(
        amount="5.00", way="CRDT", status="PDNG", day="2026-03-02", ref="x", text="y"
    )
    path = tmp_path / "t.xml"
    path.write_text(camt("0.00", [], pending=entry))
    made = await do_import(books, path)
    assert (made.rows, made.written, made.problems) == (0, True, [])
    wrong = entry.replace("PDNG", "BOOK").replace('Ccy="USD"', 'Ccy="EUR"')
    path.write_text(camt("0.00", [], pending=wrong))
    assert [(p.row, p.code) for p in (await do_import(books, path)).problems] == [
        (1, "currency-mixed")
    ]


@pytest.mark.parametrize("account", ["main", "mian"])
async def test_a_dry_run_tells_what_the_import_will_come_to(
    books: Books, tmp_path: Path, account: str
) -> None:
    await books.chain()
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    first.write_text(camt("990000.01", MARCH[:1]))
    late = camt("7.00", [("2026-04-02", "5.00", "x", "")]).replace("2026-03-31", "2026-04-30")
    second.write_text(
        late.replace("2026-03-01", "2026-04-01").replace("2026-04-01T00", "2026-05-01T00", 1)
    )
    found = []
    for path in (first, second):
        place, told_by = Place("g", account), []
        for dry_run in (True, False):
            manner = Manner(dry_run, lambda *_: None)
            told_by.append(await import_bank(books.writer, operator(), place, path, manner))
        assert [each.written for each in told_by] == [False, True]
        assert come_to(told_by[0]) == come_to(told_by[1])
        found += [each.code for each in told_by[1].findings]
    assert {"statement-sum", "statement-gap"} < {*found}
    assert ("account-empty" in found) == (account == "mian")
    await verified(books)


async def test_only_the_funds_staff_keeps_its_statements(books: Books, tmp_path: Path) -> None:
    await books.chain()
    path = tmp_path / "march.xml"
    path.write_text(camt("445087.50", MARCH))
    manner = Manner(dry_run=False, progress=lambda *_: None)
    for role, fund, code in (
        ("preparer", "n", "fund-not-allowed"),
        ("auditor", "", "role-not-allowed"),
    ):
        actor = Actor("agent", role, "k", fund)
        with pytest.raises(Invalid, match=code):
            await import_bank(books.writer, actor, Place("g", "main"), path, manner)
    actor = Actor("agent", "preparer", "k", "g")
    assert (await import_bank(books.writer, actor, Place("g", "main"), path, manner)).written


@pytest.mark.parametrize(
    ("lines", "matches", "opening", "status", "sound"),
    [
        ([1, 0], [(1, 7)], 0, "open", True),
        ([1, 1], [(1, 7), (1, 8)], 0, "matched", True),
        ([0], [(1, 7)], 1, "open", True),
        ([], [], 0, "matched", True),
        ([1, 0], [(1, 7)], 0, "matched", False),
        ([1], [(1, 7)], 0, "open", False),
        ([1], [], 0, "matched", False),
        ([1], [(2, 7)], 0, "matched", False),
        ([1], [(1, 7), (1, 7)], 0, "matched", False),
        ([0], [(1, 7)], 0, "open", False),
    ],
)
async def test_the_database_guards_a_pages_matches(  # noqa: PLR0913, PLR0917  # a table's columns
    db: Database,
    lines: list[int],
    matches: list[tuple[int, int]],
    opening: int,
    status: str,
    sound: bool,  # noqa: FBT001  # a table's column
) -> None:
    connection = await asyncpg.connect(db.admin_url)
    try:
        found = await connection.fetchval(
            "SELECT mfm.bank_page_sound($1, $2, $3, $4)",
            status,
            json.encode([{"match": each} for each in lines]).decode(),
            json.encode([{"number": n, "record": r} for n, r in matches]).decode(),
            opening,
        )
    finally:
        await connection.close()
    assert found is sound
