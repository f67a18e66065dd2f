"""Verification finds every change of every table that was made behind the journal's back."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from mfm.app import anchors, rotation, trail, witness
from mfm.app.entries import post_batch
from mfm.app.imports import import_iati
from mfm.app.perform import Ask, perform
from mfm.app.registry import VERBS
from mfm.app.verify import request_of, verify_database
from mfm.cli import verify as command
from mfm.cli.session import Session
from mfm.core.deposits import Deposit
from mfm.core.entries import EntryItem
from mfm.core.errors import Invalid
from mfm.core.keys import RevokeKey
from mfm.core.permissions import Actor
from mfm.settings import Settings
from mfm.store import cosigned
from mfm.store import verify as store
from mfm.store.database import connect
from mfm.store.verify import Verified
from tests import ruling
from tests.calling import CALL, accepted, applied, called
from tests.conftest import Database
from tests.overlapping import decided, heard, opened, shared, staff
from tests.support import ADVANCE, CHAIN, EXCHANGE, Books, operator, usd
from tests.trails import unsigned_timestamp

pytestmark = pytest.mark.anyio

FILE = """<iati-activities version="2.03"><iati-activity default-currency="EUR">
<iati-identifier>XM-1</iati-identifier>
<reporting-org ref="XM-ORG" type="22"><narrative>We</narrative></reporting-org>
<title><narrative>{title}</narrative></title>
{transactions}</iati-activity></iati-activities>"""
TRANSACTION = """<transaction ref="{ref}"><transaction-type code="{code}"/>
<transaction-date iso-date="2020-01-05"/><value value-date="2020-01-05">{value}</value>
<description><narrative>said freely</narrative></description></transaction>"""


def published(title: str, *said: tuple[str, str, str]) -> str:
    rows = "".join(TRANSACTION.format(ref=ref, code=code, value=value) for ref, code, value in said)
    return FILE.format(title=title, transactions=rows)


def voucher(debit: str, credit: str, amount: str) -> list[dict[str, Any]]:
    return [
        {"account": "1100", "subject": debit, "debit": usd(amount)},
        {"account": "1100", "subject": credit, "credit": usd(amount)},
    ]


async def live(books: Books, folder: Path) -> None:
    """Leave a row in every table, and every verb, refusals and reversals in the journal."""
    await books.chain()
    on = {"effective_on": "2026-03-05"}
    await vouchers(books, on)
    await second(books, on)
    await pay(books, on)
    await terms(books, on)
    await board(books, on)
    await calls(books)
    await overlaps(books)
    await ruling.live(books)
    await ruling.live(books, 2, first=ruling.NEXT)
    await money_in(books, on)
    await money_out(books, on)
    await bank(books)
    await exchange(books)
    await keys(books)
    await batch(books)
    await imports(books, folder)
    await sealed(books, folder)


async def calls(books: Books) -> None:
    """Attest, set standards, call for applications, and leave none of it as it was."""
    await called(books)
    await applied(books)
    for verb, fields in (
        ("party.attest", {"party": "group", "kind": "level", "value": "local", "source": "s"}),
        ("attestation.withdraw", {"attestation": "group.level", "reason": "Wrong."}),
        ("fund.set-standards", {"fund": "n", "local_percent": 0}),
        ("call.draft", {**CALL, "id": "k2"}),
        (
            "call.revise",
            {**{name: CALL[name] for name in CALL.keys() - {"id", "fund"}}, "call": "k2"},
        ),
        ("call.consult", {"call": "k2", "until": CALL["closes_on"]}),
        ("comment.make", {"id": "c1", "call": "k2", "party": "group", "text": "Too narrow."}),
        ("comment.answer", {"comment": "c1", "changed": True, "reason": "Widened."}),
        ("call.cancel", {"call": "k2", "reason": "No money."}),
        ("application.withdraw", {"application": "ap", "reason": "Another donor."}),
        (
            "waiver.sign",
            {
                "fund": "n",
                "gate": "application",
                "subject": "application:ap",
                "rules": ["tests.eligibility@1/currency"],
                "valid_until": CALL["closes_on"],
                "reason": "Why not.",
            },
        ),
    ):
        assert (await books.do(verb, **fields)).accepted, verb

    await applied(books, "ap2")
    contest = {"contest": "application.ap2"}
    declined = {"application": "ap2", "outcome": "declined", "reason": "Late."}
    for verb, key, fields in (
        ("application.decide", "d", declined),
        ("key.create", "d", {"id": "answers", "party": "agent", "role": "approver"}),
        ("contest.open", "h", {"subject": "application:ap2", "reason": "It was not."}),
        ("contest.assign", "d", {**contest, "owner": "answers"}),
        ("contest.answer", "answers", {**contest, "outcome": "upheld", "reason": "It was not."}),
    ):
        await accepted(books, verb, operator(key), **fields)


async def overlaps(books: Books) -> None:
    """Open a case, merge two parties, part them, and dismiss it."""
    await accepted(books, "party.register", id="twin", name="Womens group asbl")
    case = await opened(books)
    await heard(books, case, "group", "twin")
    await decided(books, case, outcome="merged", survivor="twin")
    back = {"overlap": case, "reason": "Two boards."}
    await accepted(books, "overlap.reopen", staff("three"), **back)
    await decided(books, case, outcome="affiliate")
    await shared(books)
    await accepted(books, "sharing.agree", staff("two", "g"), agreement="s")
    await accepted(books, "sharing.end", staff("two", "g"), agreement="s", reason="Over.")


async def sealed(books: Books, folder: Path) -> None:
    """Erase a text, change the log's key, and have all that cosigned and timestamped."""
    first = await books.do("party.register", name="Mistaken")
    told = await books.do("record.reverse", record=first.seq, reason="Amina asked for it")
    text = {"record": told.seq, "fields": ["reason"], "legal_basis": "as asked"}
    assert (await books.do("payload.erase", **text)).accepted
    made = await rotation.change(books.writer, operator(), folder / "keys", "rotation")
    assert made.accepted
    many = [
        {"key": f"m{number}", "fund": "g", "lines": voucher("x", "main", "0.01")}
        for number in range(256)
    ]
    items = [msgspec.convert(each, EntryItem) for each in many]
    await books.writer.run(lambda unit: post_batch(unit, operator(), items))
    await trail.seal(books.url, books.mechanism, folder / "keys")
    await books.do("party.register", name="Not sealed yet")
    connection = await connect(books.url, "mfm_writer")
    by = witness.opened(folder / "witness", "w")
    line = witness.cosignature(by, "", 0)
    await cosigned.keep(connection, books.mechanism.id, made.seq, "w", line)
    text = await anchors.text_of(connection, books.mechanism, made.seq)
    stamp = unsigned_timestamp(text, datetime.now(UTC))
    await cosigned.keep_anchor(connection, books.mechanism.id, made.seq, stamp)
    await connection.close()


