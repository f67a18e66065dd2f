"""A change of the log's key: the old key signs it, the new one goes on, none signs beyond."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from msgspec import convert, structs

from mfm.app import rotation, trail
from mfm.app.context import Context
from mfm.app.perform import Ask, submit
from mfm.app.rotation import ROTATE
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.merkle import root_of
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.trail import RotateKey
from mfm.store import signer as keys
from mfm.store import trail as rows
from mfm.store.database import connect
from mfm.store.journal import Made
from mfm.store.signer import Signer
from mfm.verifier import checkpoint_of, key_of
from tests.conftest import Database
from tests.support import Books, operator
from tests.trails import codes, exported, manifest_again, policy_of

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def more(books: Books, count: int) -> None:
    for number in range(count):
        await books.do("party.register", name=f"Party {number}")


async def rotated(books: Books, folder: Path, key: str = "r") -> Made:
    return await rotation.change(books.writer, operator(), folder, key)


def silent(_table: str, _done: int, _total: int) -> None:
    """Watch nothing."""


async def test_the_new_key_signs_from_the_record_that_says_so(books: Books, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    await more(books, 5)
    first = trail.verifier_key(books.mechanism, folder)
    made = await rotated(books, folder)
    await more(books, 4)
    second = keys.verifier_key(folder, books.mechanism.origin, upcoming=True)
    assert trail.verifier_key(books.mechanism, folder) == first
    export = await exported(books, folder, tmp_path / "export")
    assert trail.verifier_key(books.mechanism, folder) == second
    at = checkpoint_of((export / "checkpoints" / str(made.seq)).read_bytes())
    head = checkpoint_of((export / "checkpoint").read_bytes())
    assert at.signed_by(key_of(first), 0)
    assert not at.signed_by(key_of(second), 0)
    assert head.signed_by(key_of(second), 0)
    # Whoever knew the first key follows; the second alone has not signed it all.
    assert codes(export, policy_of(first)) == (0, [])
    assert codes(export, policy_of(first, second)) == (0, [])
    assert codes(export, policy_of(second))[0] == 1
    await rotated(books, folder, "again")
    await more(books, 1)
    again = await exported(books, folder, tmp_path / "again")
    assert codes(again, policy_of(first)) == (0, [])
    connection = await connect(books.url, "mfm_writer")
    third = trail.verifier_key(books.mechanism, folder)
    told = await trail.keys_of(connection, books.mechanism, folder)
    assert told == [first, second, third]
    await connection.close()
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is None


async def test_a_change_is_asked_with_keys_of_this_log_and_one_at_a_time(
    books: Books, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    origin = books.mechanism.origin
    old = keys.verifier_key(folder, origin)
    new = keys.verifier_key(folder, origin, upcoming=True)
    other = keys.verifier_key(tmp_path / "other", "mfm/other")
    bad = [{"old": old, "new": old}, {"old": old, "new": other}, {"old": "x", "new": new}]
    for number, fields in enumerate(bad):
        with pytest.raises(Invalid, match="rotation-key"):
            await submit(
                books.writer, Ask(operator(), ROTATE, convert(fields, RotateKey), f"k{number}")
            )
    for role in ("approver", "auditor"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await rotation.change(books.writer, Actor("p", role, "k"), folder, "r")
    made = await rotated(books, folder)
    assert made.accepted
    assert (await rotated(books, folder)).replayed
    early = await rotated(books, folder, "early")  # the first change is not sealed yet
    assert not early.accepted
    final = await books.do("record.reverse", record=made.seq)
    assert not final.accepted
    export = await exported(books, folder, tmp_path / "export")
    assert codes(export, policy_of(old)) == (0, [])  # a refused change changes nothing


async def test_a_key_that_is_not_there_stops_the_trail(books: Books, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    await more(books, 2)
    made = await rotated(books, folder)
    (folder / f"{books.mechanism.origin.replace('/', '-')}.next.key").unlink()
    await more(books, 1)
    with pytest.raises(Invalid, match="signer-key"):
        await trail.seal(books.url, books.mechanism, folder)
    connection = await connect(books.url, "mfm_writer")
    sealed = await rows.reached(connection, books.mechanism.id)
    assert sealed.size == made.seq  # what the old key may sign is signed
    await connection.close()


async def test_the_database_takes_no_checkpoint_across_a_change(
    books: Books, db: Database, tmp_path: Path
) -> None:
    await more(books, 2)
    made = await rotated(books, tmp_path / "keys")
    await more(books, 2)
    connection = await connect(books.url, "mfm_writer")
    call = "SELECT seal($1, $2, $3, $4, 'note', $5, '{}', '{}', '{}', '{}')"
    number, root = books.mechanism.id, bytes(32)
    with pytest.raises(asyncpg.PostgresError, match="seal-rotation"):
        await connection.execute(call, number, 0, made.seq + 1, root, NOW)
    await connection.execute(call, number, 0, made.seq, root, NOW)
    await connection.execute(call, number, made.seq, made.seq + 2, root, NOW)
    await connection.close()


# Tampering ----------------------------------------------------------------------------------------


def line_of(signer: Signer, text: str) -> str:
    return signer._key.line(text.encode())


def stolen_from(folder: Path, to: Path, origin: str) -> Path:
    """Copy a log's private key, as a thief would."""
    to.mkdir(mode=0o700)
    name = f"{origin.replace('/', '-')}.key"
    (to / name).write_bytes((folder / name).read_bytes())
    (to / name).chmod(0o600)
    return to


