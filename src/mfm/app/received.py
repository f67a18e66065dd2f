"""What was received by which record of another mechanism's trail: each such record, once."""

from mfm.app.context import Context
from mfm.core.counterparts import Counterpart, must_be_new
from mfm.core.deposits import Deposit
from mfm.core.refunds import Refund


async def hold_new(context: Context, named: Counterpart | None) -> None:
    """Hold that nothing else that stands was received by the record that is named.

    Raises:
        Invalid: `counterpart-own`.
        Refused: `counterpart-taken`.
    """
    if named is None:
        return
    for kind in (Deposit, Refund):
        found = await context.unit.find_by(kind, "counterpart", named.record)
        must_be_new(named, context.unit.mechanism.origin, found)
