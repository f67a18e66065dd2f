"""Comments on calls' drafts, and their answers."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import comments as rules
from mfm.core.calls import Call
from mfm.core.comments import AnswerComment, Comment, MakeComment
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft


async def make(context: Context, command: MakeComment) -> Draft:
    """Comment on a call's draft."""
    call = await context.get(Call, command.call, "/call")
    context.require((call.fund,))
    party = command.party or context.actor.party
    if party != context.actor.party and context.actor.role not in ("preparer", OPERATOR):
        detail = f"{context.actor.party} does not speak for {party}."
        raise Invalid("party-not-allowed", detail, "/party")
    await context.get(Party, party, "/party")
    comment_id = await context.new_id(Comment, command.id)
    act = context.act(None, await context.get(Fund, call.fund))
    return rules.make(act, command, comment_id, call, context.unit.next_seq)


async def answer(context: Context, command: AnswerComment) -> Draft:
    """Answer a comment."""
    comment = await context.get(Comment, command.comment, "/comment")
    context.require((comment.fund,))
    act = context.act(None, await context.get(Fund, comment.fund))
    return rules.answer(act, command, comment, context.unit.next_seq)


VERBS = (
    Verb("comment.make", MakeComment, make, "/calls/{call}/comments"),
    Verb(
        "comment.answer",
        AnswerComment,
        answer,
        "/comments/{comment}/answer",
        (Comment, "comment"),
    ),
)
