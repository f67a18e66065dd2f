"""Receipts as files: written for their holder, and verified by anybody, with no database."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from msgspec import DecodeError, json

from mfm.app.context import utc_now
from mfm.app.exported import bounded
from mfm.app.receipts import Opening, Receipt
from mfm.core.merkle import included, leaf_hash
from mfm.formats import receipts
from mfm.formats.receipts import Proof
from mfm.verifier import (
    Checkpoint,
    Policy,
    Tampered,
    b64,
    checkpoint_of,
    commitment,
    parse,
)

ENTRY, PROOF, DISCLOSURE, PAGE = ".entry", ".tlog-proof", ".disclosure.json", ".html"
"""What a receipt's files are called after its name."""


def beside(name: Path, suffix: str) -> Path:
    """Return a receipt's file: its name may have dots of its own."""
    return name.with_name(name.name + suffix)


def write(found: Receipt, name: Path, page: bytes) -> list[Path]:
    """Write a receipt's files; return them.

    Args:
        found: the receipt.
        name: what the files' names begin with; its folder is there.
        page: the receipt as a page.

    Raises:
        OSError: it cannot be written there.
    """
    contents = {
        PROOF: found.proof.encode(),
        ENTRY: found.entry,
        DISCLOSURE: json.format(json.encode(found.disclosures), indent=2) + b"\n",
        PAGE: page,
    }
    for suffix, content in contents.items():
        beside(name, suffix).write_bytes(content)
    return [beside(name, suffix) for suffix in contents]


def verify(name: Path, policy: str) -> tuple[int, dict[str, Any]]:
    """Verify a receipt: NAME.tlog-proof, NAME.entry and, if it is there, NAME.disclosure.json.

    Args:
        name: what the files' names begin with; or one file NAME.json, as the service answers it.
        policy: the text of the auditor's own (C2SP tlog-policy).

    Returns:
        the exit code, and what `--json` prints, both as `verifier.verify` has them.
    """
    check = _Check(name)
    code, problem = 0, None
    try:
        check.run(Policy(policy))
    except (OSError, UnicodeDecodeError) as fault:
        code, problem = 2, ("unreadable", str(fault))
    except Tampered as fault:
        code, problem = fault.exit_code, (fault.code, str(fault))
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        code, problem = 1, ("record-form", f"It lacks what a record has: {fault!r}")
    problems = []
    if problem:
        where = {"seq": check.seq, "file": check.file}
        problems.append({"code": problem[0], **where, "detail": problem[1]})
    return code, {"ok": not problems} | check.told | {"problems": problems}


def _parts(content: bytes) -> dict[str, bytes]:
    """Read a receipt as the service answers it in JSON; return what its files would hold."""
    try:
        found = json.decode(content, type=Receipt)
    except DecodeError as fault:
        raise Tampered("receipt-form", f"It is malformed: {fault}.", 2) from None
    opened = json.encode(found.disclosures)
    return {PROOF: found.proof.encode(), ENTRY: found.entry, DISCLOSURE: opened}


class _Check:
    """One receipt's verification: what it is about, and how far it got."""

    def __init__(self, name: Path) -> None:
        self._name = name
        self._now = int(utc_now().timestamp())
        self._whole: dict[str, bytes] | None = None
        self.seq: int | None = None
        self.file: str | None = None
        self.told: dict[str, Any] = {"size": 0, "root": "", "decisions_not_rerun": 0}

    def run(self, policy: Policy) -> None:
        """Check all; what fails is raised, with `seq` and `file` at its place."""
        if self._name.suffix == ".json" and self._name.is_file():
            self.file = self._name.name
            self._whole = _parts(bounded(self._name))
        proof = receipts.decode(self._read(PROOF).decode())
        checkpoint = checkpoint_of(proof.note.encode())
        self._signed(checkpoint, policy)
        entry = self._read(ENTRY)
        body = self._placed(entry, proof, checkpoint)
        if included(leaf_hash(entry), proof.leaf, checkpoint.size, proof.hashes) != checkpoint.root:
            raise Tampered("root", "The proof does not lead from the record to the root.")
        self._opened(body.get("commit", {}))
        self.file = self._name.name if self._whole else beside(self._name, PROOF).name
        if not policy.met(checkpoint, self._now):
            raise Tampered("quorum", "Too few of the policy's witnesses cosigned.", 3)

    def _read(self, suffix: str) -> bytes:
        if self._whole is not None:
            return self._whole[suffix]
        path = beside(self._name, suffix)
        self.file = path.name
        return bounded(path)

    def _signed(self, checkpoint: Checkpoint, policy: Policy) -> None:
        signers = [key.name for key in policy.logs if checkpoint.signed_by(key, self._now)]
        if checkpoint.origin not in signers:
            raise Tampered("signature", "No key of the policy's log signed the checkpoint.")
        root = b64encode(checkpoint.root).decode()
        self.told |= {"size": checkpoint.size, "root": root, "signer": checkpoint.origin}

    def _placed(self, entry: bytes, proof: Proof, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return the record's body, if the record says that it is this leaf of this log."""
        record = parse(entry)
        self.seq = proof.leaf + 1
        if (record["log"], record["seq"]) != (checkpoint.origin, str(self.seq)):
            detail = f"The record says {record['log']} {record['seq']}, the proof {self.seq}."
            raise Tampered("record-place", detail)
        body: dict[str, Any] = record["body"]
        told = {"seq": self.seq, "leaf": leaf_hash(entry).hex()}
        told |= {"recorded_at": record["at"], "verb": body["verb"]}
        self.told |= told | {"outcome": record["outcome"], "actor": body["actor"]}
        return body

    def _opened(self, commits: dict[str, str]) -> None:
        shown: dict[str, Opening] = {}
        if self._whole or beside(self._name, DISCLOSURE).exists():
            try:
                shown = json.decode(self._read(DISCLOSURE), type=dict[str, Opening])
            except DecodeError as fault:
                raise Tampered("disclosure-form", f"It is malformed: {fault}.") from None
        for field, opening in shown.items():
            if commitment(field, b64(opening.salt), opening.value) != commits.get(field):
                raise Tampered("disclosure", f"{field} is not what the record commits to.")
        told = {field: opening.value for field, opening in shown.items()}
        self.told |= {"disclosed": told, "not_shown": sorted(commits.keys() - shown.keys())}
