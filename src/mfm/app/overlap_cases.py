"""Cases of overlap: opened, answered, decided by two, opened again."""

from typing import Any

from msgspec import structs

from mfm.app.context import Context
from mfm.app.overlap_reads import viewer_of
from mfm.app.perform import Verb
from mfm.core import overlap_cases as rules
from mfm.core import overlap_decisions as decisions
from mfm.core.errors import Invalid, Refused
from mfm.core.keys import ApiKey
from mfm.core.nouns import NOUNS
from mfm.core.overlap_cases import (
    ExplainOverlap,
    OpenOverlap,
    OverlapAnswer,
    OverlapCase,
    Side,
)
from mfm.core.overlap_decisions import DecideOverlap, Known, ReopenOverlap
from mfm.core.overlap_effects import AGAINST
from mfm.core.overlap_standing import Standing
from mfm.core.overlaps import KINDS
from mfm.core.parties import Party
from mfm.core.permissions import scope_of
from mfm.core.record import Draft
from mfm.store import overlap_cases as store


async def open_case(context: Context, command: OpenOverlap) -> Draft:
    """Open a case of overlap, or tell new evidence of one."""
    context.require()
    if command.detector not in KINDS:
        detail = f"{command.detector!r} is none of {', '.join(sorted(KINDS))}."
        raise Invalid("overlap-pair", detail, "/detector")
    before = await _before(context, command)
    if before is None:
        command = await _of_survivors(context, command)
        before = await _before(context, command)
    rules.must_be_news(command, before)
    sides = await _sides(context, command)
    case = before or await context.new_id(OverlapCase, None)
    return rules.open_case(context.act(None), command, sides, case, context.unit.next_seq)


async def _before(context: Context, command: OpenOverlap) -> OverlapCase | None:
    known = await context.unit.find_all(OverlapCase, "first", [command.first])
    pair = (command.detector, command.second)
    return next((each for each in known if (each.detector, each.second) == pair), None)


async def _of_survivors(context: Context, command: OpenOverlap) -> OpenOverlap:
    """Return a command of those who stand for merged parties.

    An open case of their aliases is theirs: no second one is opened beside it.

    Raises:
        Invalid: `overlap-known`.
    """
    named = (command.first, command.second)
    sides = [
        await _stays(context, name) if kind == "party" else (name, [name])
        for kind, name in zip(KINDS[command.detector], named, strict=True)
    ]
    (first, firsts), (second, seconds) = sides
    if first == second:
        raise Invalid("overlap-known", f"Both are {first} by now: one was merged into the other.")
    family = {*firsts, *seconds}
    for each in await context.unit.find_all(OverlapCase, "first", sorted(family)):
        theirs = each.second in family and (each.first in firsts) != (each.second in firsts)
        if theirs and each.detector == command.detector and each.status == "open":
            raise Invalid("overlap-known", f"Case {each.id} is open, and theirs.")
    if KINDS[command.detector] == ("party", "party"):
        first, second = sorted((first, second)) if named != (first, second) else (first, second)
    return structs.replace(command, first=first, second=second)


async def _stays(context: Context, name: str) -> tuple[str, list[str]]:
    """Return who stands for a party, and all ids that mean that one."""
    found = await context.unit.find(Party, name)
    stays = (found.merged_into if found else "") or name
    aliases = await context.unit.find_all(Party, "merged_into", [stays])
    return stays, [stays, *(each.id for each in aliases)]


async def explain(context: Context, command: ExplainOverlap) -> Draft:
    """Answer a case of overlap."""
    case, standing = await _stood(context, command.overlap)
    party = rules.answering(command, case, context.actor, standing)
    if party in standing.own:
        context.require((context.actor.fund,), (context.actor.party,))
    else:
        sides = zip(case.sides, standing.sides, strict=True)
        funds = (fund for side, seen in sides if side.party == party for fund in seen.funds)
        context.require(tuple(dict.fromkeys(funds)), (party,))
    return rules.explain(context.act(None), party, case, standing, context.unit.next_seq)


async def decide(context: Context, command: DecideOverlap) -> Draft:
    """Propose an outcome of a case of overlap, or decide it by saying what another proposed."""
    case, standing = await _stood(context, command.overlap)
    if command.outcome in AGAINST and standing.scope != "own" and not standing.whole:
        detail = "This key sees one side alone: agree to share, or ask who sees both."
        raise Refused("overlap-half-seen", detail, "/outcome")
    answers = await context.unit.find_all(OverlapAnswer, "overlap", [case.id])
    since = [each for each in answers if each.written_in > case.opened_in]
    known = Known(
        seq=context.unit.next_seq,
        stands_for=standing.stands_for,
        heard=frozenset(each.party for each in since if not each.noted),
        noted_by=frozenset(each.given_by for each in since if each.noted),
        one_fund=await _one_fund(context, case, standing),
    )
    if command.survivor in case.parties:
        goes = decisions.other_of(case, command.survivor)
        both = (await context.get(Party, command.survivor), await context.get(Party, goes))
        aliases = await context.unit.find_all(Party, "merged_into", [goes])
        known = structs.replace(known, merging=both, aliases=len(aliases))
    return decisions.decide(context.act(None), command, case, known)


async def _one_fund(context: Context, case: OverlapCase, standing: Standing) -> str:
    """Return the fund that both deciders are of, where others are concerned; else ""."""
    fund = context.actor.fund
    if not fund or not {each for side in standing.sides for each in side.funds} - {fund}:
        return ""
    proposer = await context.unit.find(ApiKey, case.proposed_by)
    return fund if proposer is not None and proposer.fund == fund else ""


async def reopen(context: Context, command: ReopenOverlap) -> Draft:
    """Open a decided case again; what was merged is two again."""
    case, standing = await _stood(context, command.overlap)
    alias = None
    if case.status == "merged":
        alias = await context.get(Party, decisions.other_of(case, case.survivor))
    return decisions.reopen(context.act(None), case, alias, standing.stands_for)


async def _stood(context: Context, case_id: str) -> tuple[OverlapCase, Standing]:
    """Return a case and how the actor stands to it; to those whom it does not concern it is not.

    Raises:
        Invalid: `role-not-allowed`, `not-found`.
    """
    scope_of(context.actor, context.verb)
    case = await context.get(OverlapCase, case_id, "/overlap")
    standing = await store.standing(context.unit, viewer_of(context.actor), case)
    if standing.scope == "none":
        raise Invalid("not-found", f"There is no overlap case {case_id}.", "/overlap")
    return case, standing


async def _sides(context: Context, command: OpenOverlap) -> tuple[Side, Side]:
    """Return the two that a case is about, as they stand."""
    one, other = KINDS[command.detector]
    first = await context.get(NOUNS[one], command.first, "/first")
    second = await context.get(NOUNS[other], command.second, "/second")
    return _side(one, first), _side(other, second)


def _side(kind: str, noun: Any) -> Side:  # noqa: ANN401  # any noun with an id
    """Return whom a noun concerns: its organisation, and its fund.

    Which funds an organisation deals with changes: for its own side that is asked when it is read.
    """
    if kind == "party":
        return Side(kind, noun.id, noun.id, (), noun.seq)
    names = ("lead", "party", "to_party")
    party = next((told for name in names if (told := getattr(noun, name, ""))), "")
    fund = next(
        (told for name in ("fund", "from_fund", "to_fund") if (told := getattr(noun, name, ""))), ""
    )
    return Side(kind, noun.id, party, (fund,) if fund else (), noun.seq)


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
