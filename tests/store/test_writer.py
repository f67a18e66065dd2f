"""The writer: many clients, two writers, lost connections, bad jobs; each request answered once."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec
import pytest
from asyncpg.transaction import Transaction

from mfm.app.entries import post_batch
from mfm.app.perform import Ask, perform, refusal_of
from mfm.app.registry import VERBS
from mfm.core.entries import EntryItem
from mfm.core.errors import Invalid, Problem
from mfm.core.parties import Party
from mfm.store import database, journal, unit, writer
from mfm.store.journal import Made
from mfm.store.unit import Unit
from mfm.store.writer import Writer
from tests.app.playing import sound
from tests.conftest import Database
from tests.support import PERMIT, Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}
CLIENTS = 64
Job = Callable[[Unit], Awaitable[Any]]
PAYABLE = 40  # of 64 tranches; the other 24 must bounce off the floor of the bank account


@pytest.fixture
async def other(books: Books) -> AsyncIterator[Writer]:
    """A second writer on the same mechanism, as another process would have."""
    second = Writer(books.url, books.mechanism)
    await second.start()
    yield second
    await second.close()


@pytest.fixture
async def look(books: Books) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect(books.url, "mfm_writer")
    yield connection
    await connection.close()


@asynccontextmanager
async def held(of: Writer) -> AsyncIterator[None]:
    """Keep a writer busy while the block runs, so that what comes meanwhile shares a commit."""
    gate, entered = asyncio.Event(), asyncio.Event()

    async def job(_: Unit) -> None:
        entered.set()
        await gate.wait()

    busy = asyncio.create_task(of.run(job))
    await entered.wait()
    yield
    gate.set()
    await busy


async def wait_in(of: Writer, *jobs: Job) -> list["asyncio.Task[Any]"]:
    """Put jobs into a writer's queue, in order."""
    tasks = [asyncio.create_task(of.run(each)) for each in jobs]
    for _ in tasks:
        await asyncio.sleep(0)  # each task's first step is to stand in the queue
    assert of.waiting == len(jobs)
    return tasks


async def queued(of: Writer, *jobs: Job, warm: bool = True) -> list[Any]:
    """Run jobs in one commit; return what each came to, exceptions too."""
    async with held(of):
        tasks = await wait_in(of, *jobs)
        if not warm:
            decide = of._decide_ahead

            async def cold(_: object) -> None:
                of._decide_ahead = decide  # type: ignore[method-assign]  # once is enough

            of._decide_ahead = cold  # type: ignore[assignment, method-assign]  # as above
    return await asyncio.gather(*tasks, return_exceptions=True)


def job(verb: str, key: str, **fields: object) -> Callable[[Unit], Awaitable[Made]]:
    ask = Ask(operator(), VERBS[verb], msgspec.convert(fields, VERBS[verb].command), key)
    return lambda unit: perform(unit, ask)


def party(name: str) -> Callable[[Unit], Awaitable[Made]]:
    return job("party.register", f"party-{name}", id=name, name=name)


async def numbers(look: asyncpg.Connection, books: Books) -> list[int]:
    rows = await look.fetch(
        "SELECT seq FROM record WHERE mechanism_id = $1 ORDER BY 1", books.mechanism.id
    )
    return [seq for (seq,) in rows]


async def parties(look: asyncpg.Connection, books: Books) -> set[str]:
    rows = await look.fetch("SELECT id FROM party WHERE mechanism_id = $1", books.mechanism.id)
    return {name for (name,) in rows}


async def fund_with_cash(books: Books, amount: str, fund: str = "f") -> None:
    await books.do(PERMIT)
    await books.do("party.register", id="donor", name="Donor")
    await books.do("party.register", id="group", name="Group")
    fields = {"tier": "local", "currency": "USD", "steward": "donor"}
    await books.do("fund.open", id=fund, name="F", **fields)
    await books.do(
        "commitment.sign", id="c", from_party="donor", to_fund=fund, amount=usd(amount), **ON
    )
    await books.do("deposit.receive", id="d", commitment="c", amount=usd(amount), **ON)


