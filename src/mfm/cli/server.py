"""The server: uvicorn over a mechanism's writer and readers. Apart, for it takes long to import."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

from mfm.app import heads
from mfm.app.cosigning import Cosigner, witnesses_of
from mfm.app.overlap_follower import OverlapFollower
from mfm.app.read_log import ReadLog
from mfm.app.sealer import Sealer
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.core.permissions import OPERATOR, Actor
from mfm.store.database import Mechanism
from mfm.web.asgi import create_app
from mfm.web.protocol import Protocol
from mfm.web.services import Services, cursor_key

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """uvicorn, except that a signal ends its serving and not the whole process.

    uvicorn raises the signal again once it has served; then nobody would close the writer, or stop
    the embedded server.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the first signal end the serving, and a second one no longer wait for answers."""
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in _SIGNALS:
                loop.remove_signal_handler(each)


async def serve(session: Session, mechanism: Mechanism, listening: socket.socket) -> None:
    """Serve a mechanism until the process is told to stop; what waits is still written."""
    settings, keys = session.settings, session.settings.keys_dir
    async with session.writer(mechanism) as writer, session.reader(mechanism) as engine:
        read_log = ReadLog(settings.database_url, mechanism)
        sealer = Sealer(settings.database_url, mechanism, keys, writer.written)
        following = [asyncio.create_task(sealer.run(), name=f"sealer-{mechanism.name}")]
        if settings.heads:
            actor = Actor(mechanism.name, OPERATOR, OPERATOR)
            following.append(asyncio.create_task(heads.daily(writer, actor), name="heads"))
        overlap = OverlapFollower(settings.database_url, writer, engine)
        following.append(asyncio.create_task(overlap.run(), name="overlap"))
        if settings.witnesses:
            witnesses = settings.witnesses, witnesses_of(settings.trail_policy)
            cosigner = Cosigner(settings.database_url, mechanism, sealer, *witnesses)
            following.append(asyncio.create_task(cosigner.run(), name="cosigner"))
        key = cursor_key(settings.data_dir)
        app = create_app(Services(writer, engine, key, read_log, sealer))
        config = uvicorn.Config(
            app,
            http=Protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            date_header=True,
            timeout_keep_alive=30,
        )
        gc.collect()
        gc.freeze()  # what the imports made stays: the collector need not walk it again and again
        gc.set_threshold(50_000, 20, 20)
        read_log.start()
        try:
            await _Server(config).serve([listening])
        finally:
            await read_log.close()
            for task in following:
                task.cancel()
                with suppress(asyncio.CancelledError, Invalid):
                    await task
