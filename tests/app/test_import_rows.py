"""Tables into the books: every problem first, then all rows once; what was cut short goes on."""

from pathlib import Path
from uuid import uuid4

import openpyxl
import pytest
from msgspec import structs

from mfm.app import import_rows
from mfm.app.export_lists import export_list
from mfm.app.import_rows import EXPORTED, ImportedTable, Manner, import_table
from mfm.app.verify import verify_database
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.errors import Invalid
from mfm.core.parties import Party, RegisterParty
from mfm.core.permissions import Actor
from mfm.core.record import Noun
from mfm.formats import listing
from mfm.formats.listing import Form
from mfm.formats.table_rows import columns_of
from mfm.store import database
from mfm.store.writer import Writer
from tests.calling import accepted
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio


HEADER = """id from_party to_fund from_fund to_party allocation amount currency tranches
effective_on"""


async def table(
    books: Books, what: str, path: Path, actor: Actor | None = None, *, dry_run: bool = False
) -> ImportedTable:
    manner = Manner(dry_run, lambda *_: None)
    return await import_table(books.writer, actor or operator(), what, path, manner)


def told(made: ImportedTable) -> list[tuple[int, str, str]]:
    return [(each.row, each.column, each.code) for each in made.problems]


async def found(books: Books, noun: type[Noun], name: str) -> Noun | None:
    return await books.writer.rehearse(lambda unit: unit.find(noun, name))


async def verified(books: Books) -> None:
    result = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert result.ok, result.difference


async def test_parties_commitments_and_deposits_come_in_as_tables(
    books: Books, tmp_path: Path
) -> None:
    await books.chain()
    parties = tmp_path / "parties.csv"
    parties.write_text("id;name;identifier;country\nosc;Women's council;XI-1;KE\nngo;=Group;;\n")
    made = await table(books, "parties", parties)
    assert (made.rows, made.records, made.problems, made.written) == (2, 2, [], True)
    party = await found(books, Party, "ngo")
    assert isinstance(party, Party)
    assert party.name == "=Group"

    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (
        HEADER.split(),
        ["c5", "osc", "n", None, None, None, 5000.5, "USD", None, "2026-03-04"],
        ["w5", None, None, "g", "ngo", "a5", 300, "USD", "100 on 2026-05-01; 200", "2026-03-05"],
    ):
        book.active.append(row)
    commitments = tmp_path / "commitments.xlsx"
    book.save(commitments)
    missing = await table(books, "commitments", commitments)
    assert told(missing) == [(3, "allocation", "not-found")]
    assert await found(books, Commitment, "c5") is None
    on = {"effective_on": "2026-03-02"}
    await books.do("allocation.approve", id="a5", fund="g", amount=usd("300.00"), **on)
    made = await table(books, "commitments", commitments)
    assert (made.records, made.written) == (2, True)
    grant = await found(books, Commitment, "w5")
    assert isinstance(grant, Commitment)
    assert [tranche.amount_minor for tranche in grant.tranches] == [10_000, 20_000]

    for what, path in (("parties", parties), ("commitments", commitments)):
        again = await table(books, what, path)
        assert (again.records, again.problems, again.written) == (0, [], True)
    await verified(books)


async def test_a_deposit_in_another_currency_comes_in(books: Books, tmp_path: Path) -> None:
    await books.chain()
    sign = {"id": "c5", "from_party": "donor", "to_fund": "n", "amount": usd("5000.50")}
    await books.do("commitment.sign", effective_on="2026-03-02", **sign)
    deposits = tmp_path / "deposits.csv"
    deposits.write_text(
        "id,commitment,amount,currency,rate,settles,settles_currency,effective_on,description\n"
        "d5,c5,4000.00,EUR,1.25,5000.50,USD,2026-03-06,from the council\n"
    )
    dry = await table(books, "deposits", deposits, dry_run=True)
    assert (dry.rows, dry.records, dry.problems, dry.written) == (1, 0, [], False)
    assert (await table(books, "deposits", deposits)).records == 1
    deposit = await found(books, Deposit, "d5")
    assert isinstance(deposit, Deposit)
    assert (deposit.amount_minor, deposit.settled_minor) == (500_000, 500_050)
    assert (await table(books, "deposits", deposits)).records == 0
    await verified(books)


async def test_every_problem_is_told_and_nothing_is_written(books: Books, tmp_path: Path) -> None:
    """Form and rules alike, and what only all rows together break."""
    await books.chain()
    path = tmp_path / "t.csv"
    path.write_text(
        "id,commitment,amount,currency,effective_on\n"
        "d7,c,1.234,USD,2026-03-09\n"  # 2: more decimals than dollars have
        'd8,c,"1.234,5",USD,2026-03-09\n'  # 3
        "d9,none,1,USD,46112\n"  # 4: a serial day
        "d9,none,1,USD,2026-03-09\n"  # 5: an unknown commitment
        "d9,c,1,USD,2026-03-09\n"  # 6: the id again
        "d,c,1,USD,2026-03-09\n"  # 7: an id of the books
        "dx,c,1,EUR,2026-03-09\n"  # 8: no rate
        "dy,t,1,USD,2026-03-09\n"  # 9: no contribution
        "dz,c,1000000.00,USD,2026-03-09\n"  # 10: more than is owed
    )
    for dry_run in (True, False):
        made = await table(books, "deposits", path, dry_run=dry_run)
        assert told(made) == [
            (2, "amount", "amount-precision"),
            (3, "amount", "decimal-separator"),
            (4, "effective_on", "date-serial"),
            (5, "commitment", "not-found"),
            (6, "id", "id-repeated"),
            (7, "id", "id-taken"),
            (8, "rate", "rate-missing"),
            (9, "commitment", "commitment-kind"),
            (10, "", "balance-floor"),
        ]
        assert (made.rows, made.records, made.written) == (9, 0, False)
    assert await found(books, Deposit, "d9") is None
    path.write_text("id,from_party,to_fund,amount,currency\nx,donor,g,10,USD\ny,donor,g,5,USD\n")
    together = tmp_path / "together.csv"
    together.write_text(
        "id,commitment,amount,currency\n" + "".join(f"e{n},x,4.00,USD\n" for n in range(3))
    )
    assert (await table(books, "commitments", path)).written
    assert told(await table(books, "deposits", together)) == [(4, "", "balance-floor")]
    await verified(books)


