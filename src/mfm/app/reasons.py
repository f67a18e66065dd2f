"""Reasons: what a decision that was kept says to the person it concerns, in their language."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from msgspec import Struct, json

from mfm.app import policy_files
from mfm.core.contests import Contest, id_of
from mfm.core.decisions import Found, recalled
from mfm.core.explanations import Reason, explained
from mfm.core.facts import Catalogue
from mfm.core.judgements import Decision
from mfm.core.policy_format import PolicyFile, load
from mfm.store import judgements as store
from mfm.store import reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.exports import blobs
from mfm.store.reads import Reach

_LOADED: dict[tuple[str, str], PolicyFile] = {}
"""Loaded files by their SHA-256 and that of their catalogue: what these name never changes."""
_LOADED_MAX = 1_000
_decode = json.Decoder(dict[str, Any]).decode


class Explained(Struct, frozen=True):
    """A decision as it is told.

    Attributes:
        reasons: each of them, with what to do next; none where all rules hold.
        facts: what the decision was made from, as it was kept.
        sources: fact -> where it is from, and the day on which somebody verified it.
    """

    reasons: tuple[Reason, ...]
    facts: dict[str, Any]
    sources: dict[str, dict[str, str]]


class Holding(Struct, frozen=True):
    """A step that policies hold, and why.

    Attributes:
        subject: what the step is about, such as disbursement:d1.
        decision: its id.
        on: the day of the decision.
        reasons: each of them.
        contest: that somebody contests it, or None.
    """

    subject: str
    decision: str
    on: date
    reasons: tuple[Reason, ...]
    contest: Contest | None


async def told_of(engine: Engine, decision: Decision, language: str) -> Explained:
    """Return a decision's reasons in a language; whether it may be read was asked before."""
    async with snapshot(engine) as connection:
        kept, found = await _found(connection, decision)
    return Explained(tuple(explained(found, language)), kept["facts"], kept.get("sources", {}))


async def holding(
    connection: Snapshot, standing: dict[str, int], language: str
) -> tuple[Holding, ...]:
    """Return what holds these subjects up as they stand.

    Args:
        connection: where to read.
        standing: subject -> the record that it stands by: what was refused before that is over.
        language: of the reasons.
    """
    refused = await store.refused(connection, tuple(standing))
    told = []
    for decision in refused:
        if decision.seq > standing[decision.subject]:
            _, found = await _found(connection, decision)
            reasons = _shown(explained(found, language))
            contest: Any = await reads.one(connection, Contest, _contest_of(decision), Reach())
            told.append(
                Holding(decision.subject, decision.id, decision.judged_on, reasons, contest)
            )
    return tuple(told)


def _contest_of(decision: Decision) -> str:
    return id_of(f"decision:{decision.id}")


def _shown(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Leave out what only flags: it holds nothing up."""
    return tuple(each for each in reasons if each.severity != "flag" or each.result == "undecided")


async def _found(connection: Snapshot, decision: Decision) -> tuple[dict[str, Any], Found]:
    """Return all that was kept of a decision, and what it came to."""
    content = await blobs(connection, [decision.content])
    kept = _decode(content[decision.content])
    names = [each["file"] for each in kept["policies"]]
    catalogue = await _catalogue(connection, kept["catalogue"])
    missing = [name for name in names if (name, catalogue.sha256) not in _LOADED]
    if len(_LOADED) + len(missing) > _LOADED_MAX:
        _LOADED.clear()
        missing = names
    files = await blobs(connection, missing)
    for name in missing:
        _LOADED[name, catalogue.sha256] = load(files[name], catalogue, f"policy {name[:12]}")
    return kept, recalled(kept, [_LOADED[name, catalogue.sha256] for name in names], catalogue)


async def _catalogue(connection: Snapshot, name: str) -> Catalogue:
    """Return the catalogue of facts that a decision was made with."""
    shipped = policy_files.catalogue()
    if shipped.sha256 == name:
        return shipped
    return Catalogue((await blobs(connection, [name]))[name])
