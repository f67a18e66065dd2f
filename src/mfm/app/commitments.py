"""Commitments: signing them, and releasing what they do not use."""

from msgspec import structs

from mfm.app import known
from mfm.app.conditions import at_signature
from mfm.app.context import Context
from mfm.app.gates import passed, window_of
from mfm.app.perform import Verb
from mfm.app.policies import Gate
from mfm.core import commitments as rules
from mfm.core import contributions, submissions
from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.commitments import Commitment, DeobligateCommitment, SignCommitment
from mfm.core.conditions import Condition
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.interest import SOURCE
from mfm.core.parties import Party
from mfm.core.pledges import Pledge
from mfm.core.record import Draft


async def sign(context: Context, command: SignCommitment) -> Draft:
    """Sign a contribution, a transfer between funds, or a grant."""
    kind = rules.kind_of(command)
    context.require(tuple(filter(None, (command.from_fund or command.to_fund,))))
    if command.id == SOURCE:
        detail = f"The id {SOURCE} is kept for the authority that interest makes."
        raise Invalid("id-taken", detail, "/id")
    for field in ("from_party", "to_party"):
        if (party := getattr(command, field)) is not None:
            await context.get(Party, party, f"/{field}")
    if kind == "contribution":
        draft = await _sign_contribution(context, command)
    else:
        draft = await _sign_outgoing(context, command)
    draft = await _awarded(context, draft, command.application)
    draft = await at_signature(context, draft, command.conditions)
    return await _let_through(context, draft)


async def _sign_contribution(context: Context, command: SignCommitment) -> Draft:
    fund = await context.kept(command.to_fund or "", "/to_fund")
    pledge = None
    if command.pledge is not None:
        pledge = await context.get(Pledge, command.pledge, "/pledge")
    made_id = await context.new_id(Commitment, command.id)
    act = context.act(command.effective_on, fund)
    return contributions.sign(act, command, made_id, fund, pledge)


async def _sign_outgoing(context: Context, command: SignCommitment) -> Draft:
    giver = await context.kept(command.from_fund or "", "/from_fund")
    receiver = None
    if command.to_fund is not None:
        receiver = await context.kept(command.to_fund, "/to_fund")
    if command.allocation is None:
        detail = "A grant or transfer draws on an allocation: name it."
        raise Invalid("allocation-missing", detail, "/allocation")
    allocation = await context.get(Allocation, command.allocation, "/allocation")
    made_id = await context.new_id(Commitment, command.id)
    act = context.act(command.effective_on, giver)
    return rules.sign_outgoing(act, command, made_id, allocation, (giver, receiver))


async def _let_through(context: Context, draft: Draft) -> Draft:
    """Ask the fund's policies: of a contribution for its conditions, else for the signature."""
    made = draft.sets[0]
    assert isinstance(made, Commitment)  # a signature sets it first
    subject, on = f"commitment:{made.id}", draft.effective_on
    if made.kind == "contribution":
        conditions = [row for row in draft.sets if isinstance(row, Condition)]
        told = await known.of_agreement(context, made, conditions, signed=False)
        return await passed(context, Gate("activation", made.to_fund, on), subject, told, draft)
    application = next((row for row in draft.sets if isinstance(row, Application)), None)
    told = await known.at_signature(context, made, application, on)
    window = await window_of(context, application.call if application else "")
    return await passed(
        context, Gate("signature", made.from_fund, on, window), subject, told, draft
    )


async def _awarded(context: Context, draft: Draft, name: str | None) -> Draft:
    """Return the draft of a signature with the application that it grants, if it names one."""
    if name is None:
        return draft
    application = await context.get(Application, name, "/application")
    made = draft.sets[0]
    assert isinstance(made, Commitment)  # a signature sets it first
    return structs.replace(draft, sets=(*draft.sets, submissions.award(application, made)))


async def deobligate(context: Context, command: DeobligateCommitment) -> Draft:
    """Free what a grant or transfer has not used."""
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    if commitment.kind == "contribution":
        detail = f"Commitment {commitment.id} is a contribution, not a grant or transfer."
        raise Invalid("commitment-kind", detail, "/commitment")
    context.require((commitment.from_fund,))
    allocation = await context.get(Allocation, commitment.allocation)
    giver, receiver = await both_funds(context, commitment)
    act = context.act(command.effective_on, giver)
    return rules.deobligate(act, command, commitment, allocation, (giver, receiver))


async def both_funds(context: Context, commitment: Commitment) -> tuple[Fund, Fund | None]:
    """Return the fund that gives, and the one that gets if it is a transfer."""
    giver = await context.get(Fund, commitment.from_fund)
    if not commitment.to_fund:
        return giver, None
    return giver, await context.get(Fund, commitment.to_fund)


VERBS = (
    Verb("commitment.sign", SignCommitment, sign, "/commitments"),
    Verb(
        "commitment.deobligate",
        DeobligateCommitment,
        deobligate,
        "/commitments/{commitment}/deobligate",
        (Commitment, "commitment"),
    ),
)