async def test_an_import_that_was_cut_short_goes_on(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_rows, "CHUNK_ROWS", 10)
    path = tmp_path / "t.csv"
    path.write_text("name\n" + "".join(f"Group {n % 20}\n" for n in range(40)))  # twins are two
    written = 0

    def cut(what: str, done: int) -> None:
        nonlocal written
        if what == "write":
            written = done
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_table(
            books.writer, operator(), "parties", path, Manner(dry_run=False, progress=cut)
        )
    assert written == 10
    made = await table(books, "parties", path)
    assert (made.rows, made.records, made.written) == (40, 30, True)
    assert (await table(books, "parties", path)).records == 0
    await verified(books)


async def test_a_row_is_done_as_whoever_imports_may(books: Books, tmp_path: Path) -> None:
    await books.chain()
    path = tmp_path / "t.csv"
    path.write_text("commitment,amount,currency\nc2,1,USD\n")
    on = {"effective_on": "2026-03-02"}
    await books.do(
        "commitment.sign", id="c2", from_party="donor", to_fund="n", amount=usd("9.00"), **on
    )
    with pytest.raises(Invalid, match="role-not-allowed"):
        await table(books, "deposits", path, Actor("agent", "auditor", "k"))
    other = Actor("agent", "preparer", "k", "g")
    assert told(await table(books, "deposits", path, other)) == [(2, "", "fund-not-allowed")]
    assert (await table(books, "deposits", path, Actor("agent", "preparer", "k", "n"))).written


async def other_books(books: Books) -> tuple[Books, Writer]:
    """Return the empty books of another mechanism of the same database."""
    mechanism = await database.create_mechanism(books.url, f"t-{uuid4().hex[:12]}")
    writer = Writer(books.url, mechanism)
    await writer.start()
    return Books(books.url, mechanism, writer), writer


NAMES = [
    "=1+1",
    "'quoted",
    'Ligue, des "femmes"; 2',
    "\u0627\u0644\u0646\u0633\u0627\u0621",
    "O'Neill-",
    "-@+",
    "0042",
]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_list_of_parties_comes_back_as_it_went_out(
    books: Books, tmp_path: Path, form: Form
) -> None:
    for at, name in enumerate(NAMES):
        told = {"identifier": f"XM-DAC-{at}", "kind": "22", "country": "CD", "at_risk": at == 2}
        await accepted(books, "party.register", id=f"p{at}", name=name, **told)
    path = tmp_path / f"parties.{form}"
    engine = database.reader_engine(books.url, books.mechanism.id)
    with path.open("wb") as sink:
        await export_list(engine, operator(), "parties", form, sink)
    await engine.dispose()
    assert {*EXPORTED["parties"], *columns_of(RegisterParty).names} == {
        column.name for column in listing.columns_of(Party)
    }
    others, writer = await other_books(books)
    made = await table(others, "parties", path)
    assert (made.rows, made.records, made.problems) == (len(NAMES), len(NAMES), [])
    for at in range(len(NAMES)):
        here, there = [await found(each, Party, f"p{at}") for each in (books, others)]
        assert isinstance(here, Party)
        assert isinstance(there, Party)
        assert structs.replace(there, seq=here.seq, mask=here.mask) == here
    await verified(others)
    await writer.close()
    again = await table(books, "parties", path)  # what is so already is left alone
    assert (again.records, again.problems, again.written) == (0, [], True)


async def test_what_no_import_brings_about_is_told(books: Books, tmp_path: Path) -> None:
    await accepted(books, "party.register", id="a", name="A")
    path = tmp_path / "t.csv"
    path.write_text(
        "id,seq,status,name,country,merged_into\n"
        "a,1,registered,A,,\n"
        "b,2,registered,B,,a\n"
        "c,3,reversed,C,,\n"
        "a2,4,,D,KE,\n"
        "a,1,registered,B,,\n"
    )
    assert told(await table(books, "parties", path)) == [
        (3, "merged_into", "cell-exported"),
        (4, "status", "cell-exported"),
        (6, "id", "id-repeated"),
    ]
    path.write_text("id,name\na,Another\n")
    assert told(await table(books, "parties", path)) == [(2, "id", "id-taken")]
    path.write_text("id,from_party,to_fund,amount,currency,seq\nx,a,g,10,USD,1\n")
    assert (1, "seq", "column-unknown") in told(await table(books, "commitments", path))
