"""Other people's services: something is posted to an address, and answered within bounds."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

from mfm.core.errors import Invalid

_ANSWER_MAX = 256 * 1024
_PATIENCE_SECONDS = 10
"""For everything together: a service that says a byte now and then does not hold others up."""


class Reply(NamedTuple):
    """What a service answered: the HTTP status, and the body."""

    status: int
    body: bytes


def post(url: str, body: bytes, media_type: str) -> Reply:
    """Post to a URL; redirections are not followed.

    Raises:
        Invalid: `remote-url` when it is none; `remote-silent` when nobody answers in time, or at
            too great a length.
    """
    told = urlsplit(url)
    if told.scheme not in ("http", "https") or not told.hostname:
        raise Invalid("remote-url", f"{url[:200]!r} is no http or https address.")
    kind = HTTPSConnection if told.scheme == "https" else HTTPConnection
    path = told.path + (f"?{told.query}" if told.query else "")
    try:
        connection = kind(told.hostname, told.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.connect()
            with _in_time(connection.sock):
                connection.request("POST", path or "/", body, {"Content-Type": media_type})
                answer = connection.getresponse()
                content = answer.read(_ANSWER_MAX + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as fault:
        raise Invalid("remote-silent", f"{url} does not answer: {fault!r}") from fault
    if len(content) > _ANSWER_MAX:
        raise Invalid("remote-silent", f"{url} answers with more than 256 KiB.")
    return Reply(answer.status, content)


@contextmanager
def _in_time(line: socket.socket) -> Iterator[None]:
    """Hang up when the time is over, whatever is being said.

    Raises:
        TimeoutError: it was.
    """
    end = time.monotonic() + _PATIENCE_SECONDS

    def hang_up() -> None:
        with suppress(OSError):  # it was over meanwhile
            line.shutdown(socket.SHUT_RDWR)

    timer = Timer(_PATIENCE_SECONDS, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if time.monotonic() >= end:
        raise TimeoutError("the time is over")