async def many_tranches(books: Books) -> None:
    """64 requested tranches of 1.00; the account they are paid from holds 40.00."""
    await fund_with_cash(books, "64.00")
    lines = [
        {"account": "1100", "subject": "reserve", "debit": usd("24.00")},
        {"account": "1100", "subject": "main", "credit": usd("24.00")},
    ]
    await books.do("entry.post", fund="f", lines=lines, **ON)
    await books.do("allocation.approve", id="a", fund="f", amount=usd("64.00"), **ON)
    grant = {"from_fund": "f", "to_party": "group", "allocation": "a", "amount": usd("64.00")}
    tranches = [{"amount": usd("1.00")}] * CLIENTS
    await books.do("commitment.sign", id="w", tranches=tranches, **grant, **ON)
    for number in range(1, CLIENTS + 1):
        fields = {"id": f"x{number}", "commitment": "w", "tranche": number}
        await books.do("disbursement.request", operator("asks"), **fields, **ON)


async def kill(db: Database, of: Writer) -> None:
    """Have the server end a writer's connection."""
    if of._connection is None or of._connection.is_closed():
        return
    number = of._connection.get_server_pid()
    admin = await asyncpg.connect(db.admin_url)
    await admin.execute("SELECT pg_terminate_backend($1, 5000)", number)
    await admin.close()


