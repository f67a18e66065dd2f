"""Cases of overlap: what a detector noticed, the answers of those concerned, and the decision.

An open case changes nothing for anybody. Two people decide; what they dismiss stays dismissed until
the evidence changes. A merge is an alias: no record, balance or agreement is written anew.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.overlap_effects import AGAINST, Effect, effect_of
from mfm.core.overlap_standing import Standing
from mfm.core.overlap_words import topics
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun, canonical
from mfm.core.terms import NO_NUL, Act, Command, Id, Why

Outcome = Literal[
    "coordinated",
    "joint-funding",
    "sequel",
    "affiliate",
    "not-a-duplicate",
    "confirmed",
    "merged",
]
ANSWER_DAYS = 14
"""So many days those concerned have to answer before anything is decided against them."""
UNTOLD = frozenset({"intermediary"})
"""Detectors whose cases no applicant sees: to know of one would be to know of another's ask."""

Evidence = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=8_000,
        pattern=NO_NUL,
        description="Sentences, one a line",
        extra={"free_text": True},
    ),
]
"""What speaks for and against. It quotes names, so it stands beside the record, to be erasable."""
FACTS_MAX = 200
"""A case that rests on so many facts comes back with no further one, but by a person alone."""
FACT_MAX_CHARS = 500
_FACT_DIGITS = 16
_Fact = Annotated[str, Meta(min_length=1, max_length=FACT_MAX_CHARS, pattern=NO_NUL)]
_Facts = Annotated[
    tuple[_Fact, ...],
    Meta(
        max_length=FACTS_MAX,
        description="What it rests on, a kind and an id each; else the reasons that speak for it",
        extra={"untold": True},
    ),
]
_Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
_NounId = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]


class Side(Struct, frozen=True):
    """One of the two that a case is about.

    Attributes:
        kind: which kind of noun: party, application, call, commitment ...
        id: its id.
        party: the organisation concerned, "" where there is none (calls).
        funds: the noun's own fund; () for an organisation, whose funds are asked for when it is
            read (see `overlap_standing`).
        seq: the record that had set what was looked at, 0 in cases from before this was kept.
    """

    kind: str
    id: str
    party: str = ""
    funds: tuple[str, ...] = ()
    seq: int = 0


class OverlapCase(Noun, frozen=True, kw_only=True):
    """A case of overlap: open, then as it was decided.

    Attributes:
        detector: what noticed it.
        version: of the detector's models.
        first, second: ids of the two, the lesser first; of two kinds, in the detector's order.
        sides: the two, in that order.
        score: thousandths, of how sure.
        band: strong or possible.
        topics: kinds of evidence, such as for:names, without any value.
        suggestions: what could be done.
        facts: what was noticed so far, each by 16 hex digits that tell nothing of it: a pair that
            was dismissed comes back only with one that is not among them.
        evidence: SHA-256 (hex) of those facts.
        told_in: the record beside which the sentences stand.
        opened_on: the day.
        opened_in: the record since which answers count.
        answer_by: until this day nothing is decided against those who have not answered.
        proposed: the outcome that one person proposes, or proposed, or "".
        proposed_by: that person's key, or "".
        proposed_in: the record beside which the reason stands, or 0.
        survivor: which of two parties stays, where a merge is proposed or decided; else "".
        decided_by: the second person's key, or "".
        decided_on: the day, or None.
        decided_in: the record beside which the second reason stands, or 0.
    """

    detector: str
    version: str
    first: str
    second: str
    sides: tuple[Side, ...]
    score: int
    band: str
    topics: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    evidence: str
    told_in: int
    opened_on: date
    opened_in: int
    answer_by: date
    proposed: str = ""
    proposed_by: str = ""
    proposed_in: int = 0
    survivor: str = ""
    decided_by: str = ""
    decided_on: date | None = None
    decided_in: int = 0

    @property
    def effect(self) -> Effect:
        """What it changes, as it stands."""
        return effect_of(self.detector, self.status)

    @property
    def parties(self) -> tuple[str, ...]:
        """The organisations concerned, each once."""
        return tuple(dict.fromkeys(side.party for side in self.sides if side.party))


class OverlapAnswer(Noun, frozen=True, kw_only=True):
    """What an organisation says to a case; its record tells nothing of the other side.

    Attributes:
        overlap: the case.
        party: who answers.
        fund: the fund that its side concerns, "" where that are several or none.
        noted: whether staff wrote it down for the party, whose own key it is not.
        given_by: the key that wrote it.
        written_in: the record beside which its text stands.
    """

    overlap: str
    party: str
    fund: str = ""
    noted: bool = False
    given_by: str
    written_in: int


class OpenOverlap(Command, frozen=True, kw_only=True):
    """Open a case of overlap, or tell new evidence of one."""

    detector: _Code
    version: Annotated[str, Meta(max_length=60, pattern=NO_NUL)] = ""
    first: _NounId
    second: _NounId
    score: Annotated[int, Meta(ge=0, le=1000)]
    band: Literal["strong", "possible"]
    reasons: Evidence
    suggestions: Annotated[tuple[_Code, ...], Meta(max_length=8)] = ()
    facts: _Facts = ()


class ExplainOverlap(Command, frozen=True, kw_only=True):
    """Answer a case, in one's own words and language; without `party`, for one's own."""

    overlap: Id
    party: Id | None = None
    text: Why


def facts_of(command: OpenOverlap) -> frozenset[str]:
    """Return what a command rests on, as a case keeps it.

    Scores, and figures that move by themselves, are none: a model that was trained anew, or a new
    rate of exchange, does not bring dismissed pairs back.
    """
    lines = command.reasons.splitlines()
    told = command.facts or [each for each in lines if each.startswith("for: ")] or lines
    pair = [command.detector, command.first, command.second]
    digests = {sha256(canonical([*pair, each])).hexdigest()[:_FACT_DIGITS] for each in told}
    return frozenset(sorted(digests)[:FACTS_MAX])


