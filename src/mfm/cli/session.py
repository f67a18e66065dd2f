"""A terminal session: the database, the mechanism, and who acts."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from msgspec import structs

from mfm.app import trail
from mfm.app.keys import actor_of
from mfm.app.policies import adopt_shipped
from mfm.app.read_log import note_now
from mfm.core.errors import Invalid
from mfm.core.permissions import OPERATOR, Actor
from mfm.settings import Settings
from mfm.store import database, embedded, migrate
from mfm.store.database import Engine, Mechanism
from mfm.store.writer import Writer

DEFAULT_NAME = "main"
"""The mechanism that is made where a command needs one and there is none."""


class Session:
    """An open database, migrated.

    Attributes:
        settings: with every URL filled in.
        admin_url: the embedded server's superuser, or "" for a server of somebody else's.
        bin_dir: the embedded server's programs (psql, pgbench), or "".
    """

    def __init__(self, settings: Settings) -> None:
        """Open the database: the one named by the settings, else the embedded server.

        Raises:
            mfm.store.embedded.EmbeddedFailed: with the reason and the next step.
        """
        self._stack = ExitStack()
        self.admin_url = ""
        self.bin_dir = ""
        if not settings.database_url:
            server = self._stack.enter_context(embedded.start(settings.data_dir))
            self.admin_url, self.bin_dir = server.admin_url, str(server.bin_dir)
            settings = structs.replace(
                settings, database_url=server.app_url, migration_url=server.migration_url
            )
        self.settings = structs.replace(
            settings, read_database_url=settings.read_database_url or settings.database_url
        )

    async def migrate(self) -> None:
        """Bring the database to this release's schema.

        Raises:
            Invalid: `migration-needed` when it is behind and no login for migrations is given.
        """
        if await database.migrated(self.settings.database_url, migrate.newest()):
            return
        if not self.settings.migration_url:
            detail = "The database is behind this release: set MFM_MIGRATION_URL, run mfm migrate."
            raise Invalid("migration-needed", detail)
        await migrate.migrate_async(self.settings.migration_url)

    async def mechanism(self, name: str | None, *, create: bool = True) -> Mechanism:
        """Return the mechanism named, or the only one there is; make one where there is none.

        Raises:
            Invalid: `mechanism-unknown`, `mechanism-ambiguous` (with their names).
        """
        known = await database.mechanisms(self.settings.database_url)
        if name is not None:
            for each in known:
                if each.name == name:
                    return each
            detail = f"There is no mechanism {name}; `mfm init --mechanism {name}` makes it."
            raise Invalid("mechanism-unknown", detail)
        if len(known) > 1:
            names = ", ".join(each.name for each in known)
            raise Invalid("mechanism-ambiguous", f"There are several: {names}.")
        if known:
            return known[0]
        if not create:
            raise Invalid("mechanism-unknown", "There is no mechanism yet; `mfm init` makes one.")
        return await self.create(DEFAULT_NAME)

    async def create(self, name: str, origin: str | None = None) -> Mechanism:
        """Make a mechanism, in which the policies that the release ships are in force.

        Args:
            name: its name.
            origin: its trail's name; else `mfm/` and its name.

        Raises:
            Invalid: `mechanism-name`, `mechanism-exists`, `mechanism-origin`.
        """
        made = await database.create_mechanism(self.settings.database_url, name, origin)
        async with self.writer(made) as writer:
            await adopt_shipped(writer, Actor(made.name, OPERATOR, OPERATOR))
        return made

    @asynccontextmanager
    async def writer(self, mechanism: Mechanism) -> AsyncIterator[Writer]:
        """Give a writer that serves until the block ends; it writes upon what was signed alone."""
        guard = trail.guard(mechanism, self.settings.keys_dir)
        writer = Writer(self.settings.database_url, mechanism, guard)
        await writer.start()
        try:
            yield writer
        finally:
            await writer.close()

    @asynccontextmanager
    async def reader(
        self, mechanism: Mechanism, role: database.Role = "mfm_reader"
    ) -> AsyncIterator[Engine]:
        """Give a pool of read-only connections within the mechanism."""
        engine = database.reader_engine(self.settings.read_database_url, mechanism.id, role)
        try:
            yield engine
        finally:
            await engine.dispose()

    async def actor(self, writer: Writer) -> Actor:
        """Return who acts: the party of MFM_KEY, else the operator of this server.

        Raises:
            Invalid: `key-unknown` when the key is not known, expired or revoked.
        """
        if not self.settings.api_key:
            return Actor(writer.mechanism.name, OPERATOR, OPERATOR)
        secret = self.settings.api_key
        return await writer.run(lambda unit: actor_of(unit, secret))

    @asynccontextmanager
    async def reading(
        self, name: str | None, action: str, subject: str
    ) -> AsyncIterator[tuple[Engine, Actor]]:
        """Give the readers' connections of a mechanism, and who asks; the log of reads is told.

        Args:
            name: the mechanism's name, or None for the only one.
            action: by which action of the table of permissions.
            subject: what is read: the command and what it names.
        """
        mechanism = await self.mechanism(name)
        async with self.writer(mechanism) as writer:
            actor = await self.actor(writer)
        async with self.reader(mechanism) as engine:
            yield engine, actor
        await note_now(self.settings.database_url, mechanism, actor, (action, subject, 1))

    def close(self) -> None:
        """Give the embedded server's lease back; the last session stops it."""
        self._stack.close()
