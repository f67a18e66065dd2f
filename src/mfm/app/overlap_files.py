"""Overlap on files: JSON lines in, JSON lines out, with no database anywhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mfm.app.matching import org_matcher, project_matcher
from mfm.core.candidates import Pool
from mfm.core.errors import Invalid
from mfm.core.org_likeness import OrgView
from mfm.core.project_matching import ProjectView
from mfm.core.scoring import FULL, Verdict

LINE_MAX_BYTES = 1 << 20
POOL_MAX_LINES = 1_000_000
TOP_MAX = 1_000
Line = TypeVar("Line")
Tick = Callable[[int], None]
"""Told how many lines are done."""


class OrgPair(msgspec.Struct):
    """A line of organisations to compare."""

    a: OrgView
    b: OrgView


class ProjectPair(msgspec.Struct):
    """A line of projects to compare."""

    a: ProjectView
    b: ProjectView


class PoolLine(msgspec.Struct):
    """An organisation of a pool: each name a text, or a row that begins with it."""

    names: list[str | list[Any]]
    country: str | None = None


class QueryLine(msgspec.Struct):
    """An organisation that is looked for."""

    id: str | int
    name: str
    country: str | None = None


def match_organisations(pairs: Path, output: Path, tick: Tick) -> int:
    """Write for each pair of organisations score, band and reasons; return how many.

    Raises:
        Invalid: line-refused, where a line is not JSON of this form; nothing is written then.
    """
    matcher = org_matcher()

    def answer(pair: OrgPair) -> dict[str, Any]:
        return _told(matcher.match(matcher.read(pair.a), matcher.read(pair.b)))

    return _each(pairs, output, (OrgPair, answer), tick)


def match_projects(pairs: Path, output: Path, tick: Tick) -> int:
    """Write for each pair of projects score, band and reasons; return how many.

    Raises:
        Invalid: line-refused, as above.
    """
    matcher = project_matcher()

    def answer(pair: ProjectPair) -> dict[str, Any]:
        return _told(matcher.match(pair.a, pair.b))

    return _each(pairs, output, (ProjectPair, answer), tick)


def candidates(pool: Path, queries: Path, output: Path, top: int, tick: Tick) -> int:
    """Write for each query the places in the pool, from 0, that it may be; return how many.

    Raises:
        Invalid: line-refused, as above; request-refused, where top is not from 1 to 1,000.
    """
    if not 1 <= top <= TOP_MAX:
        raise Invalid("request-refused", f"--top is from 1 to {TOP_MAX}, not {top}.")
    matcher = org_matcher()
    members = (
        (
            [name if isinstance(name, str) else str(name[0]) for name in line.names if name],
            line.country,
        )
        for line in _lines(pool, PoolLine)
    )
    among = Pool(members, matcher.lexicon, matcher.weigh)

    def answer(query: QueryLine) -> dict[str, Any]:
        return {"id": query.id, "candidates": among.find(query.name, query.country, top)}

    return _each(queries, output, (QueryLine, answer), tick)


def _told(verdict: Verdict) -> dict[str, Any]:
    return {"score": verdict.score / FULL, "band": verdict.band, "reasons": verdict.reasons}


def _each(
    source: Path, output: Path, how: tuple[type[Line], Callable[[Line], dict[str, Any]]], tick: Tick
) -> int:
    """Answer each line of a file; the output takes its name when it is whole."""
    shape, answer = how
    done = 0
    unfinished = output.with_name(output.name + ".part")
    try:
        with unfinished.open("wb") as file:
            for done, line in enumerate(_lines(source, shape), start=1):
                file.write(msgspec.json.encode(answer(line)) + b"\n")
                tick(done)
        unfinished.replace(output)
    except OSError as fault:
        raise Invalid("file-unwritable", f"{output}: {fault.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def _lines(path: Path, shape: type[Line]) -> Iterator[Line]:
    """Yield a file's lines, decoded."""
    decoder = msgspec.json.Decoder(shape)
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_MAX_BYTES + 1):
                number += 1
                if len(line) > LINE_MAX_BYTES:
                    raise Invalid("line-refused", f"{path.name}, line {number}: longer than 1 MiB.")
                if number > POOL_MAX_LINES:
                    raise Invalid(
                        "file-too-large", f"{path.name}: more than {POOL_MAX_LINES} lines."
                    )
                if line.strip():
                    yield _decoded(decoder, line, f"{path.name}, line {number}")
    except OSError as fault:
        raise Invalid("file-unreadable", f"{path.name}: {fault.strerror}.") from None


def _decoded(decoder: msgspec.json.Decoder[Line], line: bytes, where: str) -> Line:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Invalid("line-refused", f"{where}: {fault}.") from None
