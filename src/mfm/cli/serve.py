"""Serving: the API and its pages, until somebody stops it."""

import argparse
import socket
import sys

from mfm.app import trail
from mfm.cli.arguments import Commands, command, port
from mfm.cli.session import Session
from mfm.core.errors import Invalid
from mfm.store.database import Mechanism


def add(commands: Commands) -> None:
    """Add `serve`."""
    made = command(commands, "serve", _serve, "Serve the API on HTTP.")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", type=port, default=8000, help="port to listen on (8000)")


async def _serve(session: Session, args: argparse.Namespace) -> int:
    mechanism = await session.mechanism(args.mechanism)
    await trail.check(session.settings.database_url, mechanism, session.settings.keys_dir)
    with listen(args.host, args.port) as listening:
        print(f"Serving {mechanism.name} on {url_of(listening)}", file=sys.stderr, flush=True)
        await serve(session, mechanism, listening)
    return 0


def listen(host: str, number: int) -> socket.socket:
    """Return a socket that listens, before anything that costs time is begun.

    Raises:
        Invalid: `port-unusable`: it is taken, or is not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, number), family=family, backlog=2_048)
    except OSError as error:
        detail = f"mfm cannot listen on port {number} of {host}: {error.strerror}."
        raise Invalid("port-unusable", detail) from error


def url_of(listening: socket.socket) -> str:
    """Return where a socket is reached."""
    host, number = listening.getsockname()[:2]
    return f"http://[{host}]:{number}" if ":" in host else f"http://{host}:{number}"


async def serve(session: Session, mechanism: Mechanism, listening: socket.socket) -> None:
    """Serve a mechanism until the process is told to stop."""
    # The web takes half as long to import as all the rest: other commands do without.
    from mfm.cli import server  # noqa: PLC0415  # see above, it is measured

    await server.serve(session, mechanism, listening)
