"""What a writing verb asks of the books beyond the present balances."""

from datetime import date
from itertools import accumulate

from mfm.core.accounts import Account
from mfm.core.terms import FIRST_DAY
from mfm.store import journal
from mfm.store.unit import Unit
from mfm.store.writer import Careful


async def sums(unit: Unit, fund: str, since: date, until: date) -> dict[Account, int]:
    """Return what a fund's postings of some days come to, by account: debits less credits.

    Raises:
        Careful: when a batch may be on its way that the database does not have yet.
    """
    if not unit.strict:
        raise Careful
    told = await journal.sums_of(unit.connection, unit.mechanism.id, fund, (since, until))
    balances = unit.memory.ledger.balances.items()
    names = {balance.number: account for account, balance in balances if account.fund == fund}
    for record, _, debit, credit, amount_minor, *_ in unit.batch.moves:
        if debit in names and since <= unit.batch.day_of(record) <= until:
            for side, signed_minor in ((debit, amount_minor), (credit, -amount_minor)):
                told[names[side]] = told.get(names[side], 0) + signed_minor
    return {account: minor for account, minor in told.items() if minor}


async def last_day(unit: Unit, fund: str) -> date:
    """Return the last day on which money moved in a fund; the first day of all where none has."""
    memory = unit.memory
    if fund not in memory.days_read:
        told = await journal.last_day(unit.connection, unit.mechanism.id, fund) or FIRST_DAY
        # What the database does not have yet moved through this memory.
        memory.days[fund] = max(memory.days.get(fund, told), told)
        memory.days_read.add(fund)
    return memory.days[fund]


async def lowest(
    unit: Unit, accounts: list[Account], since: date
) -> dict[Account, tuple[int, date]]:
    """Return the lowest that each account stood or will stand at, from a day on, and when.

    Args:
        unit: what writes.
        accounts: of which; those that had no posting yet are left out.
        since: the first day that counts.

    Raises:
        Careful: when a batch may be on its way that the database does not have yet.
    """
    if not unit.strict:
        raise Careful
    await unit.load_accounts(accounts)
    known = [balance for a in accounts if (balance := unit.memory.ledger.balances.get(a))]
    days: dict[int, dict[date, int]] = {balance.number: {since: 0} for balance in known}
    told = await journal.days_of(unit.connection, unit.mechanism.id, [*days], since)
    for record, _, debit, credit, amount_minor, *_ in unit.batch.moves:
        day = max(since, unit.batch.day_of(record))
        told += [(debit, day, amount_minor), (credit, day, -amount_minor)]
    for number, day, minor in told:
        if number in days:
            days[number][day] = days[number].get(day, 0) + minor
    found: dict[Account, tuple[int, date]] = {}
    for balance in known:
        moved = sorted(days[balance.number].items())
        stood = accumulate(balance.side * minor for _, minor in moved)
        found[balance.account] = min(zip(stood, (day for day, _ in moved), strict=True))
    return found


async def has_account(unit: Unit, fund: str, code: str) -> bool:
    """Tell whether a fund's books have an account of a code."""
    if any((a.fund, a.code) == (fund, code) for a in unit.memory.ledger.balances):
        return True
    return bool(await journal.accounts_of(unit.connection, unit.mechanism.id, fund, code))


async def holds_money(unit: Unit, fund: str) -> bool:
    """Tell whether any account of a fund has a balance."""
    await unit.load_accounts(await journal.accounts_of(unit.connection, unit.mechanism.id, fund))
    balances = unit.memory.ledger.balances
    return any(b.balance_minor for account, b in balances.items() if account.fund == fund)


async def chain_end(unit: Unit, fund: str) -> tuple[int, str]:
    """Return the last number of a fund's chain and that record's leaf (hex)."""
    await unit.load_chains([fund])
    return unit.memory.chains[fund]
