"""A record of another trail is received once: by the rules, the tables and the verifier."""

from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.app.verify import verify_database
from mfm.core.deposits import Deposit
from mfm.core.errors import Invalid
from mfm.core.record import Noun, parse
from mfm.core.refunds import Refund
from mfm.core.verify_form import Differs, Told
from mfm.core.verify_terms import check
from mfm.store.journal import Made
from tests.conftest import Database
from tests.support import CHAIN, Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}


def named(seq: int, origin: str = "global.example.org/trail") -> dict[str, Any]:
    return {"origin": origin, "seq": seq, "leaf": f"{seq:064x}"}


@pytest.fixture
async def due(books: Books) -> Books:
    """The worked example until a refund is due, and a contribution that waits to be paid."""
    until = next(at for at, step in enumerate(CHAIN) if step[0] == "refund.receive")
    for verb, key, fields in CHAIN[:until]:
        assert (await books.do(verb, operator(key), **fields)).accepted
    given = {"from_party": "donor", "to_fund": "g", "amount": usd("100.00")}
    assert (await books.do("commitment.sign", id="c2", **given, **ON)).accepted
    return books


async def deposit(books: Books, seq: int) -> Made:
    amount = usd("10.00")
    counterpart = named(seq)
    return await books.do(
        "deposit.receive", commitment="c2", amount=amount, counterpart=counterpart, **ON
    )


def code_of(made: Made) -> str:
    return "" if made.accepted else parse(made.content)[1].refusal["code"]


async def test_each_record_is_received_once_until_that_is_taken_back(
    due: Books, db: Database
) -> None:
    assert [code_of(await deposit(due, seq)) for seq in (27, 27)] == ["", "counterpart-taken"]
    other = await deposit(due, 28)
    refund = {"refund": "f", "counterpart": named(28), **ON}
    assert code_of(await due.do("refund.receive", **refund)) == "counterpart-taken"
    assert code_of(await due.do("record.reverse", record=other.seq, **ON)) == ""
    assert code_of(await due.do("refund.receive", **refund)) == ""
    assert code_of(await deposit(due, 28)) == "counterpart-taken"
    own = {"amount": usd("1.00"), "counterpart": named(1, due.mechanism.origin)}
    with pytest.raises(Invalid, match="counterpart-own"):
        await due.do("deposit.receive", commitment="c2", **own)
    assert (await deposit(due, 29)).accepted
    found = await verify_database(due.url, due.mechanism, operator(), lambda *_: None)
    assert found.difference is None

    # What the rules would never set, the tables refuse too.
    connection = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SET LOCAL mfm.appending = 'on'")
    for change, error in (
        ("deposit SET counterpart = 'a 1'", asyncpg.UniqueViolationError),
        ("refund SET status = 'due'", asyncpg.CheckViolationError),
    ):
        savepoint = connection.transaction()
        await savepoint.start()
        with pytest.raises(error):
            await connection.execute(f"UPDATE {change} WHERE mechanism_id = $1", due.mechanism.id)
        await savepoint.rollback()
    await transaction.rollback()
    await connection.close()


GOT = Deposit(
    id="d",
    status="received",
    commitment="c",
    fund="g",
    bank_account="main",
    currency="USD",
    amount_minor=9,
    settled_minor=9,
    original_currency="USD",
    original_minor=9,
    counterpart="global.example.org/trail 27",
)
BACK = Refund(
    id="d",
    status="received",
    commitment="w",
    fund="g",
    party="p",
    currency="USD",
    amount_minor=9,
    counterpart=GOT.counterpart,
)


def look(verb: str, command: dict[str, Any], state: Noun, *others: Noun) -> None:
    """Have a verification look at a record that sets one state, beside others."""
    fields: dict[str, Any] = dict.fromkeys(Told.__struct_fields__, "")
    rows: dict[str, dict[str, Noun]] = {"deposit": {}, "refund": {}}
    for each in (*others, state):
        rows["deposit" if isinstance(each, Deposit) else "refund"][each.id] = each
    told = Told(**fields | {"seq": 7, "verb": verb, "command": command, "postings": ()})
    check(rows, told, [(None, state)])


def test_a_verification_finds_what_was_received_twice_or_is_named_otherwise() -> None:
    command = {"counterpart": named(27)}
    other = structs.replace(GOT, id="e", counterpart="global.example.org/trail 2")
    look("deposit.receive", command, GOT, other, structs.replace(BACK, status="reversed"))
    for beside in (structs.replace(GOT, id="e"), BACK):
        with pytest.raises(Differs, match="counterpart-twice"):
            look("deposit.receive", command, GOT, beside)
    with pytest.raises(Differs, match="state-terms"):
        look("deposit.receive", {"counterpart": named(28)}, GOT)
    with pytest.raises(Differs, match="state-terms"):
        look("refund.receive", {}, BACK)