async def money_in(books: Books, on: dict[str, str]) -> None:
    """Sign what is conditional and earned later, end it early, and receive what is nobody's."""
    steps = (
        (
            "commitment.sign",
            {
                "id": "c3",
                "from_party": "donor",
                "to_fund": "n",
                "amount": usd("90.00"),
                "conditional": True,
                "recognition": "on_compliance",
            },
        ),
        ("commitment.meet-conditions", {"commitment": "c3", "amount": usd("80.00")}),
        ("commitment.recognise", {"commitment": "c3", "amount": usd("60.00")}),
        ("unidentified-receipt.record", {"id": "u", "fund": "n", "amount": usd("50.00")}),
        ("unidentified-receipt.record", {"id": "v", "fund": "n", "amount": usd("5.00")}),
        ("unidentified-receipt.identify", {"receipt": "u", "commitment": "c3"}),
        ("unidentified-receipt.return", {"receipt": "v"}),
        (
            "donor-refund.decide",
            {
                "id": "z",
                "commitment": "c3",
                "amount": usd("30.00"),
                "against": "fund-balance",
                "reason": "asked for it",
            },
        ),
        ("commitment.reduce", {"commitment": "c3", "amount": usd("15.00")}),
        ("write-off.propose", {"id": "lost", "commitment": "c3"}),
        ("interest.earn", {"fund": "n", "amount": usd("7.00")}),
        ("cost.pay", {"fund": "n", "kind": "direct", "amount": usd("3.00")}),
        (
            "in-kind.record",
            {"id": "e", "fund": "n", "donor": "donor", "hours": "1.5", "hour": usd("9.00")},
        ),
    )
    for verb, fields in steps:
        made = await books.do(verb, operator("a"), **fields, **on)
        assert made.accepted, made.content
    assert not (await books.do("donor-refund.pay", operator("a"), refund="z", **on)).accepted
    assert (await books.do("donor-refund.pay", operator("b"), refund="z", **on)).accepted
    assert (await books.do("write-off.approve", operator("b"), write_off="lost", **on)).accepted


