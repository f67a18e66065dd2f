"""The verbs: who may, what is refused and what it leaves, and books that hold after each event."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from mfm.app.entries import post_batch
from mfm.app.perform import Ask, perform, refusal_of
from mfm.app.registry import VERBS
from mfm.app.verify import verify_database
from mfm.core.entries import MAX_BATCH, EntryBatch, EntryItem
from mfm.core.errors import Invalid
from mfm.core.permissions import ROLES, TABLE, Actor
from mfm.core.record import parse
from mfm.store import database
from mfm.store.unit import Unit
from mfm.store.writer import Writer
from tests import ruling
from tests.app.invariants import INVARIANTS, broken
from tests.calling import APPLICATION, CALL
from tests.conftest import Database
from tests.support import ADVANCE, CHAIN, MONEY_IN, TERMS, Books, operator, usd

pytestmark = pytest.mark.anyio
ON = {"effective_on": "2026-03-02"}


@pytest.fixture
async def look(books: Books) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect(books.url, "mfm_writer")
    yield connection
    await connection.close()


GOVERNED: dict[str, dict[str, Any]] = {
    "board.set": {"fund": "n"},
    "board.seat": {"id": "seat", "fund": "n", "constituency": "un", "party": "agent"},
    "motion.propose": {"id": "motion", "fund": "n", "amount": usd("1.00")},
    "link.create": {"id": "link", "commitment": "w"},
    "bank.import": {
        "id": "statement",
        "fund": "n",
        "currency": "USD",
        "opened_on": "2026-03-01",
        "closed_on": "2026-03-31",
        "opening": "0.00",
        "closing": "1.00",
        "lines": [{"booked_on": "2026-03-02", "amount": "1.00", "reference": "x"}],
    },
}
"""Of fund n: a board with a seat, a matter before it, a grantee's link, a bank statement."""


LEAVE: dict[str, Any] = {
    "fund": "n",
    "gate": "payment",
    "subject": "disbursement:d1",
    "rules": ["tests.spending@1/currency"],
    "valid_until": CALL["closes_on"],
    "reason": "why",
}


CALLED: list[tuple[str, dict[str, Any]]] = [
    ("party.register", {"id": "donor2", "name": "Another donor"}),
    ("party.attest", {"party": "donor2", "kind": "level", "value": "local", "source": "s"}),
    ("waiver.sign", {"id": "leave", **LEAVE}),
    ("condition.contest", {"condition": "k2", "reason": "why"}),
    ("call.draft", {**CALL, "id": "k0"}),
    ("call.consult", {"call": "k0", "until": CALL["closes_on"]}),
    ("comment.make", {"id": "c0", "call": "k0", "party": "group", "text": "T"}),
    ("call.draft", CALL),
    (
        "sharing.propose",
        {"id": "share", "from_fund": "g", "to_fund": "n", "valid_from": "2026-03-02"},
    ),
]
"""Of fund n: a call's draft with a comment, another that is to be published, an offer to share."""
CASE = "case"  # stands for its id, which is given when it is opened
OVERLAP = {"first": "donor2", "second": "group", "score": 900, "band": "strong", "reasons": "why"}


class Played(NamedTuple):
    """The worked example, played; what follows must leave it as it is.

    Attributes:
        books: where it is played.
        look: a connection that reads.
        case: a case of overlap that concerns fund n, by the grantee's side of it.
        decision: one that concerns the donor, who contests it.
    """

    books: Books
    look: asyncpg.Connection
    case: str
    decision: str

    def of_donor(self, verb: str) -> dict[str, Any]:
        """What the donor asks otherwise than the grantee: it contests what concerns itself."""
        asked = {
            "contest.open": {"subject": f"decision:{self.decision}", "reason": "why"},
            "contest.withdraw": {"contest": f"decision.{self.decision}"},
        }
        return asked.get(verb, {})

    async def seq(self) -> int:
        """Where the journal stands."""
        return await self.look.fetchval(
            "SELECT seq FROM head WHERE mechanism_id = $1", self.books.mechanism.id
        )


