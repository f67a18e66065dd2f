"""Gates: the steps that a fund's policies are asked about before they are taken.

Each gives the circumstances, and gets its draft back with the decision in it, or a refusal with
every reason. Imported books of others have no gates: nothing is decided there.
"""

from hashlib import sha256

from mfm.app import policies
from mfm.app.context import Context
from mfm.app.known import of_agreement
from mfm.app.policies import Gate
from mfm.core import judgements
from mfm.core.calls import Call
from mfm.core.circumstances import Circumstances
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.decisions import told as content_of
from mfm.core.explanations import explained
from mfm.core.judgements import Decision, Waiver
from mfm.core.record import Draft, canonical
from mfm.core.terms import Act


async def window_of(context: Context, call_id: str) -> str:
    """Return the funding window of a call, "" without one."""
    return (await context.get(Call, call_id)).funding_window if call_id else ""


async def amended(context: Context, made: Commitment, draft: Draft) -> Draft:
    """Return the draft of an amendment with the decision that lets it through.

    What a condition that is being accepted asks for is looked at with the others; of those that
    are only proposed, the acceptance says nothing, and an amendment must not go round them.

    Raises:
        Held: as `passed`.
    """
    changed = {row.id: row for row in draft.sets if isinstance(row, Condition)}
    kept = await context.unit.find_all(Condition, "commitment", [made.id])
    conditions = [changed.get(each.id, each) for each in kept]
    if changed:
        conditions = [each for each in conditions if each.status != "proposed"]
    known = await of_agreement(context, made, conditions, signed=True)
    gate = Gate("amendment", made.funds[0], draft.effective_on)
    return await passed(context, gate, f"commitment:{made.id}", known, draft)


async def passed(
    context: Context, gate: Gate, subject: str, known: Circumstances, draft: Draft
) -> Draft:
    """Return a step's draft with the decision that lets it through.

    Args:
        context: who takes the step.
        gate: which gate, whose, and the day.
        subject: what the step is about, such as application:a1.
        known: the facts.
        draft: the step, as the rules have it.

    Raises:
        Held: `policy-refuses`, `policy-incomplete`, `policy-approval`; the decision is kept with
            the refusal.
    """
    found = await policies.decide(context, gate, known.values)
    context.found.append(found)
    waivers: tuple[str, ...] = ()
    if found.outcome == "needs-approval":
        signed = await context.unit.find_all(Waiver, "subject", [subject])
        at = (gate.name, gate.fund, subject)
        waivers = judgements.lifting(found, signed, at, Act(context.actor, gate.on))
    content = canonical(content_of(found) | {"sources": known.sources})
    decision = Decision(
        id=await context.new_id(Decision, None),
        status="made",
        gate=gate.name,
        fund=gate.fund,
        funding_window=gate.window,
        subject=subject,
        judged_on=gate.on,
        outcome=found.outcome,
        content=sha256(content).hexdigest(),
        waivers=waivers,
        party=known.party,
    )
    return judgements.settled(draft, decision, content, explained(found, context.language))