async def money_out(books: Books, on: dict[str, str]) -> None:
    """Pay a grant whose money bounces, comes short and is reported on; give some of another up."""
    for verb, key, fields in ADVANCE:
        assert (await books.do(verb, operator(key), **fields, **on)).accepted, verb
    named = {"disbursement": "d1"}
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("disbursement.bounce", "c", named),
        ("disbursement.return", "c", {**named, "needs": "bank-details", "answer_by": "2026-04-01"}),
        ("disbursement.resubmit", "a", named),
        ("disbursement.review", "b", named),
        ("disbursement.approve", "d", named),
        ("disbursement.instruct", "c", named),
        ("disbursement.settle", "e", {**named, "report_by": "2026-06-30"}),
        ("disbursement.confirm", "a", {**named, "received": usd("0.90")}),
        ("disbursement.resolve", "a", {**named, "outcome": "receivable", "refund": "f1"}),
        (
            "report.submit",
            "f",
            {"id": "r1", "commitment": "w1", "disbursement": "d1", "direct": usd("0.50")},
        ),
        ("report.question", "b", {"report": "r1", "answer_by": "2026-05-01", "reason": "Which?"}),
        ("report.answer", "f", {"report": "r1", "support_cost": usd("0.10")}),
        (
            "report.decide",
            "b",
            {"report": "r1", "direct": usd("0.30"), "rejected": usd("0.20"), "refund": "f3"},
        ),
        ("write-off.propose", "a", {"id": "wo2", "commitment": "w1", "refund": "f3"}),
        ("write-off.approve", "b", {"write_off": "wo2"}),
        ("write-off.reject", "b", {"write_off": "wo"}),
    ]
    for verb, key, fields in steps:
        made = await books.do(verb, operator(key), **fields, **on)
        assert made.accepted, made.content


async def bank(books: Books) -> None:
    """Keep two statements, match a line, take that apart, match it again, take the second back."""
    row = {"booked_on": "2026-03-31", "amount": "990000.00", "reference": "r"}
    told = {"fund": "g", "currency": "USD", "opening": "0", "narrative": "from the donor"}
    days = {"opened_on": "2026-03-01", "closed_on": "2026-03-31"}
    made = await books.do("bank.import", id="s", closing="990000", lines=[row], **told, **days)
    assert made.accepted
    later = {"id": "s2", "opened_on": "2026-04-01", "closed_on": "2026-04-30", "closing": "1"}
    second_page = await books.do("bank.import", **(told | later))
    assert not (await books.do("bank.import", **(told | later | {"id": "s3"}))).accepted
    deposit = await books.writer.run(lambda unit: unit.find(Deposit, "d"))
    assert deposit is not None  # the fee's record; the one before received it
    match: dict[str, Any] = {
        "statement": "s",
        "matches": [{"lines": [1], "records": [deposit.prev]}],
    }
    assert (await books.do("bank.match", **match)).accepted
    assert (await books.do("bank.unmatch", statement="s", line=1)).accepted
    assert (await books.do("bank.match", **match)).accepted
    assert (await books.do("record.reverse", record=second_page.seq)).accepted


async def vouchers(books: Books, on: dict[str, str]) -> None:
    """Post, take back, and ask in vain."""
    do, back = books.do, "record.reverse"
    made = await do(
        "entry.post",
        fund="g",
        lines=voucher("savings", "main", "5.00"),
        description="to save",
        **on,
    )
    assert (await do(back, record=made.seq, reason="a slip")).accepted
    assert not (await do(back, record=made.seq)).accepted
    assert not (await do("entry.post", fund="g", lines=voucher("main", "savings", "6.00"))).accepted
    assert not (await do("allocation.approve", fund="n", amount=usd("9999999.00"), **on)).accepted
    made = await do("disbursement.request", id="y", commitment="w", tranche=2)
    assert not made.accepted  # it was de-obligated