@pytest.fixture(scope="module")
async def played(db: Database) -> AsyncIterator[Played]:
    mechanism = await database.create_mechanism(db.app_url, f"t-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    books = Books(db.app_url, mechanism, writer)
    await books.chain()
    await books.do("key.create", id="k", party="donor", role="donor")
    yen = {"tier": "local", "currency": "JPY", "steward": "agent"}
    await books.do("fund.open", id="y", name="Yen", **yen)
    await books.do("fund.set-period", fund="y", open_from="2026-01-01", open_until="2026-06-30")
    for verb, key, fields in [*ADVANCE, *MONEY_IN, *TERMS]:
        assert (await books.do(verb, operator(key), **fields, **ON)).accepted, verb
    await books.do("policy.draft", content=ruling.file(name="q"))
    for verb, fields in [*GOVERNED.items(), *CALLED]:
        assert (await books.do(verb, **fields)).accepted, verb
    assert (await books.do("call.publish", operator("other"), call="k")).accepted
    assert (await books.do("application.draft", id="ap", **APPLICATION)).accepted
    opened = await books.do("overlap.open", detector="same-organisation", **OVERLAP)
    case = parse(opened.content)[1].sets["overlap_case"][0]["id"]
    look = await database.connect(db.app_url, "mfm_writer")
    own = "SELECT min(id) FROM mfm.decision WHERE mechanism_id = $1 AND party = 'donor'"
    decision = await look.fetchval(own, mechanism.id)
    why = {"subject": f"decision:{decision}", "reason": "why"}
    assert (await books.do("contest.open", Actor("donor", "donor", "dk"), **why)).accepted
    yield Played(books, look, case, decision)
    await look.close()
    await writer.close()


# Invariants --------------------------------------------------------------------------------------


async def test_invariants_hold_after_every_event_and_every_reversal(
    books: Books, look: asyncpg.Connection
) -> None:
    for verb, key, fields in CHAIN:
        made = await books.do(verb, operator(key), **fields)
        assert made.accepted, verb
        assert await broken(look, books.mechanism) == [], verb
    for seq in range(len(CHAIN), 1, -1):  # policies that were adopted stay
        made = await books.do("record.reverse", record=seq, **ON)
        assert made.accepted, (CHAIN[seq - 1], refusal_of(made))
        assert await broken(look, books.mechanism) == [], CHAIN[seq - 1]
    held = await look.fetch(
        "SELECT code, debit_minor, credit_minor FROM mfm.account"
        " JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1",
        books.mechanism.id,
    )
    assert len(held) > 20
    assert [tuple(row) for row in held if row[1] != row[2]] == []
    for table in ("party", "fund", "pledge", "commitment", "deposit", "allocation"):
        rows = await look.fetch(
            f"SELECT DISTINCT status FROM {table} WHERE mechanism_id = $1", books.mechanism.id
        )
        assert [status for (status,) in rows] == ["reversed"], table
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.ok, found.difference


TAMPERED = {
    "UPDATE balance SET debit_minor = debit_minor + 1 FROM account a WHERE a.code = '1100'": {1, 3},
    "UPDATE balance SET debit_minor = debit_minor + 1 FROM account a WHERE a.code = '9340'": {1, 2},
    "UPDATE balance SET credit_minor = credit_minor + 1 FROM account a WHERE a.code = '2200'": {
        1,
        4,
        5,
    },
    "UPDATE balance SET credit_minor = credit_minor + 1 FROM account a WHERE a.code = '2300'": {
        1,
        6,
    },
    "UPDATE balance SET debit_minor = debit_minor + 1 FROM account a WHERE a.code = '5400'": {1, 8},
    "UPDATE balance SET debit_minor = debit_minor + 1 FROM account a WHERE a.code = '1120'": {
        1,
        11,
    },
    "UPDATE allocation SET shares = '[]'": {7},
    "UPDATE deposit SET fee_minor = fee_minor + 100": {7, 8},
    "UPDATE commitment SET tranches = '[]' WHERE kind = 'grant'": {9},
    "UPDATE commitment SET accepted_minor = accepted_minor - 1 WHERE id = 'w'": {5},
    "UPDATE commitment SET paid_minor = paid_minor - 1 WHERE kind = 'transfer'": {11},
    "UPDATE disbursement SET confirmed_on = '2026-03-01' WHERE to_fund <> ''": {11},
}


@pytest.mark.parametrize("statement", TAMPERED)
async def test_the_battery_sees_what_it_is_for(
    played: Played, db: Database, statement: str
) -> None:
    admin = await asyncpg.connect(db.admin_url, server_settings={"search_path": "mfm"})
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute("SET LOCAL mfm.appending = 'on'")
    table = statement.split()[1]
    mine = f"{table}.mechanism_id = {played.books.mechanism.id}"
    if table == "balance":
        mine += " AND a.mechanism_id = balance.mechanism_id AND a.account_id = balance.account_id"
    word = "AND" if "WHERE" in statement else "WHERE"
    if table == "commitment":  # the database would not let it pass either
        await admin.execute("ALTER TABLE commitment DROP CONSTRAINT commitment_tranches")
    await admin.execute(f"{statement} {word} {mine}")
    found = await broken(admin, played.books.mechanism)
    await transaction.rollback()
    await admin.close()
    assert {int(each[1:].partition(")")[0]) for each in found} == TAMPERED[statement]


def test_every_invariant_is_seen_to_fail() -> None:
    assert set().union(*TAMPERED.values()) == set(INVARIANTS) == {*range(1, 10), 11}


# Permissions -------------------------------------------------------------------------------------

# A request of each verb that concerns fund n (and g, for the first side of the transfer) alone.
REQUESTS: dict[str, dict[str, Any]] = {
    "party.register": {"name": "P"},
    "party.set-risk": {"party": "group"},
    "fund.open": {"name": "F", "tier": "local", "currency": "USD", "steward": "agent"},
    "fund.set-period": {"fund": "n", "open_from": "2026-01-01"},
    "fund.set-disbursing": {"fund": "n", "review": False},
    "rate.record": {
        "base": "EUR",
        "quote": "USD",
        "rated_on": "2026-03-02",
        "rate": "1.1",
        "source": "ecb",
    },
    "period.close": {"fund": "n", "last_day": "2020-12-31"},
    "account.open": {"fund": "n", "code": "5600-10", "name": "Travel"},
    "fund.open-balances": {
        "fund": "n",
        "effective_on": "2026-01-01",
        "lines": [
            {"account": "3100", "debit": usd("1.00")},
            {"account": "3300", "credit": usd("1.00")},
        ],
    },
    "fund.convert": {
        "fund": "n",
        "sold": usd("1.00"),
        "bought": {"amount": "1.00", "currency": "EUR"},
        "bought_to": "euros",
    },
    "fund.revalue": {"fund": "n", "rate_on": "2026-03-02"},
    "pledge.announce": {"fund": "n", "donor": "donor", "amount": usd("1.00")},
    "pledge.lapse": {"pledge": "p"},
    "commitment.sign": {"from_party": "donor", "to_fund": "n", "amount": usd("1.00")},
    "commitment.deobligate": {"commitment": "w"},
    "commitment.amend": {"commitment": "w", "amount": usd("999999.00")},
    "commitment.extend": {"commitment": "w", "ends_on": "2030-01-01"},
    "commitment.suspend": {"commitment": "w"},
    "commitment.resume": {"commitment": "w"},
    "commitment.terminate": {"commitment": "w"},
    "commitment.classify": {"commitment": "w", "scheme": "un-gem", "score": "2"},
    "condition.add": {"commitment": "c", "title": "T", "type": "policy"},
    "condition.accept": {"condition": "k2"},
    "condition.meet": {"condition": "k2"},
    "condition.waive": {"condition": "k1", "reason": "why"},
    "condition.assess": {"condition": "k2", "assessment": "permitted", "reason": "why"},
    "condition.contest": {"condition": "k2", "reason": "why"},
    "condition.answer": {"condition": "k1", "outcome": "upheld", "reason": "why"},
    "commitment.meet-conditions": {"commitment": "c"},
    "commitment.recognise": {"commitment": "c"},
    "commitment.reduce": {"commitment": "c"},
    "donor-refund.decide": {"commitment": "c"},
    "donor-refund.pay": {"refund": "z"},
    "unidentified-receipt.record": {"fund": "n", "amount": usd("1.00")},
    "unidentified-receipt.identify": {"receipt": "u", "commitment": "c"},
    "unidentified-receipt.return": {"receipt": "u"},
    "interest.earn": {"fund": "n", "amount": usd("1.00")},
    "cost.pay": {"fund": "n", "kind": "direct", "amount": usd("1.00")},
    "in-kind.record": {"fund": "n", "donor": "donor", "hours": "1", "hour": usd("1.00")},
    "deposit.receive": {"commitment": "c", "amount": usd("1.00")},
    "deposit.charge-fee": {"deposit": "d"},
    "allocation.approve": {"fund": "n", "amount": usd("1.00")},
    "allocation.classify": {"allocation": "an", "scheme": "un-gem", "score": "2"},
    "allocation.return": {"allocation": "an", "amount": usd("1.00")},
    "disbursement.request": {"commitment": "w", "tranche": 2},
    "disbursement.resubmit": {"disbursement": "dw"},
    "disbursement.review": {"disbursement": "dw"},
    "disbursement.return": {"disbursement": "dw", "needs": "documents"},
    "disbursement.reject": {"disbursement": "dw"},
    "disbursement.cancel": {"disbursement": "dw"},
    "disbursement.approve": {"disbursement": "dw"},
    "disbursement.instruct": {"disbursement": "dw"},
    "disbursement.settle": {"disbursement": "dw"},
    "disbursement.bounce": {"disbursement": "dw"},
    "disbursement.resolve": {"disbursement": "dw", "outcome": "arrived"},
    "disbursement.release": {"disbursement": "dw"},
    "disbursement.confirm": {"disbursement": "dw"},
    "report.accept": {"commitment": "w", "direct": usd("1.00")},
    "report.submit": {"commitment": "w", "direct": usd("1.00")},
    "report.question": {"report": "r"},
    "report.answer": {"report": "r"},
    "report.decide": {"report": "r"},
    "write-off.propose": {"commitment": "w", "amount": usd("1.00")},
    "write-off.approve": {"write_off": "wo"},
    "write-off.reject": {"write_off": "wo"},
    "refund.claim": {"commitment": "w", "amount": usd("1.00")},
    "refund.receive": {"refund": "f"},
    "entry.post": {
        "fund": "n",
        "lines": [
            {"account": "3100", "debit": usd("1.00")},
            {"account": "3300", "credit": usd("1.00")},
        ],
    },
    "record.reverse": {"record": 6},
    **{verb: {**fields, "id": "another"} for verb, fields in GOVERNED.items() if "id" in fields},
    "board.set": {"fund": "n", "quorum_seats": 2},
    "board.vacate": {"seat": "seat"},
    "vote.cast": {"motion": "motion", "seat": "seat", "choice": "for"},
    "conflict.declare": {"motion": "motion", "seat": "seat"},
    "motion.close": {"motion": "motion"},
    "policy.draft": {"content": ruling.file()},
    "policy.test": {"policy": "q.v1", "cases": ruling.cases(name="q")},
    "policy.simulate": {"policy": "q.v1", **ruling.SPAN},
    "policy.approve": {"policy": "q.v1"},
    "policy.activate": {"policy": "q.v1"},
    "policy.adopt": {},
    "party.attest": {"party": "donor2", "kind": "mission", "source": "s"},
    "attestation.withdraw": {"attestation": "donor2.level", "reason": "why"},
    "fund.set-standards": {"fund": "n", "local_percent": 30},
    "waiver.sign": LEAVE,
    "waiver.revoke": {"waiver": "leave", "reason": "why"},
    "contest.open": {"subject": "application:ap", "reason": "why"},
    "contest.assign": {"contest": "condition.k2", "owner": "k"},
    "contest.withdraw": {"contest": "condition.k2"},
    "contest.answer": {"contest": "condition.k2", "outcome": "dismissed", "reason": "why"},
    "call.draft": {**CALL, "id": "k9"},
    "call.revise": {**{name: CALL[name] for name in CALL.keys() - {"id", "fund"}}, "call": "k0"},
    "call.consult": {"call": "k0", "until": CALL["closes_on"]},
    "call.publish": {"call": "k0"},
    "call.close": {"call": "k"},
    "call.cancel": {"call": "k0", "reason": "why"},
    "comment.make": {"call": "k", "text": "what"},
    "comment.answer": {"comment": "c0", "changed": True, "reason": "why"},
    "application.draft": APPLICATION,
    "application.revise": {"application": "ap", "title": "T", "amount": usd("1.00")},
    "application.consent": {"application": "ap", "partner": "group"},
    "application.submit": {"application": "ap"},
    "application.withdraw": {"application": "ap"},
    "application.classify": {"application": "ap", "scheme": "un-gem", "score": "2"},
    "application.decide": {"application": "ap", "outcome": "declined", "reason": "why"},
    "overlap.open": {"detector": "shared-control", **OVERLAP},
    "overlap.explain": {"overlap": CASE, "text": "T"},
    "overlap.decide": {"overlap": CASE, "outcome": "affiliate", "reason": "why"},
    "overlap.reopen": {"overlap": CASE, "reason": "why"},
    "sharing.propose": {"from_fund": "n", "to_fund": "g", "valid_from": "2026-03-02"},
    "sharing.agree": {"agreement": "share"},
    "sharing.end": {"agreement": "share", "reason": "why"},
    "link.revoke": {"link": "link"},
    "bank.match": {"statement": "statement", "matches": [{"lines": [1], "records": [6]}]},
    "bank.unmatch": {"statement": "statement", "line": 1},
    "payload.erase": {"record": 6, "fields": ["description"], "legal_basis": "a rule"},
    "key.create": {"party": "donor", "role": "donor"},
    "key.revoke": {"key": "k"},
}
DENIALS = {"role-not-allowed", "fund-not-allowed", "party-not-allowed"}


class _Undone(Exception):
    """Raised at the end of a job, so that nothing of it is written."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def outcome(books: Books, verb: str, actor: Actor, fields: dict[str, Any]) -> str:
    """Perform a verb and take it back; return its code, or "" when it was accepted."""
    command = msgspec.convert(fields, VERBS[verb].command)

    async def job(unit: Unit) -> None:
        try:
            made = await perform(unit, Ask(actor, VERBS[verb], command, f"u-{uuid4()}"))
        except Invalid as invalid:
            raise _Undone(invalid.code) from None
        raise _Undone("" if made.accepted else refusal_of(made)[0])

    with pytest.raises(_Undone) as raised:
        await books.writer.run(job)
    return raised.value.outcome


def test_there_is_a_request_of_every_verb() -> None:
    assert set(REQUESTS) == set(VERBS) <= set(TABLE)


@pytest.mark.parametrize("verb", REQUESTS)
async def test_each_role_may_what_the_table_says(played: Played, verb: str) -> None:
    before, usual = await played.seq(), REQUESTS[verb]
    hides = usual.get("overlap") == CASE  # to those whom a case does not concern it is not there
    if hides:
        usual = {**usual, "overlap": played.case}
    for role in ROLES:
        request = (played.of_donor(verb) if role == "donor" else {}) or usual
        scope = TABLE[verb].get(role)
        party = {"donor": "donor", "grantee": "group"}.get(role, "agent")
        told = await outcome(played.books, verb, Actor(party, role, "x"), request)
        if scope is None:
            assert told == "role-not-allowed", role
        else:
            assert told not in DENIALS, role
        if scope == "fund":  # a key for another fund, which is no side of this
            told = await outcome(played.books, verb, Actor(party, role, "x", "y"), request)
            assert told == ("not-found" if hides else "fund-not-allowed"), role
        if scope == "own":  # the same role, for somebody else
            told = await outcome(played.books, verb, Actor("agent", role, "x"), request)
            assert told == ("not-found" if hides else "party-not-allowed"), role
    assert await outcome(played.books, verb, operator("x"), request) not in DENIALS
    assert await played.seq() == before


async def test_a_denial_leaves_nothing_and_binds_no_key(books: Books) -> None:
    await books.chain()
    pledge = {"id": "p9", "fund": "g", "donor": "donor", "amount": usd("1.00")}
    with pytest.raises(Invalid, match="role-not-allowed"):
        await books.do("pledge.announce", Actor("donor", "auditor", "x"), key="k", **pledge)
    made = await books.do("pledge.announce", Actor("donor", "donor", "x"), key="k", **pledge)
    assert (made.accepted, made.replayed, made.seq) == (True, False, len(CHAIN) + 1)


# Bad input ---------------------------------------------------------------------------------------


def lines(*told: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Lines of a voucher as (account/subject, side, amount [currency])."""
    made = []
    for name, side, amount in told:
        account, _, subject = name.partition("/")
        value, _, currency = amount.partition(" ")
        money = {"amount": value, "currency": currency or "USD"}
        made.append({"account": account, "subject": subject, side: money})
    return made


def entry(*told: tuple[str, str, str], fund: str = "g", **more: object) -> dict[str, Any]:
    return {"fund": fund, "lines": lines(*told), **ON, **more}


DEBIT, CREDIT = ("3100", "debit", "1.00"), ("3300", "credit", "1.00")
AMOUNTS = {
    "NaN": "amount-malformed",
    "Infinity": "amount-malformed",
    "1e2": "amount-malformed",
    "1E2": "amount-malformed",
    "0x10": "amount-malformed",
    "1_000": "amount-malformed",
    "": "amount-malformed",
    "-1.00": "amount-negative",
    "0.00": "amount-zero",
    "1.001": "amount-precision",
    "92233720368547758.08": "amount-too-large",
}
JPY = {"amount": "1.5", "currency": "JPY"}

INVALID: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (code, "entry.post", entry(DEBIT, ("3300", "credit", amount)))
        for amount, code in AMOUNTS.items()
    ),
    ("entry-unbalanced", "entry.post", entry(DEBIT, ("3300", "credit", "1.01"))),
    ("entry-unbalanced", "entry.post", entry(DEBIT, ("9300/c", "credit", "1.00"))),
    ("entry-cross-currency", "entry.post", entry(DEBIT, ("3300", "credit", "1.00 EUR"))),
    ("currency-not-fund", "entry.post", entry(DEBIT, CREDIT, fund="y")),
    (
        "currency-unknown",
        "entry.post",
        entry(("3100", "debit", "1.00 QQQ"), ("3300", "credit", "1.00 QQQ")),
    ),
    ("account-unknown", "entry.post", entry(DEBIT, ("3301", "credit", "1.00"))),
    ("account-controlled", "entry.post", entry(DEBIT, ("1200/c", "credit", "1.00"))),
    ("entry-circular", "entry.post", entry(DEBIT, ("3100", "credit", "1.00"))),
    ("not-found", "entry.post", entry(DEBIT, CREDIT, fund="nowhere")),
    ("not-found", "pledge.announce", {"fund": "g", "donor": "nobody", "amount": usd("1.00")}),
    ("not-found", "disbursement.approve", {"disbursement": "nothing"}),
    ("not-found", "record.reverse", {"record": 999_999}),
    (
        "id-taken",
        "pledge.announce",
        {"id": "p", "fund": "g", "donor": "donor", "amount": usd("1.00")},
    ),
    (
        "id-taken",
        "fund.open",
        {"id": "g", "name": "G", "tier": "local", "currency": "USD", "steward": "agent"},
    ),
    (
        "currency-unknown",
        "fund.open",
        {"name": "G", "tier": "local", "currency": "QQQ", "steward": "agent"},
    ),
    (
        "time-zone-unknown",
        "fund.open",
        {
            "name": "G",
            "tier": "local",
            "currency": "USD",
            "steward": "agent",
            "time_zone": "Mars/Olympus",
        },
    ),
    ("amount-precision", "pledge.announce", {"fund": "y", "donor": "donor", "amount": JPY}),
    (
        "commitment-sides",
        "commitment.sign",
        {"from_party": "donor", "to_party": "group", "amount": usd("1.00")},
    ),
    ("commitment-kind", "deposit.receive", {"commitment": "w", "amount": usd("1.00")}),
    ("commitment-kind", "report.accept", {"commitment": "c", "direct": usd("1.00")}),
    ("commitment-kind", "refund.claim", {"commitment": "t", "amount": usd("1.00")}),
    ("commitment-kind", "disbursement.request", {"commitment": "c", "tranche": 1}),
    ("commitment-kind", "commitment.deobligate", {"commitment": "c"}),
    (
        "commitment-allocation",
        "commitment.sign",
        {"from_party": "donor", "to_fund": "g", "amount": usd("1.00"), "allocation": "ag"},
    ),
    (
        "allocation-missing",
        "commitment.sign",
        {"from_fund": "g", "to_party": "group", "amount": usd("1.00")},
    ),
    (
        "allocation-other",
        "commitment.sign",
        {"from_fund": "n", "to_party": "group", "amount": usd("1.00"), "allocation": "ag"},
    ),
    (
        "currency-not-fund",
        "commitment.sign",
        {"from_fund": "g", "to_fund": "y", "amount": usd("1.00"), "allocation": "ag"},
    ),
    (
        "pledge-other",
        "commitment.sign",
        {"from_party": "group", "to_fund": "g", "amount": usd("1.00"), "pledge": "p"},
    ),
    (
        "tranches-differ",
        "commitment.sign",
        {
            "from_fund": "g",
            "to_party": "group",
            "amount": usd("1.00"),
            "allocation": "ag",
            "tranches": [{"amount": usd("0.99")}],
        },
    ),
    ("tranche-unknown", "disbursement.request", {"commitment": "w", "tranche": 4}),
    (
        "rate-missing",
        "deposit.receive",
        {"commitment": "c", "amount": {"amount": "1.00", "currency": "EUR"}},
    ),
    (
        "rate-malformed",
        "deposit.receive",
        {"commitment": "c", "amount": {"amount": "1.00", "currency": "EUR"}, "rate": "1e0"},
    ),
    ("rate-needless", "deposit.receive", {"commitment": "c", "amount": usd("1.00"), "rate": "1"}),
]

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    (
        "period-closed",
        "entry.post",
        entry(
            ("3100", "debit", "1 JPY"),
            ("3300", "credit", "1 JPY"),
            fund="y",
            effective_on="2025-12-31",
        ),
    ),
    (
        "period-closed",
        "entry.post",
        entry(
            ("3100", "debit", "1 JPY"),
            ("3300", "credit", "1 JPY"),
            fund="y",
            effective_on="2026-07-01",
        ),
    ),
    (
        "cash-without-authority",
        "entry.post",
        entry(("5700", "debit", "1.00"), ("1100/main", "credit", "1.00")),
    ),
    (
        "balance-floor",
        "entry.post",
        entry(("1100/other", "debit", "445100.01"), ("1100/main", "credit", "445100.01")),
    ),
    (
        "balance-floor",
        "entry.post",
        entry(("9300/x", "debit", "0.01"), ("9300/c", "credit", "0.01")),
    ),
    (
        "balance-overflow",
        "entry.post",
        entry(
            ("3100", "debit", "92233720368547758.07"),
            ("3300", "credit", "92233720368547758.07"),
            ("3100", "debit", "0.01"),
            ("3300", "credit", "0.01"),
        ),
    ),
    ("balance-floor", "deposit.receive", {"commitment": "c", "amount": usd("0.01"), **ON}),
    ("authority-exceeded", "allocation.approve", {"fund": "g", "amount": usd("445100.01"), **ON}),
    (
        "shares-differ",
        "allocation.approve",
        {
            "fund": "g",
            "amount": usd("1.00"),
            "shares": [{"contribution": "c", "amount": usd("0.99")}],
            **ON,
        },
    ),
    (
        "allocation-exceeded",
        "allocation.return",
        {"allocation": "ag", "amount": usd("535000.01"), **ON},
    ),
    ("balance-floor", "allocation.return", {"allocation": "ag", "amount": usd("0.01"), **ON}),
    (
        "balance-floor",
        "commitment.sign",
        {"from_fund": "g", "to_party": "group", "allocation": "ag", "amount": usd("0.01"), **ON},
    ),
    ("pledge-ended", "pledge.lapse", {"pledge": "p", **ON}),
    (
        "pledge-exceeded",
        "commitment.sign",
        {"from_party": "donor", "to_fund": "g", "pledge": "p", "amount": usd("0.01"), **ON},
    ),
    ("fee-charged", "deposit.charge-fee", {"deposit": "d", **ON}),
    ("tranche-taken", "disbursement.request", {"commitment": "w", "tranche": 1, **ON}),
    ("tranche-empty", "disbursement.request", {"commitment": "w", "tranche": 2, **ON}),
    ("tranche-taken", "commitment.deobligate", {"commitment": "w", **ON}),
    ("disbursement-state", "disbursement.approve", {"disbursement": "dw", **ON}),
    ("disbursement-state", "disbursement.release", {"disbursement": "dt", **ON}),
    ("disbursement-state", "disbursement.confirm", {"disbursement": "dt", **ON}),
    ("advance-exceeded", "report.accept", {"commitment": "w", "direct": usd("0.01"), **ON}),
    ("advance-exceeded", "refund.claim", {"commitment": "w", "amount": usd("0.01"), **ON}),
    ("refund-state", "refund.receive", {"refund": "f", **ON}),
    (
        "period-backwards",
        "fund.set-period",
        {"fund": "g", "open_from": "2026-02-01", "open_until": "2026-01-31"},
    ),
    ("record-superseded", "record.reverse", {"record": 13, **ON}),
]


