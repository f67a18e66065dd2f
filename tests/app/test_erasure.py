"""Free text is erased by a record; verification tells erased, withheld and missing apart."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.store.database import connect
from mfm.store.keyfile import key_in
from mfm.verifier import LOG, verify
from tests.conftest import Database
from tests.support import Books, operator, usd
from tests.trails import codes, exported, manifest_again, policy_of

pytestmark = pytest.mark.anyio
BASIS = "GDPR Art. 17(1)(b)"


def silent(_table: str, _done: int, _total: int) -> None:
    """Watch nothing."""


async def told(books: Books, text: str = "Amina asked for it by telephone") -> int:
    """Take a record back, with a reason that names somebody; return the record that says why."""
    made = await books.do("party.register", name="Party")
    return (await books.do("record.reverse", record=made.seq, reason=text)).seq


async def erase(books: Books, record: int, *fields: str, **more: Any) -> Any:  # noqa: ANN401  # a verb's fields, and its Made
    named = list(fields) or ["reason"]
    return await books.do("payload.erase", record=record, fields=named, legal_basis=BASIS, **more)


async def payload(books: Books) -> set[tuple[int, str]]:
    connection = await connect(books.url, "mfm_writer")
    rows = await connection.fetch(
        "SELECT seq, field FROM payload WHERE mechanism_id = $1", books.mechanism.id
    )
    await connection.close()
    return {tuple(row) for row in rows}


async def test_the_text_goes_and_what_commits_to_it_stays(books: Books) -> None:
    await books.chain()
    gone, kept = await told(books), await told(books)
    made = await erase(books, gone)
    assert made.accepted
    _, body = parse(made.content)
    assert body.facts == {"record": str(gone), "fields": ["reason"]}
    assert body.command["legal_basis"] == BASIS
    assert {(gone, "reason"), (kept, "reason")} & await payload(books) == {(kept, "reason")}
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is None
    again = await erase(books, gone)
    assert not again.accepted
    assert parse(again.content)[1].refusal["code"] == "erasure-done"
    final = await books.do("record.reverse", record=made.seq)
    assert not final.accepted
    # A repeated request is answered as before, though its text is there no more.
    replayed = await erase(books, gone, key="same")
    assert (await erase(books, gone, key="same")).seq == replayed.seq


async def test_it_is_in_the_chains_of_the_funds_whose_text_it_was(books: Books) -> None:
    await books.chain()
    first = await books.do("allocation.approve", fund="n", amount=usd("1.00"))
    seq = (await books.do("record.reverse", record=first.seq, reason="x")).seq
    made = await erase(books, seq)
    assert [link.fund for link in parse(made.content)[0].chain] == ["n"]


async def test_only_what_is_there_is_erased_and_by_an_administrator(books: Books) -> None:
    seq = await told(books)
    for record, fields in ((seq, ["name"]), (seq, ["reason", "reason"]), (1, ["reason"])):
        with pytest.raises(Invalid, match="erasure-fields"):
            await erase(books, record, *fields)
    with pytest.raises(Invalid, match="erasure-fields"):
        await books.do("payload.erase", record=seq, fields=[], legal_basis=BASIS)
    with pytest.raises(Invalid, match="not-found"):
        await erase(books, 99)
    for role in ("approver", "auditor", "grantee"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await books.do(
                "payload.erase",
                Actor("p", role, "k"),
                record=seq,
                fields=["reason"],
                legal_basis=BASIS,
            )
    assert await payload(books) == {(seq, "reason")}


async def test_nobody_erases_by_hand(books: Books, db: Database) -> None:
    seq = await told(books)
    connection = await asyncpg.connect(db.admin_url)
    await connection.execute("SELECT set_config('mfm.appending', 'on', false)")
    for sql, state in (
        ("DELETE FROM mfm.payload", "MF403"),
        ("UPDATE mfm.payload SET value = ''", "MF403"),
        ("TRUNCATE mfm.payload CASCADE", "MF403"),
        ("TRUNCATE mfm.payload", "0A000"),  # marks name it: refused before a trigger is asked
    ):
        with pytest.raises(asyncpg.PostgresError) as raised:
            await connection.execute(sql)
        assert raised.value.sqlstate == state
    await connection.close()
    assert await payload(books) == {(seq, "reason")}


async def test_the_database_erases_what_the_record_says_or_takes_no_record(books: Books) -> None:
    """Two ask for the same at once: one has it, the other is told, and neither is lost."""
    seq = await told(books)
    made = await asyncio.gather(*(erase(books, seq, key=f"k{n}") for n in range(6)))
    assert sorted(each.accepted for each in made) == [False] * 5 + [True]
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is None


# Tampering ----------------------------------------------------------------------------------------


@pytest.fixture
async def export(books: Books, tmp_path: Path) -> Path:
    """An export with one text disclosed and one erased."""
    gone, kept = await told(books), await told(books)
    await erase(books, gone)
    found = await exported(books, tmp_path / "keys", tmp_path / "export")
    code, said = verify(found, believed(tmp_path))
    assert code == 0, said
    assert said["disclosures"]["disclosed"] == 1
    assert said["disclosures"]["erased"] == 1
    assert (gone, kept) == (2, 4)
    return found


def believed(tmp_path: Path) -> str:
    (path,) = (tmp_path / "keys").glob("*.key")
    return policy_of(key_in(path, LOG).vkey)


def lines(export: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (export / "disclosures.jsonl").read_text().splitlines()]


def put(export: Path, *rows: dict[str, Any]) -> None:
    told = [
        json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        for row in sorted(rows, key=lambda row: int(row["seq"]))
    ]
    text = "".join(f"{line}\n" for line in told)
    (export / "disclosures.jsonl").write_text(text)
    manifest_again(export)


@pytest.mark.parametrize("part", ["salt", "value", "field", "seq"])
async def test_case_28_an_opening_with_another_salt_or_value_is_caught(
    part: str, export: Path, tmp_path: Path
) -> None:
    (row,) = lines(export)
    other = {"salt": "A" * 43 + "=", "value": "Somebody else", "field": "name", "seq": "3"}
    put(export, row | {part: other[part]})
    code, problems = codes(export, believed(tmp_path))
    assert code == 1
    assert problems[0].startswith("disclosure")


async def test_case_29_text_that_went_without_a_record_is_caught(
    export: Path, tmp_path: Path, books: Books, db: Database
) -> None:
    put(export)
    assert codes(export, believed(tmp_path)) == (1, ["disclosure-missing"])
    # And where it went: by a superuser's hand, with the triggers off.
    connection = await asyncpg.connect(db.admin_url)
    async with connection.transaction():
        await connection.execute("ALTER TABLE mfm.payload DISABLE TRIGGER ALL")
        await connection.execute(
            "DELETE FROM mfm.payload WHERE mechanism_id = $1 AND seq = 4", books.mechanism.id
        )
        await connection.execute("ALTER TABLE mfm.payload ENABLE ALWAYS TRIGGER no_change")
        await connection.execute("ALTER TABLE mfm.payload ENABLE ALWAYS TRIGGER only_append")
        await connection.execute("ALTER TABLE mfm.payload ENABLE ALWAYS TRIGGER no_truncate")
    await connection.close()
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is not None
    assert (found.difference.check, found.difference.seq) == ("payload-missing", 4)
    second = await exported(books, tmp_path / "keys", tmp_path / "second")
    assert codes(second, believed(tmp_path)) == (1, ["disclosure-missing"])


async def test_case_30_text_that_was_erased_and_is_there_is_caught(
    books: Books, tmp_path: Path, db: Database
) -> None:
    gone = await told(books)
    before = lines(await exported(books, tmp_path / "keys", tmp_path / "before"))
    await erase(books, gone)
    export = await exported(books, tmp_path / "keys", tmp_path / "export")
    assert lines(export) == []
    assert codes(export, believed(tmp_path)) == (0, [])
    put(export, *before)
    assert codes(export, believed(tmp_path)) == (1, ["disclosure-erased"])
    # And where somebody put it back into the database.
    connection = await asyncpg.connect(db.admin_url)
    async with connection.transaction():
        await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
        await connection.execute(
            "INSERT INTO mfm.payload VALUES ($1, $2, 'reason', decode($3, 'base64'), $4)",
            *(books.mechanism.id, gone, before[0]["salt"], before[0]["value"]),
        )
    await connection.close()
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is not None
    assert (found.difference.check, found.difference.seq) == ("payload-erased", gone)


async def test_what_is_withheld_is_said_to_be(books: Books, tmp_path: Path) -> None:
    gone = await told(books)
    await told(books)
    await books.chain()
    await erase(books, gone)
    for fields, wanted in (
        ((), {"disclosed": 1, "withheld": 0, "erased": 1}),
        (("reason",), {"disclosed": 0, "withheld": 1, "erased": 1}),
        (("all",), {"disclosed": 0, "withheld": 1, "erased": 1}),
        (("description",), {"disclosed": 1, "withheld": 0, "erased": 1}),
    ):
        path = tmp_path / "-".join(("export", *fields))
        await exported(books, tmp_path / "keys", path, *fields)
        code, said = verify(path, believed(tmp_path))
        assert code == 0, said
        counts = said["disclosures"]
        assert {name: counts.get(name, 0) for name in wanted} == wanted
        assert ("Amina" in (path / "disclosures.jsonl").read_text()) == bool(wanted["disclosed"])
