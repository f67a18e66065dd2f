"""A witness: it cosigns a log's checkpoint once it has seen that nothing before it changed.

It knows nothing of what the records say; it holds that there is one history, and when it saw it.
"""

from pathlib import Path
from typing import NamedTuple

from mfm.core.merkle import EMPTY, consistent
from mfm.formats.witnessing import Continuity, decode_request
from mfm.store.witness import WitnessFolder
from mfm.verifier import Checkpoint, Key, Tampered, checkpoint_of

SIZE_TYPE = "text/x.tlog.size"
_TEXT = "text/plain; charset=utf-8"
_OK, _BAD, _FORBIDDEN, _UNKNOWN, _CONFLICT, _UNPROVEN = 200, 400, 403, 404, 409, 422
STAMP_BYTES = 8


class Answer(NamedTuple):
    """What a witness answers: an HTTP status, a text and its type."""

    status: int
    text: str
    media_type: str = _TEXT


def opened(folder: Path, name: str = "") -> WitnessFolder:
    """Return a witness's folder; it and its key are made on first use.

    Raises:
        Invalid: `witness-name` on first use without a name; `signer-key`.
    """
    return WitnessFolder(folder, name)


def add_checkpoint(folder: WitnessFolder, body: bytes, now: int) -> Answer:
    """Answer a log's request (C2SP tlog-witness, add-checkpoint).

    Args:
        folder: the witness's.
        body: what was sent.
        now: seconds since 1970.

    Raises:
        Invalid: as `WitnessFolder.logs`.
    """
    try:
        proof, note = decode_request(body)
        checkpoint = checkpoint_of(note)
    except Tampered as fault:
        return Answer(_BAD, f"{fault}\n")
    return cosign(folder, checkpoint, proof, now)


def cosign(folder: WitnessFolder, checkpoint: Checkpoint, proof: Continuity, now: int) -> Answer:
    """Cosign a checkpoint that continues the last one cosigned of this log, or say why not.

    Args:
        folder: the witness's.
        checkpoint: the log's newest.
        proof: that it continues the one before.
        now: seconds since 1970.

    Raises:
        Invalid: as `WitnessFolder.logs`.
    """
    refusal = _refusal(folder, checkpoint, proof, now)
    if refusal is not None:
        return refusal
    with folder.alone():
        seen = folder.seen(checkpoint.origin)
        forked = seen[0] == checkpoint.size and seen[1] != checkpoint.root
        if proof.old != seen[0] or (seen[0] and forked):
            return Answer(_CONFLICT, f"{seen[0]}\n", SIZE_TYPE)
        if not _continues(seen, checkpoint, proof.hashes):
            return Answer(_UNPROVEN, "The proof does not lead from the old tree to this one.\n")
        folder.store(checkpoint.origin, checkpoint.size, checkpoint.root)
    return Answer(_OK, cosignature(folder, checkpoint.text, now))


def _refusal(
    folder: WitnessFolder, checkpoint: Checkpoint, proof: Continuity, now: int
) -> Answer | None:
    """Return why a checkpoint is not looked at, or None."""
    keys = [key for key in folder.logs() if key.name == checkpoint.origin]
    if not keys:
        return Answer(_UNKNOWN, f"This witness does not know {checkpoint.origin}.\n")
    if not _signed(checkpoint, keys, now):
        return Answer(_FORBIDDEN, "No key of the log that is known here signed this.\n")
    if proof.old > checkpoint.size:
        return Answer(_BAD, "The old size is above the checkpoint's.\n")
    return None


def cosignature(folder: WitnessFolder, text: str, now: int) -> str:
    """Return a witness's line under a checkpoint's text (C2SP tlog-cosignature, version 1)."""
    message = f"cosignature/v1\ntime {now}\n{text}".encode()
    return folder.key.line(message, now.to_bytes(STAMP_BYTES, "big"))


def _signed(checkpoint: Checkpoint, keys: list[Key], now: int) -> bool:
    try:
        return any(checkpoint.signed_by(key, now) for key in keys)
    except Tampered:
        return False


def _continues(seen: tuple[int, bytes], checkpoint: Checkpoint, hashes: list[bytes]) -> bool:
    if not seen[0]:
        return not hashes and len(checkpoint.root) == len(EMPTY)
    return consistent(seen, (checkpoint.size, checkpoint.root), hashes)