def ids(cases: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    return [f"{code} {verb} {number}" for number, (code, verb, _) in enumerate(cases)]


@pytest.mark.parametrize(("code", "verb", "fields"), INVALID, ids=ids(INVALID))
async def test_an_invalid_request_leaves_nothing(
    played: Played, code: str, verb: str, fields: dict[str, Any]
) -> None:
    before = await played.seq()
    with pytest.raises(Invalid) as raised:
        await played.books.do(verb, operator("z"), **fields)
    assert raised.value.code == code
    assert await played.seq() == before


@pytest.mark.parametrize(("code", "verb", "fields"), REFUSED, ids=ids(REFUSED))
async def test_a_refusal_is_a_record_and_moves_nothing(
    played: Played, code: str, verb: str, fields: dict[str, Any]
) -> None:
    before, key = await played.seq(), f"r-{uuid4()}"
    counts = "SELECT (SELECT count(*) FROM posting), (SELECT sum(version) FROM balance)"
    moved = await played.look.fetchrow(counts)
    made = await played.books.do(verb, operator("z"), key=key, **fields)
    assert not made.accepted
    assert refusal_of(made)[0] == code
    assert await played.seq() == made.seq == before + 1
    assert await played.look.fetchrow(counts) == moved
    again = await played.books.do(verb, operator("z"), key=key, **fields)
    assert (again.seq, again.content, again.replayed) == (made.seq, made.content, True)
    assert await played.seq() == before + 1


async def test_four_eyes(books: Books) -> None:
    for verb, key, fields in CHAIN:
        if fields.get("disbursement") == "dw" or verb.startswith(("report", "refund")):
            break
        await books.do(verb, operator(key), **fields)
    steps = [
        ("disbursement.approve", "a", False),
        ("disbursement.approve", "b", True),
        ("disbursement.release", "a", False),
        ("disbursement.release", "b", False),
        ("disbursement.release", "c", True),
    ]
    for verb, key, accepted in steps:
        made = await books.do(verb, operator(key), disbursement="dw", **ON)
        assert made.accepted == accepted
        assert accepted or refusal_of(made)[0] == "four-eyes"


# Shapes that no verb ever sees -------------------------------------------------------------------

NULL = "a\0b"
MALFORMED: list[tuple[str, dict[str, Any]]] = [
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": {"amount": 1.0, "currency": "USD"}},
    ),
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": {"amount": 1, "currency": "USD"}},
    ),
    ("pledge.announce", {"fund": "g", "donor": "donor", "amount": 1.5}),
    ("pledge.announce", {"fund": "g", "donor": "donor", "amount": usd("1" * 25)}),
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": {"amount": "1", "currency": "usd"}},
    ),
    ("pledge.announce", {"fund": "g", "donor": "donor"}),
    ("pledge.announce", {"fund": "G", "donor": "donor", "amount": usd("1.00")}),
    ("pledge.announce", {"fund": "g", "donor": "donor", "amount": usd("1.00"), "more": 1}),
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": usd("1.00"), "effective_on": "2026-02-30"},
    ),
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": usd("1.00"), "description": "x" * 2001},
    ),
    (
        "pledge.announce",
        {"fund": "g", "donor": "donor", "amount": usd("1.00"), "description": NULL},
    ),
    ("party.register", {"name": ""}),
    ("party.register", {"name": NULL}),
    ("party.register", {"name": "P", "identifier": NULL}),
    ("party.register", {"name": "P", "country": "Kenya"}),
    ("fund.open", {"name": "F", "tier": "village", "currency": "USD", "steward": "agent"}),
    (
        "fund.open",
        {
            "name": "F",
            "tier": "local",
            "currency": "USD",
            "steward": "agent",
            "fee_basis_points": 1001,
        },
    ),
    ("deposit.receive", {"commitment": "c", "amount": usd("1.00"), "rate_source": NULL}),
    ("disbursement.request", {"commitment": "w", "tranche": "1"}),
    ("disbursement.request", {"commitment": "w", "tranche": 1.0}),
    ("record.reverse", {"record": 0}),
    ("record.reverse", {"record": 1, "reason": NULL}),
    ("key.create", {"party": "donor", "role": "operator"}),
    ("entry.post", {"fund": "g", "lines": lines(DEBIT)}),
    ("entry.post", {"fund": "g", "lines": lines(DEBIT) * 65}),
    ("entry.post", {"fund": "g", "lines": lines(DEBIT, CREDIT), "description": NULL}),
]


