"""Comments: what parties say to a call's draft while it is open for that, and the answer."""

from msgspec import structs

from mfm.core.calls import Call, Section
from mfm.core.errors import Refused
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Why


class Comment(Noun, frozen=True, kw_only=True):
    """A comment: made, then answered.

    Attributes:
        call: the call that it is about.
        fund: whose call.
        party: who speaks.
        section: the part of an application that it is about, or "".
        outcome: what became of it, or "" while nobody answered.
        written_in: the record beside which its text stands.
        answered_in: the record beside which the answer stands, 0 while there is none.
    """

    call: str
    fund: str
    party: str
    section: str = ""
    outcome: str = ""
    written_in: int
    answered_in: int = 0


class MakeComment(Command, frozen=True, kw_only=True):
    """Comment on a call's draft; without `party`, for one's own."""

    id: Id | None = None
    call: Id
    party: Id | None = None
    section: Section | None = None
    text: Why


class AnswerComment(Command, frozen=True, kw_only=True):
    """Answer a comment: whether the draft was changed for it, and why."""

    comment: Id
    changed: bool
    reason: Why


def make(act: Act, command: MakeComment, comment_id: str, call: Call, seq: int) -> Draft:
    """Record a comment, in the record `seq`.

    Raises:
        Refused: `comments-closed` unless the call's draft is open for comments on this day.
    """
    until = call.comments_until
    if call.status != "consultation" or until is None or act.on > until:
        detail = f"Call {call.id} is {call.status}; its draft takes no comments on {act.on}."
        raise Refused("comments-closed", detail, "/call")
    comment = Comment(
        id=comment_id,
        status="made",
        call=call.id,
        fund=call.fund,
        party=command.party or act.actor.party,
        section=command.section or "",
        written_in=seq,
    )
    return Draft(effective_on=act.on, sets=(comment,), funds=(call.fund,))


def answer(act: Act, command: AnswerComment, comment: Comment, seq: int) -> Draft:
    """Record what became of a comment, in the record `seq`.

    Raises:
        Refused: `comment-answered`.
    """
    if comment.status != "made":
        detail = f"Comment {comment.id} is {comment.status} already."
        raise Refused("comment-answered", detail, "/comment")
    answered = structs.replace(
        comment,
        status="answered",
        outcome="changed" if command.changed else "kept",
        answered_in=seq,
    )
    return Draft(effective_on=act.on, sets=(answered,), funds=(comment.fund,))