async def test_case_35_a_key_used_beyond_its_change_is_caught(books: Books, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    await more(books, 3)
    first = trail.verifier_key(books.mechanism, folder)
    stolen = stolen_from(folder, tmp_path / "stolen", books.mechanism.origin)
    await rotated(books, folder)
    await more(books, 3)
    export = await exported(books, folder, tmp_path / "export")
    assert codes(export, policy_of(first)) == (0, [])
    text = checkpoint_of((export / "checkpoint").read_bytes()).text
    with Signer(stolen, books.mechanism.origin) as thief:
        (export / "checkpoint").write_text(f"{text}\n{line_of(thief, text)}")
    manifest_again(export)
    code, problems = codes(export, policy_of(first))
    assert (code, problems) == (1, ["signature"])


async def test_case_36_a_change_that_no_key_in_force_signed_is_caught(
    books: Books, tmp_path: Path
) -> None:
    """The forger writes a change from a key of their own to another, and signs it with both."""
    folder = tmp_path / "keys"
    await more(books, 3)
    own = trail.verifier_key(books.mechanism, folder)
    sealed = await trail.seal(books.url, books.mechanism, folder)
    assert sealed is not None
    forger = tmp_path / "forger"
    made = await rotated(books, forger)
    await more(books, 2)
    with Signer(forger, books.mechanism.origin) as signer:
        connection = await connect(books.url, "mfm_writer")
        leaves = await rows.hashes(connection, books.mechanism.id, 0, (0, 3))
        signer.sign(0, leaves, sealed.root)
        await rows.seal(connection, books.mechanism, signer, NOW)
        await rows.seal(connection, books.mechanism, signer, NOW)
        await connection.close()
    path = tmp_path / "export"
    await trail.export(books.url, books.mechanism, path, lambda _: None)
    code, problems = codes(path, policy_of(own))
    assert (code, problems) == (1, ["key-rotation"])
    # Nor if the record's checkpoint is missing, or signed by the new key alone.
    (path / "checkpoints" / str(made.seq)).unlink()
    manifest_again(path)
    assert codes(path, policy_of(own)) == (1, ["file-missing"])


async def forged(books: Books, old: str, new: str) -> None:
    """Write a change of key past the rule that holds it."""

    async def run(context: Context, command: RotateKey) -> Draft:
        return Draft(effective_on=NOW.date(), facts={"old": command.old, "new": command.new})

    verb = structs.replace(ROTATE, run=run)
    await submit(books.writer, Ask(operator(), verb, RotateKey(old=old, new=new), "forged"))


async def test_case_36_a_key_that_was_changed_may_not_change_again(
    books: Books, tmp_path: Path
) -> None:
    """A stolen old key writes a second change, to the thief's; it had its last word."""
    folder, origin, number = tmp_path / "keys", books.mechanism.origin, books.mechanism.id
    await more(books, 2)
    first = trail.verifier_key(books.mechanism, folder)
    stolen = stolen_from(folder, tmp_path / "stolen", origin)
    await rotated(books, folder)
    sealed = await trail.seal(books.url, books.mechanism, folder)
    assert sealed is not None
    thief = keys.verifier_key(stolen, origin, upcoming=True)
    await forged(books, first, thief)
    await more(books, 1)
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert found.difference is not None
    assert found.difference.check == "key-rotation"
    connection = await connect(books.url, "mfm_writer")
    leaves = await rows.hashes(connection, number, 0, (0, sealed.size + 2))
    with Signer(stolen, origin) as signer:
        note = signer.sign(0, leaves[:-1], root_of(leaves[:-1]))
        signer.rotate(thief)
        note += line_of(signer, checkpoint_of(note.encode()).text)
        last = signer.sign(len(leaves) - 1, leaves[-1:], root_of(leaves))
    call = "SELECT seal($1, $2, $3, $4, $5, $6, '{}', '{}', '{}', '{}')"
    size = sealed.size
    for told in (checkpoint_of(each.encode()) for each in (note, last)):
        text = note if told.size < len(leaves) else last
        await connection.execute(call, number, size, told.size, told.root, text, NOW)
        size = told.size
    await connection.close()
    path = tmp_path / "export"
    await trail.export(books.url, books.mechanism, path, lambda _: None)
    assert codes(path, policy_of(first)) == (1, ["key-rotation"])
