"""Unidentified receipts: recorded, then placed under a contribution or sent back."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.app.rates import with_rate
from mfm.core import unidentified_receipts as rules
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.funds import Fund
from mfm.core.record import Draft
from mfm.core.unidentified_receipts import (
    IdentifyUnidentifiedReceipt,
    RecordUnidentifiedReceipt,
    ReturnUnidentifiedReceipt,
    UnidentifiedReceipt,
)


async def record(context: Context, command: RecordUnidentifiedReceipt) -> Draft:
    """Record money received that nobody can place yet."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    receipt_id = await context.new_id(UnidentifiedReceipt, command.id)
    command = await with_rate(context, command, (command.amount.currency, fund.currency))
    return rules.record(context.act(command.effective_on, fund), command, receipt_id, fund)


async def _receipt(context: Context, receipt_id: str) -> tuple[UnidentifiedReceipt, Fund]:
    receipt = await context.get(UnidentifiedReceipt, receipt_id, "/receipt")
    context.require((receipt.fund,))
    return receipt, await context.get(Fund, receipt.fund)


async def identify(context: Context, command: IdentifyUnidentifiedReceipt) -> Draft:
    """Place a receipt: it becomes a deposit under a contribution."""
    receipt, fund = await _receipt(context, command.receipt)
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    deposit_id = await context.new_id(Deposit, command.deposit, "/deposit")
    act = context.act(command.effective_on, fund)
    return rules.identify(act, command, deposit_id, (receipt, commitment), fund)


async def return_(context: Context, command: ReturnUnidentifiedReceipt) -> Draft:
    """Send a receipt back to where it came from."""
    receipt, fund = await _receipt(context, command.receipt)
    return rules.return_(context.act(command.effective_on, fund), receipt, fund)


_PATH, _SUBJECT = "/unidentified-receipts/{receipt}/", (UnidentifiedReceipt, "receipt")
VERBS = (
    Verb(
        "unidentified-receipt.record", RecordUnidentifiedReceipt, record, "/unidentified-receipts"
    ),
    Verb(
        "unidentified-receipt.identify",
        IdentifyUnidentifiedReceipt,
        identify,
        _PATH + "identify",
        _SUBJECT,
    ),
    Verb(
        "unidentified-receipt.return",
        ReturnUnidentifiedReceipt,
        return_,
        _PATH + "return",
        _SUBJECT,
    ),
)
