"""Disbursing: what is refused at each step, by the rules and by the database behind them."""

import asyncpg
import pytest

from mfm.core.errors import Invalid
from tests.app.test_disbursing import ON, Play, confirmed, model, paid, play, transferred
from tests.conftest import Database
from tests.support import operator, usd

__all__ = ["play"]
pytestmark = pytest.mark.anyio
X = {"disbursement": "x"}


async def test_nobody_decides_on_what_is_his_own(play: Play) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    for verb in ("disbursement.review", "disbursement.approve"):
        await play.refused("four-eyes", verb, "a", **X)
    await play.do("disbursement.return", "b", needs="other", **X)
    await play.do("disbursement.resubmit", "b", **X)
    for verb in ("disbursement.review", "disbursement.approve"):
        for key in ("a", "b"):  # who asked first, and who asked again
            await play.refused("four-eyes", verb, key, **X)
    await play.do("disbursement.review", "c", **X)
    await play.refused("four-eyes", "disbursement.approve", "c", **X)
    await play.do("disbursement.approve", "d", **X)
    for verb in ("disbursement.instruct", "disbursement.release"):
        for key in ("a", "b", "c", "d"):
            await play.refused("four-eyes", verb, key, **X)
    await play.do("disbursement.release", "e", **X)
    await play.do("disbursement.confirm", "a", **X)
    await play.do("report.submit", "f", id="r2", commitment="w", direct=usd("1.00"))
    await play.refused("four-eyes", "report.decide", "f", report="r2")
    await play.sound()


async def test_a_fund_may_want_a_review_first(play: Play) -> None:
    await model(play, review=True)
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    await play.refused("disbursement-state", "disbursement.approve", "b", **X)
    await play.do("disbursement.review", "b", **X)
    await play.do("disbursement.approve", "c", **X)
    await play.sound()


EARLY = ("settle", "release", "bounce", "confirm", "resolve", "resubmit")
STEPS: dict[str, tuple[str, ...]] = {
    # where it stands -> the steps that lead nowhere from there
    "request": EARLY,
    "review": ("review", *EARLY),
    "approve": ("review", "approve", "settle", "bounce", "confirm", "resolve", "resubmit"),
    "instruct": ("return", "reject", "cancel", "instruct", "release", "confirm", "resolve"),
    "settle": ("return", "reject", "cancel", "approve", "instruct", "settle", "release"),
    "confirm": ("return", "reject", "cancel", "approve", "instruct", "settle", "bounce", "confirm"),
}
FIELDS = {"return": {"needs": "report"}, "resolve": {"outcome": "arrived"}}


async def test_steps_lead_only_where_they_may(play: Play) -> None:
    keys = dict(zip(STEPS, "abcddf", strict=True))
    for step, others in STEPS.items():
        named = {"id": "x", "commitment": "w", "tranche": 1} if step == "request" else X
        await play.do(f"disbursement.{step}", keys[step], **named)
        for other in others:
            code = "difference-none" if (step, other) == ("confirm", "resolve") else ""
            verb = f"disbursement.{other}"
            fields = X | FIELDS.get(other, {})
            await play.refused(code or "disbursement-state", verb, "z", **fields)
    await play.refused("difference-none", "disbursement.resolve", "z", outcome="arrived", **X)


async def test_an_ended_request_does_nothing_any_more(play: Play) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    await play.do("disbursement.reject", "b", **X)
    for step in ("review", "approve", "reject", "cancel", "resubmit", "release", "return"):
        fields = X | FIELDS.get(step, {})
        await play.refused("disbursement-state", f"disbursement.{step}", "c", **fields)


async def test_a_payment_that_is_accounted_for_does_not_bounce(play: Play) -> None:
    await paid(play)
    await play.do("report.accept", "a", commitment="w", direct=usd("1.00"))
    await play.refused("advance-exceeded", "disbursement.bounce", "c", **X)


async def test_what_is_resolved_is_still_open(play: Play) -> None:
    await confirmed(play, "42799.00")
    await play.do("report.accept", "a", commitment="w", direct=usd("42799.50"))
    for outcome in ("charges", "receivable"):
        await play.refused("advance-exceeded", "disbursement.resolve", "b", outcome=outcome, **X)
    await play.do("disbursement.resolve", "b", outcome="arrived", **X)


