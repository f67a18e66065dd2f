"""Exchange rates: recorded once, imported from published tables, and named by deposits."""

from pathlib import Path

import pytest

from mfm.app.perform import refusal_of
from mfm.app.rates_import import RatesImported, RateTable, import_rates
from mfm.app.verify import verify_database
from mfm.core.deposits import Deposit
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.store.journal import Made
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2024-03-02"}
PUBLISHED = Path(__file__).parents[2] / "../shared/data/fx/imf_exchangerates_A_ENDA_USD.csv"
HEAD = "Date,Rate,Currency,Frequency,Source,Country code,Country\n"


async def sound(books: Books) -> None:
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None


async def record(books: Books, rate: str, **more: str) -> Made:
    told = {"base": "EUR", "quote": "USD", "rated_on": "2024-03-02", "source": "ecb", **more}
    return await books.do("rate.record", rate=rate, **told)


async def owing(books: Books) -> None:
    """A fund in dollars that a donor owes a thousand."""
    do = books.do
    await do("tests.permit")
    await do("party.register", id="donor", name="Donor")
    opened = {"name": "F", "tier": "global", "currency": "USD", "steward": "donor"}
    await do("fund.open", id="f", **opened)
    await do(
        "commitment.sign", id="c", from_party="donor", to_fund="f", amount=usd("1000.00"), **ON
    )


def deposit_of(made: Made) -> Deposit:
    body = parse(made.content)[1]
    assert not body.refusal, body.refusal
    told = body.sets["deposit"][0]
    return Deposit(**{**told, "amount_minor": int(told["amount_minor"])})


async def receive(books: Books, currency: str = "EUR", **more: str) -> Deposit:
    money = {"amount": "100.00", "currency": currency}
    return deposit_of(await books.do("deposit.receive", commitment="c", amount=money, **ON, **more))


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        ("0", "rate-malformed"),
        ("0.000", "rate-malformed"),
        ("", "rate-malformed"),
        ("-1.1", "rate-malformed"),
        ("1,1", "rate-malformed"),
        ("1e3", "rate-malformed"),
        ("NaN", "rate-malformed"),
        ("1/2", "rate-malformed"),
        ("0.0000000000000001", "rate-absurd"),
        ("999999999999.99", None),
    ],
)
async def test_a_rate_is_positive_and_plausible(books: Books, rate: str, code: str | None) -> None:
    if code is None:
        assert (await record(books, rate)).accepted
        return
    with pytest.raises(Invalid) as raised:
        await record(books, rate)
    assert raised.value.code == code
    assert raised.value.pointer == "/rate"


async def test_a_pair_is_of_two_known_currencies(books: Books) -> None:
    for more, code in (({"quote": "EUR"}, "rate-needless"), ({"base": "ABC"}, "currency-unknown")):
        with pytest.raises(Invalid, match=code):
            await record(books, "1.1", **more)


async def test_a_wrong_rate_is_taken_back_and_recorded_again(books: Books) -> None:
    wrong = await record(books, "11.0")
    again = await record(books, "1.10")
    assert refusal_of(again)[0] == "rate-recorded"
    assert (await books.do("record.reverse", record=wrong.seq)).accepted
    assert (await record(books, "1.10")).accepted
    assert (await record(books, "1.11", source="imf")).accepted
    await sound(books)


async def test_a_deposit_takes_the_rate_of_a_day(books: Books) -> None:
    await owing(books)
    await record(books, "1.10")
    told = await receive(books, rate_on="2024-03-02")
    assert (told.amount_minor, told.rate, told.rate_source) == (11000, "1.10", "ecb 2024-03-02")
    # A table with the pair the other way round keeps its own digits.
    await record(books, "655.957", base="USD", quote="XOF", source="un")
    money = {"amount": "65596", "currency": "XOF"}
    made = await books.do(
        "deposit.receive", commitment="c", amount=money, rate_on="2024-03-02", **ON
    )
    assert deposit_of(made).amount_minor == 10000
    assert deposit_of(made).rate == "1/655.957"
    receipt = {"amount": "10.00", "currency": "EUR"}
    made = await books.do(
        "unidentified-receipt.record", fund="f", amount=receipt, rate_on="2024-03-02", **ON
    )
    assert made.accepted
    await sound(books)


async def test_a_missing_rate_is_named(books: Books) -> None:
    await owing(books)
    wrong = await record(books, "1.10")
    with pytest.raises(Invalid, match=r"EUR into USD for 2024-03-01") as raised:
        await receive(books, rate_on="2024-03-01")
    assert (raised.value.code, raised.value.pointer) == ("rate-missing", "/rate_on")
    with pytest.raises(Invalid, match=r"rate-missing.*by imf"):
        await receive(books, rate_on="2024-03-02", rate_source="imf")
    await record(books, "1.2", source="imf")
    with pytest.raises(Invalid, match=r"rate-ambiguous.*ecb, imf"):
        await receive(books, rate_on="2024-03-02")
    with pytest.raises(Invalid, match="rate-needless"):
        await receive(books, rate_on="2024-03-02", rate="1.1")
    with pytest.raises(Invalid, match="rate-needless"):
        await receive(books, "USD", rate_on="2024-03-02")
    await books.do("record.reverse", record=wrong.seq)
    assert (await receive(books, rate_on="2024-03-02")).rate == "1.2"


# Tables -------------------------------------------------------------------------------------------


async def imported(books: Books, path: Path, **how: object) -> RatesImported:
    table = RateTable(**{"base": "USD", **how})
    return await import_rates(books.writer, operator(), path, table)


