"""Previews: what policies would say of a step, and what a draft still lacks; nothing is written."""

from datetime import date
from typing import Any

from msgspec import Struct, ValidationError, convert

from mfm.app import policies
from mfm.app.context import Context
from mfm.app.known import at_application
from mfm.app.policies import Gate
from mfm.app.registry import VERBS
from mfm.core import applications as rules
from mfm.core.applications import Application, DraftApplication
from mfm.core.calls import Call, must_take_submissions
from mfm.core.decisions import Found
from mfm.core.errors import Invalid, Refused
from mfm.core.explanations import Reason, explained
from mfm.core.permissions import Actor, scope_of
from mfm.core.policies import File
from mfm.core.submissions import lacking
from mfm.core.terms import Command, Id
from mfm.formats.faults import invalid
from mfm.store.unit import Unit
from mfm.store.writer import Writer

GATED = (
    "application.submit",
    "allocation.approve",
    "commitment.sign",
    "commitment.amend",
    "commitment.extend",
    "condition.accept",
    "disbursement.request",
    "disbursement.approve",
    "disbursement.instruct",
    "disbursement.release",
)
"""The verbs that policies are asked about; none of them keeps anything before its record."""


class CheckApplication(Command, frozen=True, kw_only=True):
    """Check an application before it is submitted: a draft that is kept, or one told here."""

    application: Id | None = None
    draft: DraftApplication | None = None


class PreviewDecision(Command, frozen=True, kw_only=True):
    """Ask what policies would say of a verb, without doing it."""

    verb: str
    command: dict[str, Any]


class SimulateCandidate(
    Command, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    """Hold decisions of a span of days against a candidate for a policy; nothing is written."""

    content: File
    since: date
    until: date


class Lack(Struct, frozen=True):
    """What would have the step refused before any policy: a code and a sentence."""

    code: str
    detail: str


class Preview(Struct, frozen=True):
    """What would happen.

    Attributes:
        outcome: the policies' outcome, or "" where it does not come to that.
        lacking: what else is missing or in the way.
        reasons: every reason of the policies, with what to do next.
        facts: the facts that they would have.
    """

    outcome: str
    lacking: tuple[Lack, ...]
    reasons: tuple[Reason, ...]
    facts: dict[str, Any]


def _preview(found: list[Found], lacks: tuple[Lack, ...], language: str) -> Preview:
    if not found:
        return Preview("", lacks, (), {})
    last = found[-1]
    return Preview(last.outcome, lacks, tuple(explained(last, language)), dict(last.values))


async def check_application(
    writer: Writer, actor: Actor, command: CheckApplication, language: str
) -> Preview:
    """Return what an application still lacks, and what the fund's policies would say of it.

    Raises:
        Invalid: `field-missing` unless one of the two is told; `not-found`, and as for a draft.
    """
    if (command.application is None) == (command.draft is None):
        raise Invalid("field-missing", "Tell application or draft, one of the two.", "/application")

    async def job(unit: Unit) -> Preview:
        """Look, where verbs are decided."""
        context = Context(unit, actor, "application.check", language)
        return await _checked(context, command)

    return await writer.run(job)


async def _checked(context: Context, command: CheckApplication) -> Preview:
    application, call = await _told(context, command)
    act = context.act(None, await context.kept(call.fund))
    lacks = [Lack(code, detail) for code, detail in lacking(application)]
    try:
        must_take_submissions(call, act.on)
    except Refused as refused:
        lacks.insert(0, Lack(refused.code, refused.detail))
    known = await at_application(context, application, call, act.on)
    gate = Gate("application", call.fund, act.on, call.funding_window, act.on)
    found = await policies.decide(context, gate, known.values)
    return _preview([found], tuple(lacks), context.language)


async def _told(context: Context, command: CheckApplication) -> tuple[Application, Call]:
    told = command.draft
    if told is None:
        application = await context.get(Application, command.application or "", "/application")
        context.require((application.fund,), application.parties)
        return application, await context.get(Call, application.call)
    call = await context.get(Call, told.call, "/draft/call")
    context.require((call.fund,), (told.lead,))
    fund = await context.kept(call.fund)
    made = rules.draft(context.act(None, fund), told, ("unwritten", 0), call, fund).sets[0]
    assert isinstance(made, Application)  # a draft sets it, and nothing else
    return made, call


async def preview(writer: Writer, actor: Actor, command: PreviewDecision, language: str) -> Preview:
    """Return what would become of a verb.

    Raises:
        Invalid: `gate-unknown`, `field-*`, and as the verb.
    """
    verb = VERBS.get(command.verb) if command.verb in GATED else None
    if verb is None:
        detail = f"Policies are asked about {', '.join(GATED)}."
        raise Invalid("gate-unknown", detail, "/verb")
    try:
        asked = convert(command.command, verb.command)
    except ValidationError as error:
        raise invalid(error, verb.command, "/command") from None
    scope_of(actor, "decision.preview")

    async def job(unit: Unit) -> Preview:
        """Decide as the verb would, and leave it at that."""
        context = Context(unit, actor, verb.name, language)
        try:
            await verb.run(context, asked)
        except Refused as refused:
            own = refused.code.startswith("policy-")
            lacks = () if own else (Lack(refused.code, refused.detail),)
            return _preview(context.found, lacks, language)
        return _preview(context.found, (), language)

    return await writer.run(job)
