"""append_batch guards: a valid batch, changed to break each rule in turn, writes nothing at all."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from mfm.core.accounts import CHART, Account
from mfm.core.days import check_ahead
from mfm.core.errors import Invalid
from mfm.core.merkle import leaf_hash
from mfm.core.pledges import LapsePledge
from mfm.core.record import Posting
from mfm.store import database, journal
from mfm.store.database import Mechanism
from mfm.store.unit import Unit
from mfm.store.writer import Writer
from tests.conftest import Database
from tests.store.capture import Arguments, append, captured, do, forge, state
from tests.support import PERMIT, Books, usd

pytestmark = pytest.mark.anyio
RULE, CHECK, TWICE, NULL = "MF001", "23514", "23505", "23502"
OPENING = 13  # records before the batch


class Ground(NamedTuple):
    """Books with something in them, a valid batch upon them, and a neighbour's mechanism."""

    url: str
    mechanism: Mechanism
    other: Mechanism
    batch: Arguments
    connection: asyncpg.Connection


def entry(amount: str, debit: str, credit: str, fund: str = "f") -> dict[str, object]:
    """A voucher between two bank accounts of a fund."""
    lines = [
        {"account": "1100", "subject": debit, "debit": usd(amount)},
        {"account": "1100", "subject": credit, "credit": usd(amount)},
    ]
    return {"fund": fund, "lines": lines, "effective_on": "2026-03-02"}


async def prepare(books: Books) -> None:
    """Two funds; f has 100.00 at its bank and a pledge, and is open until June."""
    on = {"effective_on": "2026-03-02"}
    await books.do(PERMIT)
    await books.do("party.register", id="donor", name="Donor")
    for fund in ("f", "g"):
        await books.do(
            "fund.open", id=fund, name=fund, tier="local", currency="USD", steward="donor"
        )
    await books.do("fund.set-period", fund="f", open_from="2026-01-01", open_until="2026-06-30")
    contribution = {"from_party": "donor", "to_fund": "f", "amount": usd("100.00")}
    await books.do("commitment.sign", id="c", **contribution, **on)
    await books.do("deposit.receive", id="d", commitment="c", amount=usd("100.00"), **on)
    await books.do("pledge.announce", id="p", fund="f", donor="donor", amount=usd("9.00"), **on)
    await books.do("entry.post", **entry("2.00", "b", "main"))
    await books.do("entry.post", key="taken-back", **entry("1.00", "b", "main"))
    await books.do("record.reverse", record=10, **on)
    refused = await books.do("entry.post", **entry("2.01", "main", "b"))
    assert not refused.accepted
    last = await books.do("entry.post", **entry("1.00", "b", "main"))
    assert last.seq == OPENING


async def fill(unit: Unit) -> None:
    """A batch of everything: 7 records, postings in new and old accounts, a refusal, a reversal."""
    on = {"effective_on": "2026-03-02"}
    await do(unit, "party.register", "b1", {"id": "p2", "name": "Second"})
    await do(unit, "entry.post", "b2", entry("3.00", "new", "main"))
    await do(
        unit, "pledge.lapse", "b3", {"pledge": "p", "amount": usd("4.00"), "reason": "late", **on}
    )
    await do(unit, "entry.post", "b4", entry("500.00", "b", "main"))  # refused
    await do(unit, "record.reverse", "b5", {"record": OPENING, "effective_on": "2026-03-02"})
    await do(unit, "entry.post", "b6", entry("1.00", "b", "new"))
    pledge = {"id": "q", "fund": "g", "donor": "donor", "amount": usd("1.00"), "description": "x"}
    await do(unit, "pledge.announce", "b7", pledge)
    unit.keep_blob(b"a board paper")


@pytest.fixture(scope="module")
async def ground(db: Database) -> AsyncIterator[Ground]:
    mechanisms = []
    for _ in range(2):
        made = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
        writer = Writer(db.app_url, made)
        await writer.start()
        await prepare(Books(db.app_url, made, writer))
        await writer.close()
        mechanisms.append(made)
    batch = await captured(db.app_url, mechanisms[0], fill)
    connection = await database.connect(db.app_url, "mfm_writer")
    yield Ground(db.app_url, *mechanisms, batch, connection)
    await connection.close()