async def test_what_a_confirmation_may_say(play: Play) -> None:
    await paid(play)
    more, other = usd("42800.01"), {"amount": "1.00", "currency": "EUR"}
    await play.refused("confirm-exceeds", "disbursement.confirm", "a", received=more, **X)
    await play.invalid("currency-not-fund", "disbursement.confirm", "a", received=other, **X)
    await play.invalid("credited-needless", "disbursement.confirm", "a", credited=more, **X)


async def test_what_a_transfer_may_not(play: Play) -> None:
    await transferred(play)
    asked = {"commitment": "t2", "tranche": 2, "reimbursement": True}
    await play.invalid("commitment-kind", "disbursement.request", "a", **asked)
    await play.do("disbursement.bounce", "c", disbursement="y")
    await play.invalid(
        "commitment-kind",
        "disbursement.release",
        "c",
        disbursement="y",
        report_by="2026-06-30",
    )
    for verb in ("report.submit", "report.accept"):
        await play.invalid("commitment-kind", verb, "a", commitment="t2", direct=usd("1.00"))
    await play.invalid(
        "commitment-kind", "write-off.propose", "a", commitment="t2", amount=usd("1.00")
    )


async def test_what_a_report_may_say(play: Play) -> None:
    await paid(play)
    await transferred(play)
    asked = {"commitment": "w", "direct": usd("5.00")}
    other = {**asked, "disbursement": "y"}
    await play.invalid("disbursement-other", "report.submit", "d", **other)
    await play.do("report.submit", "d", id="r2", **X, **asked)
    await play.refused("report-state", "report.answer", "d", report="r2")
    await play.refused("report-exceeded", "report.decide", "b", report="r2", rejected=usd("5.01"))
    # It accounts for a payment that nobody has confirmed.
    await play.refused("disbursement-state", "report.decide", "b", report="r2")
    await play.do("report.question", "b", report="r2")
    await play.refused("report-state", "report.question", "b", report="r2")
    await play.do("disbursement.confirm", "a", **X)
    await play.do("report.decide", "b", report="r2")
    await play.refused("report-state", "report.decide", "b", report="r2")
    more = {"commitment": "w", "direct": usd("42800.00")}
    await play.do("report.submit", "d", id="r3", **more)
    await play.refused("advance-exceeded", "report.decide", "b", report="r3")
    await play.do("report.decide", "b", report="r3", direct=usd("42795.00"))
    await play.sound()


async def test_what_a_write_off_must_say(play: Play) -> None:
    await paid(play)
    await paid(play, "x2", 2)
    await play.do("refund.claim", "a", id="f2", commitment="w", amount=usd("1.00"))
    both = {"amount": usd("1.00"), "refund": "f2"}
    for told in ({}, both):
        await play.invalid("write-off-what", "write-off.propose", "a", commitment="w", **told)
    more = usd("85600.00")
    await play.refused("advance-exceeded", "write-off.propose", "a", commitment="w", amount=more)
    await play.do("write-off.propose", "a", id="wo", commitment="w", amount=usd("85599.00"))
    await play.do("report.accept", "a", commitment="w", direct=usd("1.00"))
    await play.refused("advance-exceeded", "write-off.approve", "b", write_off="wo")
    await play.do("write-off.propose", "a", id="wo2", commitment="w", refund="f2")
    await play.do("refund.receive", "a", refund="f2")
    await play.refused("refund-state", "write-off.approve", "b", write_off="wo2")
    await play.refused("refund-state", "write-off.propose", "a", commitment="w", refund="f2")


async def test_only_an_administrator_undoes_how_a_fund_disburses(play: Play) -> None:
    made = await play.books.do("fund.set-disbursing", operator("z"), fund="n", report_days=30)
    await play.refused("record-final", "record.reverse", "b", record=made.seq)
    for wrong in ({}, {"report_days": -1}, {"advance_model": "loan"}):
        with pytest.raises((Invalid, ValueError)):
            await play.books.do("fund.set-disbursing", operator("z"), fund="n", **wrong)


