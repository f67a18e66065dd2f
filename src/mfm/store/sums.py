"""What a writing verb asks of the books beyond the present balances."""

from datetime import date

from mfm.core.accounts import Account
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