def evidence_of(pair: tuple[str, str, str], facts: Iterable[str]) -> str:
    """Return what tells one evidence from another, SHA-256 (hex).

    Args:
        pair: the detector and the two ids.
        facts: as a case keeps them.
    """
    return sha256("\n".join([*pair, *sorted(facts)]).encode()).hexdigest()


def must_be_news(command: OpenOverlap, before: OverlapCase | None) -> None:
    """Hold that a case is new, or that something of its evidence is.

    Raises:
        Invalid: `overlap-known`; nothing is to be recorded.
    """
    if before is None:
        return
    full = len(before.facts) >= FACTS_MAX
    if before.status in AGAINST or full or facts_of(command) <= {*before.facts}:
        detail = f"Case {before.id} is {before.status}, and knows of this."
        raise Invalid("overlap-known", detail)


def open_case(
    act: Act, command: OpenOverlap, sides: tuple[Side, Side], before: OverlapCase | str, seq: int
) -> Draft:
    """Record a new case, or new evidence of one, in the record `seq`.

    A case that was dismissed is open again, and those concerned have their days anew. The record
    is in no fund's chain: neither of two funds has a slice that names the other's applicant.

    Args:
        act: who, and the day.
        command: what is asked.
        sides: the two, in the command's order.
        before: the case as it stands, or the id of a new one.
        seq: the record that this will be.

    Raises:
        Invalid: `overlap-pair`.
    """
    if sides[0].kind == sides[1].kind and command.first > command.second:
        raise Invalid("overlap-pair", "The lesser of the two ids comes first.", "/first")
    again = isinstance(before, str) or before.status != "open"
    known = () if isinstance(before, str) else before.facts
    new = sorted(facts_of(command).difference(known))
    facts = tuple(sorted([*known, *new][:FACTS_MAX]))
    case = OverlapCase(
        id=before if isinstance(before, str) else before.id,
        status="open",
        detector=command.detector,
        version=command.version,
        first=command.first,
        second=command.second,
        sides=sides,
        score=command.score,
        band=command.band,
        topics=topics(command.reasons.splitlines()),
        suggestions=command.suggestions,
        facts=facts,
        evidence=evidence_of((command.detector, command.first, command.second), facts),
        told_in=seq,
        opened_on=act.on,
        opened_in=seq,
        answer_by=act.on + timedelta(days=ANSWER_DAYS),
    )
    if not again and isinstance(before, OverlapCase):
        case = structs.replace(
            case,
            opened_on=before.opened_on,
            opened_in=before.opened_in,
            answer_by=before.answer_by,
        )
    return Draft(effective_on=act.on, sets=(case,))


def answering(command: ExplainOverlap, case: OverlapCase, actor: Actor, standing: Standing) -> str:
    """Return who answers: who is named, else the one of the two for whom the actor speaks.

    Raises:
        Invalid: `overlap-party` unless the party is concerned, on a side that the actor sees.
    """
    own = (party for party in case.parties if party in standing.own)
    party = command.party or next(own, actor.party)
    sides = zip(case.sides, standing.sides, strict=True)
    seen = {side.party for side, stands in sides if stands.whole}
    if party not in case.parties or party not in seen | standing.own:
        # Of a side that is not seen, nobody is told by trying names whose it is.
        raise Invalid("overlap-party", f"This does not concern {party}.", "/party")
    return party


def explain(act: Act, party: str, case: OverlapCase, standing: Standing, seq: int) -> Draft:
    """Record an answer, in the record `seq`; a later one takes its place.

    What staff write down for a party that has no key stands beside its own answer and is none: it
    never takes that place, and nobody is heard by it.

    Args:
        act: who, and the day.
        party: who answers, as `answering` returns it.
        case: the case.
        standing: how the actor stands to it.
        seq: the record that this will be.

    Raises:
        Refused: `overlap-state` once the case is decided; `conflict-of-interest` where staff stand
            for the other side, `four-eyes` where they proposed an outcome.
    """
    must_be_open(case)
    noted = party not in standing.own
    if noted and standing.stands_for & ({*case.parties} - {party}):
        detail = f"Who stands for the other side writes nothing down for {party}."
        raise Refused("conflict-of-interest", detail, "/party")
    if noted and act.actor.key == case.proposed_by:
        detail = "Who proposes an outcome does not write down what those concerned say."
        raise Refused("four-eyes", detail, "/overlap")
    seen = zip(case.sides, standing.sides, strict=True)
    funds = {fund for side, each in seen if side.party == party for fund in each.funds}
    answer = OverlapAnswer(
        id=answer_id(case.id, party, noted=noted),
        status="given",
        overlap=case.id,
        party=party,
        fund=min(funds) if len(funds) == 1 else "",
        noted=noted,
        given_by=act.actor.key,
        written_in=seq,
    )
    return Draft(effective_on=act.on, sets=(answer,))


def answer_id(case: str, party: str, *, noted: bool = False) -> str:
    """Return the id of what a party answers, or of what staff wrote down for it."""
    return f"{'noted.' if noted else ''}{case}.{party}"


def must_be_open(case: OverlapCase) -> None:
    """Hold that a case is open.

    Raises:
        Refused: `overlap-state`.
    """
    if case.status != "open":
        detail = f"Case {case.id} is decided: {case.status}. overlap.reopen opens it again."
        raise Refused("overlap-state", detail, "/overlap")
