"""Foreign money: changed at the bank, and revalued at closing rates."""

from datetime import date

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.app.rates import newest_rate, recorded_rate, with_rate
from mfm.core import conversions, exchange, foreign_payments, revaluations
from mfm.core.conversions import Conversion, ConvertMoney
from mfm.core.errors import Invalid, Refused
from mfm.core.exchange import Position
from mfm.core.foreign_payments import ForeignPayment
from mfm.core.funds import Fund
from mfm.core.payments import ReleaseDisbursement
from mfm.core.record import Draft
from mfm.core.revaluations import Revaluation, RevalueFund
from mfm.store.sums import sums


async def position(context: Context, fund: Fund, currency: str) -> Position:
    """Return what a fund has in another currency now, and what it is carried at."""
    unit, subject = context.unit, exchange.pair(fund, currency)
    foreign, own = exchange.units(fund, currency, "1190", subject), fund.account("1190", subject)
    await unit.load_accounts((foreign, own))
    balances = unit.memory.ledger.balances
    held = [balances[each].balance_minor if each in balances else 0 for each in (foreign, own)]
    return Position(currency, -held[0], held[1])


async def change(context: Context, command: ConvertMoney) -> Draft:
    """Change money at the bank, into another currency or out of it."""
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    *_, currency = conversions.sides(command, fund)
    made_id = await context.new_id(Conversion, command.id)
    act = context.act(command.effective_on, fund)
    books = await position(context, fund, currency), await context.unit.unallocated(fund)
    published = await newest_rate(context, (currency, fund.currency), act.on)
    return conversions.change(act, command, made_id, fund, (*books, published))


async def revalue(context: Context, command: RevalueFund) -> Draft:
    """Revalue a fund's foreign money at the recorded rates of a day.

    Raises:
        Refused: `exchange-late`, and as `revaluations.revalue`.
    """
    context.require((command.fund,))
    fund = await context.kept(command.fund)
    made_id = await context.new_id(Revaluation, command.id)
    act = context.act(command.effective_on or command.rate_on, fund)
    lines = []
    for each in await _positions_on(context, fund, act.on):
        revaluations.must_stand(each, await position(context, fund, each.currency), act.on)
        currencies = each.currency, fund.currency
        rate = await recorded_rate(context, currencies, command.rate_on, command.rate_source)
        lines.append(revaluations.worth(fund, each, rate))
    books = tuple(lines), await context.unit.unallocated(fund)
    return revaluations.revalue(act, fund, made_id, books)


async def paid_abroad(
    context: Context, command: ReleaseDisbursement, fund: Fund, draft: Draft
) -> Draft:
    """Return a payment's draft as it is out of foreign money, where it was made out of that.

    Raises:
        Invalid: `rate-missing`, `rate-needless`, and as `exchange.pay`.
    """
    if command.paid is None:
        if command.rate is not None or command.rate_on is not None:
            detail = "A rate belongs to an amount paid in another currency: state it in paid."
            raise Invalid("rate-needless", detail, "/rate")
        return draft
    currency = command.paid.currency
    told = await with_rate(context, command, (currency, fund.currency))
    if told.rate is None:
        detail = f"A payment in {currency} needs its rate into {fund.currency}."
        raise Invalid("rate-missing", detail, "/rate")
    terms = (command.disbursement, command.paid, told.rate, told.rate_source)
    books = await position(context, fund, currency), await context.unit.unallocated(fund)
    published = await newest_rate(context, (currency, fund.currency), draft.effective_on)
    return foreign_payments.pay(draft, fund, terms, (*books, published))


async def must_be_own_money(context: Context, disbursement: str) -> None:
    """Hold that a payment that the bank sent back was not made out of foreign money.

    Raises:
        Refused: `paid-abroad`.
    """
    made = await context.unit.find(ForeignPayment, disbursement)
    if made is not None and made.status == "paid":
        detail = f"It was paid in {made.original_currency}: take record {made.seq} back instead."
        raise Refused("paid-abroad", detail, "/disbursement")


async def _positions_on(context: Context, fund: Fund, day: date) -> list[Position]:
    """Return a fund's positions at the end of a day, by currency."""
    foreign: dict[str, int] = {}
    own: dict[str, int] = {}
    for account, signed_minor in (await sums(context.unit, fund.id, date.min, day)).items():
        if account.code == "1190":
            side = own if account.currency == fund.currency else foreign
            side[account.subject] = signed_minor
    return [
        Position(name.partition("-")[0].upper(), -foreign.get(name, 0), own.get(name, 0))
        for name in sorted({*foreign, *own})
    ]


VERBS = (
    Verb("fund.convert", ConvertMoney, change, "/funds/{fund}/conversions"),
    Verb("fund.revalue", RevalueFund, revalue, "/funds/{fund}/revaluations"),
)
