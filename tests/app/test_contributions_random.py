"""Random legal money in: each step taken back restores everything, and the books verify."""

import asyncio
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.store import database
from mfm.store.writer import Writer
from tests.app.invariants import broken
from tests.app.test_contributions import begin
from tests.conftest import Database
from tests.support import Books, operator

ON = {"effective_on": "2026-03-02"}


class Step(NamedTuple):
    """A verb with its fields; where ids do not exist yet, it is simply no legal step."""

    verb: str
    fields: dict[str, Any]


def money(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": "USD"}


AMOUNTS = st.integers(1, 20_000).map(money)
PARTS = st.fixed_dictionaries({}, optional={"amount": AMOUNTS})
CONTRIBUTIONS = st.sampled_from(["c0", "c1", "c2"])


def step(verb: str, **fields: Any) -> st.SearchStrategy[Step]:  # noqa: ANN401  # any verb's fields
    strategies = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for name, value in fields.items()
    }
    return st.fixed_dictionaries(strategies).map(lambda told: Step(verb, told))


def part(verb: str, **fields: Any) -> st.SearchStrategy[Step]:  # noqa: ANN401  # any verb's fields
    """A step on a contribution, for an amount or for all of it."""
    made = step(verb, commitment=CONTRIBUTIONS, **fields)
    return st.tuples(made, PARTS).map(lambda both: Step(verb, both[0].fields | both[1]))


AGAINST = st.sampled_from(["income", "fund-balance"])
SIGNED = step(
    "commitment.sign",
    id=CONTRIBUTIONS,
    from_party="donor",
    to_fund="g",
    amount=AMOUNTS,
    conditional=st.booleans(),
    recognition=st.sampled_from(["immediate", "on_compliance"]),
    contribution=st.sampled_from(["unearmarked", "private", "public-budget"]),
)
RECEIPTS = st.sampled_from(["u0", "u1"])
LOSSES = st.sampled_from(["o0", "o1"])
REFUNDS = st.sampled_from(["x0", "x1"])
STEPS = st.one_of(
    SIGNED,
    step("deposit.receive", commitment=CONTRIBUTIONS, amount=AMOUNTS),
    step("deposit.receive", commitment=CONTRIBUTIONS, amount=AMOUNTS),
    part("commitment.meet-conditions"),
    part("commitment.recognise"),
    part("commitment.reduce", against=AGAINST),
    part("write-off.propose", id=LOSSES),
    step("write-off.approve", write_off=LOSSES),
    part("donor-refund.decide", id=REFUNDS, against=AGAINST),
    step("donor-refund.pay", refund=REFUNDS),
    step("unidentified-receipt.record", id=RECEIPTS, fund="g", amount=AMOUNTS),
    step("unidentified-receipt.identify", receipt=RECEIPTS, commitment=CONTRIBUTIONS),
    step("unidentified-receipt.return", receipt=RECEIPTS),
    step("interest.earn", fund="g", amount=AMOUNTS),
    step("cost.pay", fund="g", kind=st.sampled_from(["direct", "bank-charge"]), amount=AMOUNTS),
    step("in-kind.record", fund="g", donor="donor", hours="1.5", hour=AMOUNTS),
    step("allocation.approve", id=st.sampled_from(["a0", "a1"]), fund="g", amount=AMOUNTS),
)
PROGRAMS = st.tuples(SIGNED, st.lists(STEPS, min_size=6, max_size=14)).map(
    lambda both: [both[0], *both[1]]
)


class Run:
    """One program on books of its own."""

    def __init__(self, books: Books, look: asyncpg.Connection) -> None:
        self.books = books
        self.look = look
        self.tried = 0

    async def state(self) -> tuple[dict[Any, int], set[Any]]:
        """All balances that are not zero, and every contribution as it stands."""
        number = self.books.mechanism.id
        rows = await self.look.fetch(
            "SELECT fund, code, subject, debit_minor - credit_minor FROM account"
            " JOIN balance USING (mechanism_id, account_id) WHERE mechanism_id = $1"
            " AND debit_minor <> credit_minor",
            number,
        )
        nouns = await self.look.fetch(
            "SELECT to_jsonb(c) - 'seq' - 'prev' FROM commitment c"
            " WHERE mechanism_id = $1 AND status <> 'reversed'",
            number,
        )
        return {tuple(row)[:3]: row[3] for row in rows}, {row[0] for row in nouns}

    async def take(self, told: Step) -> int:
        """Do a step; return its record, or 0 where it is not legal."""
        verb, fields = told
        # A second person pays, so that four eyes never stand in the way.
        who = operator("b" if verb in ("donor-refund.pay", "write-off.approve") else "a")
        try:
            made = await self.books.do(verb, who, **fields, **ON)
        except Invalid:
            return 0
        return made.seq if made.accepted else 0

    async def back_and_forth(self, told: Step) -> None:
        """Do a step, take it back, and do it again; what is made has another id the first time."""
        before, trial = await self.state(), told
        if "id" in told.fields:
            self.tried += 1
            fields = {**told.fields, "id": f"{told.fields['id']}-{self.tried}"}
            trial = Step(told.verb, fields)
        seq = await self.take(trial)
        if not seq:
            assert await self.state() == before, told
            return
        after = await self.state()
        made = await self.books.do("record.reverse", operator("a"), record=seq, **ON)
        assert made.accepted, (told, refusal_of(made))
        assert await self.state() == before, told
        again = await self.take(told)
        if trial is told:
            assert again, told
            assert await self.state() == after, told


async def play(url: str, program: list[Step]) -> None:
    mechanism = await database.create_mechanism(url, f"t-{uuid4().hex[:12]}")
    writer = Writer(url, mechanism)
    await writer.start()
    look = await database.connect(url, "mfm_writer")
    try:
        run = Run(Books(url, mechanism, writer), look)
        await begin(run.books)
        for told in program:
            await run.back_and_forth(told)
            assert await broken(look, mechanism) == [], told
        found = await verify_database(url, mechanism, operator(), lambda *_: None)
        assert found.difference is None
    finally:
        await look.close()
        await writer.close()


@settings(
    max_examples=max(10, settings().max_examples // 3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(program=PROGRAMS)
def test_every_step_taken_back_restores_all_and_the_books_verify(
    db: Database, program: list[Step]
) -> None:
    asyncio.run(play(db.app_url, program))