async def second(books: Books, on: dict[str, str]) -> None:
    """Sign a second contribution, and a transfer in two tranches out of it."""
    do = books.do
    await do(
        "commitment.sign", id="c2", from_party="donor", to_fund="n", amount=usd("1000.00"), **on
    )
    await do(
        "pledge.announce",
        id="p2",
        fund="n",
        donor="donor",
        amount=usd("70.00"),
        description="maybe",
        **on,
    )
    await do("pledge.lapse", pledge="p2", amount=usd("30.00"), **on)
    for amount, rate in (("100.00", "1.25"), ("100.01", "0.833333")):
        money = {"amount": amount, "currency": "EUR"}
        made = await do(
            "deposit.receive", commitment="c2", amount=money, rate=rate, settles=usd("100.00"), **on
        )
        assert made.accepted
    await do("allocation.approve", id="a2", fund="n", amount=usd("100.00"), **on)
    await do("allocation.return", allocation="a2", amount=usd("40.00"), **on)
    await do(
        "commitment.sign",
        id="t2",
        from_fund="n",
        to_fund="g",
        amount=usd("60.00"),
        allocation="a2",
        tranches=[{"amount": usd("50.00"), "due_on": "2026-04-01"}, {"amount": usd("10.00")}],
        **on,
    )
    await do("commitment.deobligate", commitment="t2", amount=usd("10.00"), **on)
    await do("fund.set-period", fund="n", open_from="2026-02-01", open_until="2026-06-30")
    late = {"effective_on": "2026-07-01"}
    assert not (
        await do("entry.post", fund="n", lines=voucher("b", "main", "1.00"), **late)
    ).accepted


async def board(books: Books, on: dict[str, str]) -> None:
    """Have a board vote, and use its motion, once in vain."""
    do = books.do
    await do("board.set", fund="g", limit=usd("10.00"))
    seat = {"fund": "g", "constituency": "donor", "party": "donor"}
    await do("board.seat", id="s", since="2020-01-01", until="2059-12-31", **seat)
    await do("board.seat", id="s2", **seat)
    await do("board.vacate", seat="s2")
    shares = [{"contribution": "c", "amount": usd("11.00")}]
    matter = {"fund": "g", "amount": usd("11.00"), "shares": shares}
    await do("motion.propose", id="m", closes_on="2020-01-01", description="why", **matter)
    donor = Actor("donor", "board", "k")
    for choice in ("against", "for"):
        made = await do("vote.cast", donor, motion="m", seat="s", choice=choice)
        assert made.accepted, made.content
    assert (await do("motion.close", motion="m")).accepted
    assert not (await do("allocation.approve", **matter, **on)).accepted
    assert (await do("allocation.approve", id="a3", motion="m", **matter, **on)).accepted


