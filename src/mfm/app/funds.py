"""Funds: opening them, the days on which they take entries, and how they disburse."""

from mfm.app.context import Context, today_in
from mfm.app.perform import Verb
from mfm.core import funds as rules
from mfm.core.errors import Invalid
from mfm.core.funds import Fund, OpenFund, SetDisbursing, SetPeriod
from mfm.core.money import KNOWN
from mfm.core.parties import Party
from mfm.core.record import Draft


async def open_fund(context: Context, command: OpenFund) -> Draft:
    """Open a fund under its steward, and perhaps under another fund."""
    context.require()
    if command.currency not in KNOWN:
        detail = f"{command.currency} is not an ISO 4217 currency."
        raise Invalid("currency-unknown", detail, "/currency")
    today_in(command.time_zone, context.now)
    await context.get(Party, command.steward, "/steward")
    if command.parent is not None:
        await context.kept(command.parent, "/parent")
    if command.identifier and await context.unit.find_by(Fund, "identifier", command.identifier):
        detail = f"There is a fund {command.identifier} already."
        raise Invalid("fund-exists", detail, "/identifier")
    fund_id = await context.new_id(Fund, command.id)
    return rules.open_fund(context.act(None), command, fund_id)


async def set_period(context: Context, command: SetPeriod) -> Draft:
    """Set from when until when a fund takes entries."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    return rules.set_period(context.act(None, fund), command, fund)


async def set_disbursing(context: Context, command: SetDisbursing) -> Draft:
    """Set how a fund's tranches are reviewed, booked and reported on."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    return rules.set_disbursing(context.act(None, fund), command, fund)


VERBS = (
    Verb("fund.open", OpenFund, open_fund, "/funds"),
    Verb("fund.set-period", SetPeriod, set_period, "/funds/{fund}/period", (Fund, "fund")),
    Verb(
        "fund.set-disbursing",
        SetDisbursing,
        set_disbursing,
        "/funds/{fund}/disbursing",
        (Fund, "fund"),
    ),
)