@pytest.mark.parametrize(("verb", "fields"), MALFORMED)
def test_what_has_not_the_shape_of_a_command_is_none(verb: str, fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, VERBS[verb].command)


def test_a_batch_has_at_most_8192_items() -> None:
    item = {"key": "k", "fund": "g", "lines": lines(DEBIT, CREDIT)}
    assert len(msgspec.convert({"entries": [item] * 8_192}, EntryBatch).entries) == MAX_BATCH
    for count in (0, 8_193):
        with pytest.raises(msgspec.ValidationError, match="entries"):
            msgspec.convert({"entries": [item] * count}, EntryBatch)


@pytest.mark.parametrize("key", ["", "a b", "é", "a\n", "x" * 201])
def test_a_key_is_printable_and_short(key: str) -> None:
    item = {"key": key, "fund": "g", "lines": lines(DEBIT, CREDIT)}
    with pytest.raises(msgspec.ValidationError, match="key"):
        msgspec.convert(item, EntryItem)


# Keys and versions -------------------------------------------------------------------------------

PLEDGE = {
    "id": "p9",
    "fund": "g",
    "donor": "donor",
    "amount": usd("1.00"),
    "description": "x",
    **ON,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "p8"),
        ("fund", "n"),
        ("donor", "group"),
        ("amount", usd("1.01")),
        ("description", "y"),
        ("description", ""),
        ("effective_on", "2026-03-03"),
    ],
)
async def test_a_reused_key_names_the_field_that_differs(
    played: Played, field: str, value: object
) -> None:
    made = await played.books.do("pledge.announce", key="reused", **PLEDGE)
    before = await played.seq()
    with pytest.raises(Invalid) as raised:
        await played.books.do("pledge.announce", key="reused", **PLEDGE | {field: value})
    assert (raised.value.code, raised.value.pointer) == ("key-reused", f"/{field}")
    assert str(made.seq) in raised.value.detail
    assert await played.seq() == before


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lines", lines(("3100", "debit", "2.00"), ("3300", "credit", "2.00"))),
        ("description", "other"),
        ("effective_on", "2026-03-03"),
        ("fund", "n"),
    ],
)
async def test_a_reused_key_names_what_the_record_does_not_tell(
    played: Played, field: str, value: object, *, accepted: bool
) -> None:
    cash = [("1100/none", "credit", "1.00"), ("1100/main", "debit", "1.00")]
    fields = entry(*([DEBIT, CREDIT] if accepted else cash), description="x")
    key = f"voucher-{accepted}"
    made = await played.books.do("entry.post", key=key, **fields)
    assert made.accepted == accepted
    with pytest.raises(Invalid) as raised:
        await played.books.do("entry.post", key=key, **fields | {field: value})
    assert (raised.value.code, raised.value.pointer) == ("key-reused", f"/{field}")