async def accepted(connection: asyncpg.Connection, batch: Arguments) -> None:
    """Hold that a batch is taken, and leave nothing of it."""
    transaction = connection.transaction()
    await transaction.start()
    await append(connection, batch)
    await transaction.rollback()


async def refused(ground: Ground, batch: Arguments, sqlstate: str, rule: str = "") -> None:
    """Hold that a batch is refused for one reason and leaves no trace."""
    before = await state(ground.connection, ground.mechanism, ground.other)
    with pytest.raises(asyncpg.PostgresError) as raised:
        await append(ground.connection, batch)
    assert raised.value.sqlstate == sqlstate, raised.value
    assert rule in str(raised.value)
    assert await state(ground.connection, ground.mechanism, ground.other) == before


async def test_the_batch_is_valid_as_it_stands(ground: Ground) -> None:
    batch = ground.batch
    assert [len(batch[name]) for name in ("r_leaf", "g_line")] == [7, 5]
    assert batch["r_accepted"] == [True, True, True, False, True, True, True]
    rest = batch["rest"]
    assert set(rest) == {"nouns", "accounts", "chain", "payloads", "blobs"}
    assert len(rest["accounts"]) == 3
    await accepted(ground.connection, batch)


Change = Callable[[dict[str, Any]], object]
Case = tuple[str, str, str, Change]


def swap(name: str, at: int, value: object) -> Change:
    """Change one element of an array."""
    return lambda b: b[name].__setitem__(at, value)


def nudge(name: str, at: int, by: int) -> Change:
    """Change one number of an array a little."""
    return lambda b: b[name].__setitem__(at, b[name][at] + by)


def content(change: Callable[[bytes], bytes], at: int = 1) -> Change:
    """Change a record's bytes and its leaf with them."""

    def done(b: dict[str, Any]) -> None:
        b["r_content"][at] = change(b["r_content"][at])
        b["r_leaf"][at] = leaf_hash(b["r_content"][at])
        for link in b["rest"]["chain"]:
            if link[5] == b["seq"] + at + 1:
                link[4] = b["r_leaf"][at].hex()

    return done


def noun(kind: str, **fields: object) -> Change:
    """Change the one row of a noun."""
    return lambda b: b["rest"]["nouns"][kind][0].update(fields)


def link(at: int, value: object, fund: int = 0) -> Change:
    """Change a part of a fund's chain: its number and leaf before, after, and its end."""
    return lambda b: b["rest"]["chain"][fund].__setitem__(at, value)


def link_by(at: int, by: int) -> Change:
    return lambda b: b["rest"]["chain"][0].__setitem__(at, b["rest"]["chain"][0][at] + by)


def payload(**fields: object) -> Change:
    return lambda b: b["rest"]["payloads"][0].update(fields)


def opened(at: int, value: object, account: int = 0) -> Change:
    """Change a part of a new account: number, fund, book, code, currency, subject, side, floor."""
    return lambda b: b["rest"]["accounts"][account].__setitem__(at, value)


