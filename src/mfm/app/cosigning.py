"""Cosignatures, from the log's side: asked of witnesses, checked against a policy, and kept."""

import asyncio
from pathlib import Path

import structlog

from mfm.app.context import utc_now
from mfm.app.sealer import Sealer
from mfm.core import merkle
from mfm.core.errors import Invalid
from mfm.formats.policies import policy_in
from mfm.formats.witnessing import Continuity, encode_request
from mfm.store import cosigned, remote, trail
from mfm.store.database import FAILED, Connection, Mechanism, connect
from mfm.verifier import COSIGNATURE, Key, Tampered, checkpoint_of

_OK, _CONFLICT = 200, 409
_PAUSE_SECONDS = 1
_RETRY_SECONDS = 30
log = structlog.get_logger(__name__)


def witnesses_of(policy: Path | None) -> list[Key]:
    """Return the keys of the witnesses that a policy names.

    Raises:
        Invalid: `policy-missing`, `policy-malformed`.
    """
    if policy is None:
        detail = "Name the policy with the witnesses' keys: --policy FILE or MFM_TRAIL_POLICY."
        raise Invalid("policy-missing", detail)
    return policy_in(policy.read_text("utf-8"), str(policy)).witnesses


async def consistency(connection: Connection, mechanism: Mechanism, old: int, new: int) -> str:
    """Return proof, as text, that the tree of `new` records continues the one of `old`.

    Raises:
        Invalid: `proof-size` when there is no such older tree.
    """
    return encode_request(await _continuity(connection, mechanism, old, new), "").decode()[:-1]


async def _continuity(
    connection: Connection, mechanism: Mechanism, old: int, new: int
) -> Continuity:
    if not 0 <= old <= new:
        raise Invalid("proof-size", f"The trail ends at {new}; {old} is not before that.")
    spans = merkle.consistency(old, new)
    return Continuity(old, await trail.proof(connection, mechanism.id, new, spans))


async def keep_lines(
    connection: Connection, mechanism: Mechanism, size: int, lines: str, keys: list[Key]
) -> list[str]:
    """Keep the cosignatures under a checkpoint that known witnesses made; return their names.

    Args:
        connection: a writer's.
        mechanism: whose trail.
        size: the checkpoint's.
        lines: signature lines.
        keys: the witnesses'; lines of others are passed over.

    Raises:
        Invalid: `checkpoint-unknown`; `cosignature-unknown` when none of them holds.
    """
    note = await trail.note_of(connection, mechanism.id, size)
    if not note:
        raise Invalid("checkpoint-unknown", f"There is no checkpoint of {size} records.")
    text = note.partition("\n\n")[0]
    kept = []
    for line in lines.splitlines():
        if not line.strip():
            continue
        try:
            signed = checkpoint_of(f"{text}\n\n{line}\n".encode())
            made = [key for key in keys if signed.signed_by(key, int(utc_now().timestamp()))]
        except Tampered:
            continue
        for key in made:
            if key.kind == COSIGNATURE:
                await cosigned.keep(connection, mechanism.id, size, key.name, line)
                kept.append(key.name)
    if not kept:
        detail = f"No line is a witness's of the policy under the checkpoint of {size} records."
        raise Invalid("cosignature-unknown", detail)
    return kept


async def ask(
    connection: Connection, mechanism: Mechanism, url: str, keys: list[Key]
) -> tuple[int, list[str]]:
    """Ask a witness for its cosignature under the newest checkpoint, and keep it.

    Args:
        connection: a writer's.
        mechanism: whose trail.
        url: where the witness is; `/add-checkpoint` is added.
        keys: as for `keep_lines`.

    Returns:
        the checkpoint's size, and the names of the witnesses whose lines were kept.

    Raises:
        Invalid: `witness-refused`; `witness-ahead` when it has seen more than there is; and as
            `keep_lines` and `remote.post`.
    """
    sealed = await trail.reached(connection, mechanism.id)
    old = await cosigned.newest(connection, mechanism.id, [key.name for key in keys])
    answer = await _submit(connection, mechanism, url, (old, sealed))
    if answer.status == _CONFLICT:
        seen = answer.body.decode("ascii", "replace").strip()
        if not seen.isdigit() or int(seen) > sealed.size:
            detail = f"{url} has seen {seen[:30]} records; the trail ends at {sealed.size}."
            raise Invalid("witness-ahead", detail)
        answer = await _submit(connection, mechanism, url, (int(seen), sealed))
    if answer.status != _OK:
        said = answer.body.decode("utf-8", "replace").strip()[:200]
        raise Invalid("witness-refused", f"{url} answers {answer.status}: {said}")
    lines = answer.body.decode("utf-8", "replace")
    return sealed.size, await keep_lines(connection, mechanism, sealed.size, lines, keys)


async def _submit(
    connection: Connection, mechanism: Mechanism, url: str, sizes: tuple[int, trail.Sealed]
) -> remote.Reply:
    old, sealed = sizes
    proof = await _continuity(connection, mechanism, old, sealed.size)
    body = encode_request(proof, sealed.note)
    address = url.rstrip("/") + "/add-checkpoint"
    return await asyncio.to_thread(remote.post, address, body, "text/plain; charset=utf-8")


class Cosigner:
    """Has every new checkpoint cosigned by the witnesses that are configured, until cancelled."""

    def __init__(
        self, url: str, mechanism: Mechanism, sealer: Sealer, urls: tuple[str, ...], keys: list[Key]
    ) -> None:
        """Prepare; nothing connects before `run`.

        Args:
            url: the database, as a login that may become mfm_writer.
            mechanism: whose trail.
            sealer: rings when there is a new checkpoint.
            urls: where the witnesses are.
            keys: theirs.
        """
        self._database = url
        self._mechanism = mechanism
        self._sealer = sealer
        self._urls = urls
        self._keys = keys

    async def run(self) -> None:
        """Follow the checkpoints; a witness that does not answer is asked again for the next."""
        while True:
            try:
                await self._follow()
            except FAILED as error:
                log.warning("cosigner-waits", because=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self) -> None:
        connection = await connect(self._database, "mfm_writer")
        done = 0
        try:
            while True:
                if self._sealer.size > done:
                    done = self._sealer.size
                    for url in self._urls:
                        await self._ask(connection, url)
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    await self._sealer.sealed.wait(_RETRY_SECONDS)
        finally:
            await connection.close()

    async def _ask(self, connection: Connection, url: str) -> None:
        try:
            await ask(connection, self._mechanism, url, self._keys)
        except Invalid as fault:
            log.warning("witness-failed", url=url, code=fault.code, detail=fault.detail)
