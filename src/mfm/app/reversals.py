"""Taking records back: what stands on a record, whose word it is, and what undoes it instead."""

from collections.abc import Sequence
from datetime import date

from msgspec import structs

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import entries as rules
from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.boards import Board, Seat
from mfm.core.calls import Call
from mfm.core.chart_accounts import ChartAccount
from mfm.core.comments import Comment
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.conversions import Conversion
from mfm.core.costs import Cost
from mfm.core.disbursements import Disbursement
from mfm.core.entries import ReverseRecord
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.in_kind import InKind
from mfm.core.interest import Interest
from mfm.core.keys import ApiKey
from mfm.core.links import StatusLink
from mfm.core.motions import Motion
from mfm.core.openings import OpeningBalance
from mfm.core.parties import Party
from mfm.core.periods import Period
from mfm.core.permissions import OPERATOR, Actor
from mfm.core.pledges import Pledge
from mfm.core.policies import Policy
from mfm.core.record import Body, Draft, Noun, Posting, Record, parse, posting_of, restore
from mfm.core.reports import Report
from mfm.core.revaluations import Revaluation
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.store.nouns import KINDS, NOUNS
from mfm.store.sums import has_account, holds_money

_FINAL = {
    "key.create": "key.revoke",
    "key.revoke": "key.create",
    "link.create": "link.revoke",
    "link.revoke": "link.create",
    "fund.set-period": "fund.set-period",
    "period.close": "an entry in the open period",
    "party.set-risk": "party.set-risk",
    "fund.set-disbursing": "fund.set-disbursing",
    "fund.set-standards": "fund.set-standards",
    "waiver.sign": "waiver.revoke",
    "waiver.revoke": "waiver.sign",
    "party.attest": "party.attest or attestation.withdraw",
    "attestation.withdraw": "party.attest",
    "board.set": "board.set",
    "board.seat": "board.vacate",
    "board.vacate": "board.seat",
    "call.publish": "call.close or call.cancel",
    "call.cancel": "call.draft",
    "policy.draft": "policy.draft",
    "policy.test": "policy.draft",
    "policy.simulate": "policy.draft",
    "policy.approve": "policy.draft",
    "policy.activate": "policy.draft of the next version",
    "policy.adopt": "policy.draft of the next version",
    "overlap.open": "overlap.decide",
    "overlap.decide": "overlap.reopen",
    "overlap.reopen": "overlap.decide",
    "overlap.explain": "overlap.explain",
    "sharing.propose": "sharing.end",
    "sharing.agree": "sharing.end",
    "sharing.end": "sharing.propose",
    "vote.cast": "vote.cast",
    "conflict.declare": "motion.propose",
    "motion.close": "motion.propose",
    "trail.rotate-key": "mfm trail rotate-key",
    "payload.erase": "nothing",
}
"""The administrator's verbs and the board's votes, which an approver may not undo by the back door,
and what does."""

_OTHERS = {
    "condition.contest": "condition.answer",
    "condition.assess": "condition.assess",
    "condition.answer": "condition.contest",
    "condition.accept": "condition.contest",
    "contest.open": "contest.answer",
    "contest.assign": "contest.assign",
    "contest.withdraw": "contest.open",
    "contest.answer": "contest.open",
    "write-off.reject": "write-off.propose",
}
"""Other people's words and the second pair of eyes, which no key undoes, and what answers them."""

_WITHDRAWN = ("pledge.announce", "disbursement.request")
"""What donors and grantees do that staff may end anyway: with pledge.lapse, disbursement.cancel."""

_ENDED = ("reversed", "revoked", "vacated", "rejected", "lost")
"""States in which a noun needs what it names no more."""

_NAMED_BY: dict[type[Noun], tuple[tuple[type[Noun], str], ...]] = {
    Party: (
        (Fund, "steward"),
        (Pledge, "donor"),
        (Commitment, "from_party"),
        (Commitment, "to_party"),
        (InKind, "donor"),
        (ApiKey, "party"),
        (Seat, "party"),
        (Comment, "party"),
        (Application, "lead"),
        (Attestation, "party"),
    ),
    Fund: (
        (Fund, "parent"),
        (Pledge, "fund"),
        (Commitment, "from_fund"),
        (Commitment, "to_fund"),
        (Allocation, "fund"),
        (UnidentifiedReceipt, "fund"),
        (Interest, "fund"),
        (Cost, "fund"),
        (InKind, "fund"),
        (ApiKey, "fund"),
        (Board, "fund"),
        (ChartAccount, "fund"),
        (OpeningBalance, "fund"),
        (Period, "fund"),
        (Conversion, "fund"),
        (Revaluation, "fund"),
        (Seat, "fund"),
        (Motion, "fund"),
        (Call, "fund"),
        (Policy, "fund"),
    ),
    Call: ((Comment, "call"), (Application, "call"), (Allocation, "call")),
    Commitment: ((Condition, "commitment"), (Report, "commitment"), (StatusLink, "commitment")),
    Disbursement: ((Motion, "disbursement"),),
}
"""What is named by others without changing, and who names it: their kinds and fields."""