async def test_a_report_is_due_as_told_as_agreed_or_by_the_funds_rule(play: Play) -> None:
    await paid(play)
    assert (await play.one("disbursement", "x"))["report_by"] is None
    await model(play, report_days=30)
    await paid(play, "x2", 2)
    assert str((await play.one("disbursement", "x2"))["report_by"]) == "2026-04-08"
    await play.do("disbursement.request", "a", id="x3", commitment="w", tranche=3)
    await play.do("disbursement.approve", "b", disbursement="x3")
    await play.do("disbursement.release", "c", disbursement="x3", report_by="2026-12-31")
    assert str((await play.one("disbursement", "x3"))["report_by"]) == "2026-12-31"
    assert ON["effective_on"] == "2026-03-09"


# The second path: what the database itself refuses ------------------------------------------------

SIGNED = "approved_by = 'b', approved_on = '2026-03-09'"
BAD = {
    "approved by nobody": ("UPDATE disbursement SET status = 'approved'", "x"),
    "approved by who asked": (
        "UPDATE disbursement SET status = 'approved', approved_by = 'a'",
        "x",
    ),
    "reviewed by who asked": (
        "UPDATE disbursement SET status = 'reviewed', reviewed_by = 'a'",
        "x",
    ),
    "approved by who asked again": (
        "UPDATE disbursement SET status = 'approved', resubmitted_by = 'b', approved_by = 'b'",
        "x",
    ),
    "paid unapproved": ("UPDATE disbursement SET status = 'released', released_by = 'c'", "x"),
    "paid by who approved": (
        f"UPDATE disbursement SET status = 'released', {SIGNED}, released_by = 'b'",
        "x",
    ),
    "paid by nobody": (f"UPDATE disbursement SET status = 'released', {SIGNED}", "x"),
    "instructed by nobody": (f"UPDATE disbursement SET status = 'instructed', {SIGNED}", "x"),
    "short before it arrived": ("UPDATE disbursement SET short_minor = 1", "x"),
    "lost in whole": ("UPDATE disbursement SET short_minor = amount_minor", "z"),
    "a second one on its tranche": ("UPDATE disbursement SET tranche = 2", "x"),
    "a status that is none": ("UPDATE disbursement SET status = 'lost'", "x"),
    "a basis that is none": ("UPDATE disbursement SET basis = 'loan'", "x"),
    "a transfer that is expense": ("UPDATE disbursement SET basis = 'expense'", "dt"),
    "a report decided by who submitted it": (
        "UPDATE report SET status = 'accepted', decided_by = 'd'",
        "r2",
    ),
    "a report that accepts more than was asked": (
        "UPDATE report SET status = 'accepted', decided_by = 'b', direct_minor = 101",
        "r2",
    ),
    "a report decided before it is": ("UPDATE report SET direct_minor = 1", "r2"),
    "a write-off approved by who proposed it": (
        "UPDATE write_off SET status = 'approved', decided_by = 'a'",
        "wo",
    ),
    "more lost than is open": ("UPDATE commitment SET lost_minor = paid_minor + 1", "w"),
    "a fund of another model": ("UPDATE fund SET advance_model = 'loan'", "n"),
}


async def test_the_database_refuses_what_no_rule_would_write(play: Play, db: Database) -> None:
    await play.do("disbursement.request", "a", id="x", commitment="w", tranche=1)
    await paid(play, "z", 2)
    await play.do("disbursement.confirm", "a", disbursement="z")
    await play.do("report.submit", "d", id="r2", commitment="w", direct=usd("1.00"))
    await play.do("write-off.propose", "a", id="wo", commitment="w", amount=usd("1.00"))
    admin = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    missed = []
    for what, (statement, name) in BAD.items():
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute("SET LOCAL mfm.appending = 'on'")
        try:
            await admin.execute(
                f"{statement} WHERE mechanism_id = $1 AND id = $2", play.books.mechanism.id, name
            )
            missed.append(what)
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError):
            pass
        finally:
            await transaction.rollback()
    await admin.close()
    assert missed == []
