"""Changing the key that signs the trail: a record that the old key signs, then the new one."""

from pathlib import Path

from mfm.app.context import Context
from mfm.app.perform import Ask, Made, Verb, submit
from mfm.core import trail as rules
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.trail import ROTATION, RotateKey
from mfm.store import rotations, signer
from mfm.store.writer import Writer


async def rotate(context: Context, command: RotateKey) -> Draft:
    """Change the log's key."""
    context.require()
    unit = context.unit
    changes = await rotations.all_of(unit.connection, unit.mechanism.id)
    current = changes[-1].new if changes else ""
    return rules.rotate(context.act(None), command, unit.mechanism.origin, current)


# The terminal's alone: the new private key is made where the log is signed.
ROTATE = Verb(ROTATION, RotateKey, rotate, "")


async def change(writer: Writer, actor: Actor, folder: Path, key: str) -> Made:
    """Make the next key, and the record that brings it into force once it is sealed.

    Args:
        writer: the mechanism's.
        actor: who asks.
        folder: the signer's keys.
        key: the idempotency key.

    Raises:
        Invalid: as `perform.submit`, and `signer-key`.
    """
    origin = writer.mechanism.origin
    command = RotateKey(
        old=signer.verifier_key(folder, origin),
        new=signer.verifier_key(folder, origin, upcoming=True),
    )
    return await submit(writer, Ask(actor, ROTATE, command, key))