async def reverse(context: Context, command: ReverseRecord) -> Draft:
    """Take a record back, if nothing stands on it yet."""
    content = await context.unit.record(command.record)
    if content is None:
        raise Invalid("not-found", f"There is no record {command.record}.", "/record")
    record, body = parse(content)
    postings = tuple(posting_of(told) for told in body.postings)
    _allowed(context, record, postings)
    if record.outcome != "accepted" or body.reverses:
        detail = f"Record {command.record} is a refusal or a reversal itself."
        raise Refused("record-empty", detail, "/record")
    _not_final(context.actor, command.record, body)
    if taken_back := await context.unit.reversal(command.record):
        detail = f"Record {taken_back} takes it back already."
        raise Refused("record-reversed", detail, "/record")
    nouns = [
        await _states(context, NOUNS[kind], told)
        for kind, states in body.sets.items()
        for told in states
    ]
    for now, before in nouns:
        if before is None:
            await _unneeded(context, now)
    funds = [await context.get(Fund, link.fund) for link in record.chain]
    on = command.effective_on or _own_day(body, funds)
    act = context.act(on, funds[0] if funds else None)
    draft = rules.reverse(act, command.record, postings, tuple(nouns))
    # Into the chains of the same funds, also where no money moved: a fund's slice is complete.
    return structs.replace(draft, funds=tuple(link.fund for link in record.chain))


def _own_day(body: Body, funds: Sequence[Fund]) -> date | None:
    """Return the day of a record that moved money, where every fund still takes entries on it.

    Taken back on its own day it was never there, and what corrects it can take that day; of a
    closed day the correction counts today.
    """
    if body.effective_on is None or not body.postings:
        return None
    return body.effective_on if all(fund.is_open(body.effective_on) for fund in funds) else None


def _allowed(context: Context, record: Record, postings: Sequence[Posting]) -> None:
    """Hold that a key bound to a fund reaches every fund that the record concerns.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`.
    """
    funds = {link.fund for link in record.chain}
    funds |= {side.fund for posting in postings for side in (posting.debit, posting.credit)}
    for scope in sorted(funds):
        context.require((scope,))
    if not funds:
        context.require()


def _not_final(actor: Actor, seq: int, body: Body) -> None:
    """Hold that a record is not one that only another verb undoes, or that is another's own.

    Raises:
        Refused: `record-final`.
    """
    own = actor.role == OPERATOR
    instead = _FINAL.get(body.verb) or (not own and _OTHERS.get(body.verb))
    if instead:
        detail = f"Record {seq} is undone with {instead}, not taken back."
        raise Refused("record-final", detail, "/record")
    own |= body.actor["role"] not in ("donor", "grantee") or body.actor["party"] == actor.party
    if not own and body.verb not in _WITHDRAWN:
        detail = (
            f"Record {seq} was made by {body.actor['party']} itself and is theirs; "
            "correct it with a new record."
        )
        raise Refused("record-final", detail, "/record")


async def _unneeded(context: Context, noun: Noun) -> None:
    """Hold that nothing names a party or fund that is to be no more, and that its books are empty.

    Raises:
        Refused: `record-needed`.
    """
    unit, what = context.unit, f"{KINDS[type(noun)]} {noun.id}"
    for kind, field in _NAMED_BY.get(type(noun), ()):
        for row in await unit.find_all(kind, field, [noun.id]):
            if (
                row.status not in _ENDED and row.seq != noun.seq
            ):  # what the same record made goes with it
                detail = f"{KINDS[kind]} {row.id} needs {what}: take that back first."
                raise Refused("record-needed", detail.capitalize(), "/record")
    if isinstance(noun, ChartAccount) and await has_account(unit, noun.fund, noun.code):
        detail = f"There are entries on {what}."
        raise Refused("record-needed", detail, "/record")
    if isinstance(noun, Fund) and await holds_money(unit, noun.id):
        detail = f"There is money in the books of {what}: take that back first."
        raise Refused("record-needed", detail, "/record")


async def _states(
    context: Context, kind: type[Noun], told: dict[str, object]
) -> tuple[Noun, Noun | None]:
    """Return a noun's state now, and its state before the record that told this one."""
    made = restore(told, kind)
    now = await context.unit.find(kind, made.id) or made
    if structs.replace(now, seq=made.seq, prev=made.prev) == made:
        now = made  # what came after was taken back, and this state with it
    if not made.prev:
        return now, None
    before = await context.unit.record(made.prev)
    assert before is not None  # a record that is named is there: nothing is ever removed
    earlier = parse(before)[1].sets[KINDS[kind]]
    return now, next(restore(each, kind) for each in earlier if each["id"] == made.id)


VERBS = (Verb("record.reverse", ReverseRecord, reverse, "/records/{record}/reverse"),)