CASES: list[Case] = [
    ("head behind", "MF002", "head-moved", lambda b: b.update(seq=b["seq"] - 1)),
    ("head ahead", "MF002", "head-moved", lambda b: b.update(seq=b["seq"] + 1)),
    ("no such mechanism", RULE, "mechanism-unknown", lambda b: b.update(mechanism=2**31 - 1)),
    ("clock far back", RULE, "clock-backwards", lambda b: b.update(at=b["at"] - timedelta(days=1))),
    (
        "no records",
        RULE,
        "arrays-differ",
        lambda b: [b[n].clear() for n in b if n[:2] in ("r_", "g_")],
    ),
    ("leaf of other bytes", RULE, "leaf-differs", swap("r_leaf", 0, bytes(32))),
    ("bytes of another leaf", RULE, "leaf-differs", swap("r_content", 2, b"{}")),
    (
        "leaf without its prefix",
        RULE,
        "leaf-differs",
        lambda b: b["r_leaf"].__setitem__(0, sha256(b["r_content"][0]).digest()),
    ),
    ("leaf missing", RULE, "leaf-differs", swap("r_leaf", 6, None)),
    ("content over 16 KiB", CHECK, "record_content_check", content(lambda c: c + b" " * 16_384)),
    ("short key", CHECK, "record_key_hash_check", swap("r_key", 0, bytes(15))),
    ("short request", CHECK, "record_request_check", swap("r_request", 0, bytes(31))),
    ("no verb", NULL, "verb", swap("r_verb", 0, None)),
    ("no day", NULL, "effective_on", swap("r_effective", 0, None)),
    ("one key twice", TWICE, "record_key", lambda b: b["r_key"].__setitem__(0, b["r_key"][1])),
    ("reversed twice", TWICE, "record_reverses", swap("r_reverses", 4, 10)),
    ("reversed twice at once", TWICE, "record_reverses", swap("r_reverses", 5, OPENING)),
    ("reverses itself", CHECK, "record_check", swap("r_reverses", 0, OPENING + 1)),
    ("reverses what comes later", CHECK, "record_check", swap("r_reverses", 0, OPENING + 5)),
    ("reverses a refusal", RULE, "reverses-nothing", swap("r_reverses", 4, 12)),
    ("reverses a reversal", RULE, "reverses-nothing", swap("r_reverses", 4, 11)),
    ("reverses no record", RULE, "reverses-nothing", swap("r_reverses", 4, 0)),
    ("debit version ahead", RULE, "balance-differs", nudge("g_debit_version", 0, 1)),
    ("debit version behind", RULE, "balance-differs", nudge("g_debit_version", 4, -1)),
    ("credit version ahead", RULE, "balance-differs", nudge("g_credit_version", 0, 1)),
    ("credit version behind", RULE, "balance-differs", nudge("g_credit_version", 2, -1)),
    ("debit balance off", RULE, "balance-differs", nudge("g_debit_balance", 0, 1)),
    ("credit balance off", RULE, "balance-differs", nudge("g_credit_balance", 3, -1)),
    ("amount other than claimed", RULE, "balance-differs", nudge("g_amount", 0, 1)),
    (
        "sides exchanged",
        RULE,
        "balance-differs",
        lambda b: b.update(g_debit=b["g_credit"], g_credit=b["g_debit"]),
    ),
    ("account unknown", RULE, "balance-differs", swap("g_debit", 0, 99)),
    ("account missing", RULE, "balance-differs", swap("g_credit", 0, None)),
    ("posting of a refusal", RULE, "posting-mixed", swap("g_record", 0, 4)),
    ("record index 0", RULE, "posting-mixed", swap("g_record", 0, 0)),
    ("record index past the end", RULE, "posting-mixed", swap("g_record", 4, 8)),
    ("record index missing", RULE, "posting-mixed", swap("g_record", 0, None)),
    ("accepted made refused", RULE, "posting-mixed", swap("r_accepted", 1, False)),  # noqa: FBT003  # the column's value
    ("accepted missing", NULL, "accepted", swap("r_accepted", 0, None)),
    ("line twice", TWICE, "posting_pkey", lambda b: b.update(g_record=[2] * 5, g_line=[0] * 5)),
    ("sign of nothing", CHECK, "posting_iati_sign_check", swap("g_sign", 0, 0)),
    ("day before the period", RULE, "period-closed", swap("r_effective", 1, date(2025, 12, 31))),
    ("day after the period", RULE, "period-closed", swap("r_effective", 2, date(2026, 7, 1))),
    ("chain from another leaf", RULE, "chain-differs", link(2, "00" * 32)),
    ("chain from another number", RULE, "chain-differs", link_by(1, 1)),
    ("chain from its beginning", RULE, "chain-differs", link(1, 0)),
    ("chain skips", RULE, "chain-differs", link_by(3, 1)),
    ("chain stays behind", RULE, "chain-differs", link_by(3, -1)),
    ("chain leaps", RULE, "chain-differs", link(3, 99)),
    ("chain ends in another leaf", RULE, "chain-differs", link(4, "11" * 32)),
    ("chain ends in an old record", RULE, "chain-differs", link(5, OPENING)),
    ("chain ends in no record", RULE, "chain-differs", link(5, OPENING + 8)),
    ("chain of another fund", RULE, "chain-differs", link(0, "h")),
    (
        "one chain twice",
        "21000",
        "second time",
        lambda b: b["rest"]["chain"].append(b["rest"]["chain"][0]),
    ),
    ("noun unknown", RULE, "noun-unknown", lambda b: b["rest"]["nouns"].update(record=[])),
    ("noun of no table", RULE, "noun-unknown", lambda b: b["rest"]["nouns"].update({'x"; --': []})),
    ("noun older than what stands", RULE, "noun-stale", noun("pledge", seq=5)),
    ("noun of a record to come", RULE, "noun-stale", noun("pledge", seq=OPENING + 8)),
    ("noun upon a state long gone", RULE, "noun-stale", noun("pledge", prev=6)),
    ("noun before itself", RULE, "noun-stale", noun("pledge", prev=OPENING + 3)),
    ("noun out of bounds", CHECK, "pledge_check", noun("pledge", outstanding_minor=901)),
    ("noun without a field", NULL, "status", noun("pledge", status=None)),
    ("account number skipped", RULE, "account-differs", opened(0, 99)),
    (
        "account number twice",
        RULE,
        "account-differs",
        lambda b: b["rest"]["accounts"][1].__setitem__(0, b["rest"]["accounts"][0][0]),
    ),
    ("account left out", RULE, "balance-differs", lambda b: b["rest"]["accounts"].pop()),
    ("account left out in front", RULE, "account-differs", lambda b: b["rest"]["accounts"].pop(0)),
    ("account that there is", TWICE, "account_name", opened(5, "b")),
    ("account of no fund", RULE, "account-differs", opened(1, "h")),
    ("account on the other side", RULE, "account-differs", opened(6, -1)),
    ("account without its floor", RULE, "account-differs", opened(7, False)),  # noqa: FBT003  # the column's value
    ("account in the other book", CHECK, "account_check", opened(2, "BUD")),
    ("account in no book", CHECK, "account_", opened(2, "XXX")),
    ("payload of an old record", RULE, "payload-foreign", payload(seq=OPENING)),
    ("payload of a record to come", RULE, "payload-foreign", payload(seq=OPENING + 8)),
    ("payload of nothing", RULE, "payload-foreign", payload(seq=None)),
    (
        "payload twice",
        TWICE,
        "payload_pkey",
        lambda b: b["rest"]["payloads"].append(b["rest"]["payloads"][0]),
    ),
    ("payload with a short salt", CHECK, "payload_salt_check", payload(salt="00")),
    ("blob that is none", "22023", "base64", lambda b: b["rest"]["blobs"].append("*")),
]


