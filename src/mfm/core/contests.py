"""Contests: what somebody holds against a decision or a condition that concerns them.

Each has an owner (the fund's board where it has one, else its approvers; of a donor's condition the
donor), perhaps a person among them; a day by which it is to be answered; and an outcome, which is
given by none who contested, decided, or is concerned. Nothing is contested twice, but what was
withdrawn may be contested again: nobody is talked out of it for good.
"""

from datetime import date, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from mfm.core.applications import Application
from mfm.core.errors import Refused
from mfm.core.keys import ApiKey
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Why

ContestId = Annotated[
    str,
    Meta(
        pattern=r"^(condition|decision|application)\.[a-z0-9][a-z0-9._-]{0,62}$(?!\n)",
        description="What it is about and that one's id, such as decision.d1",
    ),
]
Contested = Annotated[
    str,
    Meta(
        pattern=r"^(decision|application):[a-z0-9][a-z0-9._-]{0,62}$(?!\n)",
        description="A decision, or an application that was declined, such as application:a1",
    ),
]
Answer = Literal["upheld", "dismissed"]
DAYS = 30
"""So long a fund has for its answer, unless its board has set another time."""


class Contest(Noun, frozen=True, kw_only=True):
    """A contest: open, then upheld or dismissed; or withdrawn. Its id is its subject's, with a dot.

    Attributes:
        subject: what is contested, such as decision:d1.
        fund: whose decision or condition that is.
        party: whom it concerns, and who contests it.
        owner: the role that owes the answer: board, approver or donor.
        owner_key: the key among them that was named, or "".
        opened_on: the day it was made.
        due_on: the day by which it is to be answered.
        contested_by: the key that made it.
        answered_by: the key that answered it, or "".
        written_in: the record beside which its reason stands.
        answered_in: the record beside which the answer's stands, 0 while there is none.
    """

    subject: str
    fund: str
    party: str
    owner: str
    owner_key: str = ""
    opened_on: date
    due_on: date
    contested_by: str
    answered_by: str = ""
    written_in: int
    answered_in: int = 0


class Matter(Struct, frozen=True):
    """What is contested: subject, fund and party as in `Contest`; who owes an answer, how long."""

    subject: str
    fund: str
    party: str
    owner: str
    days: int = DAYS


class OpenContest(Command, frozen=True, kw_only=True):
    """Contest a decision, or that an application was declined, as the one whom it concerns."""

    subject: Contested
    reason: Why


class AssignContest(Command, frozen=True, kw_only=True):
    """Name the person who owes the answer: a key of the fund's board or its approvers."""

    contest: ContestId
    owner: Id


class WithdrawContest(Command, frozen=True, kw_only=True):
    """Withdraw a contest that is not answered, as the one who contests."""

    contest: ContestId


class AnswerContest(Command, frozen=True, kw_only=True):
    """Answer a contest: upheld, and what it is about is decided anew; or dismissed."""

    contest: ContestId
    outcome: Answer
    reason: Why


def id_of(subject: str) -> str:
    """Return the id of the contest of a subject."""
    return subject.replace(":", ".", 1)


def opened(act: Act, matter: Matter, standing: Contest | None, seq: int) -> Contest:
    """Return a contest that is made in the record `seq`.

    Raises:
        Refused: `contest-state` where there is one already.
    """
    if standing is not None and standing.status not in ("reversed", "withdrawn"):
        detail = f"{matter.subject} was contested before; that is {standing.status}."
        raise Refused("contest-state", detail, "/subject")
    return Contest(
        id=id_of(matter.subject),
        status="open",
        subject=matter.subject,
        fund=matter.fund,
        party=matter.party,
        owner=matter.owner,
        opened_on=act.on,
        due_on=act.on + timedelta(days=matter.days),
        contested_by=act.actor.key,
        written_in=seq,
    )


def assign(act: Act, contest: Contest, key: ApiKey) -> Draft:
    """Record who owes the answer.

    Raises:
        Refused: `contest-state`; `contest-owner` for a key that may not answer it.
    """
    _must_be_open(contest)
    fits = key.status == "active" and key.role in ("board", "approver")
    if not fits or key.fund not in ("", contest.fund) or key.party == contest.party:
        detail = f"Key {key.id} ({key.role} of {key.party}) does not answer for {contest.fund}."
        raise Refused("contest-owner", detail, "/owner")
    _must_be_another(key.id, contest.contested_by)
    named = structs.replace(contest, owner_key=key.id)
    return Draft(effective_on=act.on, sets=(named,), funds=(contest.fund,))


def answered(act: Act, outcome: Answer, contest: Contest, seq: int) -> Contest:
    """Return a contest that is answered in the record `seq`.

    Raises:
        Refused: `contest-state`; `contest-owner` unless the key owes the answer; `four-eyes` for
            who contested; `conflict-of-interest` for whom it concerns.
    """
    _must_be_open(contest)
    actor = act.actor
    _must_be_another(actor.key, contest.contested_by)
    if actor.party == contest.party and actor.role != OPERATOR:
        detail = f"{actor.party} does not answer what it contests itself."
        raise Refused("conflict-of-interest", detail, "/contest")
    owes = contest.owner_key or contest.owner
    if actor.key != owes if contest.owner_key else actor.role not in (owes, OPERATOR):
        raise Refused("contest-owner", f"The answer to {contest.id} is for {owes}.", "/contest")
    return structs.replace(contest, status=outcome, answered_by=actor.key, answered_in=seq)


def withdrawn(act: Act, contest: Contest) -> Contest:
    """Return a contest that is withdrawn by whom it concerns; for a fund, by its approver.

    Raises:
        Refused: `contest-state`; `contest-owner` for anybody else.
    """
    _must_be_open(contest)
    if not may_withdraw(act.actor.party, act.actor.role, contest):
        detail = f"Contest {contest.id} is {contest.party}'s own to withdraw."
        raise Refused("contest-owner", detail, "/contest")
    return structs.replace(contest, status="withdrawn")


def may_withdraw(party: str, role: str, contest: Contest) -> bool:
    """Tell whether a contest is somebody's to withdraw."""
    by_fund = role == "approver" and contest.subject.startswith("condition:")
    return party == contest.party or by_fund or role == OPERATOR


def reopened(act: Act, application: Application) -> Application:
    """Return a declined application that is to be decided on anew.

    Raises:
        Refused: `contest-subject` unless it is declined; `four-eyes` for who declined it.
    """
    must_be_declined(application)
    _must_be_another(act.actor.key, application.decided_by)
    return structs.replace(
        application, status="submitted", decided_by="", decided_on=None, decided_in=0
    )


def must_be_declined(application: Application) -> None:
    """Hold that there is something to contest about an application.

    Raises:
        Refused: `contest-subject`.
    """
    if application.status != "declined":
        detail = f"Application {application.id} is {application.status}, not declined."
        raise Refused("contest-subject", detail, "/subject")


def _must_be_open(contest: Contest) -> None:
    if contest.status != "open":
        raise Refused("contest-state", f"Contest {contest.id} is {contest.status}.", "/contest")


def _must_be_another(key: str, other: str) -> None:
    if key == other:
        detail = "This step is not for who took the step before: use another key."
        raise Refused("four-eyes", detail)
