"""Serving: the API and its pages, until somebody stops it."""

import argparse
import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from mfm.cli.arguments import Commands, command, port
from mfm.cli.session import Session
from mfm.store.database import Mechanism
from mfm.web.asgi import create_app
from mfm.web.services import Services, cursor_key

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def add(commands: Commands) -> None:
    """Add `serve`."""
    made = command(commands, "serve", _serve, "Serve the API on HTTP.")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", type=port, default=8000, help="port to listen on (8000)")


async def _serve(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    with listen(args.host, args.port) as listening:
        print(f"Serving {mechanism.name} on {url_of(listening)}", file=sys.stderr, flush=True)
        await serve(session, mechanism, listening)
    return 0


def listen(host: str, number: int) -> socket.socket:
    """Return a socket that listens, before anything that costs time is begun.

    Raises:
        OSError: the port is taken, or is not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, number), family=family, backlog=2_048)


def url_of(listening: socket.socket) -> str:
    """Return where a socket is reached."""
    host, number = listening.getsockname()[:2]
    return f"http://[{host}]:{number}" if ":" in host else f"http://{host}:{number}"


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
    async with session.writer(mechanism) as writer, session.reader(mechanism) as engine:
        app = create_app(Services(writer, engine, cursor_key(session.settings.data_dir)))
        config = uvicorn.Config(
            app,
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
        await _Server(config).serve([listening])
