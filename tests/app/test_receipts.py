"""Receipts: who may have one, what it proves, and every way of spoiling it that must be caught."""

import base64
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from mfm.app import receipt_files, trail
from mfm.app.receipts import Receipt, receipt
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.formats.receipts import HASHES_MAX
from mfm.store import database
from mfm.store.database import Engine
from mfm.verifier import checkpoint_of
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
Take = Callable[..., Awaitable[Receipt]]


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[Engine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


@pytest.fixture
def take(books: Books, engine: Engine) -> Take:
    """Return what gives a record's receipt, to the operator unless somebody else asks."""

    async def given(seq: int, actor: Actor | None = None) -> Receipt:
        return await receipt(engine, books.writer, actor or operator(), seq)

    return given


async def sealed(books: Books, folder: Path) -> str:
    """Seal what was written; return the policy of who believes this log's key alone."""
    await trail.seal(books.url, books.mechanism, folder / "keys")
    return f"log {trail.verifier_key(books.mechanism, folder / 'keys')}\nquorum none\n"


async def parties(books: Books, count: int) -> None:
    for number in range(count):
        assert (await books.do("party.register", name=f"Party {number}")).accepted


def kept(found: Receipt, folder: Path, name: str = "r") -> Path:
    receipt_files.write(found, folder / name, b"a page")
    return folder / name


def codes(verdict: tuple[int, dict[str, Any]]) -> tuple[int, list[str]]:
    """Return a verdict's exit code and codes, once it has the shape that all verdicts have."""
    code, told = verdict
    assert told.keys() >= {"ok", "size", "root", "problems", "decisions_not_rerun"}
    assert told["ok"] == (code == 0) == (not told["problems"])
    return code, [each["code"] for each in told["problems"]]


# What it proves -----------------------------------------------------------------------------------


async def test_every_record_is_proven_in_trees_of_every_shape(
    books: Books, take: Take, tmp_path: Path
) -> None:
    for count in (1, 1, 1, 4, 248, 1, 1, 44):
        await parties(books, count)
        policy = await sealed(books, tmp_path)
        head = (await take(1)).size
        for seq in {1, 2, head // 2, head - 1, head, 256, 257} & set(range(1, head + 1)):
            found = await take(seq)
            assert found.size == head
            code, told = receipt_files.verify(kept(found, tmp_path), policy)
            assert (code, told["size"], told["root"]) == (0, head, found.root), told
            assert told["seq"] == seq
            assert told["verb"] == "party.register"
    assert head == 301


async def test_a_receipt_holds_for_ever_and_a_later_one_is_of_a_tree_that_grew_from_it(
    books: Books, take: Take, tmp_path: Path
) -> None:
    await parties(books, 3)
    policy = await sealed(books, tmp_path)
    early = await take(2)
    await parties(books, 400)
    await sealed(books, tmp_path)
    late = await take(2)
    assert (early.size, late.size) == (3, 403)
    assert early.entry == late.entry
    assert early.root != late.root
    for found in (early, late):
        assert codes(receipt_files.verify(kept(found, tmp_path), policy)) == (0, [])


async def test_before_it_is_sealed_there_is_none(books: Books, take: Take, tmp_path: Path) -> None:
    await parties(books, 1)
    with pytest.raises(Invalid, match="not-sealed"):
        await take(1)
    await sealed(books, tmp_path)
    await take(1)
    await parties(books, 1)
    with pytest.raises(Invalid, match="not-sealed"):
        await take(2)
    with pytest.raises(Invalid, match="not-found"):
        await take(3)


async def test_a_refusal_can_be_proven_too(books: Books, take: Take, tmp_path: Path) -> None:
    await books.chain()
    made = await books.do("disbursement.release", disbursement="dw")
    assert not made.accepted
    policy = await sealed(books, tmp_path)
    code, told = receipt_files.verify(kept(await take(made.seq), tmp_path), policy)
    assert (code, told["outcome"]) == (0, "refused")


# Who may have it ----------------------------------------------------------------------------------


@contextmanager
def suppress_not_found() -> Iterator[None]:
    try:
        yield
    except Invalid as none:
        if none.code != "not-found":
            raise


async def test_a_party_has_receipts_of_what_is_its_own_and_of_nothing_else(
    books: Books, take: Take, tmp_path: Path
) -> None:
    await books.chain()
    refused = await books.do("disbursement.release", disbursement="dw")
    assert not refused.accepted
    await sealed(books, tmp_path)
    group, donor = Actor("group", "grantee", "k1"), Actor("donor", "donor", "k2")
    stranger = Actor("stranger", "grantee", "k3")
    had: dict[str, set[str]] = {"group": set(), "donor": set(), "stranger": set()}
    for seq in range(1, refused.seq + 1):
        for actor in (group, donor, stranger):
            with suppress_not_found():
                told = msgspec.json.decode((await take(seq, actor)).entry)
                had[actor.party].add(f"{told['body']['verb']} {told['outcome']}")
    assert had["stranger"] == set()
    assert had["donor"] == {
        "party.register accepted",
        "pledge.announce accepted",
        "commitment.sign accepted",
        "deposit.receive accepted",
        "deposit.charge-fee accepted",
        "pledge.lapse accepted",
    }
    assert had["group"] >= {
        "party.register accepted",
        "commitment.sign accepted",
        "disbursement.request accepted",
        "disbursement.approve accepted",
        "disbursement.release accepted",
        "disbursement.release refused",
        "report.accept accepted",
        "refund.claim accepted",
        "refund.receive accepted",
        "commitment.deobligate accepted",
    }
    assert not any(verb.startswith(("allocation", "pledge", "deposit")) for verb in had["group"])


async def test_a_fund_s_key_has_receipts_of_its_fund(
    books: Books, take: Take, tmp_path: Path
) -> None:
    await books.chain()
    await sealed(books, tmp_path)
    bound, free = Actor("agent", "preparer", "k1", "n"), Actor("agent", "preparer", "k2")
    for seq in range(1, 26):
        found = await take(seq, free)
        chain = {link["fund"] for link in msgspec.json.decode(found.entry)["chain"]}
        if "n" in chain:
            assert await take(seq, bound) == found
        else:
            with pytest.raises(Invalid, match="not-found"):
                await take(seq, bound)


async def test_free_text_is_opened_to_who_wrote_it_and_to_the_auditor(
    books: Books, take: Take, tmp_path: Path
) -> None:
    await books.chain()
    text = "Met \r\n <b>them</b> in \u202eGoma & \u0627\u0644\u062e\u0631\u0637\u0648\u0645"
    donor = Actor("donor", "donor", "k1")
    fields = {"fund": "g", "donor": "donor", "effective_on": "2026-03-02", "description": text}
    made = await books.do("pledge.announce", amount=usd("1.00"), **fields)
    policy = await sealed(books, tmp_path)
    for actor, opened in (
        (operator(), True),
        (Actor("x", "auditor", "k2"), True),
        (Actor("operator", "approver", "k3"), True),  # the party that wrote it
        (Actor("agent", "approver", "k4"), False),
        (donor, False),
    ):
        found = await take(made.seq, actor)
        assert found.not_shown == (() if opened else ("description",)), actor
        code, told = receipt_files.verify(kept(found, tmp_path), policy)
        assert code == 0
        assert told["disclosed"] == ({"description": text} if opened else {})
        assert told["not_shown"] == ([] if opened else ["description"])


# Spoilt -------------------------------------------------------------------------------------------


@pytest.fixture
async def files(books: Books, take: Take, tmp_path: Path) -> tuple[Path, str]:
    """A good receipt's files, of record 4 of 7, and the policy by which it is good."""
    await parties(books, 2)
    await books.chain()
    made = await books.do(
        "pledge.announce",
        fund="g",
        donor="donor",
        amount=usd("5.00"),
        effective_on="2026-03-02",
        description="as said on the telephone",
    )
    assert made.accepted
    await parties(books, 3)
    policy = await sealed(books, tmp_path)
    name = kept(await take(made.seq), tmp_path)
    assert codes(receipt_files.verify(name, policy)) == (0, [])
    return name, policy


def edit(name: Path, suffix: str, old: str, new: str) -> None:
    path = receipt_files.beside(name, suffix)
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))


