"""Calls: drafted, opened for comments, published, closed or cancelled."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import calls as rules
from mfm.core.calls import (
    Call,
    CancelCall,
    CloseCall,
    ConsultCall,
    DraftCall,
    PublishCall,
    ReviseCall,
)
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.terms import Act


async def draft(context: Context, command: DraftCall) -> Draft:
    """Draft a call for applications."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    made_id = await context.new_id(Call, command.id)
    seq = context.unit.next_seq
    return rules.draft(context.act(None, fund), command, made_id, fund, seq)


async def revise(context: Context, command: ReviseCall) -> Draft:
    """Revise a call that is not published."""
    call, act = await _found(context, command.call)
    fund = await context.get(Fund, call.fund)
    return rules.revise(act, command, call, fund, context.unit.next_seq)


async def consult(context: Context, command: ConsultCall) -> Draft:
    """Open a call's draft for comments."""
    call, act = await _found(context, command.call)
    return rules.consult(act, command, call)


async def publish(context: Context, command: PublishCall) -> Draft:
    """Publish a call."""
    call, act = await _found(context, command.call)
    return rules.publish(act, call)


async def close(context: Context, command: CloseCall) -> Draft:
    """Close a call."""
    call, act = await _found(context, command.call)
    return rules.close(act, call)


async def cancel(context: Context, command: CancelCall) -> Draft:
    """Cancel a call."""
    call, act = await _found(context, command.call)
    return rules.cancel(act, call)


async def _found(context: Context, call_id: str) -> tuple[Call, Act]:
    call = await context.get(Call, call_id, "/call")
    context.require((call.fund,))
    return call, context.act(None, await context.get(Fund, call.fund))


VERBS = (
    Verb("call.draft", DraftCall, draft, "/calls"),
    *(
        Verb(f"call.{step}", command, run, f"/calls/{{call}}/{step}", (Call, "call"))
        for step, command, run in (
            ("revise", ReviseCall, revise),
            ("consult", ConsultCall, consult),
            ("publish", PublishCall, publish),
            ("close", CloseCall, close),
            ("cancel", CancelCall, cancel),
        )
    ),
)
