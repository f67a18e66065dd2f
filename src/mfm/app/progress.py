"""Progress: where a tranche stands, whose turn it is, and how long each step took."""

from typing import Any, TypeVar

from msgspec import Struct

from mfm.app.context import today_in, utc_now
from mfm.app.reads import LIMIT_MAX
from mfm.core.boards import Board
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition, binds
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.motions import Motion
from mfm.core.next_steps import (
    Around,
    NextStep,
    PastStep,
    TrancheStep,
    days,
    next_step,
    tranche_steps,
)
from mfm.core.nouns import KINDS
from mfm.core.record import Noun, parse
from mfm.core.reports import Report
from mfm.store import reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Page, Reach

N = TypeVar("N", bound=Noun)
_STEPS_MAX = 100
"""A disbursement's past is told so far back; nobody returns one more often."""


class Progress(Struct, frozen=True):
    """How far a disbursement is.

    Attributes:
        next_step: what is to be done next, None where nothing is.
        days: status -> days spent there; `to_release` and `to_cash` from the first request.
        steps: the steps taken, the first one first.
    """

    next_step: NextStep | None
    days: dict[str, int | None]
    steps: tuple[PastStep, ...]


async def of_disbursement(engine: Engine, disbursement: Disbursement) -> Progress:
    """Return a disbursement's progress; whether it may be read was asked before."""
    async with snapshot(engine) as connection:
        around = await around_of(connection, disbursement.commitment)
        steps = await _past(connection, disbursement)
    today = today_in(around.giver.time_zone, utc_now())
    return Progress(next_step(disbursement, around), days(steps, today), steps)


async def of_commitment(engine: Engine, commitment: Commitment) -> tuple[TrancheStep, ...]:
    """Return where each tranche of a commitment stands; a contribution has none."""
    if commitment.kind == "contribution":
        return ()
    async with snapshot(engine) as connection:
        around = await around_of(connection, commitment.id)
        takers = await under(connection, Disbursement, commitment.id)
    return tranche_steps(around, takers)


async def around_of(connection: Snapshot, commitment_id: str) -> Around:
    """Return what stands around the tranches of a grant or transfer."""
    commitment = await must(connection, Commitment, commitment_id)
    receiver = await must(connection, Fund, commitment.to_fund) if commitment.to_fund else None
    waited = {name for tranche in commitment.tranches for name in tranche.conditions}
    conditions = await under(connection, Condition, commitment_id) if waited else []
    reports = await under(connection, Report, commitment_id)
    return Around(
        commitment,
        await must(connection, Fund, commitment.from_fund),
        receiver,
        tuple(each for each in reports if each.status in ("submitted", "questioned")),
        tuple(each for each in conditions if binds(each) and each.id in waited),
        await _unvoted(connection, commitment),
    )


async def _unvoted(connection: Snapshot, commitment: Commitment) -> frozenset[str]:
    """Return the disbursements under a commitment that wait for the vote of its fund's board."""
    board: Any = await reads.one(connection, Board, commitment.from_fund, Reach())
    if board is None:
        return frozenset()
    waiting = {
        each.id
        for each in await under(connection, Disbursement, commitment.id)
        if each.status in ("requested", "reviewed") and each.amount_minor > board.limit_minor
    }
    page = Page(LIMIT_MAX, filters={"fund": board.fund, "status": "carried"})
    carried: list[Any] = await reads.page_of(connection, Motion, page, Reach()) if waiting else []
    return frozenset(waiting - {motion.disbursement for motion in carried})


async def must(connection: Snapshot, noun: type[N], noun_id: str) -> N:
    """Return a noun that another names."""
    found: Any = await reads.one(connection, noun, noun_id, Reach())
    assert found is not None, noun_id  # what a noun names is there: nothing is ever removed
    return found  # type: ignore[no-any-return]  # a row of the noun's own table


async def under(connection: Snapshot, noun: type[N], commitment_id: str) -> list[N]:
    """Return all nouns of a kind under a commitment."""
    found: list[Any] = []
    after = (0, "")
    while True:
        page = Page(LIMIT_MAX, after, 0, {"commitment": commitment_id})
        rows = await reads.page_of(connection, noun, page, Reach())
        found += rows
        if len(rows) < LIMIT_MAX:
            return found
        after = (rows[-1].seq, rows[-1].id)


async def _past(connection: Snapshot, disbursement: Disbursement) -> tuple[PastStep, ...]:
    """Return a disbursement's steps, from the records that set its states, back to the first."""
    steps: list[PastStep] = []
    seq = disbursement.seq
    while seq and len(steps) < _STEPS_MAX:
        content = await reads.record(connection, seq)
        assert content is not None  # a record that a state names is there
        body = parse(content)[1]
        told = body.sets[KINDS[Disbursement]]
        state = next(each for each in told if each["id"] == disbursement.id)
        actor, on = body.actor, body.effective_on
        assert on is not None  # every record has its day
        steps.append(PastStep(state["status"], on, body.verb, actor["role"], actor["party"], seq))
        seq = int(state["prev"])
    return tuple(reversed(steps))
