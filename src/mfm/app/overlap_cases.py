"""Cases of overlap: opened, answered, decided by two, opened again."""

from typing import Any

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import overlap_cases as rules
from mfm.core import overlap_decisions as decisions
from mfm.core.applications import Application
from mfm.core.commitments import Commitment
from mfm.core.errors import Invalid, Refused
from mfm.core.nouns import NOUNS
from mfm.core.overlap_cases import (
    UNTOLD,
    ExplainOverlap,
    OpenOverlap,
    OverlapAnswer,
    OverlapCase,
    Side,
)
from mfm.core.overlap_decisions import DecideOverlap, Known, ReopenOverlap
from mfm.core.overlap_effects import AGAINST
from mfm.core.overlaps import KINDS
from mfm.core.parties import Party
from mfm.core.record import Draft
from mfm.core.sharing import SharingAgreement


async def open_case(context: Context, command: OpenOverlap) -> Draft:
    """Open a case of overlap, or tell new evidence of one."""
    context.require()
    if command.detector not in KINDS:
        detail = f"{command.detector!r} is none of {', '.join(sorted(KINDS))}."
        raise Invalid("overlap-pair", detail, "/detector")
    known = await context.unit.find_all(OverlapCase, "first", [command.first])
    pair = (command.detector, command.second)
    before = next((each for each in known if (each.detector, each.second) == pair), None)
    rules.must_be_news(command, before)
    sides = await _sides(context, command)
    case = before or await context.new_id(OverlapCase, None)
    return rules.open_case(context.act(None), command, sides, case, context.unit.next_seq)


async def explain(context: Context, command: ExplainOverlap) -> Draft:
    """Answer a case of overlap."""
    case = await context.get(OverlapCase, command.overlap, "/overlap")
    party = command.party or context.actor.party
    concerned = [side for side in case.sides if side.party == party]
    if context.actor.role == "grantee" and (not concerned or case.detector in UNTOLD):
        # To those whom it does not concern it is not there.
        raise Invalid("not-found", f"There is no overlap case {command.overlap}.", "/overlap")
    context.require(tuple(fund for side in concerned for fund in side.funds), (party,))
    return rules.explain(context.act(None), command, case, context.unit.next_seq)


async def decide(context: Context, command: DecideOverlap) -> Draft:
    """Propose an outcome of a case of overlap, or decide it by saying what another proposed."""
    case = await _concerned(context, command.overlap)
    if command.outcome in AGAINST and not await _sees_whole(context, case):
        detail = "This key sees one side alone: agree to share, or ask who sees both."
        raise Refused("overlap-half-seen", detail, "/outcome")
    answers = await context.unit.find_all(OverlapAnswer, "overlap", [case.id])
    heard = frozenset(each.party for each in answers if each.written_in > case.opened_in)
    known = Known(seq=context.unit.next_seq, heard=heard)
    if command.survivor in case.parties:
        goes = decisions.other_of(case, command.survivor)
        both = (await context.get(Party, command.survivor), await context.get(Party, goes))
        aliases = await context.unit.find_all(Party, "merged_into", [goes])
        known = structs.replace(known, merging=both, aliases=len(aliases))
    return decisions.decide(context.act(None), command, case, known)


async def reopen(context: Context, command: ReopenOverlap) -> Draft:
    """Open a decided case again; what was merged is two again."""
    case = await _concerned(context, command.overlap)
    alias = None
    if case.status == "merged":
        alias = await context.get(Party, decisions.other_of(case, case.survivor))
    return decisions.reopen(context.act(None), case, alias)


async def _concerned(context: Context, case_id: str) -> OverlapCase:
    case = await context.get(OverlapCase, case_id, "/overlap")
    context.require(case.funds)
    return case


async def _sees_whole(context: Context, case: OverlapCase) -> bool:
    """Tell whether an actor sees both sides of a case: by its fund, or one that shares with it."""
    fund = context.actor.fund
    if not fund:
        return True
    own = {fund}
    today = context.act(None).on
    for field in ("from_fund", "to_fund"):
        for each in await context.unit.find_all(SharingAgreement, field, [fund]):
            other = each.to_fund if each.from_fund == fund else each.from_fund
            own |= {other} if each.covers(fund, other, today) else set()
    return all(not side.funds or own & {*side.funds} for side in case.sides)


async def _sides(context: Context, command: OpenOverlap) -> tuple[Side, Side]:
    """Return the two that a case is about, as they stand."""
    one, other = KINDS[command.detector]
    first = await context.get(NOUNS[one], command.first, "/first")
    second = await context.get(NOUNS[other], command.second, "/second")
    return await _side(context, one, first), await _side(context, other, second)


async def _side(context: Context, kind: str, noun: Any) -> Side:  # noqa: ANN401  # any noun with an id
    """Return whom a noun concerns: its organisation, and the funds that deal with that."""
    if kind == "party":
        return Side(kind, noun.id, noun.id, await _funds_of(context, noun.id), noun.seq)
    names = ("lead", "party", "to_party")
    party = next((told for name in names if (told := getattr(noun, name, ""))), "")
    fund = next(
        (told for name in ("fund", "from_fund", "to_fund") if (told := getattr(noun, name, ""))), ""
    )
    funds = (fund,) if fund else await _funds_of(context, party)
    return Side(kind, noun.id, party, funds, noun.seq)


async def _funds_of(context: Context, party: str) -> tuple[str, ...]:
    """Return the funds that an organisation applies to, or gets grants of."""
    leads = await context.unit.find_all(Application, "lead", [party])
    grants = await context.unit.find_all(Commitment, "to_party", [party])
    funds = {each.fund for each in leads if each.status not in ("draft", "reversed")}
    return tuple(sorted(funds | {each.from_fund for each in grants if each.from_fund}))


VERBS = (
    Verb("overlap.open", OpenOverlap, open_case, "/overlaps"),
    *(
        Verb(
            f"overlap.{step}",
            command,
            run,
            f"/overlaps/{{overlap}}/{where}",
            (OverlapCase, "overlap"),
        )
        for step, command, run, where in (
            ("explain", ExplainOverlap, explain, "explanations"),
            ("decide", DecideOverlap, decide, "decisions"),
            ("reopen", ReopenOverlap, reopen, "reopen"),
        )
    ),
)