async def terms(books: Books, on: dict[str, str]) -> None:
    """Sign with an earmark and conditions, settle, contest, classify, amend, halt and end early."""
    do, far = books.do, {"place": ["KE-30"]}
    sides = {"from_fund": "g", "to_party": "group", "allocation": "a4", "amount": usd("20.00")}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("allocation.approve", {"id": "a4", "fund": "g", "amount": usd("50.00"), "earmark": far}),
        ("allocation.classify", {"allocation": "a4", "scheme": "oecd-dac", "score": "0"}),
        (
            "commitment.sign",
            {
                "id": "v",
                "tranches": [{"amount": usd("15.00")}, {"amount": usd("5.00")}],
                "conditions": [
                    {"id": "q1", "title": "Audit", "type": "fiduciary", "tranche": 1},
                    {"id": "q2", "title": "Plan", "type": "policy"},
                ],
                "ends_on": "2027-01-01",
                **sides,
            },
        ),
        (
            "condition.add",
            {
                "id": "q3",
                "commitment": "v",
                "title": "T",
                "type": "policy",
                "tranche": 2,
                "text": "-",
            },
        ),
        ("condition.accept", {"condition": "q3"}),
        ("condition.contest", {"condition": "q3", "reason": "why"}),
        ("condition.assess", {"condition": "q2", "assessment": "forbidden", "reason": "why"}),
        ("condition.answer", {"condition": "q3", "outcome": "upheld", "reason": "why"}),
        ("condition.waive", {"condition": "q2", "reason": "why"}),
        ("disbursement.request", {"id": "u", "commitment": "v", "tranche": 1}),
        ("condition.meet", {"condition": "q1"}),
        ("disbursement.approve", {"disbursement": "u"}),
        ("commitment.classify", {"commitment": "v", "scheme": "un-gem", "score": "2"}),
        ("commitment.amend", {"commitment": "v", "amount": usd("22.00")}),
        ("commitment.extend", {"commitment": "v", "ends_on": "2028-01-01"}),
        ("commitment.suspend", {"commitment": "v"}),
        ("commitment.resume", {"commitment": "v"}),
        ("commitment.terminate", {"commitment": "v"}),
    ]
    for number, (verb, fields) in enumerate(steps):
        made = await do(verb, operator(f"t{number}"), **fields, **on)
        assert made.accepted, made.content
        if verb == "disbursement.request":
            early = await do("disbursement.approve", operator("e"), disbursement="u", **on)
            assert not early.accepted


async def keys(books: Books) -> None:
    """Make two keys and revoke one."""
    await books.do("key.create", id="k", party="donor", role="donor", days=30)
    await books.do("key.create", id="k2", party="donor", role="donor", fund="g")
    await books.do("link.create", id="l", commitment="w")
    await books.do("link.create", id="l2", commitment="w")
    assert (await books.do("link.revoke", link="l2")).accepted
    revoke = Ask(operator(), VERBS["key.revoke"], RevokeKey(key="k2"), "revoke")
    assert (await books.writer.run(lambda unit: perform(unit, revoke))).accepted


async def imports(books: Books, folder: Path) -> None:
    """Import a file, and a changed one."""
    for number, text in enumerate(
        (
            published(
                "One",
                ("r1", "1", "10.00"),
                ("r2", "3", "-4.005"),
                ("r3", "99", "0"),
                ("", "11", "7"),
            ),
            published("Two", ("r1", "1", "11.00"), ("r3", "99", "5"), ("r4", "4", "1")),
        )
    ):
        path = folder / f"{number}.xml"
        path.write_text(text, "utf-8")
        assert (await import_iati(books.writer, operator(), path)).records


async def pay(books: Books, on: dict[str, str]) -> None:
    """Bring a transfer to its receiver, each step taken back once before it is taken for good."""
    first = {"id": "x", "commitment": "t2", "tranche": 1}
    steps = (
        ("request", "a", first),
        ("approve", "b", {}),
        ("release", "c", {}),
        ("confirm", "d", {}),
    )
    for number, (step, key, named) in enumerate(steps):
        for again in (True, False):
            fields = {**named, "id": f"x{again:d}"} if named else {"disbursement": "x0"}
            made = await books.do(f"disbursement.{step}", operator(key), **fields, **on)
            assert made.accepted, made.content
            if again:
                assert (await books.do("record.reverse", record=made.seq, **on)).accepted
        same = await books.do("disbursement.approve", operator("a"), disbursement="x0")
        assert not same.accepted, number  # by who requested it, or too late


async def exchange(books: Books) -> None:
    """Adopt a fund, keep euros, change, pay and revalue some, and close its year."""
    for verb, key, fields in EXCHANGE:
        made = await books.do(verb, operator(key), **fields)
        assert made.accepted, made.content


async def batch(books: Books) -> None:
    """Post some vouchers together, one linked group of them in vain."""
    told = [
        {"key": f"b{number}", "fund": "g", "lines": voucher(*each), "group": group}
        for number, (each, group) in enumerate(
            [
                (("x", "main", "3.00"), ""),
                (("y", "x", "1.00"), "both"),
                (("main", "x", "99.00"), "both"),
                (("main", "x", "2.00"), ""),
            ]
        )
    ]
    items = [msgspec.convert(each, EntryItem) for each in told]
    outcomes = await books.writer.run(lambda unit: post_batch(unit, operator(), items))
    assert [outcome.accepted for outcome in outcomes] == [True, False, False, True]