@pytest.mark.parametrize(
    ("sqlstate", "rule", "change"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_a_changed_batch_is_refused(
    ground: Ground, sqlstate: str, rule: str, change: Change
) -> None:
    batch = copy.deepcopy(ground.batch)
    change(batch)
    await refused(ground, batch, sqlstate, rule)


ARRAYS = [
    *"r_content r_leaf r_key r_request r_effective r_verb r_actor r_accepted r_reverses".split(),
    *"g_record g_line g_debit g_credit g_amount g_debit_version g_credit_version".split(),
    *"g_debit_balance g_credit_balance g_iati g_sign".split(),
]


@pytest.mark.parametrize("name", ARRAYS)
async def test_arrays_are_of_one_length(ground: Ground, name: str) -> None:
    for change in (lambda array: array.pop(), lambda array: array.append(array[-1])):
        batch = copy.deepcopy(ground.batch)
        change(batch[name])
        await refused(ground, batch, RULE, "arrays-differ")


async def test_the_clock_must_go_on(ground: Ground) -> None:
    last = await ground.connection.fetchval(
        "SELECT recorded_at FROM head WHERE mechanism_id = $1", ground.mechanism.id
    )
    batch = copy.deepcopy(ground.batch)
    await refused(ground, batch | {"at": last}, RULE, "clock-backwards")
    await accepted(ground.connection, batch | {"at": last + timedelta(microseconds=1)})


async def test_a_day_ahead_is_refused_by_rule_and_database_alike(ground: Ground) -> None:
    today = ground.batch["at"].date()
    for days in (-1, 0, 1, 30, 31, 32, 33, 366, (date.max - today).days):
        day = today + timedelta(days=days)
        command = msgspec.convert(
            {"pledge": "p", "amount": usd("1.00"), "effective_on": day}, LapsePledge
        )
        batch = copy.deepcopy(ground.batch)
        batch["r_effective"][0] = day  # of a record without postings: periods do not hold it
        try:
            check_ahead(command, today)
        except Invalid:
            await refused(ground, batch, CHECK, "record_ahead")
            batch["r_verb"][0] = "import.transaction"  # as its publisher told
        await accepted(ground.connection, batch)


async def test_a_key_is_used_once_for_ever(ground: Ground) -> None:
    used = await ground.connection.fetch(
        "SELECT key_hash FROM record WHERE mechanism_id = $1 AND seq IN (10, 12)",
        ground.mechanism.id,
    )
    for (key,) in used:  # of an accepted record and of a refused one
        batch = copy.deepcopy(ground.batch)
        batch["r_key"][0] = key
        await refused(ground, batch, TWICE, "record_key")


async def test_a_batch_writes_no_other_mechanisms_rows(ground: Ground) -> None:
    for kind in ("party", "pledge"):
        batch = copy.deepcopy(ground.batch)
        batch["rest"]["nouns"][kind][0]["mechanism_id"] = ground.other.id
        await refused(ground, batch, RULE, "noun-stale")
    batch = copy.deepcopy(ground.batch)
    batch["mechanism"] = ground.other.id  # the whole batch, on the neighbour's equal books
    await refused(ground, batch, RULE)


# Batches that hold together, of records that the rules would have refused -----------------------


def account(code: str, subject: str = "", fund: str = "f", currency: str = "USD") -> Account:
    return Account(fund, CHART[code].book, code, currency, subject)


def move(debit: Account, credit: Account, amount: int) -> Posting:
    return Posting(debit, credit, amount)


MAIN, BANK = account("1100", "main"), account("1100", "b")  # 97.00 and 3.00, c: 100.00
COST, UNALLOCATED, USED = account("5700"), account("9300", "c"), account("9340")
IN_G = account("1100", "main", "g")

FORGED: list[tuple[str, str, str, list[list[Posting]]]] = [
    ("floor at the end", RULE, "balance-differs", [[move(BANK, MAIN, 97_01)]]),
    (
        "floor on the way",
        RULE,
        "balance-differs",
        [[move(BANK, MAIN, 97_01), move(MAIN, BANK, 97_01)]],
    ),
    (
        "floor between records",
        RULE,
        "balance-differs",
        [[move(BANK, MAIN, 97_01)], [move(MAIN, BANK, 1)]],
    ),
    (
        "floor of a credit account",
        RULE,
        "balance-differs",
        [[move(UNALLOCATED, account("9310", "a"), 100_01)]],
    ),
    ("floor of a source", RULE, "balance-differs", [[move(account("9300", "x"), UNALLOCATED, 1)]]),
    ("debit = credit", RULE, "balance-differs", [[move(MAIN, MAIN, 1)]]),
    ("another fund", RULE, "posting-mixed", [[move(IN_G, MAIN, 1)]]),
    ("another currency", RULE, "posting-mixed", [[move(account("5700", currency="EUR"), MAIN, 1)]]),
    (
        "not the fund's currency",
        RULE,
        "period-closed",
        [[move(account("5700", currency="EUR"), account("3100", currency="EUR"), 1)]],
    ),
    ("another book", RULE, "posting-mixed", [[move(USED, MAIN, 1)]]),
    ("another memo group", RULE, "posting-mixed", [[move(account("9100", "p"), UNALLOCATED, 1)]]),
    ("amount 0", CHECK, "posting_amount_minor_check", [[move(COST, account("3100"), 0)]]),
    ("amount below 0", CHECK, "posting_amount_minor_check", [[move(account("3100"), COST, -1)]]),
    ("cash without authority", RULE, "cash-without-authority", [[move(COST, MAIN, 1)]]),
    ("authority without cash", RULE, "cash-without-authority", [[move(UNALLOCATED, USED, 1)]]),
    (
        "cash by another amount",
        RULE,
        "cash-without-authority",
        [[move(COST, MAIN, 2), move(UNALLOCATED, USED, 1)]],
    ),
    (
        "cash made good a record later",
        RULE,
        "cash-without-authority",
        [[move(COST, MAIN, 1)], [move(UNALLOCATED, USED, 1)]],
    ),
    (
        "cash for another fund's authority",
        RULE,
        "cash-without-authority",
        [[move(COST, MAIN, 1), move(account("9399", fund="g"), account("9300", "c", "g"), 1)]],
    ),
]


@pytest.mark.parametrize(
    ("sqlstate", "rule", "records"), [c[1:] for c in FORGED], ids=[c[0] for c in FORGED]
)
async def test_what_the_rules_refuse_the_database_refuses_too(
    ground: Ground, sqlstate: str, rule: str, records: list[list[Posting]]
) -> None:
    async def forged(unit: Unit) -> None:
        for postings in records:
            await forge(unit, tuple(postings))

    batch = await captured(ground.url, ground.mechanism, forged)
    await refused(ground, batch, sqlstate, rule)


async def test_debit_equal_to_credit_is_refused_however_it_is_counted(ground: Ground) -> None:
    batch = await captured(
        ground.url, ground.mechanism, lambda unit: forge(unit, (move(MAIN, MAIN, 1),))
    )
    for debit, credit in ((1, 2), (2, 1)):
        version = batch["g_debit_version"][0] - 2
        counted = batch | {
            "g_debit_version": [version + debit],
            "g_credit_version": [version + credit],
        }
        balance = batch["g_debit_balance"][0]
        counted["g_debit_balance"] = [balance + (1 if debit == 1 else 0)]
        counted["g_credit_balance"] = [balance - (1 if credit == 1 else 0)]
        with pytest.raises(asyncpg.PostgresError):
            await append(ground.connection, counted)


async def test_the_same_records_are_taken_when_the_rules_are_kept(ground: Ground) -> None:
    """So that the refusals above are for what they say, and not for being forged."""
    sound = (move(COST, MAIN, 97_00), move(UNALLOCATED, USED, 97_00))

    async def forged(unit: Unit) -> None:
        await forge(unit, sound, on=date(2026, 6, 30))
        await forge(unit, (move(MAIN, BANK, 3_00),), on=date(2026, 1, 1))

    await accepted(ground.connection, await captured(ground.url, ground.mechanism, forged))


async def test_the_largest_balance_is_kept_and_none_beyond(ground: Ground) -> None:
    largest = 2**63 - 1
    equity, loss = account("3100"), account("5900")

    async def forged(unit: Unit) -> None:
        await forge(unit, (move(loss, equity, largest),))

    batch = await captured(ground.url, ground.mechanism, forged)
    await accepted(ground.connection, batch)
    more = copy.deepcopy(batch)
    for name in [n for n in more if n[:2] == "g_"]:
        more[name] = more[name] * 2
    more["g_line"], more["g_amount"] = [0, 1], [largest, 1]
    more["g_debit_version"] = more["g_credit_version"] = [1, 2]
    more["g_debit_balance"], more["g_credit_balance"] = [largest] * 2, [-largest] * 2
    await refused(ground, more, "22003")  # numeric value out of range


async def test_of_many_batches_upon_one_head_one_is_written(books: Books) -> None:
    batch = await captured(
        books.url,
        books.mechanism,
        lambda unit: do(unit, "party.register", "k", {"id": "p", "name": "P"}),
    )
    connections = [await database.connect(books.url, "mfm_writer") for _ in range(8)]
    told = await asyncio.gather(
        *(append(connection, batch) for connection in connections), return_exceptions=True
    )
    seq = await connections[0].fetchval(
        "SELECT max(seq) FROM record WHERE mechanism_id = $1", books.mechanism.id
    )
    for connection in connections:
        await connection.close()
    late = [error.sqlstate for error in told if isinstance(error, asyncpg.PostgresError)]
    assert late == ["MF002"] * 7
    assert told.count(None) == seq == 1


async def test_texts_go_into_arrays_as_they_are(db: Database) -> None:
    connection = await asyncpg.connect(db.app_url)
    for texts in ([], [""], ["NULL", "", "a"], ['"'], ["\\", "{a,b}"], ['x"y', "a\\'b", 'é"']):
        found = await connection.fetchval("SELECT $1::text::text[]", journal._texts(texts))
        assert found == texts
    await connection.close()
