"""Batches as append_batch takes them: captured from the real unit, then changed by a test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import asyncpg
import msgspec

from mfm.app.perform import Ask, perform
from mfm.app.registry import VERBS
from mfm.core.accounts import CHART
from mfm.core.record import Draft, Posting
from mfm.store import journal
from mfm.store.database import Mechanism, connect
from mfm.store.journal import Entry, key_hash
from mfm.store.memory import Memory
from mfm.store.unit import Unit
from tests.support import operator

NAMES = (
    "mechanism seq at"
    " r_content r_leaf r_key r_request r_effective r_verb r_actor r_accepted r_reverses"
    " g_record g_line g_debit g_credit g_amount g_debit_version g_credit_version"
    " g_debit_balance g_credit_balance g_iati g_sign rest"
).split()
APPEND = f"SELECT append_batch({','.join(f'${i}' for i in range(1, len(NAMES) + 1))})"
Arguments = dict[str, object]


class _Recorder:
    """Stands where the connection is, and keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: tuple[object, ...] = ()

    async def execute(self, _: str, *sent: object) -> None:
        self.sent = sent


@asynccontextmanager
async def unit_of(url: str, mechanism: Mechanism) -> AsyncIterator[Unit]:
    """Give a unit on a connection of its own, that knows what the database holds."""
    connection = await connect(url, "mfm_writer")
    try:
        head = await journal.head_of(connection, mechanism.id, lock=False)
        yield Unit(connection, mechanism, Memory(head), datetime.now(UTC), strict=True)
    finally:
        await connection.close()


async def captured(
    url: str, mechanism: Mechanism, fill: Callable[[Unit], Awaitable[object]]
) -> Arguments:
    """Return append_batch's arguments, by name, for what `fill` does to a unit."""
    async with unit_of(url, mechanism) as unit:
        await fill(unit)
        recorder = _Recorder()
        await unit.flush(recorder)
    # What follows is for another function: the keys that nouns are found by.
    told = dict(zip(NAMES, recorder.sent[: len(NAMES)], strict=True))
    told = {name: _plain(name, value) for name, value in told.items()}
    return told | {"rest": msgspec.json.decode(str(told["rest"]))}


def _plain(name: str, value: object) -> object:
    """Return an array as a list, also one that is sent as its text."""
    if not isinstance(value, str) or name == "rest":
        return list(value) if isinstance(value, tuple) else value
    told = msgspec.json.decode(f"[{value[1:-1]}]") if '"' in value else value[1:-1].split(",")
    if value == "{}":
        told = []
    read: Callable[[str], object] = {
        "r_effective": date.fromisoformat,
        "r_accepted": lambda each: each == "True",
        "r_reverses": lambda each: None if each == "NULL" else int(each),
        **dict.fromkeys(("r_verb", "r_actor", "g_iati"), str),
    }.get(name, int)
    return [read(each) for each in told]


async def append(connection: asyncpg.Connection, told: Mapping[str, object]) -> None:
    """Hand a batch to append_batch."""
    rest = msgspec.json.encode(told["rest"]).decode()
    await connection.execute(APPEND, *(told[name] for name in NAMES[:-1]), rest)


async def do(unit: Unit, verb: str, key: str, fields: Mapping[str, object]) -> None:
    """Perform a verb in a unit."""
    command = msgspec.convert(fields, VERBS[verb].command)
    await perform(unit, Ask(operator(), VERBS[verb], command, key))


async def forge(unit: Unit, postings: tuple[Posting, ...], *, on: date = date(2026, 3, 2)) -> None:
    """Write a record that the rules would refuse, with claims that hold together.

    What `unit.admit` does is left out: floors, memo groups, cash and periods are not asked.
    """
    wanted = [side for posting in postings for side in (posting.debit, posting.credit)]
    await unit.load_accounts(wanted)
    ledger = unit.memory.ledger
    for account in wanted:
        if account not in ledger.balances:
            ledger.open(account, floored=CHART[account.code].floor)
        ledger.balances[account].floored = False
    moves = ledger.apply(postings)
    for made in ledger._opened:
        made.floored = CHART[made.account.code].floor
    key = f"forged-{unit.written}"
    entry = Entry("entry.post", operator().told(), (key_hash("operator", key), bytes(32)), {})
    await unit.write(entry, Draft(effective_on=on, postings=postings), moves)


TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'mfm'::regnamespace AND relkind = 'r'"


async def state(
    connection: asyncpg.Connection, *mechanisms: Mechanism
) -> dict[str, tuple[int, str]]:
    """Return how many rows each table has, and a digest of those of some mechanisms."""
    numbers = [mechanism.id for mechanism in mechanisms]
    return {
        table: await connection.fetchrow(
            "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)"
            f" FILTER (WHERE mechanism_id = ANY ($1))) FROM mfm.{table} t",
            numbers,
        )
        for (table,) in await connection.fetch(TABLES)
    }