async def test_case_14_receipt_leaf_edited(files: tuple[Path, str]) -> None:
    name, policy = files
    edit(name, ".entry", '"500"', '"900"')
    assert codes(receipt_files.verify(name, policy)) == (1, ["root"])


async def test_case_15_receipt_index_changed(files: tuple[Path, str]) -> None:
    name, policy = files
    proof = receipt_files.beside(name, ".tlog-proof")
    told = proof.read_text("utf-8")
    index = int(told.split("\n")[1].removeprefix("index "))
    for other in (index - 1, index + 1, index + 2**32, 10**30):
        proof.write_text(told.replace(f"index {index}\n", f"index {other}\n"), "utf-8")
        assert codes(receipt_files.verify(name, policy)) == (1, ["record-place"])


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("one hash more", "proof-form"),
        ("one hash less", "proof-form"),
        ("31 bytes", "proof-form"),
        ("33 bytes", "proof-form"),
        ("trailing bits", "base64"),
        ("no padding", "base64"),
        ("spaces", "base64"),
        ("far too many", "proof-form"),
        ("two swapped", "root"),
        ("leading zero", "proof-form"),
        ("plus sign", "proof-form"),
        ("carriage returns", "proof-form"),
        ("no blank line", "proof-form"),
        ("another heading", "proof-form"),
        ("no note", "note-form"),
    ],
)
async def test_case_42_proof_malformed(files: tuple[Path, str], how: str, code: str) -> None:
    name, policy = files
    proof = receipt_files.beside(name, ".tlog-proof")
    head, _, note = proof.read_text("utf-8").partition("\n\n")
    heading, index, *hashes = head.split("\n")
    short = base64.b64encode(bytes(31)).decode()
    spoilt = {
        "one hash more": [heading, index, *hashes, hashes[-1]],
        "one hash less": [heading, index, *hashes[:-1]],
        "31 bytes": [heading, index, short, *hashes[1:]],
        "33 bytes": [heading, index, base64.b64encode(bytes(33)).decode(), *hashes[1:]],
        "trailing bits": [heading, index, hashes[0][:-2] + after(hashes[0][-2]) + "=", *hashes[1:]],
        "no padding": [heading, index, hashes[0].rstrip("="), *hashes[1:]],
        "spaces": [heading, index, hashes[0] + " ", *hashes[1:]],
        "far too many": [heading, index, *hashes[:1] * (HASHES_MAX + 1)],
        "two swapped": [heading, index, hashes[1], hashes[0], *hashes[2:]],
        "leading zero": [heading, index.replace(" ", " 0"), *hashes],
        "plus sign": [heading, index.replace(" ", " +"), *hashes],
        "another heading": [heading.replace("v1", "v2"), index, *hashes],
    }.get(how, [heading, index, *hashes])
    text = "\n".join(spoilt) + "\n\n" + note
    if how == "carriage returns":
        text = text.replace("\n", "\r\n")
    elif how == "no blank line":
        text = text.replace("\n\n", "\n")
    elif how == "no note":
        text = text[: text.index("\n\n") + 2]
    proof.write_bytes(text.encode())
    assert codes(receipt_files.verify(name, policy)) == (1, [code])


