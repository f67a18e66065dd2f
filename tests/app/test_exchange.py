"""Foreign money: kept, changed, paid out and revalued; differences by themselves and taken back."""

from datetime import date

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfm.app.perform import refusal_of
from mfm.core.errors import Invalid
from mfm.core.record import parse
from mfm.core.statements import ForeignMoney
from mfm.store import database
from mfm.store.journal import Made
from tests.app.invariants import broken
from tests.app.playing import accepted, granted, held, opened, shown, sound
from tests.conftest import Database
from tests.support import PERMIT, Books, operator, usd

pytestmark = pytest.mark.anyio
DAY = {"effective_on": "2024-03-01"}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def rated(books: Books, rate: str, on: str, base: str = "EUR") -> None:
    told = {"base": base, "quote": "USD", "rated_on": on, "source": "ecb"}
    await accepted(books, "rate.record", rate=rate, **told)


async def kept(books: Books, **more: object) -> Made:
    """Fund f has 1,000 EUR at 1.10 on the account euros, given by contribution c."""
    await opened(books)
    told = {"id": "c", "from_party": "donor", "to_fund": "f", "amount": usd("1100.00"), **DAY}
    await accepted(books, "commitment.sign", **told)
    fields = {"id": "d", "commitment": "c", "amount": eur("1000.00"), "rate": "1.10", **DAY}
    fields |= {"bank_account": "euros", "keep": True, **more}
    return await accepted(books, "deposit.receive", **fields)


async def book(books: Books, currency: str) -> dict[str, str]:
    return held(await shown(books, currency=currency))


async def balances(books: Books) -> dict[tuple[str, ...], int]:
    connection = await database.connect(books.url, "mfm_writer")
    try:
        rows = await connection.fetch(
            "SELECT code, currency, subject, debit_minor - credit_minor AS net FROM mfm.account"
            " JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1",
            books.mechanism.id,
        )
        assert await broken(connection, books.mechanism) == []
    finally:
        await connection.close()
    return {tuple(row[:3]): row[3] for row in rows if row[3]}


async def test_a_deposit_stays_in_its_currency(books: Books) -> None:
    await kept(books)
    now = held(await shown(books))
    assert (now["1190"], now["9300"], now.get("1100")) == ("1100.00", "-1100.00", None)
    assert await book(books, "EUR") == {"1100": "1000.00", "1190": "-1000.00"}
    assert (await shown(books)).foreign == (ForeignMoney("EUR", "1000.00", "1100.00"),)
    with pytest.raises(Invalid, match="currency-not-fund"):
        await book(books, "XOF")
    sources = {row.line: row.amount for row in (await shown(books)).sources_and_uses}
    assert sources["Contributions from Donors"] == "1100.00"
    assert sources["Balance with Administrative Agent"] == "1100.00"
    # The agent's fee is owed until there are dollars to pay it.
    await accepted(books, "deposit.charge-fee", deposit="d", **DAY)
    now = held(await shown(books))
    assert (now["2500"], now["5400"], now["9300"]) == ("-11.00", "11.00", "-1089.00")
    await sound(books)


async def test_what_it_settles_beyond_its_worth_is_a_difference(books: Books) -> None:
    await kept(books, settles=usd("1050.00"))
    now = held(await shown(books))
    assert (now["4900"], now["1200"], now["1190"]) == ("-50.00", "50.00", "1100.00")
    await sound(books)


async def test_a_bank_account_is_in_one_currency(books: Books) -> None:
    await kept(books)
    told = {"id": "c2", "from_party": "donor", "to_fund": "f", "amount": usd("50.00"), **DAY}
    await accepted(books, "commitment.sign", **told)
    money = {"commitment": "c2", "amount": usd("50.00"), **DAY}
    with pytest.raises(Invalid, match=r"bank-account-currency: .*euros of f is in EUR"):
        await books.do("deposit.receive", bank_account="euros", **money)
    with pytest.raises(Invalid, match="rate-needless"):
        await books.do("deposit.receive", keep=True, bank_account="new", **money)
    await accepted(books, "deposit.receive", **money)


