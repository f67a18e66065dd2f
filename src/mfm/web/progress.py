"""What single addresses tell beyond the noun itself: whose turn it is, and how long it took."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct, to_builtins

from mfm.app import call_views, progress, reads, reasons
from mfm.app.call_views import Rival
from mfm.app.context import utc_now
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.comments import Comment
from mfm.core.commitments import Commitment
from mfm.core.contests import Contest
from mfm.core.disbursements import Disbursement
from mfm.core.explanations import Reason
from mfm.core.judgements import Decision
from mfm.core.money import Money
from mfm.core.next_steps import NextStep, PastStep
from mfm.core.overlap_cases import OverlapAnswer
from mfm.core.record import Noun
from mfm.web.render import money_json
from mfm.web.services import Services


class TrancheProgress(Struct, frozen=True):
    """Where a tranche stands and whose turn it is."""

    tranche: int
    amount: Money
    due_on: date | None
    disbursement: str
    status: str
    next_step: NextStep | None


class More(NamedTuple):
    """What a noun's own address tells beyond its state, and how that is found.

    Attributes:
        fields: (name, type) for the description.
        read: returns the fields' values; what is told in words, in a language.
    """

    fields: tuple[tuple[str, Any], ...]
    read: Callable[[Services, Any, str], Awaitable[dict[str, Any]]]


async def _disbursement(services: Services, made: Disbursement, _: str) -> dict[str, Any]:
    told: dict[str, Any] = to_builtins(await progress.of_disbursement(services.engine, made))
    return told


async def _commitment(services: Services, made: Commitment, _: str) -> dict[str, Any]:
    steps = await progress.of_commitment(services.engine, made)
    told = []
    for step in steps:
        each = to_builtins(step)
        each["amount"] = money_json(each.pop("amount_minor"), made.currency)
        told.append(each)
    return {"progress": told}


async def _decision(services: Services, made: Decision, language: str) -> dict[str, Any]:
    told: dict[str, Any] = to_builtins(await reasons.told_of(services.engine, made, language))
    return told


async def _words(
    services: Services, made: Call | Comment | Application | OverlapAnswer | Contest, _: str
) -> dict[str, Any]:
    later = (getattr(made, name, 0) for name in ("answered_in", "decided_in"))
    seqs = {made.written_in, *later} - {0}
    return {"texts": await reads.texts(services.engine, sorted(seqs))}


async def _contest(services: Services, made: Contest, language: str) -> dict[str, Any]:
    late = made.status == "open" and made.due_on < utc_now().date()
    return await _words(services, made, language) | {"overdue": late}


async def _call(services: Services, made: Call, language: str) -> dict[str, Any]:
    told = await _words(services, made, language)
    open_yet = made.status in ("draft", "consultation")
    found = await call_views.rivals_of(services.engine, made.id) if open_yet else []
    return told | {"overlaps": to_builtins(found)}


_TEXTS = More((("texts", dict[str, str]),), _words)
MORE: dict[type[Noun], More] = {
    Commitment: More((("progress", list[TrancheProgress]),), _commitment),
    Disbursement: More(
        (
            ("next_step", NextStep | None),
            ("days", dict[str, int | None]),
            ("steps", list[PastStep]),
        ),
        _disbursement,
    ),
    Decision: More(
        (
            ("reasons", list[Reason]),
            ("facts", dict[str, Any]),
            ("sources", dict[str, dict[str, str]]),
        ),
        _decision,
    ),
    Call: More((*_TEXTS.fields, ("overlaps", list[Rival])), _call),
    Comment: _TEXTS,
    Application: _TEXTS,
    Contest: More((*_TEXTS.fields, ("overdue", bool)), _contest),
    OverlapAnswer: _TEXTS,
}
