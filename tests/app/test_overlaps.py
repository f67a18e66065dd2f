"""The scan over a real mechanism: what it notices, who may ask, and that it changes nothing."""

from typing import Any

import pytest

from mfm.app.overlaps import scan
from mfm.core.errors import Invalid
from mfm.core.overlaps import KINDS
from mfm.core.permissions import Actor
from mfm.store import database
from mfm.store.database import connect
from tests.app.playing import sound
from tests.calling import APPLICATION, TODAY, accepted, applied, called, grantee
from tests.support import Books, usd

pytestmark = pytest.mark.anyio


async def played(books: Books) -> None:
    """Play a chain with a twin, two calls at once, one project twice, and a steward that asks."""
    await books.chain()
    await accepted(books, "party.register", id="twin", name="Womens group asbl")
    await accepted(books, "party.register", id="radio", name="Radio Amani")
    await called(books)
    await called(books, id="k2", fund="g")
    await called(books, id="k3", places=["CD"])
    await applied(books)
    await applied(books, "again", title="Peace committees, again")
    part = {"category": "supplies", "amount": usd("4500.00"), "gewe_percent": 50}
    rest = {"amount": usd("4500.00"), "budget": [part]}
    await applied(books, "third", title="A radio for the lake's fishing villages", **rest)
    own = {**APPLICATION, "lead": "agent", "title": "Secretariat of a network"}
    await accepted(books, "application.draft", grantee("agent"), id="theirs", **own)
    await accepted(books, "application.submit", grantee("agent"), application="theirs")
    await spent_and_shared(books)


async def spent_and_shared(books: Books) -> None:
    """Play a bill told twice, by a grantee and by a steward; one account of two; much for few.

    And money that a donor gives to a fund, told as new by another.
    """
    more = {"id": "more", "from_fund": "n", "to_party": "group", "amount": usd("9.00")}
    await accepted(books, "allocation.approve", id="a9", fund="n", amount=usd("9.00"))
    await accepted(books, "commitment.sign", allocation="a9", **more)
    for name, grant in (("r1", "w"), ("r2", "more")):
        bill = {"direct": usd("5.00"), "support_cost": usd("0.50")}
        await accepted(books, "report.submit", id=name, commitment=grant, **bill)
    for name, fund in (("audit", "g"), ("audit-again", "n")):
        bill = {"fund": fund, "kind": "direct", "amount": usd("70.00")}
        await accepted(books, "cost.pay", id=name, **bill)
    fact: dict[str, Any] = {"kind": "bank-account", "value": "0f" * 32, "source": "a letter"}
    await accepted(books, "party.attest", party="group", **fact)
    await accepted(books, "party.attest", party="radio", **fact)
    budget = {"kind": "annual-budget", "amount": usd("100.00"), "source": "accounts of 2025"}
    await accepted(books, "party.attest", party="group", **budget)
    for name, fund, amount in (("c2", "g", "1000.00"), ("c3", "n", "995.00")):
        told = {"from_party": "donor", "to_fund": fund, "amount": usd(amount)}
        await accepted(books, "commitment.sign", id=name, starts_on=str(TODAY), **told)


async def test_every_detector_reads_the_mechanism_and_nothing_changes(books: Books) -> None:
    await played(books)
    connection = await connect(books.url, "mfm_writer")
    before = await connection.fetchval("SELECT max(seq) FROM mfm.record")
    engine = database.reader_engine(books.url, books.mechanism.id)
    seen: set[str] = set()
    try:
        auditor = Actor("donor", "auditor", "key")
        found = await scan(engine, auditor, lambda what, _: seen.add(what))
        assert found == await scan(engine, auditor, lambda *_: None)
        for role in ("preparer", "approver", "payer", "board", "donor", "grantee"):
            with pytest.raises(Invalid, match="role-not-allowed"):
                await scan(engine, Actor("group", role, "key"), lambda *_: None)
    finally:
        await engine.dispose()
    pairs = {(each.detector, each.left, each.right) for each in found}
    assert pairs == {
        ("same-organisation", "group", "twin"),
        ("overlapping-calls", "k", "k2"),
        ("intermediary", "agent", "group"),
        ("same-project", "again", "ap"),
        ("repeated-application", "group", "k"),
        ("split-application", "group", "k"),
        ("same-cost", "r1", "r2"),
        ("counted-twice", "c2", "c3"),
        ("same-charge", "audit", "audit-again"),
        ("shared-control", "group", "radio"),
        ("over-stretched", "group", "group.annual-budget"),
    }
    assert {each.detector for each in found} <= KINDS.keys()
    assert all(each.reasons for each in found)
    assert seen == {"organisations", "calls", "agreements", "applications"}
    assert await connection.fetchval("SELECT max(seq) FROM mfm.record") == before
    await connection.close()
    await sound(books)


async def test_declared_shares_are_no_hit(books: Books) -> None:
    await books.chain()
    await called(books)
    total = {"total": usd("2000.00")}
    await applied(books, co_financing=["again"], **total)
    await applied(books, "again", co_financing=["ap"], **total)
    engine = database.reader_engine(books.url, books.mechanism.id)
    try:
        found = await scan(engine, Actor("donor", "administrator", "key"), lambda *_: None)
    finally:
        await engine.dispose()
    assert [each for each in found if each.detector == "same-project"] == []