async def test_a_table_is_imported_once(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    rows = ["2024-03-02,655.957,XOF,D,IMF,SN,Senegal", "2024-03-02,0.92,EUR,D,IMF,U2,Euro Area"]
    rows += ["2024-03-02,1,USD,D,IMF,US,USA", "2024-03-02,6.55957,FRF,D,IMF,FR,France"]
    path.write_text(HEAD + "\n".join(rows), "utf-8")
    tried = await imported(books, path, dry_run=True)
    assert (tried.recorded, tried.unchanged, tried.problems) == (2, 0, [])
    assert [each.code for each in tried.left_out] == ["rate-needless", "currency-unknown"]
    first = await imported(books, path)
    assert (first.rows, first.recorded, first.unchanged) == (4, 2, 0)
    second = await imported(books, path)
    assert (second.recorded, second.unchanged) == (0, 2)
    await owing(books)
    assert (await receive(books, rate_on="2024-03-02", rate_source="imf")).rate == "1/0.92"
    await sound(books)


async def test_every_wrong_row_is_told_and_nothing_recorded(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    await record(books, "655.00", base="USD", quote="XOF", source="imf")
    rows = [
        ("2024-03-02,655.957,XOF,D,IMF,,", "rate", "rate-recorded"),
        ("2024-03-02,0,EUR,D,IMF,,", "rate", "rate-malformed"),
        ("2024-03-02,-1,GBP,D,IMF,,", "rate", "rate-malformed"),
        ("2024-03-02,,KES,D,IMF,,", "rate", "cell-missing"),
        ('2024-03-02,"1,1",CHF,D,IMF,,', "rate", "rate-malformed"),
        ("02/03/2024,1.1,SEK,D,IMF,,", "date", "date-locale"),
        ("2024-03-02,1e-20,NOK,D,IMF,,", "rate", "rate-malformed"),
        ("2024-03-02,0.00000000000000000001,DKK,D,IMF,,", "rate", "rate-absurd"),
        ("2024-03-02,1.1,SEK,D,,,", "source", "cell-missing"),
        ("2024-03-02,1.1,Kr,D,IMF,,", "", "field-invalid"),
        ("2024-03-02,120,JPY,D,IMF,,", "", ""),
    ]
    path.write_text(HEAD + "\n".join(row for row, _, _ in rows), "utf-8")
    made = await imported(books, path)
    wanted = [(at, column, code) for at, (_, column, code) in enumerate(rows, 2) if code]
    assert [(each.row, each.column, each.code) for each in made.problems] == wanted
    assert made.recorded == 0
    await sound(books)
    again = await imported(books, path, only=("currency", "JPY"))
    assert (again.rows, again.recorded) == (1, 1)


async def test_rows_that_contradict_each_other_are_left_out(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    rows = ["2024-12-31,0.9238895461176068,EUR,A,IMF,AD,Andorra"]
    rows += ["2024-12-31,0.9243674472702668,EUR,A,IMF,U2,Euro Area", "2024-12-31,3.6,AED,A,IMF,,"]
    path.write_text(HEAD + "\n".join(rows), "utf-8")
    made = await imported(books, path)
    assert made.recorded == 1
    assert [(each.row, each.code) for each in made.left_out] == [
        (2, "rate-contradicted"),
        (3, "rate-contradicted"),
    ]
    made = await imported(books, path, only=("country_code", "U2"))
    assert (made.recorded, made.left_out) == (1, [])


async def test_the_last_binary_digits_are_no_contradiction(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    rows = ["1957-12-31,1.71826960856376,XCD,A,IMF,,", "1957-12-31,1.718269608563757,XCD,A,IMF,,"]
    path.write_text(HEAD + "\n".join(rows), "utf-8")
    made = await imported(books, path)
    assert (made.recorded, made.left_out) == (1, [])
    path.write_text(HEAD + "\n".join(reversed(rows)), "utf-8")
    made = await imported(books, path)
    assert (made.recorded, made.unchanged, made.problems) == (0, 1, [])


async def test_a_file_without_the_columns_is_no_rate_table(books: Books, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("day,value\n2024-01-01,1\n", "utf-8")
    made = await imported(books, path)
    assert made.recorded == 0
    assert {"column-unknown", "column-missing"} <= {each.code for each in made.problems}
    with pytest.raises(Invalid, match="file-unreadable"):
        await imported(books, tmp_path / "absent.csv")
    with pytest.raises(Invalid, match="role-not-allowed"):
        await import_rates(books.writer, Actor("p", "donor", "k"), path, RateTable())


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published table is not on this machine")
async def test_the_published_table_is_taken_as_it_is(books: Books) -> None:
    made = await imported(books, PUBLISHED)
    assert (made.rows, made.problems) == (14_107, [])
    codes = {each.code for each in made.left_out}
    assert codes == {"currency-unknown", "rate-contradicted", "rate-needless"}
    assert made.recorded > 9_000
    assert made.recorded + len(made.left_out) <= made.rows  # some rows say the same twice
    again = await imported(books, PUBLISHED)
    assert (again.recorded, again.unchanged) == (0, made.recorded)
    # Of the West African franc the countries differ that year: the union's own row is taken.
    assert (await imported(books, PUBLISHED, only=("country_code", "7A"))).problems == []
    await owing(books)
    money = {"amount": "600000", "currency": "XOF"}
    told = {
        "commitment": "c",
        "amount": money,
        "rate_on": "2023-12-31",
        "effective_on": "2024-03-02",
    }
    deposit = deposit_of(await books.do("deposit.receive", **told))
    assert deposit.rate.startswith("1/606.")
    await sound(books)