class Clients:
    """Clients who repeat themselves, change their minds, and ask either writer."""

    def __init__(self, books: Books, writers: list[Writer], seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # a program to repeat, no secret
        self.books, self.writers = books, writers
        self.killing: Database | None = None
        self.kills = 0
        self.answers: defaultdict[str, list[Made]] = defaultdict(list)

    async def ask(self, verb: str, key: str, **fields: object) -> Made:
        """Ask once or more with one key, perhaps going away at first, until there is an answer."""
        actor = operator(verb)
        command = msgspec.convert(fields | ON, VERBS[verb].command)
        ask = Ask(actor, VERBS[verb], command, key)
        for _ in range(self.random.randint(1, 3)):
            asked = asyncio.ensure_future(
                self.random.choice(self.writers).run(lambda unit: perform(unit, ask))
            )
            if self.random.random() < 0.3:
                for _ in range(self.random.randint(0, 6)):
                    await asyncio.sleep(0)
                asked.cancel()
            with suppress(asyncio.CancelledError):
                self.answers[key].append(await asked)
            if self.killing and self.random.random() < 0.05:
                self.kills += 1
                await kill(self.killing, self.random.choice(self.writers))
        if not self.answers[key]:
            return await self.ask(verb, key, **fields)
        return self.answers[key][-1]

    async def client(self, number: int) -> bool:
        """Approve a tranche and pay it; return whether it was paid."""
        approve, release = f"approve-{number}", f"release-{number}"
        await self.ask("disbursement.approve", approve, disbursement=f"x{number}")
        return (await self.ask("disbursement.release", release, disbursement=f"x{number}")).accepted


async def hold_what_must_hold(look: asyncpg.Connection, books: Books, clients: Clients) -> None:
    """Gapless, nothing doubled, nothing overdrawn, one answer a key."""
    number = books.mechanism.id
    found = await numbers(look, books)
    assert found == list(range(1, len(found) + 1))
    verbs = await look.fetch(
        "SELECT verb, accepted, count(*) FROM record WHERE mechanism_id = $1"
        " AND verb IN ('disbursement.approve', 'disbursement.release') GROUP BY 1, 2",
        number,
    )
    assert {tuple(row)[:2]: row[2] for row in verbs} == {
        ("disbursement.approve", True): CLIENTS,
        ("disbursement.release", True): PAYABLE,
        ("disbursement.release", False): CLIENTS - PAYABLE,
    }
    for key, told in clients.answers.items():
        assert len({(made.seq, made.content, made.accepted) for made in told}) == 1, key
        assert sum(not made.replayed for made in told) <= 1, key
    held = await look.fetch(
        "SELECT code, subject, debit_minor - credit_minor FROM account"
        " JOIN balance USING (mechanism_id, account_id)"
        " WHERE mechanism_id = $1 AND code IN ('1100', '1300', '2200', '9330', '9340')",
        number,
    )
    owed = (CLIENTS - PAYABLE) * 100
    assert {tuple(row)[:2]: row[2] for row in held} == {
        ("1100", "main"): 0,
        ("1100", "reserve"): owed,
        ("1300", "w"): CLIENTS * 100,
        ("2200", "w"): -owed,
        ("9330", "w"): -owed,
        ("9340", "w"): -PAYABLE * 100,
    }


@pytest.mark.parametrize("seed", [1, 2])
async def test_64_clients_pay_from_one_fund_through_two_writers(
    books: Books, other: Writer, look: asyncpg.Connection, seed: int
) -> None:
    await many_tranches(books)
    clients = Clients(books, [books.writer, other], seed)
    async with asyncio.timeout(60):
        paid = await asyncio.gather(*(clients.client(n) for n in range(1, CLIENTS + 1)))
    assert sum(paid) == PAYABLE
    refusals = {
        refusal_of(told[0])[0]
        for key, told in clients.answers.items()
        if key.startswith("release") and not told[0].accepted
    }
    assert refusals == {"balance-floor"}
    await hold_what_must_hold(look, books, clients)


async def test_connections_killed_at_any_moment_double_nothing(
    books: Books, other: Writer, look: asyncpg.Connection, db: Database
) -> None:
    await many_tranches(books)
    clients = Clients(books, [books.writer, other], 3)
    clients.killing = db
    async with asyncio.timeout(60):
        await asyncio.gather(*(clients.client(n) for n in range(1, CLIENTS + 1)))
    assert clients.kills > 3
    await hold_what_must_hold(look, books, clients)


@pytest.fixture
def broken(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A switch that cuts the connection once, at a given moment of a write."""
    switch: dict[str, Any] = {"when": "", "writer": None, "cuts": 0}
    append, leave = journal.append, Transaction.__aexit__

    async def cut(when: str) -> None:
        if switch["when"] != when:
            return
        switch["when"] = ""
        switch["cuts"] += 1
        connection = switch["writer"]._connection
        await kill(db, switch["writer"])
        await connection.execute("SELECT 1")  # raises what the driver raises

    async def appending(*given: object) -> None:
        await cut("before the write")
        await append(*given)
        await cut("between the write and its answer")

    async def leaving(self: Transaction, *given: object) -> None:
        await leave(self, *given)
        await cut("between the commit and its answer")

    monkeypatch.setattr(unit.journal, "append", appending)
    monkeypatch.setattr(Transaction, "__aexit__", leaving)
    yield switch
    assert switch["cuts"] == 1


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("when", ["before the write", "between the write and its answer"])
async def test_an_outcome_unknown_is_found_by_its_key(
    books: Books, look: asyncpg.Connection, broken: dict[str, Any], when: str, *, warm: bool
) -> None:
    await fund_with_cash(books, "1.00")
    broken.update(when=when, writer=books.writer)
    made = await queued(
        books.writer,
        party("p1"),
        job("pledge.announce", "k", id="p", fund="f", donor="donor", amount=usd("1.00"), **ON),
        party("p2"),
        warm=warm,
    )
    assert [m.seq for m in made] == [7, 8, 9]
    # Written, and the answer lost: found again. Not written: done anew. With a transaction open
    # (the careful way) the write was lost with the connection.
    replayed = when.startswith("between") and warm
    assert [m.replayed for m in made] == [replayed] * 3
    assert await numbers(look, books) == list(range(1, 10))
    again = await books.do(
        "pledge.announce", key="k", id="p", fund="f", donor="donor", amount=usd("1.00"), **ON
    )
    assert (again.seq, again.replayed, again.content) == (8, True, made[1].content)


async def test_a_commit_whose_answer_is_lost_is_found_by_its_key(
    books: Books, look: asyncpg.Connection, broken: dict[str, Any]
) -> None:
    await books.do("party.register", id="p0", name="P")
    broken.update(when="between the commit and its answer", writer=books.writer)
    made = await queued(books.writer, party("p1"), party("p2"), warm=False)
    assert [(m.seq, m.replayed) for m in made] == [(2, True), (3, True)]
    assert await numbers(look, books) == [1, 2, 3]


async def test_a_database_that_does_not_answer_keeps_nobody_waiting_in_turn(
    books: Books, monkeypatch: pytest.MonkeyPatch, look: asyncpg.Connection
) -> None:
    monkeypatch.setattr(writer, "_RECONNECT_SECONDS", 0.5)
    of, url = books.writer, books.url
    async with asyncio.timeout(5):  # a patience for each of them would be ten seconds
        async with held(of):
            tasks = await wait_in(of, *(party(f"p{n}") for n in range(20)))
            of._url = "postgresql://mfm_app@/mfm?host=/nonexistent"
            connection = of._connection
        assert connection is not None
        connection.terminate()
        told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(each, "code", each) for each in told] == ["unavailable"] * 20
    assert await numbers(look, books) == []
    of._url = url
    assert (await books.do("party.register", key="party-p0", id="p0", name="p0")).seq == 1


# The queue ---------------------------------------------------------------------------------------


async def test_a_full_queue_turns_away_and_writes_nothing(
    books: Books, monkeypatch: pytest.MonkeyPatch, look: asyncpg.Connection
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 8)
    async with held(books.writer):
        waiting = await wait_in(books.writer, *(party(f"p{n}") for n in range(8)))
        for _ in range(3):
            with pytest.raises(Invalid) as raised:
                await books.writer.run(party("one-too-many"))
            assert raised.value.code == "overloaded"
    assert [made.seq for made in await asyncio.gather(*waiting)] == list(range(1, 9))
    assert await parties(look, books) == {f"p{n}" for n in range(8)}
    # its key is free: it comes again when there is room
    assert not (await books.writer.run(party("one-too-many"))).replayed


async def test_a_request_whose_caller_went_away_is_done_or_not_but_never_half(
    books: Books, look: asyncpg.Connection
) -> None:
    async with held(books.writer):
        tasks = await wait_in(books.writer, *(party(f"p{n}") for n in range(6)))
        for task in tasks[::2]:
            task.cancel()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in told[::2]] == [asyncio.CancelledError] * 3
    assert all(made.accepted for made in told[1::2])
    made = await asyncio.gather(*(books.writer.run(party(f"p{n}")) for n in range(6)))
    assert all(each.replayed for each in made)
    assert await numbers(look, books) == list(range(1, 7))


async def test_closing_serves_what_waits_and_takes_nothing_new(books: Books) -> None:
    own = Writer(books.url, books.mechanism)
    await own.start()
    async with held(own):
        waiting = await wait_in(own, *(party(f"p{n}") for n in range(3)))
        closing = asyncio.create_task(own.close())
        await asyncio.sleep(0)
        with pytest.raises(Invalid, match="overloaded"):
            await own.run(party("late"))
    await closing
    assert [made.seq for made in await asyncio.gather(*waiting)] == [1, 2, 3]
    assert not own.serving


# Bad jobs ----------------------------------------------------------------------------------------


async def fails(_: Unit) -> None:
    raise ZeroDivisionError


async def fails_like_a_lost_connection(_: Unit) -> None:
    raise ConnectionResetError


async def asks_the_database_nonsense(of: Unit) -> None:
    await of.connection.execute("SELECT 1 / 0")


async def changes_then_fails(of: Unit) -> None:
    await party("half")(of)
    pledge = {"fund": "f", "donor": "donor", "amount": usd("5.00")}
    await job("pledge.announce", "half-2", **pledge)(of)
    raise ZeroDivisionError


async def changes_then_refuses(of: Unit) -> None:
    await party("half")(of)
    raise Invalid("not-found", "There is no such thing.")


async def breaks_a_constraint(of: Unit) -> None:
    await of.load(Party, ["donor"])
    await party("half")(of)
    of.batch.nouns["party"]["half"] = msgspec.structs.replace(
        of.batch.nouns["party"]["half"], name=None
    )


BAD = [
    (fails, ZeroDivisionError),
    (fails_like_a_lost_connection, ConnectionResetError),
    (asks_the_database_nonsense, asyncpg.DivisionByZeroError),
    (changes_then_fails, ZeroDivisionError),
    (changes_then_refuses, Invalid),
    (breaks_a_constraint, asyncpg.NotNullViolationError),
]


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(("bad", "error"), BAD, ids=[bad.__name__ for bad, _ in BAD])
async def test_one_bad_job_hurts_no_neighbour_and_leaves_nothing(
    books: Books,
    look: asyncpg.Connection,
    bad: Job,
    error: type[Exception],
    *,
    warm: bool,
) -> None:
    await fund_with_cash(books, "1.00")
    jobs = (party("p1"), bad, party("p2"), bad, party("p3"))
    async with asyncio.timeout(10):
        told = await queued(books.writer, *jobs, warm=warm)
    assert [type(each) for each in told] == [Made, error, Made, error, Made]
    assert await parties(look, books) == {"donor", "group", "p1", "p2", "p3"}
    assert await numbers(look, books) == list(range(1, 10))
    assert (await books.do("party.register", id="p4", name="P")).seq == 10


async def test_a_refusal_too_large_to_record_leaves_no_text_behind(
    books: Books, look: asyncpg.Connection
) -> None:
    await fund_with_cash(books, "1.00")
    shares = [{"contribution": f"c{n:060}", "amount": usd("1.00")} for n in range(200)]
    large = {"fund": "f", "amount": usd("1.00"), "shares": shares, "description": "a secret"}
    told = await queued(books.writer, job("allocation.approve", "large", **large), party("p1"))
    assert (type(told[0]), told[0].code) == (Invalid, "record-too-large")
    assert told[1].accepted
    assert (
        await look.fetchval(
            "SELECT count(*) FROM payload WHERE mechanism_id = $1", books.mechanism.id
        )
        == 0
    )


def voucher(key: str, amount: str, lines: int = 1, **more: object) -> EntryItem:
    """Money between bank accounts of long names, in many lines."""
    main = {"account": "1100", "subject": "main", "credit": usd(amount)}
    each = f"{int(amount.replace('.', '')) // lines:03}"
    part = usd(f"{each[:-2]}.{each[-2:]}")
    rest = [
        {"account": "1100", "subject": f"{n:x}".rjust(63, "b"), "debit": part} for n in range(lines)
    ]
    return msgspec.convert(
        {"key": key, "fund": "f", "lines": [main, *rest], **ON, **more}, EntryItem
    )


@pytest.mark.parametrize("warm", [True, False])
async def test_an_item_too_large_to_record_moves_nothing(
    books: Books, look: asyncpg.Connection, *, warm: bool
) -> None:
    fund = "f" * 63
    await fund_with_cash(books, "63.00", fund)
    items = [voucher("large", "63.00", 63, fund=fund), voucher("rest", "63.00", fund=fund)]
    (told,) = await queued(books.writer, lambda of: post_batch(of, operator(), items), warm=warm)
    assert isinstance(told[0], Problem)
    assert told[0].code == "record-too-large"
    assert isinstance(told[1], Made)
    assert told[1].accepted
    assert (
        await look.fetchval(
            "SELECT count(*) FROM account WHERE mechanism_id = $1 AND code = '1100'",
            books.mechanism.id,
        )
        == 2
    )


# Memory ------------------------------------------------------------------------------------------


async def test_an_old_key_has_its_answer_though_the_request_makes_no_sense_by_now(
    books: Books, other: Writer
) -> None:
    await fund_with_cash(books, "1.00")
    fields = {"id": "a", "fund": "f", "amount": usd("1.00"), **ON}
    first = await books.do("allocation.approve", key="k", **fields)
    await other.run(party("p1"))
    await other.run(party("p2"))  # from memory, which has never heard of the key
    again = await other.run(job("allocation.approve", "k", **fields))  # the id is taken
    assert (again.seq, again.replayed) == (first.seq, True)


@pytest.mark.parametrize("group", ["", "g"])
async def test_an_old_key_in_a_batch_has_its_answer(
    books: Books, other: Writer, group: str
) -> None:
    await fund_with_cash(books, "1.00")
    items = [voucher("k1", "1.00", group=group), voucher("k2", "1.00", group=group)]
    first = await books.writer.run(lambda of: post_batch(of, operator(), items))
    await books.do("fund.open", id="g", name="G", tier="local", currency="USD", steward="donor")
    for name in ("p1", "p2"):
        await other.run(party(name))
    again = await other.run(lambda of: post_batch(of, operator(), items))
    for one, two in zip(first, again, strict=True):
        assert isinstance(one, Made)
        assert isinstance(two, Made)
        assert (one.seq, one.content, two.replayed) == (two.seq, two.content, True)


async def test_an_answer_without_a_record_is_never_from_old_memory(
    books: Books, other: Writer
) -> None:
    await fund_with_cash(books, "1.00")
    await other.run(party("p1"))
    await books.do("fund.open", id="g", name="G", tier="local", currency="USD", steward="donor")
    lines = [{"account": "3100", s: usd("1.00")} for s in ("debit",)]
    lines.append({"account": "3300", "credit": usd("1.00")})
    item = msgspec.convert({"key": "k", "fund": "g", "lines": lines, **ON}, EntryItem)
    (told,) = await other.run(lambda of: post_batch(of, operator(), [item]))
    assert isinstance(told, Made)
    assert told.accepted

    async def name_of(of: Unit) -> str:
        found = await of.find(Party, "p9")
        return found.name if found else ""

    assert await books.writer.run(name_of) == ""
    await other.run(party("p9"))
    assert await books.writer.run(name_of) == "p9"


async def test_an_account_that_a_refusal_would_have_opened_is_forgotten(books: Books) -> None:
    await fund_with_cash(books, "2.00")
    first = await books.do("allocation.approve", id="a", fund="f", amount=usd("1.00"), **ON)
    lines = [
        {"account": "9300", "subject": "c", "debit": usd("5.00")},
        {"account": "9300", "subject": "fresh", "credit": usd("5.00")},
    ]
    refused = await books.do("entry.post", fund="f", lines=lines, **ON)
    assert refusal_of(refused)[0] == "balance-floor"
    second = await books.do("allocation.approve", id="b", fund="f", amount=usd("1.00"), **ON)
    assert first.accepted
    assert second.accepted


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("at", [0, 1])
async def test_an_item_of_a_group_too_large_to_record_fails_its_group_alone(
    books: Books, *, warm: bool, at: int
) -> None:
    fund = "f" * 63
    await fund_with_cash(books, "63.00", fund)
    group = [voucher("small", "1.00", fund=fund, group="g")]
    group.insert(at, voucher("large", "63.00", 63, fund=fund, group="g"))
    items = [voucher("before", "1.00", fund=fund), *group, voucher("after", "62.00", fund=fund)]
    (told,) = await queued(books.writer, lambda of: post_batch(of, operator(), items), warm=warm)
    codes = [each.code if isinstance(each, Problem) else each.accepted for each in told]
    failed = ["linked-failed", "linked-failed"]
    failed[at] = "record-too-large"
    assert codes == [True, *failed, True]
    await sound(books)