def after(sign: str) -> str:
    """Return another base64 sign that stands for the same whole bytes at a text's end."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return signs[signs.index(sign) + 1]


async def test_case_42_tree_of_size_0_and_1_and_index_beyond_the_size(
    books: Books, take: Take, tmp_path: Path
) -> None:
    """Notes that the log's own key has signed: only what they say can be wrong."""
    await parties(books, 1)
    policy = await sealed(books, tmp_path)
    only = kept(await take(1), tmp_path, "only")
    assert codes(receipt_files.verify(only, policy)) == (0, [])
    proof = receipt_files.beside(only, ".tlog-proof")
    one = proof.read_text("utf-8")
    await parties(books, 1)
    await sealed(books, tmp_path)
    second = await take(2)
    entry = receipt_files.beside(only, ".entry")
    entry.write_bytes(second.entry)
    proof.write_text(one.replace("index 0\n", "index 1\n"), "utf-8")
    assert codes(receipt_files.verify(only, policy)) == (1, ["proof-form"])
    size = f"\n{checkpoint_of(one.partition(chr(10) * 2)[2].encode()).size}\n"
    proof.write_text(one.replace(size, "\n0\n"), "utf-8")
    assert codes(receipt_files.verify(only, policy)) == (1, ["signature"])


async def test_a_receipt_of_another_record_or_log_is_none(
    files: tuple[Path, str], take: Take, books: Books, tmp_path: Path
) -> None:
    name, policy = files
    other = kept(await take(1), tmp_path, "other")
    shutil.copy(receipt_files.beside(other, ".entry"), receipt_files.beside(name, ".entry"))
    assert codes(receipt_files.verify(name, policy)) == (1, ["record-place"])
    shutil.copy(
        receipt_files.beside(other, ".tlog-proof"), receipt_files.beside(name, ".tlog-proof")
    )
    assert codes(receipt_files.verify(name, policy)) == (1, ["disclosure"])
    stranger = await trail_key(tmp_path)
    assert codes(receipt_files.verify(other, f"log {stranger}\nquorum none\n")) == (
        1,
        ["signature"],
    )


