"""What the handlers share: the writer, the readers' pool, keys and secrets."""

import asyncio
import os
import secrets
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mfm.app import reads
from mfm.app.context import utc_now
from mfm.app.read_log import ReadLog
from mfm.app.sealer import Sealer
from mfm.core.errors import Invalid
from mfm.core.keys import PREFIX, ApiKey, digest_of, speaker
from mfm.core.permissions import Actor
from mfm.store.database import Engine
from mfm.store.writer import Writer

_KEY_FRESH = timedelta(seconds=2)
"""How long a key that was looked up is believed: so long a revocation elsewhere may take."""
_KEY_MAX, _KEYS_MAX = 200, 10_000
_REFUSALS_BURST = 120
_REFUSALS_PER_SECOND = 2


class _Seen(NamedTuple):
    key: ApiKey | None
    at: datetime


class Services:
    """One mechanism's services within a process."""

    def __init__(
        self,
        writer: Writer,
        engine: Engine,
        cursor_key: bytes,
        read_log: ReadLog | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        """Keep them; nothing connects here.

        Without a log of reads none is kept; without a sealer nobody waits for a receipt.
        """
        self.writer = writer
        self.engine = engine
        self.cursor_key = cursor_key
        self.read_log = read_log
        self.sealer = sealer
        self._keys: OrderedDict[str, _Seen] = OrderedDict()
        self._looking: dict[str, asyncio.Future[ApiKey | None]] = {}
        self._refusals: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    async def actor(self, authorization: str) -> Actor:
        """Return who a request's Authorization header speaks for.

        Raises:
            Invalid: `key-unknown`.
        """
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret.startswith(PREFIX) or len(secret) > _KEY_MAX:
            raise Invalid("key-unknown", "This address needs an API key.")
        digest, now = digest_of(secret), utc_now()
        keys = self._keys  # what is looked up while keys are forgotten is forgotten with them
        seen = keys.get(digest)
        if seen is None or now - seen.at > _KEY_FRESH:
            seen = keys[digest] = _Seen(await self._look_up(digest), now)
            while len(keys) > _KEYS_MAX:
                keys.popitem(last=False)
        return speaker(seen.key, now)

    async def _look_up(self, digest: str) -> ApiKey | None:
        """Return the key with this hash; all who ask for it at once share one query."""
        looking = self._looking
        if (task := looking.get(digest)) is None:
            task = looking[digest] = asyncio.ensure_future(reads.key_by_digest(self.engine, digest))
            task.add_done_callback(lambda _: looking.pop(digest))
        return await asyncio.shield(task)  # one who goes away leaves the others theirs

    def note_read(self, actor: Actor, action: str, address: str, items: int) -> None:
        """Leave a note for the log of reads, if one is kept; the log's own pages leave none."""
        if self.read_log is not None:
            self.read_log.note(actor, action, address, items)

    def verifier_key(self) -> str:
        """Return the log's public key in note format, or "" where this process does not sign.

        Raises:
            Invalid: `signer-key`.
        """
        return self.sealer.verifier_key() if self.sealer is not None else ""

    def forget_keys(self) -> None:
        """Look every key up again: one was made or revoked here."""
        self._keys, self._looking = OrderedDict(), {}

    def check_refusals(self, actor: Actor) -> None:
        """Hold an actor who keeps being refused back for a while.

        Raises:
            Invalid: `refused-too-often`.
        """
        count, since = self._refusals.get(actor.key, (0, utc_now()))
        if count < _REFUSALS_BURST:
            return
        spent = int((utc_now() - since).total_seconds() * _REFUSALS_PER_SECOND)
        if spent:
            self._refusals[actor.key] = (max(0, count - spent), utc_now())
            return
        detail = f"{count} of this key's requests were refused lately."
        raise Invalid("refused-too-often", detail)

    def count_refusal(self, actor: Actor) -> None:
        """Count a refusal against an actor."""
        count, since = self._refusals.pop(actor.key, (0, utc_now()))
        self._refusals[actor.key] = (count + 1, since)
        while len(self._refusals) > _KEYS_MAX:
            self._refusals.popitem(last=False)


def cursor_key(data_dir: Path) -> bytes:
    """Return the secret that signs cursors, made on first use: 32 bytes in a file of mode 0600."""
    folder = data_dir / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "cursor.key"
    if not path.exists():
        fresh = folder / f"cursor.key.{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):  # another process was first: its secret it is
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_bytes()
