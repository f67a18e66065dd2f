"""Attestations through the writer: who may, and what neither database nor fold lets stand."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from mfm.app.perform import refusal_of
from mfm.core.attestations import Attestation
from mfm.core.errors import Invalid
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.core.verify_attestations import check
from mfm.core.verify_form import Differs
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.calling import TODAY, accepted
from tests.core.test_verify_calls import told
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio

MADE = Attestation(
    id="group.level",
    status="in-force",
    party="group",
    kind="level",
    value="local",
    source="s",
    verified_on=TODAY,
    verified_by="key",
    verifier="agent",
)
FORGED: list[dict[str, Any]] = [
    {"verifier": "group"},
    {"value": "galactic"},
    {"kind": "horoscope"},
    {"kind": "registration"},
    {"kind": "host", "value": "group", "valid_until": TODAY},
    {"kind": "women-in-leadership", "value": "101"},
    {"kind": "women-in-leadership", "value": "07"},
    {"kind": "bank-account", "value": "DE02"},
    {"kind": "bank-account", "value": "0f" * 32, "changed_on": None},
    {"kind": "annual-budget", "value": ""},
    {"kind": "due-diligence", "value": "passed"},
    {"kind": "audit-finding", "value": "minor"},
    {"amount_minor": 5, "currency": "USD"},
    {"valid_until": TODAY - timedelta(days=1)},
    {"kind": "city", "value": " Goma"},
    {"kind": "website", "value": "Example.org"},
    {"kind": "website", "value": "example"},
    {"kind": "website", "value": ""},
    {"kind": "email", "value": "a@example.org"},
    {"kind": "phone", "value": ""},  # nothing stands beside
    {"kind": "signatory", "value": "A. B."},
]
PARTIES = {name: Party(id=name, status="registered", name=name) for name in ("group", "agent")}


async def registered(books: Books) -> None:
    for name in ("group", "agent"):
        await accepted(books, "party.register", id=name, name=name)


async def test_a_fact_is_attested_by_another_and_withdrawn(books: Books) -> None:
    await registered(books)
    fact = {"party": "group", "kind": "bank-account", "value": "0f" * 32, "source": "a letter"}
    await accepted(books, "party.attest", Actor("agent", "preparer", "p"), **fact)
    budget = {"kind": "annual-budget", "amount": usd("9000.00"), "source": "accounts of 2025"}
    await accepted(books, "party.attest", party="group", evidence="Seen on paper.", **budget)
    own = await books.do("party.attest", Actor("group", "preparer", "g"), **fact)
    assert refusal_of(own)[0] == "conflict-of-interest"
    with pytest.raises(Invalid, match="role-not-allowed"):
        await books.do("party.attest", Actor("group", "grantee", "g"), **fact)
    host = {"party": "group", "kind": "host", "value": "none", "valid_until": str(TODAY)}
    with pytest.raises(Invalid, match="not-found"):
        await books.do("party.attest", source="s", **host)
    gone = {"attestation": "group.bank-account", "reason": "Closed."}
    ended = await accepted(books, "attestation.withdraw", operator("b"), **gone)
    back = await books.do("record.reverse", record=ended.seq)
    assert refusal_of(back)[0] == "record-final"
    await accepted(books, "party.attest", **fact)  # and attested anew
    await sound(books)


@pytest.mark.parametrize("change", FORGED, ids=str)
async def test_neither_path_lets_stand_what_no_rule_would_write(
    books: Books, change: dict[str, Any]
) -> None:
    check({"party": PARTIES}, told("party.attest", MADE), [(None, MADE)])
    forged = structs.replace(MADE, **change)
    with pytest.raises(Differs):
        check({"party": PARTIES}, told("party.attest", forged), [(None, forged)])
    await registered(books)

    async def forge(unit: Unit) -> Made:
        entry = Entry("party.attest", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(forged,)), [])

    with pytest.raises((Invalid, asyncpg.PostgresError)):
        await books.writer.run(forge)
