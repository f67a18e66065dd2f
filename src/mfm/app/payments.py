"""Payments: instructed, settled, released, sent back, confirmed, resolved where they are short."""

from datetime import date
from typing import TypeVar

from msgspec import structs

from mfm.app.commitments import both_funds
from mfm.app.context import Context
from mfm.app.exchange import must_be_own_money, paid_abroad
from mfm.app.gates import passed
from mfm.app.known import at_payment
from mfm.app.perform import Verb
from mfm.app.policies import Gate
from mfm.core import arrivals
from mfm.core import payments as rules
from mfm.core.arrivals import ConfirmDisbursement, ResolveDisbursement
from mfm.core.commitments import Commitment, must_go_on
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.payments import (
    Both,
    BounceDisbursement,
    InstructDisbursement,
    ReleaseDisbursement,
    SettleDisbursement,
)
from mfm.core.record import Draft
from mfm.core.refunds import Refund
from mfm.core.terms import Act

P = TypeVar("P", ReleaseDisbursement, SettleDisbursement)


async def _payable(context: Context, disbursement_id: str) -> tuple[Disbursement, Commitment, Both]:
    """Return a disbursement with its commitment and funds, for one who pays out of the giver's."""
    disbursement = await context.get(Disbursement, disbursement_id, "/disbursement")
    context.require((disbursement.from_fund,))
    commitment = await context.get(Commitment, disbursement.commitment)
    return disbursement, commitment, await both_funds(context, commitment)


def _as_agreed(command: P, disbursement: Disbursement, commitment: Commitment) -> P:
    """Return a command with the day on which the schedule wants a report, unless it says one."""
    due_on = commitment.tranches[disbursement.tranche - 1].report_due_on
    if command.report_by is not None or due_on is None or disbursement.to_fund:
        return command
    return structs.replace(command, report_by=due_on)


async def _let_through(
    context: Context, draft: Draft, disbursement: Disbursement, commitment: Commitment
) -> Draft:
    """Ask the fund's policies before money leaves."""
    on = draft.effective_on
    told = await at_payment(context, disbursement, commitment, on)
    gate = Gate("payment", disbursement.from_fund, on)
    return await passed(context, gate, f"disbursement:{disbursement.id}", told, draft)


async def instruct(context: Context, command: InstructDisbursement) -> Draft:
    """Instruct the bank to pay an approved tranche."""
    disbursement, commitment, funds = await _payable(context, command.disbursement)
    must_go_on(commitment)
    act = context.act(command.effective_on, funds[0])
    draft = rules.instruct(act, command, disbursement, funds[0])
    return await _let_through(context, draft, disbursement, commitment)


async def settle(context: Context, command: SettleDisbursement) -> Draft:
    """Record that the bank has paid an instructed tranche."""
    disbursement, commitment, funds = await _payable(context, command.disbursement)
    act = context.act(command.effective_on, funds[0])
    command = _as_agreed(command, disbursement, commitment)
    return rules.settle(act, command, disbursement, commitment, funds)


async def release(context: Context, command: ReleaseDisbursement) -> Draft:
    """Pay an approved tranche."""
    disbursement, commitment, funds = await _payable(context, command.disbursement)
    must_go_on(commitment)
    act = context.act(command.effective_on, funds[0])
    command = _as_agreed(command, disbursement, commitment)
    draft = rules.release(act, command, disbursement, commitment, funds)
    draft = await _let_through(context, draft, disbursement, commitment)
    return await paid_abroad(context, command, funds[0], draft)


async def bounce(context: Context, command: BounceDisbursement) -> Draft:
    """Record that the bank rejected a payment or sent it back."""
    disbursement, commitment, funds = await _payable(context, command.disbursement)
    await must_be_own_money(context, disbursement.id)
    act = context.act(command.effective_on, funds[0])
    return rules.bounce(act, disbursement, commitment, funds)


def _where_it_arrives(
    context: Context, on: date | None, fund: Fund, disbursement: Disbursement
) -> Act:
    """Return who acts and the day: as given, or today, which may be later where it came from."""
    act = context.act(on, fund)
    return act if on else structs.replace(act, on=max(act.on, disbursement.last_on))


async def confirm(context: Context, command: ConfirmDisbursement) -> Draft:
    """Confirm that a released tranche arrived, or how much of it."""
    disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    receivers = tuple(filter(None, (disbursement.to_fund,)))
    context.require(receivers, (disbursement.to_party,))
    fund = await context.get(Fund, disbursement.to_fund or disbursement.from_fund)
    act = _where_it_arrives(context, command.effective_on, fund, disbursement)
    receiver = fund if disbursement.to_fund else None
    return arrivals.confirm(act, command, disbursement, receiver)


async def resolve(context: Context, command: ResolveDisbursement) -> Draft:
    """Resolve what was sent and did not arrive."""
    disbursement = await context.get(Disbursement, command.disbursement, "/disbursement")
    context.require((disbursement.to_fund or disbursement.from_fund,))
    commitment = await context.get(Commitment, disbursement.commitment)
    funds = await both_funds(context, commitment)
    refund_id = await context.new_id(Refund, command.refund, "/refund")
    act = _where_it_arrives(context, command.effective_on, funds[1] or funds[0], disbursement)
    return arrivals.resolve(act, command, (disbursement, commitment), funds, refund_id)


_SUBJECT = (Disbursement, "disbursement")
VERBS = tuple(
    Verb(f"disbursement.{step}", command, run, f"/disbursements/{{disbursement}}/{step}", _SUBJECT)
    for step, command, run in (
        ("instruct", InstructDisbursement, instruct),
        ("settle", SettleDisbursement, settle),
        ("release", ReleaseDisbursement, release),
        ("bounce", BounceDisbursement, bounce),
        ("confirm", ConfirmDisbursement, confirm),
        ("resolve", ResolveDisbursement, resolve),
    )
)