async def test_a_key_belongs_to_its_party_and_its_verb(played: Played) -> None:
    await played.books.do("party.register", key="mine", id="mine", name="M")
    with pytest.raises(Invalid) as raised:
        await played.books.do("pledge.lapse", key="mine", pledge="p")
    assert raised.value.code == "key-reused"
    another = Actor("group", "administrator", "x")
    made = await played.books.do("party.register", another, key="mine", id="yours", name="Y")
    assert made.accepted
    assert not made.replayed


async def test_a_version_that_has_gone_is_stale(played: Played) -> None:
    fields = {"fund": "y", "open_from": "2026-01-01", "open_until": "2026-06-30"}
    one = await played.books.do("fund.set-period", **fields)
    two = await played.books.do("fund.set-period", if_match=one.seq, **fields)
    with pytest.raises(Invalid) as raised:
        await played.books.do("fund.set-period", if_match=one.seq, **fields)
    assert raised.value.code == "stale"
    assert str(two.seq) in raised.value.detail
    with pytest.raises(Invalid, match="if-match-needless"):
        await played.books.do("party.register", if_match=1, name="P")
    assert await played.seq() == two.seq


# Reversals ---------------------------------------------------------------------------------------


async def test_a_record_is_taken_back_once_and_a_correction_follows(books: Books) -> None:
    await books.chain()
    party = {"name": "Typo", "identifier": "XM-DAC-1"}
    wrong = await books.do("party.register", id="typo", **party)
    back = await books.do("record.reverse", record=wrong.seq)
    assert back.accepted
    for seq, code in ((wrong.seq, "record-reversed"), (back.seq, "record-empty")):
        made = await books.do("record.reverse", record=seq)
        assert refusal_of(made)[0] == code
    right = await books.do("party.register", id="right", **party)  # the identifier is free again
    assert right.accepted
    pledge = {"fund": "g", "donor": "typo", "amount": usd("1.00")}
    with pytest.raises(Invalid, match="not-found"):
        await books.do("pledge.announce", **pledge)
    with pytest.raises(Invalid, match="party-exists"):
        await books.do("party.register", **party)