def silent(_table: str, _done: int, _total: int) -> None:
    """Watch nothing."""


@pytest.fixture
async def lived(books: Books, tmp_path: Path) -> Books:
    await live(books, tmp_path)
    return books


@asynccontextmanager
async def tampering(db: Database) -> AsyncIterator[asyncpg.Connection]:
    """Give a superuser's connection on which nothing guards any table; all is undone afterwards."""
    connection = await asyncpg.connect(db.admin_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
        await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
        await connection.execute("""
            DO $$ DECLARE t regclass; c text; BEGIN
              FOR t, c IN SELECT conrelid, conname FROM pg_constraint
                  WHERE connamespace = 'mfm'::regnamespace AND contype IN ('c', 'u', 'p', 'f') LOOP
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', t, c);
              END LOOP;
              FOR t IN SELECT indexrelid FROM pg_index JOIN pg_class ON oid = indexrelid
                  WHERE relnamespace = 'mfm'::regnamespace AND indisunique LOOP
                EXECUTE format('DROP INDEX %s', t);
              END LOOP;
              FOR t IN SELECT oid FROM pg_class
                  WHERE relnamespace = 'mfm'::regnamespace AND relkind = 'r' LOOP
                EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', t);
              END LOOP;
            END $$""")
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


async def look(connection: asyncpg.Connection, books: Books) -> Verified:
    return await store.compare(connection, books.mechanism, request_of, silent)


async def tried(connection: asyncpg.Connection, books: Books, sql: str) -> Verified:
    """Change something, look, and undo it."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        done = await connection.execute(sql, books.mechanism.id)
        assert not done.endswith(" 0"), f"nothing was changed by {sql}"
        return await look(connection, books)
    finally:
        await savepoint.rollback()


# Sound books --------------------------------------------------------------------------------------


async def test_an_empty_journal_verifies(books: Books) -> None:
    found = await verify_database(books.url, books.mechanism, operator(), silent)
    assert (found.ok, found.records, found.postings, found.difference) == (True, 0, 0, None)


async def test_the_worked_example_verifies_after_every_record(books: Books) -> None:
    for number, (verb, key, fields) in enumerate(CHAIN, 1):
        await books.do(verb, operator(key), **fields)
        found = await verify_database(books.url, books.mechanism, operator(), silent)
        assert (found.difference, found.records) == (None, number)


async def test_refusals_reversals_vouchers_and_imports_verify(lived: Books) -> None:
    seen: dict[str, int] = {}
    found = await verify_database(
        lived.url, lived.mechanism, operator(), lambda table, done, _: seen.update({table: done})
    )
    assert found.difference is None
    assert found.ok
    assert found.records > 60
    assert found.checks > 2 * found.records
    again = {"decision again"}
    assert set(store.TABLES) - {"posting", "payload", "mechanism", "head"} | again == set(seen)


async def test_every_table_of_the_schema_is_compared(lived: Books, db: Database) -> None:
    connection = await asyncpg.connect(db.admin_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'mfm'")
    assert {row[0] for row in tables} == {*store.TABLES, *store.UNVERIFIED}
    for table in store.TABLES:  # and has a row here, so that the tests below mean something
        query = f"SELECT count(*) FROM mfm.{table} WHERE mechanism_id = $1"
        assert await connection.fetchval(query, lived.mechanism.id), table
    await connection.close()


async def test_only_operators_and_auditors_may_ask(books: Books) -> None:
    auditor = Actor("anybody", "auditor", "k")
    assert (await verify_database(books.url, books.mechanism, auditor, silent)).ok
    for role in ("donor", "payer", "administrator"):
        with pytest.raises(Invalid, match="role-not-allowed"):
            await verify_database(books.url, books.mechanism, Actor("p", role, "k"), silent)


# Tampering ----------------------------------------------------------------------------------------

UNTOLD = {
    ("mechanism", "created_at"),
    ("checkpoint", "sealed_at"),
    ("cosignature", "mechanism_id"),
    ("anchor", "mechanism_id"),
    ("anchor", "content"),
}
"""When a mechanism's row was made, and when it was sealed, stands in no record; whether others said
something of a checkpoint neither. An anchor's content its authority's signature holds."""
MAY_GO = ("checkpoint", "cosignature", "anchor")
"""No record says what was sealed, and who said what of it: who holds a copy tells that it went."""
OTHERWISE = {
    "text": "{0} || 'x'",
    "bytea": "set_byte({0}, length({0}) / 2, get_byte({0}, length({0}) / 2) # 1)",
    "boolean": "NOT {0}",
    "date": "coalesce({0} + 1, DATE '2026-01-01')",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "jsonb": '{0} || {0} || \'[{{"number": 9, "amount_minor": 1, "contribution": "z"}}]\'',
    "smallint": "-1 - {0}",
    "integer": "{0} + 1",
    "bigint": "coalesce({0} + 1, 1)",
    "daterange": "daterange(lower({0}) - 1, upper({0}))",
    "int4range": "int4range(upper({0}), upper({0}) + 1)",
    "int8range": "int8range(upper({0}), upper({0}) + 1)",
}
ONE = "(SELECT ctid FROM mfm.{0} WHERE mechanism_id = $1 ORDER BY {1} LIMIT 1)"
"""Of the records the first: others answer requests that they do not tell whole."""


async def test_every_column_of_every_table_is_held(lived: Books, db: Database) -> None:
    async with tampering(db) as connection:
        assert (await look(connection, lived)).ok
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'mfm'"
        )
        missed = []
        for table, column, kind in columns:
            if table in store.UNVERIFIED:  # no record says what is in it
                continue
            other = OTHERWISE[kind].format(column)
            one = ONE.format(table, "seq" if table == "record" else "ctid")
            sql = f"UPDATE mfm.{table} SET {column} = {other} WHERE ctid = {one}"
            if (table, column) not in UNTOLD and (await tried(connection, lived, sql)).ok:
                missed.append(f"{table}.{column}")
        assert not missed


@pytest.mark.parametrize("table", store.TABLES)
async def test_no_row_may_go_or_come(table: str, lived: Books, db: Database) -> None:
    one = ONE.format(table, "ctid")
    async with tampering(db) as connection:
        gone = await tried(connection, lived, f"DELETE FROM mfm.{table} WHERE ctid = {one}")
        twice = await tried(
            connection,
            lived,
            f"INSERT INTO mfm.{table} SELECT * FROM mfm.{table} WHERE ctid = {one}",
        )
    assert not gone.ok or table in MAY_GO
    assert not twice.ok


def update(table: str, sets: str, where: str = "true") -> str:
    return f"UPDATE mfm.{table} SET {sets} WHERE mechanism_id = $1 AND {where}"


def delete(table: str, where: str = "true") -> str:
    return f"DELETE FROM mfm.{table} WHERE mechanism_id = $1 AND {where}"


def rewritten(seq: int, pattern: str, text: str) -> str:
    """Change a record's bytes and give it the leaf that belongs to them."""
    fresh = (
        f"convert_to(regexp_replace(convert_from(content, 'UTF8'), '{pattern}', '{text}'), 'UTF8')"
    )
    sets = f"content = {fresh}, leaf = sha256('\\x00'::bytea || {fresh})"
    return update("record", sets, f"seq = {seq}")


SWAPPED = """UPDATE mfm.record r SET content = o.content, leaf = o.leaf, key_hash = o.key_hash
FROM mfm.record o WHERE r.mechanism_id = $1 AND o.mechanism_id = $1
 AND r.seq IN (1, 2) AND o.seq = 3 - r.seq"""
EARLY = """INSERT INTO mfm.posting SELECT mechanism_id, debit_id, -5, debit_version, credit_version,
 debit_balance, credit_balance, amount_minor, credit_id, effective_on, line, iati_sign, iati_type
 FROM mfm.posting WHERE mechanism_id = $1 LIMIT 1"""
FOREIGN = "INSERT INTO mfm.payload SELECT $1, 1000000, 'reason', sha256('salt'), 'why'"
LAST = "seq = (SELECT max(seq) FROM mfm.record WHERE mechanism_id = $1)"
ONE_MORE = "amount_minor = amount_minor + 1, debit_balance = debit_balance + 1"
BOTH_SIDES = "debit_minor = debit_minor + 1, credit_minor = credit_minor + 1"

TAMPERED = {
    "an amount and a balance": (update("posting", ONE_MORE), "posting-row"),
    "a running balance": (update("posting", "debit_balance = 1", "seq = 10"), "posting-row"),
    "a balance on both sides": (update("balance", BOTH_SIDES), "balance-row"),
    "an account's fund": (update("account", "fund = 'n'", "code = '5400'"), "account-row"),
    "a grantee": (update("commitment", "to_party = 'agent'", "id = 'w'"), "commitment-row"),
    "a fund's periods": (update("fund", "open_until = NULL"), "fund-row"),
    "whose key it was": (update("record", "key_hash = '0123456789abcdef'"), "record-row"),
    "which request it was": (update("record", "request = sha256('x')", "seq = 10"), "record-row"),
    "a white space": (update("record", "content = content || ' '", "seq = 10"), "record-canonical"),
    "a record's words": (rewritten(2, "Donor", "Giver"), "record-row"),
    "a record's nonce": (rewritten(5, '"nonce":".{9}', '"nonce":"AAAAAAAAA'), "record-chain"),
    "a record's amount": (rewritten(7, "120000000", "120000001"), "states-and-accounts"),
    "two records' places": (SWAPPED, "record-seq"),
    "the last record": (delete("record", LAST), "head-row"),
    "a record in the middle": (delete("record", "seq = 7"), "record-seq"),
    "a posting of no record": (update("posting", "seq = 1000000", "seq = 26"), "posting-row"),
    "a posting before all records": (EARLY, "posting-extra"),
    "what somebody wrote freely": (update("payload", "value = 'else'"), "payload-row"),
    "free text of no record": (FOREIGN, "payload-extra"),
    "free text that went": (delete("payload"), "payload-missing"),
    "a blob's content": (update("blob", "content = 'x'"), "blob-row"),
    "a blob and its name": (update("blob", "content = 'x', sha256 = sha256('x')"), "blob-extra"),
    "all blobs": (delete("blob"), "blob-missing"),
    "a chain's end": (update("fund_head", "fund_seq = 99", "fund = 'g'"), "fund_head-row"),
    "the trail's name": (update("mechanism", "origin = 'mfm/other'"), "mechanism-row"),
    "that it was taken back": (update("record", "reverses = NULL", "reverses > 0"), "reversal"),
    "a noun beyond reading": (update("commitment", "tranches = '7'"), "commitment-row"),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampering_is_found_for_what_it_is(what: str, lived: Books, db: Database) -> None:
    sql, check = TAMPERED[what]
    async with tampering(db) as connection:
        found = await tried(connection, lived, sql)
    assert found.difference is not None
    assert found.difference.check == check, found.difference


# The command --------------------------------------------------------------------------------------


async def run(books: Books, *argv: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["verify", "--mechanism", books.mechanism.name, *argv])
    session = Session(Settings(data_dir=Path("/nowhere"), database_url=books.url))
    try:
        code: int = await args.run(session, args)
        return code
    finally:
        session.close()


async def test_the_command_says_ok_or_what_differs(
    books: Books, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await books.chain()
    assert await run(books, "--database") == 0
    assert capsys.readouterr().out.startswith(
        f"ok: {books.mechanism.name}: 26 records, 31 postings"
    )
    assert await run(books, "--database", "--json") == 0
    told = msgspec.json.decode(capsys.readouterr().out)
    assert (told["ok"], told["records"], told["postings"], told["difference"]) == (
        True,
        26,
        31,
        None,
    )

    connection = await asyncpg.connect(db.admin_url)
    async with connection.transaction():
        await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
        await connection.execute(
            "UPDATE mfm.refund SET amount_minor = 1 WHERE mechanism_id = $1", books.mechanism.id
        )
    await connection.close()
    assert await run(books, "--database", "--json") == 1
    out = capsys.readouterr()
    told = msgspec.json.decode(out.out)
    assert (told["ok"], told["difference"]["check"], told["difference"]["seq"]) == (
        False,
        "refund-row",
        25,
    )
    assert out.err == ""
    assert await run(books, "--database") == 1
    assert capsys.readouterr().out.startswith("difference: refund-row, record 25: f is Refund(")
