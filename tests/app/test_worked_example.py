"""The worked example closes to the cent."""

from pathlib import Path

import asyncpg
import msgspec
import pytest

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