async def test_the_database_holds_a_bank_account_to_one_currency(
    books: Books, db: Database
) -> None:
    await kept(books)
    connection = await asyncpg.connect(db.admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
            with pytest.raises(asyncpg.UniqueViolationError, match="account_bank"):
                await connection.execute(
                    "INSERT INTO mfm.account VALUES"
                    " ($1, 999, 'f', 'FIN', '1100', 'USD', 'euros', 1, true)",
                    books.mechanism.id,
                )
    finally:
        await connection.close()


async def test_money_is_changed_and_changed_back(books: Books) -> None:
    await kept(books)
    sell = {"fund": "f", "sold_from": "euros", "bought_to": "main", **DAY}
    made = await accepted(books, "fund.convert", **sell, sold=eur("400.00"), bought=usd("460.00"))
    now = held(await shown(books))  # 440 of cost: a gain of 20
    assert (now["1100"], now["1190"], now["4900"]) == ("460.00", "660.00", "-20.00")
    assert (await balances(books))["9300", "USD", "exchange"] == -2000
    lost = await accepted(books, "fund.convert", **sell, sold=eur("100.00"), bought=usd("85.00"))
    told = parse(lost.content)[1].sets["conversion"][0]["shares"]
    assert told == [
        {"contribution": "exchange", "amount_minor": "2000"},
        {"contribution": "c", "amount_minor": "500"},
    ]
    buy = {"fund": "f", "sold_from": "main", "bought_to": "euros", **DAY}
    await accepted(books, "fund.convert", **buy, sold=usd("120.00"), bought=eur("100.00"))
    now = held(await shown(books))
    assert (now["1100"], now["1190"], now["5900"]) == ("425.00", "670.00", "25.00")
    assert await book(books, "EUR") == {"1100": "600.00", "1190": "-600.00"}
    await sound(books)
    await accepted(books, "record.reverse", record=lost.seq, **DAY)
    assert refusal_of(await books.do("record.reverse", record=made.seq, **DAY))[0] == (
        "balance-floor"
    )  # the dollars it brought were spent
    await sound(books)


@pytest.mark.parametrize(
    ("sold", "bought", "code"),
    [
        (usd("1.00"), usd("1.00"), "conversion-currency"),
        (eur("1.00"), {"amount": "1", "currency": "XOF"}, "conversion-currency"),
        (eur("1.00"), eur("1.00"), "conversion-currency"),
        (eur("0.00"), usd("1.00"), "amount-zero"),
        (eur("1.00"), {"amount": "1", "currency": "ABC"}, "currency-unknown"),
    ],
)
async def test_one_side_is_in_the_funds_currency(
    books: Books, sold: dict[str, str], bought: dict[str, str], code: str
) -> None:
    await kept(books)
    with pytest.raises(Invalid, match=code):
        await books.do("fund.convert", fund="f", sold=sold, bought=bought, bought_to="main")


async def test_no_more_is_sold_than_there_is(books: Books) -> None:
    await kept(books)
    sell = {"fund": "f", "sold_from": "euros", "bought_to": "main", **DAY}
    made = await books.do("fund.convert", **sell, sold=eur("1000.01"), bought=usd("1.00"))
    assert refusal_of(made)[0] == "balance-floor"
    made = await books.do(
        "fund.convert", **{**sell, "sold_from": "other"}, sold=eur("1.00"), bought=usd("1.00")
    )
    assert refusal_of(made)[0] == "balance-floor"


@pytest.mark.parametrize(
    ("rate", "sold", "bought", "plausible"),
    [
        ("", "100.00", "137.50", True),
        ("", "100.00", "137.52", False),
        ("", "100.00", "82.50", True),
        ("", "100.00", "82.48", False),
        ("", "1000.00", "1.00", False),
        ("1.60", "100.00", "200.00", True),
        ("1.60", "100.00", "110.00", False),
    ],
)
async def test_money_is_changed_for_about_its_worth(
    books: Books, rate: str, sold: str, bought: str, *, plausible: bool
) -> None:
    await kept(books)
    if rate:  # of the newest, not of an older one, nor of one still to come
        await rated(books, "1.00", "2024-02-01")
        await rated(books, rate, "2024-02-28")
        await rated(books, "1.00", "2024-03-02")
    told = {"fund": "f", "sold_from": "euros", "bought_to": "main", **DAY}
    made = await books.do("fund.convert", **told, sold=eur(sold), bought=usd(bought))
    assert made.accepted is plausible
    assert plausible or refusal_of(made)[0] == "rate-implausible"
    await sound(books)


async def test_a_rate_told_the_other_way_round_and_one_long_past(books: Books) -> None:
    await kept(books)
    told = {"base": "USD", "quote": "EUR", "source": "imf"}
    await accepted(books, "rate.record", rate="0.50", rated_on="2023-11-01", **told)
    sell = {"fund": "f", "sold_from": "euros", "bought_to": "main", **DAY}
    sell |= {"sold": eur("100.00"), "bought": usd("190.00")}
    assert refusal_of(await books.do("fund.convert", **sell))[0] == "rate-implausible"
    await accepted(books, "rate.record", rate="0.50", rated_on="2024-02-01", **told)
    await accepted(books, "fund.convert", **sell)
    await sound(books)


# Payments -----------------------------------------------------------------------------------------


async def test_a_tranche_is_paid_in_another_currency(books: Books) -> None:
    await kept(books)
    await granted(books, "w", "480.00", "2024-03-02")
    await rated(books, "1.20", "2024-03-05")
    pay = {"disbursement": "pw", "bank_account": "euros", "effective_on": "2024-03-05"}
    payer = operator("c")
    with pytest.raises(Invalid, match=r"paid-differs: At 1.20 this is 492.00 USD; 480.00"):
        await books.do(
            "disbursement.release", payer, **pay, paid=eur("410.00"), rate_on="2024-03-05"
        )
    with pytest.raises(Invalid, match="rate-missing"):
        await books.do("disbursement.release", payer, **pay, paid=eur("400.00"))
    with pytest.raises(Invalid, match="rate-needless"):
        await books.do("disbursement.release", payer, **pay, rate_on="2024-03-05")
    with pytest.raises(Invalid, match="rate-needless"):
        await books.do("disbursement.release", payer, **pay, paid=usd("480.00"), rate="1")
    made = await accepted(
        books, "disbursement.release", "c", **pay, paid=eur("400.00"), rate_on="2024-03-05"
    )
    told = parse(made.content)[1].sets["foreign_payment"][0]
    assert (told["carried_minor"], told["rate_source"]) == ("44000", "ecb 2024-03-05")
    now = held(await shown(books))  # 480 owed out of 440 of cost: a gain of 40
    assert (now["4900"], now["1190"], now["1300"]) == ("-40.00", "660.00", "480.00")
    assert await book(books, "EUR") == {"1100": "600.00", "1190": "-600.00"}
    assert "2200" not in now
    lines = {row.line: row.amount for row in (await shown(books)).sources_and_uses}
    assert lines["Transferred to Participating Organizations"] == "480.00"
    await sound(books)
    bounced = await books.do("disbursement.bounce", payer, disbursement="pw")
    assert refusal_of(bounced)[0] == "paid-abroad"
    await accepted(books, "record.reverse", record=made.seq, effective_on="2024-03-06")
    assert held(await shown(books))["1190"] == "1100.00"
    again = {**pay, "paid": eur("400.00"), "rate": "1.20", "effective_on": "2024-03-06"}
    assert (await books.do("disbursement.release", payer, **again)).accepted
    await sound(books)


@pytest.mark.parametrize(("paid", "rate"), [("900.00", "0.1111111111"), ("1.00", "100")])
async def test_who_pays_does_not_choose_the_rate(books: Books, paid: str, rate: str) -> None:
    await kept(books)
    await granted(books, "w", "100.00", "2024-03-02")
    pay = {"disbursement": "pw", "bank_account": "euros", "effective_on": "2024-03-05"}
    for recorded in (False, True):
        if recorded:
            await rated(books, "1.20", "2024-03-04")
        made = await books.do(
            "disbursement.release", operator("c"), **pay, paid=eur(paid), rate=rate
        )
        assert refusal_of(made)[0] == "rate-implausible"
    await sound(books)


# Revaluation --------------------------------------------------------------------------------------


async def test_foreign_money_is_revalued_at_the_closing_rate(books: Books) -> None:
    await kept(books)
    await rated(books, "1.15", "2024-03-31")
    before = await balances(books)
    made = await accepted(books, "fund.revalue", fund="f", rate_on="2024-03-31")
    now = held(await shown(books))
    assert (now["1190"], now["4900"], now["9300"]) == ("1150.00", "-50.00", "-1150.00")
    assert held(await shown(books, as_of=date(2024, 3, 30)))["1190"] == "1100.00"
    await sound(books)
    await rated(books, "1.00", "2024-04-30")
    lost = await accepted(books, "fund.revalue", fund="f", rate_on="2024-04-30")
    now = held(await shown(books))
    assert (now["1190"], now["5900"], now["9300"]) == ("1000.00", "150.00", "-1000.00")
    await sound(books)
    for seq in (lost.seq, made.seq):
        await accepted(books, "record.reverse", record=seq, effective_on="2024-05-01")
    assert await balances(books) == before
    await sound(books)


@pytest.mark.parametrize("sold", ["1000.00", "400.00"])
async def test_money_that_left_since_is_not_revalued(books: Books, sold: str) -> None:
    await kept(books)
    sell = {"fund": "f", "sold_from": "euros", "bought_to": "main", "effective_on": "2024-04-15"}
    got = usd("1100.00" if sold == "1000.00" else "440.00")
    made = await accepted(books, "fund.convert", **sell, sold=eur(sold), bought=got)
    await rated(books, "1.20", "2024-03-31")
    before = await balances(books)
    late = await books.do("fund.revalue", fund="f", rate_on="2024-03-31")
    code, told, *_ = refusal_of(late)
    assert (code, "EUR moved after 2024-03-31" in told) == ("exchange-late", True)
    assert await balances(books) == before
    await sound(books)
    # What is there again as it was may be revalued as of that day.
    await accepted(books, "record.reverse", record=made.seq, effective_on="2024-04-20")
    await accepted(books, "fund.revalue", fund="f", rate_on="2024-03-31")
    assert held(await shown(books))["1190"] == "1200.00"
    await sound(books)


async def test_a_day_before_the_last_revaluation_is_not_revalued(books: Books) -> None:
    await kept(books)
    for day in ("2024-03-31", "2024-06-30"):
        await rated(books, "1.20", day)
    await accepted(books, "fund.revalue", fund="f", rate_on="2024-06-30")
    late = await books.do("fund.revalue", fund="f", rate_on="2024-03-31")
    assert refusal_of(late)[0] == "exchange-late"
    assert held(await shown(books))["1190"] == "1200.00"
    # That day's rate may still be used as of a later one.
    on = {"rate_on": "2024-03-31", "effective_on": "2024-07-01"}
    await accepted(books, "fund.revalue", fund="f", **on)
    await sound(books)


async def test_what_cannot_be_revalued_is_said(books: Books) -> None:
    await opened(books)
    none = await books.do("fund.revalue", fund="f", rate_on="2024-03-31")
    assert refusal_of(none)[0] == "exchange-none"


async def test_a_missing_closing_rate_and_a_loss_that_nobody_can_bear(books: Books) -> None:
    await kept(books)
    with pytest.raises(Invalid, match="rate-missing: No rate of EUR into USD for 2024-03-31"):
        await books.do("fund.revalue", fund="f", rate_on="2024-03-31")
    await rated(books, "0.5", "2024-03-31")
    await accepted(books, "allocation.approve", id="a", fund="f", amount=usd("1000.00"), **DAY)
    lost = await books.do("fund.revalue", fund="f", rate_on="2024-03-31")
    assert refusal_of(lost)[0] == "authority-exceeded"
    await sound(books)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("buy", "sell", "revalue")),
        st.integers(1, 60_000),
        st.decimals("0.80", "1.25", places=4),
    ),
    min_size=1,
    max_size=8,
)


