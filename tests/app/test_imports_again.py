"""Imports repeated, changed and interrupted: the books follow the file, and nothing comes twice."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mfm.app import imports as app
from mfm.app.imports import import_iati
from mfm.cli import main
from mfm.core.errors import Invalid
from mfm.core.record import parse, posting_of
from mfm.core.reported import party_id
from mfm.store import database
from mfm.store.writer import Writer
from tests.app.importing import Imports, activity, fresh, published, said
from tests.conftest import Database
from tests.formats.iati_sums import sums_of
from tests.support import Books, operator

pytestmark = pytest.mark.anyio

A = [
    said("1", "900.00", ref="T1"),
    said("3", "100.00"),
    said("3", "100.00"),
    said("4", "5.00", ref="T2"),
]
# What a publisher may do to A, and how many transactions are then reversed and recorded.
CHANGES = {
    "a value with a reference": ([said("1", "800.00", ref="T1"), *A[1:]], 1, 1),
    "a value without one": ([A[0], said("3", "101.00"), *A[2:]], 1, 1),
    "a twin more": ([*A, A[1]], 0, 1),
    "a twin less": ([A[0], A[1], A[3]], 1, 0),
    "both twins gone": ([A[0], A[3]], 2, 0),
    "one with a reference gone": (A[1:], 1, 0),
    "one more": ([*A, said("7", "3.00")], 0, 1),
    "another order": ([A[3], A[2], A[0], A[1]], 0, 0),
    "only a description": ([said("1", "900.00", ref="T1", text="now told"), *A[1:]], 1, 1),
    "a type": ([*A[:3], said("3", "5.00", ref="T2")], 1, 1),
    "a value to zero": ([*A[:3], said("4", "0.00", ref="T2")], 1, 1),
    "all gone": ([], 4, 0),
}


@pytest.fixture
def imports(books: Books, tmp_path: Path) -> Imports:
    return Imports(books, tmp_path)


async def count(imports: Imports, verb: str) -> int:
    ((found,),) = await imports.rows(
        "SELECT count(*) FROM record WHERE mechanism_id = $1 AND verb = $2", verb
    )
    return int(found)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_file_appends_the_difference_and_there_and_back_again(
    imports: Imports, change: str
) -> None:
    changed, gone, new = CHANGES[change]
    first, second = published(activity(*A)), published(activity(*changed))
    await imports.bring(first)
    start = await imports.state()
    made = await imports.bring(second)
    assert await imports.totals() == sums_of(second)
    assert await count(imports, "import.withdraw") == gone
    assert made.records == gone + new + 1
    assert (await imports.bring(second)).records == 0
    for _ in range(2):  # as often as the publisher wavers
        back = await imports.bring(first)
        assert await imports.totals() == sums_of(first)
        assert (await imports.bring(first)).records == 0
        assert back.transactions == len(A)
        forth = await imports.bring(second)
        assert await imports.totals() == sums_of(second)
        assert forth.records == (gone + new + 1 if gone + new else 0)
    await imports.bring(first)
    standing = [row for row in (await imports.state())["transactions"] if row[1] == "reported"]
    assert standing == start["transactions"]


async def test_a_correction_is_an_exact_mirror_linked_both_ways(imports: Imports) -> None:
    await imports.bring(published(activity(said("3", "-70.00", ref="T", on="2019-03-01"))))
    await imports.bring(published(activity(said("4", "12.00", ref="T", on="2019-04-01"))))
    rows = await imports.rows(
        "SELECT seq, content FROM record WHERE mechanism_id = $1"
        " AND verb IN ('import.transaction', 'import.withdraw') ORDER BY seq"
    )
    (old_seq, old), (back_seq, back), (new_seq, new) = [(seq, parse(told)[1]) for seq, told in rows]
    assert (back.reverses, back.effective_on) == (old_seq, old.effective_on)
    assert back.facts["replaced_by"] == str(new_seq)
    assert new.facts["replaces"] == str(old_seq)
    was, mirrored = posting_of(old.postings[0]), posting_of(back.postings[0])
    assert (mirrored.debit, mirrored.credit) == (was.credit, was.debit)
    assert (mirrored.amount_minor, mirrored.iati_type) == (was.amount_minor, was.iati_type)
    assert mirrored.iati_sign == -was.iati_sign
    told = [body.sets["reported_transaction"][0] for body in (old, back, new)]
    assert [each["status"] for each in told] == ["reported", "withdrawn", "reported"]
    assert [int(each["prev"]) for each in told] == [0, old_seq, back_seq]


async def test_a_changed_header_is_one_record(imports: Imports) -> None:
    title = "<title><narrative>{}</narrative></title>"
    await imports.bring(published(activity(*A, head=title.format("One"))))
    made = await imports.bring(published(activity(*A, head=title.format("Two"))))
    assert made.records == 2  # the activity, and that the import is finished
    assert await imports.rows("SELECT name FROM fund WHERE mechanism_id = $1") == [("Two",)]


async def test_what_the_file_does_not_speak_of_stays(imports: Imports) -> None:
    await imports.bring(published(activity(*A), activity(*A, identifier="X-2")))
    await imports.bring(published(activity(*A)))
    assert {key[0] for key in await imports.totals()} == {"X-1", "X-2"}


async def test_equal_references_are_told_apart_by_their_rank(imports: Imports) -> None:
    xml = published(
        activity(
            said(value="1.00", ref="R"), said(value="2.00", ref="R"), said(value="3.00", ref="R")
        )
    )
    await imports.bring(xml)
    assert await imports.totals() == sums_of(xml)
    await imports.bring(
        published(activity(said(value="3.00", ref="R"), said(value="1.00", ref="R")))
    )
    assert (
        await count(imports, "import.withdraw") == 1
    )  # the one with 2.00, wherever the others stand
    await imports.bring(
        published(activity(said(value="3.00", ref="R"), said(value="9.00", ref="R")))
    )
    assert (await imports.totals())["X-1", "3", "EUR"] == (12, 2)


async def test_what_was_taken_back_by_hand_comes_back_with_the_file(imports: Imports) -> None:
    xml = published(activity(*A))
    await imports.bring(xml)
    ((seq,),) = await imports.rows(
        "SELECT min(seq) FROM record WHERE mechanism_id = $1 AND verb = 'import.transaction'"
    )
    assert (await imports.books.do("record.reverse", record=seq)).accepted
    assert await imports.totals() != sums_of(xml)
    assert (await imports.bring(xml)).records == 2
    assert await imports.totals() == sums_of(xml)
    assert (await imports.bring(xml)).records == 0


async def test_something_else_under_a_books_id_is_not_overwritten(imports: Imports) -> None:
    xml = published(activity(said(), head='<reporting-org ref="GB-COH-1"/>'))
    await imports.books.do("party.register", id=party_id("GB-COH-1"), name="Somebody else")
    with pytest.raises(Invalid, match="id-taken"):
        await imports.bring(xml)


# Interruptions -----------------------------------------------------------------------------------


class Killed(Exception):
    """As if the process had ended."""


def large(seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 - a file, the same each time
    activities = [
        activity(
            *(
                said(
                    chance.choice("1234"),
                    f"{chance.randint(-5, 40)}.00",
                    ref=chance.choice(["", "", "R", f"T{n}"]),
                )
                for n in range(chance.randint(0, 9))
            ),
            identifier=f"X-{number}",
            head=f"<title><narrative>{chance.choice('AB')}</narrative></title>"
            f'<reporting-org ref="GB-COH-{number % 3}"/>',
        )
        for number in range(8)
    ]
    return published(*activities)


async def bring_until(imports: Imports, xml: bytes, commits: int) -> bool:
    """Import until so many commits are done; tell whether that was the whole."""
    done = 0

    def progress(what: str, _: int) -> None:
        nonlocal done
        done += what == "write"
        if done > commits:
            raise Killed

    try:
        await imports.bring(xml, progress=progress)
    except Killed:
        return False
    return True


@pytest.mark.parametrize("before", [b"", large(2)])
async def test_interrupted_at_any_commit_it_goes_on_from_there(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(app, "CHUNK_STEPS", 7)
    xml = large(1)
    async with fresh(db.app_url, tmp_path) as whole:
        if before:
            await whole.bring(before)
        await whole.bring(xml)
        wanted = await whole.state()
    assert sum(1 for row in wanted["transactions"] if row[1] == "reported") > 20
    commits, finished = 0, False
    while not finished:
        async with fresh(db.app_url, tmp_path) as imports:
            if before:
                await imports.bring(before)
            finished = await bring_until(imports, xml, commits)
            await imports.bring(xml)
            assert await imports.state() == wanted
            assert (await imports.bring(xml)).records == 0
        commits += 1
    assert commits > 5


async def test_cut_short_before_its_last_record_an_earlier_import_does_not_stand_for_it(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = published(activity(*A)), published(activity(*A[1:]))
    await imports.bring(first)
    await imports.bring(second)
    with monkeypatch.context() as patched:
        patched.setattr(app, "_finish", lambda *_, **__: Killed())  # no coroutine: it fails there
        with pytest.raises(TypeError):
            await imports.bring(first)
    assert (await imports.bring(first)).records == 1
    assert await count(imports, "import.finish") == 3
    assert (await imports.bring(first)).records == 0


async def test_two_imports_of_one_file_at_once_append_it_once(
    db: Database, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHUNK_STEPS", 5)
    xml = large(3)
    path = imports.folder / "file.xml"
    path.write_bytes(xml)
    other = Writer(db.app_url, imports.books.mechanism)
    await other.start()
    try:
        made = await asyncio.gather(
            *(import_iati(writer, operator(), path) for writer in (imports.books.writer, other))
        )
    finally:
        await other.close()
    assert await imports.totals() == sums_of(xml)
    ((records,),) = await imports.rows("SELECT seq FROM head WHERE mechanism_id = $1")
    assert made[0].records + made[1].records == records
    assert await count(imports, "import.withdraw") == 0


async def test_verbs_are_done_while_an_import_goes_on(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHUNK_STEPS", 5)
    going = asyncio.ensure_future(imports.bring(large(4)))
    for number in range(10):
        made = await imports.books.do("party.register", id=f"p{number}", name="P")
        assert made.accepted
    await going
    assert await imports.totals() == sums_of(large(4))


# The command line --------------------------------------------------------------------------------


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mfm(db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MFM_DATABASE_URL", db.app_url)
    monkeypatch.setenv("MFM_MIGRATION_URL", db.migration_url)
    name = f"c-{random.SystemRandom().getrandbits(48):x}"
    asyncio.run(database.create_mechanism(db.app_url, name))

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main.run(["import", "iati", "--mechanism", name, *map(str, words)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_the_command_prints_one_object_for_one_file_and_a_list_for_more(
    mfm: Run, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.xml", tmp_path / "b.xml"
    first.write_bytes(published(activity(*A, said("", "1"))))
    second.write_bytes(published(activity(*A, identifier="X-2")))
    code, out, err = mfm(first, "--json")
    one = msgspec.json.decode(out)
    assert (code, err) == (0, "")
    assert set(one) == {"activities", "transactions", "records", "findings", "refused"}
    assert one["refused"] == [{"activity": "X-1", "ordinal": 5, "line": 2, "code": "type-missing"}]
    code, out, _ = mfm(first, second, "--json")
    assert [each["records"] for each in msgspec.json.decode(out)] == [0, 6]
    code, out, _ = mfm(first)
    assert code == 0
    assert "4 transactions of 1 activities stand in the books; 0 records appended." in out
    assert "left out 1 x type-missing" in out


@pytest.mark.parametrize(
    "xml", [b"", b"no xml", b"<iati-organisations version='2.03'/>", b"\x1f\x8b"]
)
def test_the_command_says_clearly_what_is_no_iati_file(
    mfm: Run, tmp_path: Path, xml: bytes
) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(xml)
    code, out, err = mfm(path, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("mfm: ")
    assert str(path) in err
    assert err.count("\n") == 2  # what is wrong, and what to do


def test_the_command_needs_a_file_that_is_there(mfm: Run, tmp_path: Path) -> None:
    code, _, err = mfm(tmp_path / "none.xml")
    assert code == 2
    assert "file-unreadable" in err
