"""The worked example closes to the cent."""

from pathlib import Path

import asyncpg
import msgspec
import pytest

from mfm.app import demo
from mfm.app.demo import Demo
from mfm.app.overview import Overview, overview
from mfm.store import database
from tests.support import Books

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parents[2] / "../shared/data/golden/worked-example.json"


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden journal is not on this machine")
async def test_every_closing_balance_equals_the_golden_journal(books: Books) -> None:
    await books.chain()
    golden = msgspec.json.decode(GOLDEN.read_bytes())
    connection = await asyncpg.connect(books.url, server_settings={"role": "mfm_writer"})
    rows = await connection.fetch(
        "SELECT fund, code, sum(debit_minor - credit_minor)::bigint FROM mfm.account"
        " JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1 GROUP BY 1, 2",
        books.mechanism.id,
    )
    await connection.close()
    held = {(fund, code): amount for fund, code, amount in rows}
    for line in golden["closing"]:
        name = (line["fund"].lower(), line["account"].split()[0])
        assert held.get(name, 0) == line["amount_minor"], name


async def seen_in(books: Books) -> Overview:
    """Return what `mfm demo` prints of the books."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        return await overview(engine, books.mechanism.name)
    finally:
        await engine.dispose()


async def test_a_demonstration_killed_half_way_is_played_on(books: Books) -> None:
    first = Demo(books.writer)
    await first.worked_example()
    steps = list(demo._continued(1))
    await first._play(iter(steps[:7]))
    assert not await first.is_whole()
    again = Demo(books.writer)
    await again.worked_example()
    await again.continued()
    assert await again.is_whole()
    assert not {key.secret for key in first.keys} & {key.secret for key in again.keys}
    seen = await seen_in(books)
    assert {fund.fund: fund.cash for fund in seen.funds} == {
        "global": "445100.00",
        "national": "435410.00",
        "local": "54000.00",
    }


@pytest.mark.parametrize("scale", [2, demo.SCALE_MAX])
async def test_the_worked_example_closes_at_any_scale_that_the_ledger_holds(
    books: Books, scale: int
) -> None:
    await Demo(books.writer, scale).worked_example()
    seen = await seen_in(books)
    assert seen.balanced
    funds = {fund.fund: fund.balances for fund in seen.funds}
    assert funds["global"]["FIN"]["1100"] == 44_510_000 * scale
    assert funds["national"]["BUD"]["9300"] == -49_541_000 * scale