_COUNT = iter(range(10_000))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_books_hold_after_any_steps_and_come_back(
    books: Books, steps: list[tuple[str, int, object]]
) -> None:
    # A fund of its own for each example, in one mechanism.
    number = next(_COUNT)
    fund, contribution = f"f{number}", f"c{number}"
    told = {"name": "F", "tier": "local", "currency": "USD", "steward": f"donor{number}"}
    for verb, fields in (
        (PERMIT, {}),  # in the first example; after that, answered from its record
        ("party.register", {"id": f"donor{number}", "name": "Donor"}),
        ("fund.open", {"id": fund, **told}),
    ):
        await accepted(books, verb, **fields)
    signed = {"from_party": f"donor{number}", "to_fund": fund, "amount": usd("2000.00"), **DAY}
    await accepted(books, "commitment.sign", id=contribution, **signed)
    for bank, more in (
        ("main", {"amount": usd("1000.00")}),
        ("euros", {"amount": eur("1000.00"), "rate": "1.00", "keep": True}),
    ):
        money = {"commitment": contribution, "bank_account": bank, **more}
        await accepted(books, "deposit.receive", **money, **DAY)
    before = await balances(books)
    done: list[int] = []
    for at, (what, minor, rate) in enumerate(steps):
        amount = f"{minor // 100}.{minor % 100:02}"
        if what == "revalue":
            told = {"base": "EUR", "quote": "USD", "rated_on": "2024-03-31"}
            source = f"s{number}-{at}"
            await accepted(books, "rate.record", rate=str(rate), source=source, **told)
            fields = {"rate_on": "2024-03-31", "rate_source": source}
            made = await books.do("fund.revalue", fund=fund, **fields)
        else:
            sides = [("main", usd(amount)), ("euros", eur(amount))]
            (sold_from, sold), (bought_to, bought) = sides if what == "buy" else sides[::-1]
            told = {"sold": sold, "sold_from": sold_from, "bought": bought, "bought_to": bought_to}
            made = await books.do("fund.convert", fund=fund, **told, **DAY)
        if made.accepted:
            done.append(made.seq)
        await balances(books)
    await sound(books)
    for seq in reversed(done):
        await accepted(books, "record.reverse", record=seq, effective_on="2024-04-01")
    assert await balances(books) == before
    await sound(books)
