"""Disbursing: every step, its reversal, what it books and what is refused at it."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.store import database
from tests.app.invariants import broken
from tests.support import CHAIN, Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-09"}
GRANT = next(at for at, (_, _, fields) in enumerate(CHAIN) if fields.get("id") == "dw")
"""Where the worked example's grant stands signed and nothing is asked for."""


class Play:
    """The worked example up to its grant `w`: 428.00, 428.00 and 214.00 hundreds, in fund n.

    Attributes:
        books: the books.
        seqs: the records made since.
    """

    def __init__(self, books: Books) -> None:
        self.books = books
        self.seqs: list[int] = []

    async def begin(self) -> None:
        for verb, key, fields in CHAIN[:GRANT]:
            made = await self.books.do(verb, operator(key), **fields)
            assert made.accepted

    async def do(self, verb: str, key: str, **fields: Any) -> int:  # noqa: ANN401  # any field of any verb
        """Do something that must be accepted, as the person with this key."""
        made = await self.books.do(verb, operator(key), **ON, **fields)
        assert made.accepted, refusal_of(made)
        self.seqs.append(made.seq)
        return made.seq

    async def refused(self, code: str, verb: str, key: str, **fields: Any) -> None:  # noqa: ANN401  # any field of any verb
        made = await self.books.do(verb, operator(key), **ON, **fields)
        assert not made.accepted, verb
        assert refusal_of(made)[0] == code

    async def invalid(self, code: str, verb: str, key: str, **fields: Any) -> None:  # noqa: ANN401  # any field of any verb
        with pytest.raises(Invalid) as raised:
            await self.books.do(verb, operator(key), **ON, **fields)
        assert raised.value.code == code

    async def look(self, query: str, *values: object) -> list[asyncpg.Record]:
        connection = await database.connect(self.books.url, "mfm_writer")
        try:
            rows: list[asyncpg.Record] = await connection.fetch(
                query, self.books.mechanism.id, *values
            )
            return rows
        finally:
            await connection.close()

    async def balances(self) -> dict[tuple[str, str, str], int]:
        """(fund, code, subject) -> debits less credits, where it is not zero."""
        rows = await self.look(
            "SELECT fund, code, subject, debit_minor - credit_minor FROM mfm.account"
            " JOIN mfm.balance USING (mechanism_id, account_id)"
            " WHERE mechanism_id = $1 AND debit_minor <> credit_minor"
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def held(self, code: str, fund: str = "n", subject: str = "w") -> int:
        return (await self.balances()).get((fund, code, subject), 0)

    async def one(self, table: str, name: str) -> asyncpg.Record:
        rows = await self.look(
            f"SELECT * FROM mfm.{table} WHERE mechanism_id = $1 AND id = $2", name
        )
        return rows[0]

    async def posted(self, seq: int) -> list[tuple[str, str, int, str]]:
        """A record's postings as (debit, credit, minor units, signed IATI type)."""
        rows = await self.look(
            "SELECT d.code, c.code, p.amount_minor, p.iati_type, p.iati_sign FROM mfm.posting p"
            " JOIN mfm.account d ON (d.mechanism_id, d.account_id) = (p.mechanism_id, p.debit_id)"
            " JOIN mfm.account c ON (c.mechanism_id, c.account_id) = (p.mechanism_id, p.credit_id)"
            " WHERE p.mechanism_id = $1 AND p.seq = $2 ORDER BY p.line",
            seq,
        )
        return [(r[0], r[1], r[2], ("-" if r[4] < 0 else "") + r[3]) for r in rows]

    async def sound(self) -> None:
        """The books hold, by the second set of rules and by the auditor's queries."""
        connection = await database.connect(self.books.url, "mfm_writer")
        faults = await broken(connection, self.books.mechanism)
        await connection.close()
        assert faults == []
        found = await verify_database(
            self.books.url, self.books.mechanism, operator(), lambda *_: None
        )
        assert found.ok, found.difference

    async def undo(self) -> None:
        """Take everything back, from the last record to the first, and be where it began."""
        for seq in reversed(self.seqs):
            made = await self.books.do("record.reverse", record=seq, **ON)
            assert made.accepted, refusal_of(made)
        self.seqs = []
        await self.sound()


@pytest.fixture
async def play(books: Books) -> Play:
    made = Play(books)
    await made.begin()
    return made


async def paid(play: Play, name: str = "x", tranche: int = 1, **fields: Any) -> None:  # noqa: ANN401  # any field of any verb
    await play.do("disbursement.request", "a", id=name, commitment="w", tranche=tranche, **fields)
    await play.do("disbursement.approve", "b", disbursement=name)
    await play.do("disbursement.release", "c", disbursement=name)


async def transferred(play: Play) -> None:
    """Bring a second transfer to its release: 50.00 from n to g, as y under t2."""
    await play.do("allocation.approve", "a", id="a2", fund="n", amount=usd("60.00"))
    await play.do(
        "commitment.sign",
        "a",
        id="t2",
        from_fund="n",
        to_fund="g",
        amount=usd("60.00"),
        allocation="a2",
        tranches=[{"amount": usd("50.00")}, {"amount": usd("10.00")}],
    )
    await play.do("disbursement.request", "a", id="y", commitment="t2", tranche=1)
    await play.do("disbursement.approve", "b", disbursement="y")
    await play.do("disbursement.release", "c", disbursement="y")


async def confirmed(play: Play, received: str = "") -> None:
    await paid(play)
    told = {"received": usd(received)} if received else {}
    await play.do("disbursement.confirm", "a", disbursement="x", **told)


async def model(play: Play, **fields: Any) -> None:  # noqa: ANN401  # any field of any verb
    made = await play.books.do("fund.set-disbursing", operator("z"), fund="n", **fields)
    assert made.accepted


# Stories: each verb, taken back to the first ------------------------------------------------------


async def review_and_return(play: Play) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    await play.do("disbursement.review", "b", disbursement="x")
    await play.do("disbursement.approve", "c", disbursement="x")
    assert await play.held("2200") == -4_280_000
    seq = await play.do(
        "disbursement.return", "b", disbursement="x", needs="documents", answer_by="2026-04-01"
    )
    assert await play.posted(seq) == [
        ("9330", "9320", 4_280_000, ""),
        ("2200", "1300", 4_280_000, ""),
    ]
    row = await play.one("disbursement", "x")
    assert (row["status"], row["needs"], row["approved_by"]) == ("returned", "documents", "")
    await play.refused("tranche-taken", "disbursement.request", "a", commitment="w", tranche=1)
    await play.do("disbursement.resubmit", "a", disbursement="x")
    await play.do("disbursement.approve", "b", disbursement="x")


async def rejection_frees_the_tranche(play: Play) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    assert await play.posted(await play.do("disbursement.reject", "b", disbursement="x")) == []
    await play.do("disbursement.request", "a", id="x2", commitment="w", tranche=1)
    await play.do("disbursement.approve", "b", disbursement="x2")
    seq = await play.do("disbursement.cancel", "a", disbursement="x2", reason="not now")
    assert await play.posted(seq) == [
        ("9330", "9320", 4_280_000, ""),
        ("2200", "1300", 4_280_000, ""),
    ]
    await paid(play, "x3")


async def instructed_and_settled(play: Play) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    await play.do("disbursement.approve", "b", disbursement="x")
    seq = await play.do("disbursement.instruct", "c", disbursement="x", bank_account="main")
    assert await play.posted(seq) == [("1110", "1100", 4_280_000, "")]
    await play.refused("disbursement-state", "disbursement.cancel", "a", disbursement="x")
    await play.refused("four-eyes", "disbursement.settle", "b", disbursement="x")
    await play.do("disbursement.bounce", "c", disbursement="x")
    assert await play.held("1110", subject="main") == 0
    await play.do("disbursement.instruct", "c", disbursement="x")
    seq = await play.do("disbursement.settle", "c", disbursement="x")
    assert await play.posted(seq) == [
        ("2200", "1110", 4_280_000, "3"),
        ("9330", "9340", 4_280_000, ""),
    ]


async def bounced_after_release(play: Play) -> None:
    await paid(play)
    seq = await play.do("disbursement.bounce", "c", disbursement="x", reason="closed account")
    assert await play.posted(seq) == [
        ("1100", "2200", 4_280_000, "-3"),
        ("9340", "9330", 4_280_000, ""),
    ]
    assert (await play.one("commitment", "w"))["paid_minor"] == 0
    await play.do("disbursement.release", "c", disbursement="x")


async def transfer_bounces(play: Play) -> None:
    await transferred(play)
    seq = await play.do("disbursement.bounce", "c", disbursement="y")
    assert await play.posted(seq) == [
        ("1100", "2300", 5_000, "-3"),
        ("9340", "9330", 5_000, ""),
        ("1400", "1120", 5_000, ""),
    ]
    await play.do("disbursement.instruct", "c", disbursement="y")
    await play.do("disbursement.settle", "c", disbursement="y")


async def short_by_charges(play: Play) -> None:
    await confirmed(play, "42780.00")
    assert (await play.one("disbursement", "x"))["short_minor"] == 2_000
    seq = await play.do("disbursement.resolve", "a", disbursement="x", outcome="charges")
    assert await play.posted(seq) == [("5700", "1300", 2_000, "")]
    row = await play.one("disbursement", "x")
    assert (row["short_minor"], row["charged_minor"]) == (0, 2_000)
    await play.refused(
        "difference-none", "disbursement.resolve", "a", disbursement="x", outcome="arrived"
    )


async def short_and_receivable(play: Play) -> None:
    await confirmed(play, "42780.00")
    seq = await play.do(
        "disbursement.resolve", "a", disbursement="x", outcome="receivable", refund="f2"
    )
    assert await play.posted(seq) == [("1500", "1300", 2_000, "")]
    await play.do("refund.receive", "a", refund="f2")


async def short_and_late(play: Play) -> None:
    await confirmed(play, "42780.00")
    await play.do("disbursement.resolve", "a", disbursement="x", outcome="arrived")
    assert (await play.one("disbursement", "x"))["short_minor"] == 0


async def short_transfer_stays_in_transit(play: Play) -> None:
    await transferred(play)
    seq = await play.do("disbursement.confirm", "a", disbursement="y", received=usd("48.00"))
    assert await play.posted(seq) == [("1100", "1120", 4_800, "1"), ("9399", "9300", 4_800, "")]
    assert await play.held("1120", "g", "t2") == 200
    await play.invalid(
        "commitment-kind", "disbursement.resolve", "a", disbursement="y", outcome="receivable"
    )
    await play.sound()
    seq = await play.do("disbursement.resolve", "a", disbursement="y", outcome="charges")
    assert await play.posted(seq) == [("5700", "1120", 200, "")]


async def short_transfer_arrives_late(play: Play) -> None:
    await transferred(play)
    await play.do("disbursement.confirm", "a", disbursement="y", received=usd("48.00"))
    seq = await play.do("disbursement.resolve", "a", disbursement="y", outcome="arrived")
    assert await play.posted(seq) == [("1100", "1120", 200, "1"), ("9399", "9300", 200, "")]


async def expense_on_payment(play: Play) -> None:
    await model(play, advance_model="expense_on_payment")
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    seq = await play.do("disbursement.approve", "b", disbursement="x")
    assert await play.posted(seq) == [
        ("9320", "9330", 4_280_000, ""),
        ("5100", "2200", 4_280_000, ""),
    ]
    await play.sound()
    await play.do("disbursement.release", "c", disbursement="x")
    await play.do("disbursement.confirm", "a", disbursement="x", received=usd("42780.00"))
    seq = await play.do("disbursement.resolve", "a", disbursement="x", outcome="charges")
    assert await play.posted(seq) == [("5700", "5100", 2_000, "")]
    await play.do(
        "report.submit", "d", id="r2", commitment="w", disbursement="x", direct=usd("40000.00")
    )
    seq = await play.do(
        "report.decide",
        "b",
        report="r2",
        direct=usd("39000.00"),
        rejected=usd("1000.00"),
        refund="f2",
    )
    assert await play.posted(seq) == [("1500", "5100", 100_000, "")]
    report = await play.one("report", "r2")
    assert (report["evidence"], report["direct_minor"]) == (True, 3_900_000)
    assert (await play.one("disbursement", "x"))["status"] == "reported"
    await play.do("report.accept", "a", id="r3", commitment="w", direct=usd("1.00"))
    await play.do("refund.claim", "a", id="f3", commitment="w", amount=usd("5.00"), expensed=True)
    await play.do("write-off.propose", "a", id="wo", commitment="w", refund="f3")
    await play.do("write-off.approve", "b", write_off="wo")
    await play.do("refund.receive", "a", refund="f2")
    assert await play.held("5100") == 4_280_000 - 2_000 - 100_000 - 500
    assert await play.held("1300") == 0


async def expensed_bounces(play: Play) -> None:
    await model(play, advance_model="expense_on_payment")
    await paid(play)
    await play.do("refund.claim", "a", id="f2", commitment="w", amount=usd("5.00"), expensed=True)
    await play.refused("advance-exceeded", "disbursement.bounce", "c", disbursement="x")
    made = await play.books.do("record.reverse", record=play.seqs.pop(), **ON)
    assert made.accepted
    await play.do("disbursement.bounce", "c", disbursement="x")
    await play.do("disbursement.return", "c", disbursement="x", needs="bank-details")


async def reimbursement(play: Play) -> None:
    await paid(play, reimbursement=True)
    posted = [await play.posted(seq) for seq in play.seqs[1:]]
    assert posted == [
        [("9320", "9330", 4_280_000, ""), ("5100", "2200", 4_280_000, "")],
        [("2200", "1100", 4_280_000, "7"), ("9330", "9340", 4_280_000, "")],
    ]
    seq = await play.do("disbursement.bounce", "c", disbursement="x")
    assert (await play.posted(seq))[0] == ("1100", "2200", 4_280_000, "-7")


async def report_with_rejected_lines(play: Play) -> None:
    await confirmed(play)
    await play.do(
        "report.submit",
        "d",
        id="r2",
        commitment="w",
        disbursement="x",
        direct=usd("37000.00"),
        support_cost=usd("2590.00"),
    )
    await play.do("report.question", "b", report="r2", answer_by="2026-05-01", reason="Which?")
    await play.do("report.answer", "d", report="r2", direct=usd("37100.00"))
    seq = await play.do(
        "report.decide",
        "b",
        report="r2",
        direct=usd("37000.00"),
        support_cost=usd("2590.00"),
        rejected=usd("100.00"),
        refund="f2",
    )
    assert await play.posted(seq) == [
        ("5100", "1300", 3_700_000, ""),
        ("5500", "1300", 259_000, ""),
        ("1500", "1300", 10_000, ""),
    ]
    assert (await play.one("disbursement", "x"))["status"] == "reported"
    await play.do("refund.receive", "a", refund="f2")


async def report_accepted_whole_by_default(play: Play) -> None:
    await confirmed(play)
    await play.do("report.submit", "d", id="r2", commitment="w", direct=usd("7.00"))
    await play.do("report.decide", "b", report="r2")
    assert (await play.one("report", "r2"))["direct_minor"] == 700
    await play.do(
        "report.accept",
        "a",
        id="r3",
        commitment="w",
        disbursement="x",
        direct=usd("3.00"),
        rejected=usd("2.00"),
        refund="f2",
    )
    assert (await play.one("disbursement", "x"))["status"] == "reported"
    assert (await play.one("refund", "f2"))["amount_minor"] == 200


async def nothing_eligible(play: Play) -> None:
    await confirmed(play)
    await play.do("report.submit", "d", id="r2", commitment="w", direct=usd("7.00"))
    seq = await play.do("report.decide", "b", report="r2", rejected=usd("7.00"))
    assert await play.posted(seq) == [("1500", "1300", 700, "")]


async def advance_written_off(play: Play) -> None:
    await confirmed(play)
    await play.do("write-off.propose", "a", id="wo", commitment="w", amount=usd("100.00"))
    await play.refused("four-eyes", "write-off.approve", "a", write_off="wo")
    seq = await play.do("write-off.approve", "b", write_off="wo")
    assert await play.posted(seq) == [("5950", "1300", 10_000, "")]
    await play.refused("write-off-state", "write-off.approve", "b", write_off="wo")
    await play.do("write-off.propose", "a", id="wo2", commitment="w", amount=usd("1.00"))
    await play.do("write-off.reject", "a", write_off="wo2")


async def refund_written_off(play: Play) -> None:
    await confirmed(play)
    await play.do("refund.claim", "a", id="f2", commitment="w", amount=usd("5.00"))
    await play.do("write-off.propose", "a", id="wo", commitment="w", refund="f2")
    seq = await play.do("write-off.approve", "b", write_off="wo")
    assert await play.posted(seq) == [("5950", "1500", 500, "")]
    await play.refused("refund-state", "refund.receive", "a", refund="f2")


STORIES: list[Callable[[Play], Awaitable[None]]] = [
    review_and_return,
    rejection_frees_the_tranche,
    instructed_and_settled,
    bounced_after_release,
    transfer_bounces,
    short_by_charges,
    short_and_receivable,
    short_and_late,
    short_transfer_stays_in_transit,
    short_transfer_arrives_late,
    expense_on_payment,
    expensed_bounces,
    reimbursement,
    report_with_rejected_lines,
    report_accepted_whole_by_default,
    nothing_eligible,
    advance_written_off,
    refund_written_off,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_a_story_holds_and_can_be_taken_back_step_by_step(
    play: Play, story: Callable[[Play], Awaitable[None]]
) -> None:
    before = await play.balances()
    await story(play)
    await play.sound()
    await play.undo()
    assert await play.balances() == before
    assert (await play.one("commitment", "w"))["status"] == "signed"
