"""Reading cases of overlap: as much of each as its reader may see, in the reader's language."""

from datetime import date

from msgspec import Raw, Struct, json, structs

from mfm.app.context import utc_now
from mfm.app.reads import LIMIT_MAX, Page
from mfm.core import overlap_words as words
from mfm.core.errors import Invalid
from mfm.core.overlap_effects import Effect, effect_of, reopened_by
from mfm.core.permissions import Actor, oversees, scope_of
from mfm.store import overlap_cases as store
from mfm.store.database import Engine, Snapshot
from mfm.store.overlap_cases import Viewer


class SeenSide(Struct, frozen=True, kw_only=True):
    """One of the two that a case is about; what is not for the reader is left out, or empty.

    Attributes:
        kind: which kind of noun.
        id: its id.
        party: the organisation concerned.
        funds: the funds concerned.
        contacts: who keeps these, by id: whom to turn to.
        starts_on: its first day.
        ends_on: its last one.
        places: where it is.
        themes: what it is for.
        stage: its own status.
        answered_in: the record of the organisation's answer, 0 while there is none.
        answer: its words; None once they are erased.
        noted_in: the record of what staff wrote down for it, which is no answer, or 0.
        noted: these words; null once they are erased.
        record: the record that had set what was looked at.
        leaf: that record's leaf in the trail (hex).
    """

    kind: str
    id: str = ""
    party: str = ""
    funds: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    stage: str = ""
    answered_in: int = 0
    answer: str | None = ""
    noted_in: int = 0
    noted: str | None = ""
    record: int = 0
    leaf: str = ""


class SeenOverlap(Struct, frozen=True, kw_only=True):
    """A case as a reader sees it.

    Attributes:
        id: the case's.
        seq: the record that set its state.
        status: open; explained, once all concerned have answered; then as it was decided.
        detector: what noticed it.
        notice: the same as a sentence, in the reader's language.
        evidence: kinds of facts that agree and that differ, in the reader's language.
        topics: the same in codes.
        sides: the two.
        opened_on: the day.
        answer_by: until then nothing is decided against those who have not answered.
        decided_on: the day, or None.
        version: of the detector's models.
        score: thousandths.
        band: strong or possible.
        suggestions: what could be done, in codes.
        proposed: the outcome that one person proposes, or proposed.
        survivor: the party that stays, of two that are merged.
        reasons: the detector's sentences, for who sees both sides.
        said: why it was proposed and decided, for who sees both sides.
        effect: what it changes as it stands: none, approval, flag or question.
        effect_notice: the same as a sentence, in the reader's language.
        reopened_by: what opens it again, once it is decided: evidence (another), person (a third).
        told_in: the record beside which the detector's sentences stand.
        evidence_sha256: of the facts it rests on: what was dismissed comes back with a further one.
        proposed_by: the key of the person who proposed, for who sees both sides.
        decided_by: the key of the second person.
    """

    id: str
    seq: int
    status: str
    detector: str
    notice: str = ""
    evidence: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    sides: tuple[SeenSide, ...]
    opened_on: date
    answer_by: date
    decided_on: date | None = None
    version: str = ""
    score: int = 0
    band: str = ""
    suggestions: tuple[str, ...] = ()
    proposed: str = ""
    survivor: str = ""
    reasons: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    effect: Effect = "none"
    effect_notice: str = ""
    reopened_by: tuple[str, ...] = ()
    told_in: int = 0
    evidence_sha256: str = ""
    proposed_by: str = ""
    decided_by: str = ""


class OverlapCount(Struct, frozen=True):
    """How many cases of a detector's stand at a status."""

    detector: str
    status: str
    cases: int


_decode = json.Decoder(SeenOverlap).decode


async def page_of(engine: Engine, actor: Actor, page: Page, language: str) -> list[SeenOverlap]:
    """Return a page of the cases that concern an actor, as far as it sees them.

    Raises:
        Invalid: `role-not-allowed`.
    """
    viewer = viewer_of(actor)
    async with engine.connect() as connection:
        rows = await store.seen(connection, viewer, page)
    return [_seen(told, language) for _, _, told in rows]


async def one(engine: Engine, actor: Actor, case: str, language: str) -> SeenOverlap:
    """Return a case, with its texts.

    Raises:
        Invalid: `role-not-allowed`; `not-found`, for what is out of reach too.
    """
    viewer = viewer_of(actor)
    async with engine.connect() as connection:
        rows = await store.seen(connection, viewer, Page(1), case)
    if not rows:
        raise Invalid("not-found", f"There is no overlap case {case}.")
    return _seen(rows[0][2], language)


async def of_grant(
    connection: Snapshot, party: str, fund: str, language: str, most: int
) -> list[SeenOverlap]:
    """Return the cases that concern a grantee as one fund's: open ones first, then the latest.

    Whoever holds a grant's link sees them, the fund's staff too: what the grantee has to do with
    other funds is not among them.

    Args:
        connection: a reader's.
        party: the grantee.
        fund: the one that gives the grant.
        language: of the sentences.
        most: so many.
    """
    viewer = Viewer("own", "", party, utc_now().date())
    rows = await store.seen(connection, viewer, Page(LIMIT_MAX))
    cases = [_decode(told) for _, _, told in rows]
    own = [case for case in cases if any(_is_of(side, fund) for side in case.sides)]
    own.sort(key=lambda case: (case.decided_on is not None, -case.seq))
    found = [await store.seen(connection, viewer, Page(1), case.id) for case in own[:most]]
    return [_on_page(_seen(rows[0][2], language), fund, language) for rows in found]


def _is_of(side: SeenSide, fund: str) -> bool:
    """Tell whether a side is the grantee's own, and the fund's or no fund's."""
    return bool(side.party) and (fund in side.funds or not side.funds)


def _on_page(case: SeenOverlap, fund: str, language: str) -> SeenOverlap:
    """Leave out how amounts compare where the grantee's other side is another fund's."""
    if all(_is_of(side, fund) for side in case.sides):
        return case
    topics = tuple(topic for topic in case.topics if not topic.endswith(":amounts"))
    return structs.replace(case, topics=topics, evidence=tuple(words.evidence(topics, language)))


async def counts(engine: Engine, actor: Actor) -> list[OverlapCount]:
    """Return how many cases there are, by detector and status.

    Raises:
        Invalid: `role-not-allowed`.
    """
    viewer = viewer_of(actor, "overlap.count")
    async with engine.connect() as connection:
        return [OverlapCount(*row) for row in await store.counts(connection, viewer)]


def viewer_of(actor: Actor, action: str = "overlap_case.read") -> Viewer:
    """Return who looks, as an action of the table of permissions reaches.

    Who oversees the whole mechanism is nobody's side; a key of one fund is, whatever its role.

    Raises:
        Invalid: `role-not-allowed`.
    """
    scope = scope_of(actor, action)
    if scope == "fund" and not actor.fund:
        scope = "any"
    party = "" if oversees(actor) else actor.party
    return Viewer(scope, actor.fund, party, utc_now().date())


def _seen(told: Raw, language: str) -> SeenOverlap:
    case = _decode(told)
    effect = effect_of(case.detector, case.status)
    return structs.replace(
        case,
        notice=words.notice(case.detector, language),
        evidence=tuple(words.evidence(case.topics, language)),
        effect=effect,
        effect_notice=words.effect(effect, case.status, language),
        reopened_by=reopened_by(case.status),
    )