async def trail_key(folder: Path) -> str:
    """Return the key of a log that is no one's."""
    return trail.verifier_key(database.Mechanism(1, "x", "mfm/x"), folder / "others")


async def test_what_cannot_be_read_is_told_apart_from_what_was_changed(
    files: tuple[Path, str],
) -> None:
    name, policy = files
    assert codes(receipt_files.verify(name, "nonsense")) == (2, ["unreadable"])
    assert codes(receipt_files.verify(name.with_name("none"), policy)) == (2, ["unreadable"])
    edit(name, ".disclosure.json", "telephone", "telegram")
    assert codes(receipt_files.verify(name, policy)) == (1, ["disclosure"])
    receipt_files.beside(name, ".disclosure.json").write_text("{", "utf-8")
    assert codes(receipt_files.verify(name, policy)) == (1, ["disclosure-form"])
    receipt_files.beside(name, ".disclosure.json").unlink()
    code, told = receipt_files.verify(name, policy)
    assert (code, told["not_shown"]) == (0, ["description"])
    receipt_files.beside(name, ".entry").unlink()
    code, told = receipt_files.verify(name, policy)
    assert code == 2
    assert told["problems"][0]["file"] == "r.entry"


async def test_below_the_policy_is_told_apart_too(files: tuple[Path, str], tmp_path: Path) -> None:
    name, policy = files
    raw = bytes([4]) + bytes(range(32))
    number = sha256(b"w\n" + raw).digest()[:4].hex()
    witness = f"w+{number}+{base64.b64encode(raw).decode()}"
    asked = policy.replace("quorum none", f"witness w1 {witness}\nquorum w1")
    assert codes(receipt_files.verify(name, asked)) == (3, ["quorum"])


async def test_no_byte_can_be_changed_unseen(files: tuple[Path, str]) -> None:
    name, policy = files
    draw = Random(4)  # noqa: S311  # changes are drawn, not kept secret
    for suffix in (".entry", ".tlog-proof", ".disclosure.json"):
        path = receipt_files.beside(name, suffix)
        whole = path.read_bytes()
        for _ in range(250):
            at = draw.randrange(len(whole))
            changed = bytearray(whole)
            changed[at] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            code, told = receipt_files.verify(name, policy)
            # A blank between two signs of the disclosure is the one thing that says nothing.
            blank = suffix == ".disclosure.json" and not code and chr(whole[at]).isspace()
            assert code or blank, (suffix, at, told)
        path.write_bytes(whole)
    assert codes(receipt_files.verify(name, policy)) == (0, [])
