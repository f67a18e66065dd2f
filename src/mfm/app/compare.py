"""Comparing what two people hold of a trail: the same, one longer, or two histories."""

import tarfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mfm.app.context import utc_now
from mfm.app.exported import bounded, exported, records_in
from mfm.core.errors import Invalid
from mfm.core.merkle import Range, consistent, leaf_hash
from mfm.formats import receipts, witnessing
from mfm.verifier import Checkpoint, Policy, Tampered, checkpoint_of


class Held(NamedTuple):
    """What somebody holds: a checkpoint, and the root at any smaller size where it can tell."""

    name: str
    checkpoint: Checkpoint
    root_at: Callable[[int], bytes] | None


class Verdict(NamedTuple):
    """What a comparison found: `same`, `extends` or `FORK`, and a sentence."""

    verdict: str
    sentence: str


def held(path: Path) -> Held:
    """Read a checkpoint, an export (a folder or .tar) or a receipt (NAME, or NAME.tlog-proof).

    Raises:
        Invalid: `compare-unreadable`.
    """
    try:
        if path.is_dir() or path.suffix == ".tar":
            with exported(path) as read:
                checkpoint = checkpoint_of(read("checkpoint"))
            return Held(str(path), checkpoint, lambda size: _root_at(path, checkpoint, size))
        beside = path.with_name(path.name + ".tlog-proof")
        told = path if path.exists() else beside
        content = bounded(told)
        if told.suffix == ".tlog-proof":
            content = receipts.decode(content.decode()).note.encode()
        return Held(str(path), checkpoint_of(content), None)
    except (OSError, KeyError, tarfile.TarError, Tampered, UnicodeDecodeError) as fault:
        detail = f"{path} is no checkpoint, export or receipt: {fault}"
        raise Invalid("compare-unreadable", detail) from fault


def _root_at(path: Path, checkpoint: Checkpoint, size: int) -> bytes:
    """Return the root of an export's first records."""
    tree = Range()
    for content in islice(records_in(path, checkpoint.size), size):
        tree.append(leaf_hash(content))
    return tree.root()


def compare(
    one: Held, other: Held, proof: str | None = None, policy: Policy | None = None
) -> Verdict:
    """Compare what two people hold of one log.

    Args:
        one: what the first holds.
        other: what the second holds.
        proof: that the longer continues the shorter, as `mfm trail proof` writes it; needed where
            neither is an export of the longer.
        policy: whose keys must have signed both, or None where nobody asks.

    Raises:
        Invalid: `compare-logs` for two logs; `compare-signature`; `proof-missing`; `proof-fails`;
            `compare-unreadable`.
    """
    if one.checkpoint.origin != other.checkpoint.origin:
        detail = f"{one.checkpoint.origin} and {other.checkpoint.origin} are two logs."
        raise Invalid("compare-logs", detail)
    for each in (one, other) if policy else ():
        _check_signature(each, policy)
    short, long = sorted((one, other), key=lambda each: each.checkpoint.size)
    size = short.checkpoint.size
    try:
        if short.checkpoint.size == long.checkpoint.size:
            agree = short.checkpoint.root == long.checkpoint.root
        elif long.root_at is not None:
            agree = _sound(long) and long.root_at(size) == short.checkpoint.root
        else:
            agree = _proven(short.checkpoint, long.checkpoint, proof)
    except (OSError, KeyError, tarfile.TarError, Tampered) as fault:
        raise Invalid("compare-unreadable", f"This cannot be read: {fault}") from fault
    if not agree:
        sentence = (
            f"{one.name} and {other.name} are two histories of {one.checkpoint.origin}: they differ"
            f" within the first {size} records. Keep both: together they prove it."
        )
        return Verdict("FORK", sentence)
    if size == long.checkpoint.size:
        return Verdict("same", f"Both are of {size} records, with the same root.")
    more = long.checkpoint.size - size
    return Verdict("extends", f"{long.name} continues {short.name} by {more} records.")


def _sound(export: Held) -> bool:
    """Hold that an export's records are its checkpoint's: else it shows nothing of another."""
    told = export.checkpoint
    if export.root_at is None or export.root_at(told.size) != told.root:
        detail = f"The records of {export.name} are not its checkpoint's: verify it first."
        raise Invalid("compare-unreadable", detail)
    return True


def _proven(short: Checkpoint, long: Checkpoint, proof: str | None) -> bool:
    if proof is None:
        detail = (
            f"To compare {short.size} with {long.size} records takes --proof, from"
            f" `mfm trail proof --old {short.size}`, or an export of the longer."
        )
        raise Invalid("proof-missing", detail)
    told = witnessing.decode(proof)
    pair = (short.size, short.root), (long.size, long.root)
    if told.old == short.size and consistent(*pair, told.hashes):
        return True
    # A proof that fails may be of other trees: it shows nothing, until an export does.
    detail = f"This is no proof from {short.size} to {long.size} records; compare with an export."
    raise Invalid("proof-fails", detail)


def _check_signature(each: Held, policy: Policy | None) -> None:
    keys = policy.logs if policy else []
    try:
        if any(each.checkpoint.signed_by(key, int(utc_now().timestamp())) for key in keys):
            return
        detail = f"No key of the policy signed the checkpoint of {each.name}."
    except Tampered as fault:
        detail = f"{each.name}: {fault}"
    raise Invalid("compare-signature", detail)
