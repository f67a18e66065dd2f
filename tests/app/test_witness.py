"""Witnesses: they cosign one history, once for each step, and nothing else."""

import subprocess
import sys
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.app import witness
from mfm.core.errors import Invalid
from mfm.formats.witnessing import Continuity, decode, encode, encode_request
from mfm.store.witness import WitnessFolder
from mfm.verifier import Policy, Tampered, checkpoint_of, key_of
from tests.trails import Numbers, policy_of

ORIGIN = "mfm/seen"
NOW = 1_790_000_000


@pytest.fixture
def log(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path / "keys", ORIGIN)


@pytest.fixture
def folder(tmp_path: Path, log: Numbers) -> WitnessFolder:
    made = witness.opened(tmp_path / "witness", "example.org/w1")
    (tmp_path / "witness" / "policy").write_text(policy_of(log.signer.vkey))
    return made


def ask(folder: WitnessFolder, proof: Continuity, note: str) -> tuple[int, str]:
    answer = witness.add_checkpoint(folder, encode_request(proof, note), NOW)
    return answer.status, answer.text


def test_a_log_that_grows_is_cosigned_step_by_step(folder: WitnessFolder, log: Numbers) -> None:
    old = 0
    for count in (1, 1, 5, 250, 300):
        note = log.grow(count)
        status, line = ask(folder, log.proof(old), note)
        assert status == 200, line
        cosigned = checkpoint_of((note + line).encode())
        assert cosigned.signed_by(key_of(folder.key.vkey), NOW)
        assert cosigned.signed_by(key_of(log.signer.vkey), NOW)
        old = len(log.leaves)
    # The same checkpoint may be cosigned again: it says when it was seen once more.
    assert ask(folder, Continuity(old, []), note)[0] == 200
    assert folder.seen(ORIGIN)[0] == old


def test_case_50_a_checkpoint_replayed_to_a_witness_is_answered_409(
    folder: WitnessFolder, log: Numbers
) -> None:
    first = log.grow(4)
    assert ask(folder, log.proof(0), first)[0] == 200
    second = log.grow(3)
    assert ask(folder, log.proof(4), second)[0] == 200
    for proof, note in ((Continuity(0, []), first), (log.proof(4), second)):
        answer = witness.add_checkpoint(folder, encode_request(proof, note), NOW)
        assert (answer.status, answer.text) == (409, "7\n")
        assert answer.media_type == "text/x.tlog.size"
    assert folder.seen(ORIGIN)[0] == 7


def test_a_fork_is_not_cosigned_whatever_is_sent_with_it(
    folder: WitnessFolder, log: Numbers, tmp_path: Path
) -> None:
    assert ask(folder, log.proof(0), log.grow(6))[0] == 200
    # The same key signs another history: a signer whose memory was taken away.
    (tmp_path / "keys" / "mfm-seen.signed").rename(tmp_path / "put-away")
    log.signer.close()
    other = Numbers(tmp_path / "keys", ORIGIN, b"other")
    same = other.grow(6)
    assert ask(folder, Continuity(6, []), same) == (409, "6\n")
    longer = other.grow(3)
    assert ask(folder, other.proof(6), longer)[0] == 422
    assert ask(folder, Continuity(6, []), longer)[0] == 422
    assert ask(folder, Continuity(0, []), longer) == (409, "6\n")
    assert folder.seen(ORIGIN)[0] == 6


def test_requests_that_are_none_are_told_apart(
    folder: WitnessFolder, log: Numbers, tmp_path: Path
) -> None:
    note = log.grow(5)
    stranger = Numbers(tmp_path / "stranger", "mfm/stranger").grow(5)
    namesake = Numbers(tmp_path / "namesake", ORIGIN).grow(5)
    broken = note.replace("\n5\n", "\n6\n")
    assert ask(folder, Continuity(0, []), stranger)[0] == 404
    assert ask(folder, Continuity(0, []), namesake)[0] == 403
    assert ask(folder, Continuity(0, []), broken)[0] == 403
    assert ask(folder, Continuity(6, []), note)[0] == 400
    assert ask(folder, Continuity(0, [bytes(32)]), note)[0] == 422
    for body in (b"", b"old 0\n", b"old 00\n\n" + note.encode(), b"old 0\nx\n\n" + note.encode()):
        assert witness.add_checkpoint(folder, body, NOW).status == 400
    assert folder.seen(ORIGIN) == (0, b"")
    assert ask(folder, Continuity(0, []), note)[0] == 200


