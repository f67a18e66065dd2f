"""Serving: the API and its pages, until somebody stops it."""

import argparse
import gc

import uvicorn

from mfm.cli.arguments import Commands, command
from mfm.cli.session import Session
from mfm.store.database import Mechanism
from mfm.web.asgi import create_app
from mfm.web.services import Services, cursor_key


def add(commands: Commands) -> None:
    """Add `serve`."""
    made = command(commands, "serve", _serve, "Serve the API on HTTP.")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")


async def _serve(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    await serve(session, mechanism, args.host, args.port)
    return 0


async def serve(session: Session, mechanism: Mechanism, host: str, port: int) -> None:
    """Serve a mechanism until the process is told to stop; what waits is still written."""
    async with session.writer(mechanism) as writer, session.reader(mechanism) as engine:
        app = create_app(Services(writer, engine, cursor_key(session.settings.data_dir)))
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",
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
        await uvicorn.Server(config).serve()
