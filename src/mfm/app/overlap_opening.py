"""Opening cases of what detectors noticed: each pair once, and again only when there is news."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import islice

from msgspec import Struct

from mfm.app.matching import version
from mfm.app.perform import Ask, submit
from mfm.app.registry import VERBS
from mfm.core import overlap_cases as rules
from mfm.core.errors import Invalid
from mfm.core.overlap_cases import OpenOverlap, OverlapCase
from mfm.core.overlaps import Overlap
from mfm.core.permissions import Actor
from mfm.core.record import canonical
from mfm.store.writer import Writer

_CHUNK = 100
"""So many pairs are asked for together: the writer takes other verbs between."""
_REASONS_MAX_CHARS = 8_000
_PASSED_OVER = frozenset({"overlap-known", "not-found"})
"""Another was quicker, or what was noticed was taken back meanwhile."""
_Pair = tuple[str, str, str]


class Opened(Struct):
    """What came of opening cases.

    Attributes:
        opened: pairs that had no case.
        again: cases that have new evidence.
        known: pairs whose case says all this already.
    """

    opened: int = 0
    again: int = 0
    known: int = 0


async def open_found(
    writer: Writer, actor: Actor, found: Iterable[Overlap], tick: Callable[[int], None]
) -> Opened:
    """Open a case of each pair that has none, and tell new evidence of those that have one.

    Done again, it changes nothing.

    Args:
        writer: the mechanism's.
        actor: who opens them.
        found: what detectors noticed.
        tick: told how many pairs are done.

    Raises:
        Invalid: `role-not-allowed`, and as `perform.submit`.
    """
    told, pairs, done = Opened(), iter(_united(found)), 0
    while some := list(islice(pairs, _CHUNK)):
        known = await _known(writer, some)
        news = [each for each in some if _is_news(each, known.get(_pair(each)))]
        results = await asyncio.gather(
            *(_open(writer, actor, each, known.get(_pair(each))) for each in news)
        )
        for each, opened in zip(news, results, strict=True):
            if not opened:
                told.known += 1
            elif _pair(each) in known:
                told.again += 1
            else:
                told.opened += 1
        told.known += len(some) - len(news)
        done += len(some)
        tick(done)
    return told


def _pair(command: OpenOverlap) -> _Pair:
    return command.detector, command.first, command.second


def _united(found: Iterable[Overlap]) -> Iterator[OpenOverlap]:
    """Yield one command a pair, with all that a detector noticed of it, wherever that was."""
    by_pair: dict[_Pair, list[Overlap]] = {}
    for each in found:
        by_pair.setdefault((each.detector, each.left, each.right), []).append(each)
    for (detector, first, second), several in by_pair.items():
        reasons = dict.fromkeys(line for each in several for line in each.reasons)
        facts = {fact[: rules.FACT_MAX_CHARS] for each in several for fact in each.grounds if fact}
        surest = max(several, key=lambda each: (each.band == "strong", each.score))
        yield OpenOverlap(
            detector=detector,
            version=version(),
            first=first,
            second=second,
            score=surest.score,
            band=surest.band,  # type: ignore[arg-type]  # detectors know the two bands
            reasons=_cut("\n".join(reasons)),
            suggestions=surest.suggestions,
            facts=tuple(sorted(facts))[: rules.FACTS_MAX],
        )


def _cut(reasons: str) -> str:
    """Return as many whole sentences as a record takes; of one that is longer, its beginning."""
    if len(reasons) <= _REASONS_MAX_CHARS:
        return reasons
    some = reasons[:_REASONS_MAX_CHARS]
    return some.rpartition("\n")[0] or f"{some[:-1]}\N{HORIZONTAL ELLIPSIS}"


async def _known(writer: Writer, some: list[OpenOverlap]) -> dict[_Pair, OverlapCase]:
    firsts = sorted({each.first for each in some})
    cases = await writer.run(lambda unit: unit.find_all(OverlapCase, "first", firsts))
    return {(each.detector, each.first, each.second): each for each in cases}


def _is_news(command: OpenOverlap, before: OverlapCase | None) -> bool:
    try:
        rules.must_be_news(command, before)
    except Invalid:
        return False
    return True


async def _open(
    writer: Writer, actor: Actor, command: OpenOverlap, before: OverlapCase | None
) -> bool:
    """Ask for a case to be opened; tell whether that was done."""
    # The case as it stands is part of the key: what was dismissed may come back with old evidence.
    since = str(before.seq) if before else "0"
    told = canonical([*_pair(command), *sorted(rules.facts_of(command)), since])
    key = f"overlap-{sha256(told).hexdigest()}"
    try:
        made = await submit(writer, Ask(actor, VERBS["overlap.open"], command, key))
    except Invalid as problem:
        if problem.code in _PASSED_OVER:
            return False
        raise
    return made.accepted and not made.replayed