def test_two_at_once_are_looked_at_one_after_the_other(
    folder: WitnessFolder, log: Numbers, tmp_path: Path
) -> None:
    assert ask(folder, log.proof(0), log.grow(3))[0] == 200
    notes = [log.grow(1) for _ in range(8)]
    asked = [(log.proof(3, 4 + number), note) for number, note in enumerate(notes)]
    again = witness.opened(tmp_path / "witness")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda each: ask(again, *each), asked))
    won = [number for number, (status, _) in enumerate(found) if status == 200]
    assert len(won) == 1
    assert folder.seen(ORIGIN)[0] == 4 + won[0]
    assert {status for status, _ in found} == {200, 409}


def test_a_witness_that_forgot_what_it_saw_says_so(
    folder: WitnessFolder, log: Numbers, tmp_path: Path
) -> None:
    """Else the damage would let it cosign a fork."""
    note = log.grow(3)
    assert ask(folder, Continuity(0, []), note)[0] == 200
    (seen,) = tmp_path.rglob("*.seen")
    for content in (b"", b'{"size":3,"root":"?"}', b'{"size":"x"}'):
        seen.write_bytes(content)
        with pytest.raises(Invalid, match="signer-state"):
            ask(folder, Continuity(0, []), note)


def test_its_key_is_its_own_and_read_by_nobody_else(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="witness-name"):
        witness.opened(tmp_path / "w")
    first = witness.opened(tmp_path / "w", "example.org/w1").key.vkey
    assert witness.opened(tmp_path / "w").key.vkey == first
    assert key_of(first).kind == 4
    with pytest.raises(Invalid, match="signer-key"):
        witness.opened(tmp_path / "w", "example.org/w2")
    (tmp_path / "w" / "witness.key").chmod(0o640)
    with pytest.raises(Invalid, match="signer-key"):
        witness.opened(tmp_path / "w")
    with pytest.raises(Invalid, match="policy-missing"):
        WitnessFolder(tmp_path / "w2", "x").logs()


