"""Two people compare what they hold: one history, or two."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import json

from mfm.app import trail
from mfm.app.compare import compare, held
from mfm.core.errors import Invalid
from mfm.formats import receipts, witnessing
from mfm.formats.receipts import Proof
from mfm.verifier import Policy
from tests.support import Books
from tests.trails import Numbers, codes, exported, manifest_again, policy_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def log(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path / "keys", "mfm/seen")


def put(path: Path, note: str) -> Path:
    path.write_text(note)
    return path


def test_checkpoints_and_receipts_are_compared(log: Numbers, tmp_path: Path) -> None:
    one = held(put(tmp_path / "one", log.grow(5)))
    note = log.grow(4)
    two = held(put(tmp_path / "two", note))
    put(tmp_path / "r.tlog-proof", receipts.encode(Proof(3, [], note)))
    receipt = held(tmp_path / "r")
    assert compare(two, receipt).verdict == "same"
    assert compare(two, held(tmp_path / "r.tlog-proof")).verdict == "same"
    proof = witnessing.encode(log.proof(5))
    found = compare(receipt, one, proof)
    assert found.verdict == "extends"
    assert "r continues" in found.sentence
    assert "by 4 records" in found.sentence
    with pytest.raises(Invalid, match="proof-missing"):
        compare(one, two)
    for bad in (witnessing.encode(log.proof(4)), "old 5\n"):
        with pytest.raises(Invalid, match="proof-fails"):
            compare(one, two, bad)


def test_two_roots_of_one_size_are_a_fork_and_signatures_say_whose(
    log: Numbers, tmp_path: Path
) -> None:
    one = held(put(tmp_path / "one", log.grow(5)))
    vkey = log.signer.vkey
    log.signer.close()
    (tmp_path / "keys" / "mfm-seen.signed").unlink()
    two = held(put(tmp_path / "two", Numbers(tmp_path / "keys", "mfm/seen", b"x").grow(5)))
    found = compare(one, two, policy=Policy(policy_of(vkey)))
    assert found.verdict == "FORK"
    forged = Numbers(tmp_path / "forger", "mfm/seen").grow(6)
    with pytest.raises(Invalid, match="compare-signature"):
        compare(one, held(put(tmp_path / "three", forged)), policy=Policy(policy_of(vkey)))
    other = Numbers(tmp_path / "keys", "mfm/other").grow(5)
    with pytest.raises(Invalid, match="compare-logs"):
        compare(one, held(put(tmp_path / "four", other)))
    for content in ("", "x", one.checkpoint.text):
        with pytest.raises(Invalid, match="compare-unreadable"):
            held(put(tmp_path / "five", content))
    with pytest.raises(Invalid, match="compare-unreadable"):
        held(tmp_path / "not there")


def compared(*paths: Path) -> tuple[int, str]:
    """Compare on the terminal; return its exit code and verdict."""
    argv = [sys.executable, "-m", "mfm", "trail", "compare", *map(str, paths), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, json.decode(done.stdout)["verdict"]


async def test_an_export_compares_with_whatever_is_older(books: Books, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    for number in range(300):
        await books.do("party.register", name=f"Party {number}")
        if number in (4, 255, 256):
            sealed = await trail.seal(books.url, books.mechanism, keys)
            assert sealed is not None
            put(tmp_path / f"at{sealed.size}", sealed.note)
    export = await exported(books, keys, tmp_path / "export")
    whole = held(await exported(books, keys, tmp_path / "export.tar"))
    for size in (5, 256, 257):
        older = held(tmp_path / f"at{size}")
        assert compare(older, held(export)).verdict == "extends"
        assert compare(whole, older).verdict == "extends"
    assert compare(held(export), whole).verdict == "same"
    # A checkpoint that the very key signed over other records.
    (keys / f"{books.mechanism.origin.replace('/', '-')}.signed").unlink()
    fork = put(tmp_path / "fork", Numbers(keys, books.mechanism.origin).grow(5))
    vkey = trail.verifier_key(books.mechanism, keys)
    assert compare(held(fork), whole, policy=Policy(policy_of(vkey))).verdict == "FORK"
    assert compared(fork, export) == (1, "FORK")
    assert compared(export, tmp_path / "export.tar") == (0, "same")
    # An export that was changed shows nothing of others.
    bundle = export / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b"Party 9", b"Party 8"))
    manifest_again(export)
    assert codes(export, policy_of(vkey))[0] == 1
    with pytest.raises(Invalid, match="verify it first"):
        compare(held(fork), held(export))
