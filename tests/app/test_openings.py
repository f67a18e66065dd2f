"""A fund that adopts these books: opening balances once, and accounts of its own."""

import asyncpg
import pytest

from mfm.app.perform import refusal_of
from mfm.core.accounts import CHART
from mfm.core.errors import Invalid
from mfm.store.journal import Made
from tests.app.playing import accepted, given, held, opened, shown, sound
from tests.conftest import Database
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
DAY = {"effective_on": "2024-01-01"}


def line(account: str, amount: str, subject: str = "") -> dict[str, object]:
    """A line; below zero is a credit."""
    side = "credit" if amount.startswith("-") else "debit"
    return {"account": account, "subject": subject, side: usd(amount.removeprefix("-"))}


LINES = [
    line("1100", "700.00", "main"),
    line("1100", "200.00", "savings"),
    line("1300", "150.00"),
    line("1200", "50.00"),
    line("2500", "-30.00"),
    line("3100", "-670.00"),
    line("3200", "-400.00"),
    line("9399", "870.00"),
    line("9300", "-870.00"),
    line("9100", "25.00"),
    line("9190", "-25.00"),
]


async def adopt(books: Books, lines: list[dict[str, object]], on: str = "2024-01-01") -> Made:
    return await books.do("fund.open-balances", fund="f", lines=lines, effective_on=on)


async def test_a_fund_opens_with_what_it_had(books: Books) -> None:
    await opened(books)
    made = await adopt(books, LINES)
    assert made.accepted, made.content
    now = held(await shown(books))
    assert (now["1100"], now["1300"], now["3200"]) == ("900.00", "150.00", "-400.00")
    assert now["9300"] == "-870.00"
    await sound(books)
    # What it brought can be allocated like any other authority ...
    await accepted(books, "allocation.approve", id="a", fund="f", amount=usd("800.00"), **DAY)
    # ... and what was in progress comes to its end by vouchers on the subject `opening`.
    report = [line("5100", "100.00", "opening"), line("1300", "-100.00", "opening")]
    await accepted(books, "entry.post", fund="f", lines=report, **DAY)
    paid = [
        line("1100", "50.00", "main"),
        line("1200", "-50.00", "opening"),
        line("9399", "50.00"),
        line("9300", "-50.00", "opening"),
    ]
    await accepted(books, "entry.post", fund="f", lines=paid, **DAY)
    await sound(books)
    over = [line("1300", "-51.00", "opening"), line("5100", "51.00", "opening")]
    assert refusal_of(await books.do("entry.post", fund="f", lines=over, **DAY))[0] == (
        "balance-floor"
    )


async def test_opening_balances_come_once_and_first(books: Books, db: Database) -> None:
    await opened(books)
    first = await adopt(books, LINES)
    assert refusal_of(await adopt(books, LINES))[0] == "opening-late"
    await accepted(books, "record.reverse", record=first.seq, **DAY)
    assert (await adopt(books, LINES, "2024-02-01")).accepted
    await sound(books)
    told = {"name": "G", "tier": "local", "currency": "USD", "steward": "donor"}
    await accepted(books, "fund.open", id="g", **told)
    money = {"id": "c", "from_party": "donor", "to_fund": "g", "amount": usd("5.00")}
    await accepted(books, "commitment.sign", **money)
    late = await books.do("fund.open-balances", fund="g", lines=LINES, **DAY)
    assert refusal_of(late)[0] == "opening-late"
    connection = await asyncpg.connect(db.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
            with pytest.raises(asyncpg.PostgresError, match="opening-late"):
                await connection.execute(
                    "INSERT INTO mfm.opening_balance SELECT mechanism_id, 'g', 999, 0, 'opened',"
                    " 'g', currency, opened_on, lines FROM mfm.opening_balance"
                    " WHERE mechanism_id = $1",
                    books.mechanism.id,
                )
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line("1100", "5.00", "main"), line("3100", "-4.00")], "entry-unbalanced"),
        ([line("1400", "5.00"), line("3100", "-5.00")], "account-controlled"),
        ([line("9399", "5.00"), line("9340", "-5.00")], "account-controlled"),
        ([line("1190", "5.00"), line("3100", "-5.00")], "account-controlled"),
        ([line("1300", "5.00", "w"), line("3100", "-5.00")], "opening-subject"),
        ([line("9399", "5.00"), line("9300", "-5.00", "c")], "opening-subject"),
        ([line("7777", "5.00"), line("3100", "-5.00")], "account-unknown"),
        ([line("5600-10", "5.00"), line("3100", "-5.00")], "account-unknown"),
        ([{"account": "1100"}, line("3100", "-5.00")], "line-sides"),
    ],
)
async def test_what_cannot_be_opened_is_said(
    books: Books, lines: list[dict[str, object]], code: str
) -> None:
    await opened(books)
    with pytest.raises(Invalid) as raised:
        await adopt(books, lines)
    assert raised.value.code == code
    assert raised.value.pointer.startswith("/lines")