@given(st.integers(0, 2**40), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_proofs_go_and_come_as_text(old: int, hashes: list[bytes]) -> None:
    assert decode(encode(Continuity(old, hashes))) == Continuity(old, hashes)


@pytest.mark.parametrize("text", ["", "old", "old 1", "old 01\n", "old +1\n", "old 1\n\n", "1\n"])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(Tampered):
        decode(text)


# Quorums ------------------------------------------------------------------------------------------


def cosigned(log: Numbers, folders: list[WitnessFolder], note: str, now: int) -> bytes:
    text = checkpoint_of(note.encode()).text
    return (note + "".join(witness.cosignature(each, text, now) for each in folders)).encode()


@pytest.fixture
def three(tmp_path: Path) -> list[WitnessFolder]:
    return [witness.opened(tmp_path / f"w{n}", f"example.org/w{n}") for n in range(3)]


def two_of(three: list[WitnessFolder], log: Numbers) -> Policy:
    names = "abc"
    lines = [f"witness {n} {each.key.vkey}" for n, each in zip(names, three, strict=True)]
    lines.append("group two 2 a b c")
    return Policy(policy_of(log.signer.vkey, quorum="two", witnesses=tuple(lines)))


def test_case_38_a_quorum_below_the_policy_is_not_met(
    log: Numbers, three: list[WitnessFolder]
) -> None:
    policy, note = two_of(three, log), log.grow(9)
    for count, met in ((0, False), (1, False), (2, True), (3, True)):
        found = checkpoint_of(cosigned(log, three[:count], note, NOW))
        assert policy.met(found, NOW) is met


def test_case_37_a_witness_counts_once_and_only_if_it_is_known_and_not_of_the_future(
    log: Numbers, three: list[WitnessFolder], tmp_path: Path
) -> None:
    policy, note = two_of(three, log), log.grow(9)
    twice = checkpoint_of(cosigned(log, [three[0], three[0]], note, NOW))
    assert not policy.met(twice, NOW)
    unknown = witness.opened(tmp_path / "unknown", "example.org/w1")  # of a known name
    assert not policy.met(checkpoint_of(cosigned(log, [three[0], unknown], note, NOW)), NOW)
    tomorrow = checkpoint_of(cosigned(log, three, note, NOW + 86_400))
    assert not policy.met(tomorrow, NOW)
    assert policy.met(tomorrow, NOW + 86_400)
    with pytest.raises(ValueError, match="group"):  # nor may a policy count one twice
        _raise_policy(three[0].key.vkey, log)


def _raise_policy(vkey: str, log: Numbers) -> None:
    try:
        Policy(f"log {log.signer.vkey}\nwitness a {vkey}\ngroup two 2 a a\nquorum two\n")
    except Exception as fault:
        raise ValueError(str(fault)) from fault


def test_case_34_a_signature_is_of_one_kind_only(
    log: Numbers, folder: WitnessFolder, tmp_path: Path
) -> None:
    note = log.grow(9)
    text = checkpoint_of(note.encode()).text
    line = witness.cosignature(folder, text, NOW)
    raw = b64decode(line.split()[2])
    vkey = key_of(folder.key.vkey)
    # The witness's own signature, told as a log's: without its time, under the log kind's id.
    as_log = vkey._replace(kind=1)
    for put in (raw, raw[:4] + raw[12:]):
        told = f"\u2014 {vkey.name} {b64encode(put).decode()}\n"
        found = checkpoint_of(f"{text}\n{told}".encode())
        with pytest.raises(Tampered, match="does not hold"):
            found.signed_by(as_log, NOW)
    # And the log's signature, told as a witness's: with a time put before it.
    own = key_of(log.signer.vkey)
    signed = b64decode(note.split()[-1])
    told = b64encode(signed[:4] + NOW.to_bytes(8, "big") + signed[4:]).decode()
    found = checkpoint_of(f"{text}\n\u2014 {own.name} {told}\n".encode())
    with pytest.raises(Tampered, match="does not hold"):
        found.signed_by(own._replace(kind=4), NOW)
    # The kind is in the id, so that neither is even taken for the other.
    assert vkey.id != key_id(vkey.name, b"\x01" + vkey.public)


def key_id(name: str, raw: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]


# By file ------------------------------------------------------------------------------------------


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mfm", *map(str, args)], capture_output=True, text=True, check=False
    )


def test_without_a_network_files_go_and_come(
    folder: WitnessFolder, log: Numbers, tmp_path: Path
) -> None:
    state, line = tmp_path / "witness", tmp_path / "line"
    note, proof = tmp_path / "checkpoint", tmp_path / "proof"
    assert run("witness", "key", "--state", state).stdout.strip() == folder.key.vkey
    note.write_text(log.grow(3))
    done = run("witness", "cosign", note, "--state", state, "-o", line)
    assert (done.returncode, done.stderr) == (0, "")
    cosigned_note = checkpoint_of((note.read_text() + line.read_text()).encode())
    assert cosigned_note.signed_by(key_of(folder.key.vkey), time.time())
    note.write_text(log.grow(4))
    done = run("witness", "cosign", note, "--state", state)
    assert done.returncode == 1
    assert "up to 3 records" in done.stdout
    proof.write_text(encode(log.proof(3)))
    done = run("witness", "cosign", note, "--proof", proof, "--state", state)
    assert done.returncode == 0
    assert done.stdout.startswith("\u2014 example.org/w1 ")
    done = run("witness", "cosign", proof, "--state", state)
    assert (done.returncode, done.stdout) == (2, "")