async def test_what_others_need_is_not_taken_back_from_under_them(books: Books) -> None:
    await books.chain()
    for seq, (verb, _, fields) in enumerate(CHAIN[1:6], 2):
        told = await books.do("record.reverse", record=seq)
        assert not told.accepted, (verb, fields)
        assert refusal_of(told)[0] == "record-needed"


async def test_a_fund_with_money_in_its_books_is_not_taken_back(books: Books) -> None:
    await books.do("party.register", id="s", name="S")
    fund = {"id": "f", "name": "F", "tier": "local", "currency": "USD", "steward": "s"}
    opened = await books.do("fund.open", **fund)
    posted = await books.do("entry.post", **entry(DEBIT, CREDIT, fund="f"))
    told = await books.do("record.reverse", record=opened.seq)
    assert refusal_of(told)[0] == "record-needed"
    assert (await books.do("record.reverse", record=posted.seq)).accepted
    assert (await books.do("record.reverse", record=opened.seq)).accepted


async def test_the_administrators_records_are_not_undone_by_an_approver(books: Books) -> None:
    await books.chain()
    approver = Actor("agent", "approver", "x")
    made = await books.do("key.create", id="k", party="donor", role="donor")
    command = msgspec.convert({"key": "k"}, VERBS["key.revoke"].command)
    ask = Ask(operator(), VERBS["key.revoke"], command, "revoke")
    revoked = await books.writer.run(lambda unit: perform(unit, ask))
    for seq in (made.seq, revoked.seq):
        told = await books.do("record.reverse", approver, record=seq)
        assert refusal_of(told)[0] == "record-final"


