"""Days: what a verb takes was there on the day that it is dated, and on every day since.

The floors hold the books in the order in which they were written. A verb that is dated back is
also held against the days: else a balance as of some day in between would fall below zero.
"""

from collections import Counter
from datetime import date

from mfm.app.context import Context
from mfm.core.accounts import BACKING, Account, has_floor, line_of
from mfm.core.errors import Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.record import Draft
from mfm.store.sums import last_day, lowest

_HELD = BACKING | {"1100", "1110", "1120"}
"""Cash, and what it backs. Other accounts follow from the order of steps."""


async def must_be_covered(context: Context, draft: Draft) -> None:
    """Hold a draft that is dated back against the days since; a reversal is held by floors alone.

    Raises:
        Refused: `day-uncovered`, `period-closed`.
    """
    if draft.reverses:
        return
    taken = _taken(draft)
    fund_ids = {account.fund for account, minor in taken.items() if minor > 0}
    late = {name for name in fund_ids if await _is_back_dated(context, name, draft)}
    wanted = [account for account, minor in taken.items() if minor > 0 and account.fund in late]
    if not wanted:
        return
    for account, (held_minor, on) in (
        await lowest(context.unit, wanted, draft.effective_on)
    ).items():
        # What is not there even now is the floor's to refuse.
        present_minor = context.unit.memory.ledger.balances[account].balance_minor
        if held_minor < taken[account] <= present_minor:
            held, asked = (decimal_text(m, account.currency) for m in (held_minor, taken[account]))
            detail = (
                f"On {on} {account.code} {account.subject} of fund {account.fund} holds {held}"
                f" {account.currency}; this takes {asked} from {draft.effective_on} on."
            )
            raise Refused("day-uncovered", detail, "/effective_on")


async def there(
    context: Context, fund: Fund, on: date, amount: Money, available_minor: dict[str, int]
) -> dict[str, int]:
    """Return, of what each contribution has unallocated now, what it had on a day and ever since.

    Who names no contributions draws on those whose money had come, in minor units.

    Raises:
        Refused: `day-uncovered` where there is enough now, and was not then.
    """
    if on >= await last_day(context.unit, fund.id):
        return available_minor
    names = {fund.account("9300", name): name for name in available_minor}
    found = await lowest(context.unit, [*names], on)
    had = {names[account]: max(0, held_minor) for account, (held_minor, _) in found.items()}
    capped = {name: min(minor, had.get(name, 0)) for name, minor in available_minor.items()}
    asked_minor = fund.amount(amount, "/amount")
    if sum(capped.values()) < asked_minor <= sum(available_minor.values()):
        held = decimal_text(sum(capped.values()), fund.currency)
        detail = f"Of what fund {fund.id} has unallocated, {held} {fund.currency} was there on {on}"
        raise Refused("day-uncovered", f"{detail} and ever since.", "/effective_on")
    return {name: minor for name, minor in capped.items() if minor}


def _taken(draft: Draft) -> Counter[Account]:
    """Return what a draft takes from accounts that are held, in minor units."""
    taken: Counter[Account] = Counter()
    for posting in draft.postings:
        if "9399" in (posting.debit.code, posting.credit.code):
            continue  # authority that came or went is a fact (a loss on exchange), no decision
        for account, signed_minor in (
            (posting.debit, posting.amount_minor),
            (posting.credit, -posting.amount_minor),
        ):
            if account.code in _HELD and has_floor(account.code):
                taken[account] -= line_of(account.code).side * signed_minor
    return taken


async def _is_back_dated(context: Context, name: str, draft: Draft) -> bool:
    """Tell whether money has moved in a fund on a later day; where it has not, floors suffice."""
    fund = await context.unit.find(Fund, name)
    if fund is None or fund.reported:
        return False
    fund.check_open(draft.effective_on)  # a closed day is refused as such
    return draft.effective_on < await last_day(context.unit, name)
