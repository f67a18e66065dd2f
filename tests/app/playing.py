"""What tests of periods and exchange share: verbs that must be accepted, statements, the fold."""

from typing import Any

from mfm.app.statements import statement
from mfm.app.verify import verify_database
from mfm.core.statements import Statement, StatementQuery
from mfm.store import database
from mfm.store.journal import Made
from tests.support import Books, operator, usd


async def sound(books: Books) -> None:
    """Hold that the independent fold agrees with every table."""
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None, found.difference


async def accepted(
    books: Books,
    verb: str,
    who: str = "operator",
    **fields: Any,  # noqa: ANN401  # any verb's fields
) -> Made:
    """Perform a verb that the rules must accept."""
    made = await books.do(verb, operator(who), **fields)
    assert made.accepted, made.content
    return made


async def opened(books: Books, **more: object) -> None:
    """Open fund f, in dollars from 2023 on, with a donor and a group."""
    await accepted(books, "tests.permit")
    for name in ("donor", "group"):
        await accepted(books, "party.register", id=name, name=name)
    told = {"name": "F", "tier": "national", "currency": "USD", "steward": "donor"}
    await accepted(books, "fund.open", id="f", **{"open_from": "2023-01-01", **told, **more})


async def given(books: Books, name: str, kind: str, amount: str, on: str) -> None:
    """Sign a contribution `name` to fund f, receive all of it, and charge the fee."""
    told = {"id": name, "from_party": "donor", "to_fund": "f", "amount": usd(amount)}
    await accepted(books, "commitment.sign", contribution=kind, effective_on=on, **told)
    money = {"commitment": name, "amount": usd(amount), "effective_on": on}
    await accepted(books, "deposit.receive", id=f"d{name}", **money)
    await accepted(books, "deposit.charge-fee", deposit=f"d{name}", effective_on=on)


async def granted(books: Books, name: str, amount: str, on: str) -> None:
    """Sign a grant `name` out of all contributions of fund f, and approve its tranche p + name."""
    day = {"effective_on": on}
    await accepted(books, "allocation.approve", id=f"a{name}", fund="f", amount=usd(amount), **day)
    told = {"id": name, "from_fund": "f", "to_party": "group", "amount": usd(amount)}
    await accepted(books, "commitment.sign", allocation=f"a{name}", **told, **day)
    asked = {"id": f"p{name}", "commitment": name, "tranche": 1}
    await accepted(books, "disbursement.request", **asked, **day)
    await accepted(books, "disbursement.approve", "b", disbursement=f"p{name}", **day)


async def shown(books: Books, **query: object) -> Statement:
    """Return fund f's statement."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        return await statement(engine, operator(), StatementQuery(fund="f", **query))
    finally:
        await engine.dispose()


def held(told: Statement) -> dict[str, str]:
    """Return each code's balance that is not zero, credits below zero."""
    rows = [row for book in told.trial_balance.values() for row in book]
    nets = {row.code: row.debit if row.credit == "0.00" else f"-{row.credit}" for row in rows}
    return {code: net for code, net in nets.items() if net != "0.00"}