# Batches -----------------------------------------------------------------------------------------


async def test_a_batch_has_an_outcome_for_each_item(played: Played) -> None:
    before = await played.seq()
    told = [
        entry(DEBIT, CREDIT, key="b1"),
        entry(DEBIT, ("3300", "credit", "0.99"), key="b2"),
        entry(("1100/none", "credit", "1.00"), ("1100/main", "debit", "1.00"), key="b3"),
        entry(DEBIT, CREDIT, key="b4", group="x"),
        entry(DEBIT, ("3301", "credit", "1.00"), key="b5", group="x"),
        entry(DEBIT, CREDIT, key="b1"),
        entry(DEBIT, CREDIT, key="b4"),
    ]
    items = [msgspec.convert(each, EntryItem) for each in told]
    outcomes = await played.books.writer.run(lambda unit: post_batch(unit, operator(), items))
    said = [
        each.code
        if isinstance(each, Invalid)
        else (each.seq - before, each.accepted, each.replayed)
        for each in outcomes
    ]
    assert said == [
        (1, True, False),
        "entry-unbalanced",
        (2, False, False),
        "linked-failed",
        "account-unknown",
        (1, True, True),
        (3, True, False),  # its group bound no key
    ]
    assert await played.seq() == before + 3


async def test_groups_stand_together(played: Played) -> None:
    before = await played.seq()
    groups = ["x", "", "x"]
    items = [
        msgspec.convert(entry(DEBIT, CREDIT, key=f"s{n}", group=group), EntryItem)
        for n, group in enumerate(groups)
    ]
    with pytest.raises(Invalid, match="group-split"):
        await played.books.writer.run(lambda unit: post_batch(unit, operator(), items))
    assert await played.seq() == before