async def test_cash_opens_with_its_authority(books: Books) -> None:
    await opened(books)
    made = await adopt(books, [line("1100", "5.00", "main"), line("3100", "-5.00")])
    assert refusal_of(made)[0] == "cash-without-authority"


async def test_nothing_may_be_called_opening(books: Books) -> None:
    await opened(books)
    for name in ("opening", "exchange"):
        with pytest.raises(Invalid, match="id-taken"):
            await given(books, name, "earmarked", "5.00", "2024-01-01")


# Accounts of its own ------------------------------------------------------------------------------


async def test_a_fund_divides_a_line_of_the_chart(books: Books) -> None:
    await opened(books, open_from="2024-01-01")
    await given(books, "c", "unearmarked", "100.00", "2024-01-01")
    lines = [
        line("5600-10", "7.00"),
        line("1100", "-7.00", "main"),
        line("9300", "7.00", "c"),
        line("9340", "-7.00"),
    ]
    entry = {"fund": "f", "lines": lines, **DAY}
    with pytest.raises(Invalid, match="account-unknown"):
        await books.do("entry.post", **entry)
    made = await accepted(books, "account.open", fund="f", code="5600-10", name="Travel")
    with pytest.raises(Invalid, match="id-taken"):
        await books.do("account.open", fund="f", code="5600-10", name="Journeys")
    await accepted(books, "entry.post", **entry)
    told = await shown(books)
    assert {row.code: row.name for row in told.trial_balance["FIN"]}["5600-10"] == "Travel"
    uses = {row.line: row.amount for row in told.sources_and_uses}
    assert uses["Direct Cost"] == "7.00"
    back = await books.do("record.reverse", record=made.seq)
    assert refusal_of(back)[0] == "record-needed"
    # Another fund does not know it.
    told = {"name": "G", "tier": "local", "currency": "USD", "steward": "donor"}
    await accepted(books, "fund.open", id="g", **told)
    with pytest.raises(Invalid, match="account-unknown"):
        await books.do("entry.post", **{**entry, "fund": "g"})
    # It closes with its year.
    close = {"fund": "f", "last_day": "2024-12-31", "decision": "board"}
    await accepted(books, "period.close", **close)
    assert "5600-10" not in held(await shown(books))
    await sound(books)


async def test_the_database_knows_no_other_accounts(books: Books, db: Database) -> None:
    await opened(books)
    await accepted(books, "account.open", fund="f", code="5600-10", name="Travel")
    connection = await asyncpg.connect(db.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
            with pytest.raises(asyncpg.PostgresError, match="account-unknown"):
                await connection.execute(
                    "INSERT INTO mfm.account VALUES"
                    " ($1, 999, 'f', 'FIN', '5600-11', 'USD', '', 1, false)",
                    books.mechanism.id,
                )
    finally:
        await connection.close()


async def test_an_unused_account_is_taken_back(books: Books) -> None:
    await opened(books)
    made = await accepted(books, "account.open", fund="f", code="3300-10", name="Endowment")
    await accepted(books, "record.reverse", record=made.seq)
    with pytest.raises(Invalid, match="account-unknown"):
        await adopt(books, [line("3100", "5.00"), line("3300-10", "-5.00")])
    await accepted(books, "account.open", fund="f", code="3300-20", name="Endowment")
    assert (await adopt(books, [line("3100", "5.00"), line("3300-20", "-5.00")])).accepted
    await sound(books)


@pytest.mark.parametrize(
    "code", ["5610", "5600", "5600-1", "5600-ab", "1100-10", "1290-10", "5100-10", "9300-10", "x"]
)
async def test_only_whole_open_lines_are_divided(books: Books, code: str) -> None:
    await opened(books)
    with pytest.raises(Invalid) as raised:
        await books.do("account.open", operator(), fund="f", code=code, name="Mine")
    assert (raised.value.code, raised.value.pointer) == ("account-code", "/code")
    assert code not in CHART or "5600" in raised.value.detail
