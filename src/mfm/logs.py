"""Logs: JSON lines on standard error; no bodies, no secrets, no local variables."""

import logging
import sys
from contextlib import suppress

import structlog


class _StandardError:
    """Standard error as it is at the moment; a log that cannot be written stops nobody's work."""

    def write(self, text: str) -> None:
        with suppress(ValueError, OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(ValueError, OSError):
            sys.stderr.flush()


def configure(*, verbose: bool = False) -> None:
    """Send this process's logs to standard error as JSON, one event a line."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if verbose else logging.WARNING
        ),
        logger_factory=structlog.PrintLoggerFactory(_StandardError()),  # type: ignore[arg-type]  # it writes and flushes
        cache_logger_on_first_use=True,
    )
