"""What stands beside records and is compared: contacts, documents and invoices, until erased."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from itertools import combinations
from typing import Any

import asyncpg
import pytest
from msgspec import ValidationError, structs
from sqlalchemy.ext.asyncio import AsyncEngine

from mfm.app import overlap_keys
from mfm.app.overlap_check import Kind, check
from mfm.app.overlap_keys import renew
from mfm.app.overlaps import scan
from mfm.core import verify_evidence
from mfm.core.costs import Cost
from mfm.core.errors import Invalid
from mfm.core.overlap_marks import VERSION, contact_mark
from mfm.core.overlaps import Overlap
from mfm.core.permissions import Actor
from mfm.core.record import Draft, parse
from mfm.core.verify_form import Differs
from mfm.store import database, marks
from mfm.store.database import connect, snapshot
from mfm.store.journal import Entry, Made, key_hash
from mfm.store.unit import Unit
from tests.app.playing import sound
from tests.calling import TODAY, accepted
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
AUDITOR = Actor("donor", "auditor", "key")
ERASED = {"fields": ["contact"], "legal_basis": "GDPR Art. 17(1)(b)"}


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[AsyncEngine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


async def registered(books: Books, *told: tuple[str, str], country: str = "CD") -> None:
    for name, said in told:
        await accepted(books, "party.register", id=name, name=said, country=country)


async def attested(books: Books, party: str, **facts: str) -> list[int]:
    """Attest contacts and domains of a party; return the records."""
    seqs = []
    for kind, text in facts.items():
        field = "value" if kind in ("city", "website") else "contact"
        told = {"party": party, "kind": kind, field: text, "source": "a letter-head"}
        seqs.append((await accepted(books, "party.attest", **told)).seq)
    return seqs


async def scanned(engine: AsyncEngine, *detectors: str) -> dict[tuple[str, str, str], Overlap]:
    found = await scan(engine, AUDITOR, lambda *_: None)
    return {
        (each.detector, each.left, each.right): each for each in found if each.detector in detectors
    }


async def checked(
    engine: AsyncEngine, kind: Kind, names: Iterable[str], *detectors: str
) -> dict[tuple[str, str, str], Overlap]:
    async with snapshot(engine) as connection:
        found = [each for name in names for each in await check(connection, kind, name)]
    return {
        (each.detector, each.left, each.right): each for each in found if each.detector in detectors
    }


async def test_contacts_in_any_form_show_two_in_one_hand_until_they_are_erased(
    books: Books, engine: AsyncEngine
) -> None:
    await registered(books, ("a", "Weavers"), ("b", "Fishers"), ("c", "Potters"), ("d", "Lawyers"))
    await attested(books, "a", phone="+243 81 234 5678", signatory="Ada B. Exemple")
    phone, signatory = await attested(
        books, "b", phone="081 / 234-5678", signatory="EXEMPLE, Ada B."
    )
    await attested(books, "c", phone="+243 (0)812345678 ext. 5", email="Office@Example.org")
    await attested(books, "d", email="office@EXAMPLE.org", address="12, rue de la Paix, Bukavu")
    found = await scanned(engine, "shared-control")
    bands = {pair[1:]: each.band for pair, each in found.items()}
    assert bands == {
        ("a", "b"): "strong",
        ("a", "c"): "possible",
        ("b", "c"): "possible",
        ("c", "d"): "possible",
    }
    said = found["shared-control", "a", "b"].reasons
    assert said[:2] == ("for: one signatory", "for: one telephone number")
    assert await checked(engine, "party", "abcd", "shared-control") == found
    await attested(books, "b", address="Bukavu, Rue de la Paix 12")  # and of d
    ended = {"attestation": "c.phone", "reason": "Disconnected."}
    await accepted(books, "attestation.withdraw", **ended)
    await accepted(books, "payload.erase", record=signatory, **ERASED)
    found = await scanned(engine, "shared-control")
    assert {pair[1:] for pair in found} == {("a", "b"), ("b", "d"), ("c", "d")}
    assert found["shared-control", "a", "b"].reasons[0] == "for: one telephone number"
    await accepted(books, "payload.erase", record=phone, **ERASED)
    found = await scanned(engine, "shared-control")
    assert {pair[1:] for pair in found} == {("b", "d"), ("c", "d")}
    assert await checked(engine, "party", "abcd", "shared-control") == found
    await sound(books)


async def test_a_contact_is_nowhere_but_beside_its_record(books: Books) -> None:
    await registered(books, ("a", "Weavers"))
    seqs = await attested(books, "a", phone="+243 81 234 5678", address="77 rue Sansnom, Goma")
    connection = await connect(books.url, "mfm_auditor", books.mechanism.id)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'mfm' AND tablename <> 'payload'"
    )
    for (name,) in tables:
        for (row,) in await connection.fetch(f"SELECT t::text FROM mfm.{name} t"):
            for told in ("234", "812345678", "Sansnom", "sansnom"):
                assert told.encode().hex() not in row, name
    for seq in seqs:
        await accepted(books, "payload.erase", record=seq, **ERASED)
    assert await connection.fetchval("SELECT count(*) FROM mfm.overlap_mark") == 0
    reader = await connect(books.url, "mfm_reader", books.mechanism.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch("SELECT mark FROM mfm.overlap_mark")
    await connection.close()
    await reader.close()


WRITTEN = [
    *(
        ("phone", text)
        for text in ("+243812345678", "0812345678", "+243 812 345 679", "081 2345679")
    ),
    *(("signatory", text) for text in ("Ada Exemple", "exemple ada", "Ada Example")),
    *(
        ("address", text)
        for text in ("BP 7, Goma", "Goma B.P. 7", "BP 8 Goma", "\u063a\u0648\u0645\u0627 7")
    ),
    *(("email", text) for text in ("a.b@Example.org", "A.B@example.org", "ab@example.org")),
]


async def test_the_database_shares_out_what_the_slow_way_does(
    books: Books, engine: AsyncEngine
) -> None:
    """Each mark's holders, as found by one function in SQL, and by comparing all in Python."""
    for at, (kind, text) in enumerate(WRITTEN):
        await registered(books, (f"p{at}", f"Group {at}"))
        await attested(books, f"p{at}", **{kind: text})
    slow: defaultdict[str, set[str]] = defaultdict(set)
    for at, (kind, text) in enumerate(WRITTEN):
        slow[contact_mark(kind, text, "CD")].add(f"p{at}.{kind}")
    wanted = {frozenset(names) for names in slow.values()}
    assert len(wanted) == 9
    async with snapshot(engine) as connection:
        whole = await marks.shared(connection, "attestation")
        again = await marks.shared(connection, "attestation")
        one = await marks.shared(connection, "attestation", ["p0.phone"])
    groups: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for name, told in whole.items():
        for mark in told:
            groups[mark].add(name)
    assert {frozenset(names) for names in groups.values()} == wanted
    assert set(one) == {"p0.phone", "p1.phone"}
    assert {mark for told in whole.values() for mark in told}.isdisjoint(
        mark for told in again.values() for mark in told
    )  # what stands for a mark says nothing in another answer


async def test_marks_of_another_version_are_made_anew(
    books: Books, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(books, ("a", "Weavers"), ("b", "Fishers"))
    for name in "ab":
        await attested(books, name, phone="+243 81 234 5678")
    await spending(books)
    detectors = ("shared-control", "same-cost")
    whole = await scanned(engine, *detectors)
    assert len(whole) == 3
    monkeypatch.setattr(marks, "VERSION", VERSION + 1)
    monkeypatch.setattr(overlap_keys, "_MARKS_NAME", "overlap-marks-next")
    monkeypatch.setattr(overlap_keys, "_SPAN", 3)
    assert len(await scanned(engine, *detectors)) < len(whole)
    await renew(books.writer)
    assert await scanned(engine, *detectors) == whole


async def test_what_is_attested_tells_twins_from_namesakes(
    books: Books, engine: AsyncEngine
) -> None:
    names = ("Femmes pour la Paix et le Développement", "Women for Peace and Development")
    await registered(books, ("one", names[0]), ("two", names[1]), ("far", "Lake fishers"))
    twins = ("same-organisation", "one", "two")
    assert (await scanned(engine, twins[0]))[twins].band == "possible"
    for party in ("one", "two"):
        await attested(books, party, city="Bukavu")
    found = await scanned(engine, twins[0])
    assert found[twins].band == "strong"
    assert "for: same city: Bukavu" in found[twins].reasons
    await attested(books, "one", website="https://www.fpd.example.org")
    await attested(books, "two", email="info@fpd.example.org")
    found = await scanned(engine, twins[0])
    assert "for: same domain: fpd.example.org" in found[twins].reasons
    for party in ("one", "far"):
        await attested(books, party, phone="+243 81 234 5678")
    assert set(await scanned(engine, twins[0])) == {twins}  # one hand, and two names
    await attested(books, "two", phone="0812345678")
    found = await scanned(engine, twins[0])
    assert "for: one telephone number" in found[twins].reasons
    assert await checked(engine, "party", ("one", "two", "far"), twins[0]) == found


async def test_one_domain_leads_to_another_name(books: Books, engine: AsyncEngine) -> None:
    """Names that share no key: the domain alone brings them beside each other."""
    await registered(books, ("one", "SFVV"), ("two", "Nyota ya Amani"))
    before = await checked(engine, "party", ("one", "two"), "same-organisation")
    assert before == {}
    for party in ("one", "two"):
        await attested(books, party, website="sfvv.example.org", city="Goma")
    found = await checked(engine, "party", ("one", "two"), "same-organisation")
    assert found == await scanned(engine, "same-organisation")
    assert found["same-organisation", "one", "two"].band == "strong"


async def test_a_host_whose_days_are_over_excuses_nobody(books: Books, engine: AsyncEngine) -> None:
    await registered(books, ("a", "Weavers"), ("b", "Fishers"))
    for party in "ab":
        told = {"party": party, "kind": "bank-account", "value": "0f" * 32, "source": "a letter"}
        await accepted(books, "party.attest", **told)
    host = {"party": "a", "kind": "host", "value": "b", "source": "an agreement"}
    await accepted(books, "party.attest", valid_until=str(TODAY), **host)
    assert await scanned(engine, "shared-control") == {}
    yesterday = str(TODAY - timedelta(days=1))
    await accepted(books, "party.attest", verified_on=yesterday, valid_until=yesterday, **host)
    found = await scanned(engine, "shared-control")
    assert [pair[1:] for pair in found] == [("a", "b")]
    assert await checked(engine, "party", "ab", "shared-control") == found


async def spending(books: Books) -> None:
    """Play three grants, and reports on them that name one invoice, and one document."""
    await books.chain()
    await registered(books, ("sisters", "Sisters in hope"))
    for name, party in (("w1", "group"), ("w2", "group"), ("w3", "sisters")):
        await accepted(books, "allocation.approve", id=f"a{name}", fund="n", amount=usd("9.00"))
        told = {"from_fund": "n", "to_party": party, "allocation": f"a{name}"}
        await accepted(books, "commitment.sign", id=name, amount=usd("9.00"), **told)
    bill = {"payee": "Imprimerie du Kivu SARL", "number": "2026/114-B"}
    same = {"payee": "IMPRIMERIE DU KIVU", "number": "2026 114 b"}
    other = {"payee": "Imprimerie du Kivu SARL", "number": "2026/115"}
    reports: list[tuple[str, str, str, dict[str, Any]]] = [
        ("r1", "w1", "1.00", {"invoices": [bill], "documents": ["ab" * 32]}),
        ("r2", "w2", "2.00", {"invoices": [other, same]}),
        ("r3", "w3", "3.00", {"documents": ["cd" * 32, "ab" * 32]}),
        ("r4", "w2", "4.00", {"invoices": [other]}),
    ]
    for name, grant, amount, proofs in reports:
        told = {"id": name, "commitment": grant, "direct": usd(amount)}
        await accepted(books, "report.submit", **told, **proofs)


async def test_one_invoice_or_document_proves_a_cost_that_is_told_twice(
    books: Books, engine: AsyncEngine
) -> None:
    await spending(books)
    found = await scanned(engine, "same-cost")
    assert {pair[1:]: each.band for pair, each in found.items()} == {
        ("r1", "r2"): "strong",
        ("r1", "r3"): "strong",
    }
    assert found["same-cost", "r1", "r2"].reasons[-1] == "for: one invoice proves both"
    assert found["same-cost", "r1", "r3"].reasons[-1] == "for: one document proves both"
    names = ("r1", "r2", "r3", "r4")
    assert await checked(engine, "report", names, "same-cost") == found
    await accepted(books, "report.question", report="r4", reason="Which bill?")
    await accepted(books, "report.answer", report="r4", documents=["cd" * 32])
    found = await scanned(engine, "same-cost")
    assert set(combinations(("r1", "r3", "r4"), 2)) - {pair[1:] for pair in found} == {("r1", "r4")}
    assert await checked(engine, "report", names, "same-cost") == found
    for name, fund in (("x", "g"), ("y", "n")):
        told = {"kind": "direct", "fund": fund, "documents": ["ef" * 32]}
        await accepted(books, "cost.pay", id=name, amount=usd(f"{ord(name)}.00"), **told)
    charged = await scanned(engine, "same-charge")
    assert charged["same-charge", "x", "y"].band == "strong"
    assert await checked(engine, "cost", "xy", "same-charge") == charged
    await sound(books)


COST = Cost(
    id="x",
    status="paid",
    kind="direct",
    fund="g",
    bank_account="main",
    currency="USD",
    amount_minor=1,
    shares=(),
)
DOCUMENTS = ["z" * 64, "ab" * 31, "AB" * 32]


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_neither_path_takes_what_is_no_documents_hash(books: Books, document: str) -> None:
    await books.chain()
    told = {"kind": "direct", "fund": "g", "amount": usd("1.00"), "documents": [document]}
    with pytest.raises(ValidationError):
        await books.do("cost.pay", **told)
    cost = structs.replace(COST, documents=(document,))
    with pytest.raises(Differs, match="state-documents"):
        verify_evidence.check(cost, cost.documents, 1)

    async def forge(unit: Unit) -> Made:
        entry = Entry("cost.pay", operator().told(), (key_hash("o", "k"), bytes(32)), {})
        return await unit.write(entry, Draft(effective_on=TODAY, sets=(cost,)), [])

    with pytest.raises(asyncpg.CheckViolationError):
        await books.writer.run(forge)


async def test_documents_are_named_once_in_order_and_not_too_many(books: Books) -> None:
    await books.chain()
    one, two = "ab" * 32, "cd" * 32
    told = {"kind": "direct", "fund": "g", "amount": usd("1.00")}
    made = await accepted(books, "cost.pay", id="x", documents=[two, one, two], **told)
    assert parse(made.content)[1].sets["cost"][0]["documents"] == [one, two]
    for documents in ((two, one), (one, one), tuple(f"{at:064x}" for at in range(33))):
        with pytest.raises(Differs, match="state-documents"):
            verify_evidence.check(COST, documents, 1)
    some = [f"{at:064x}" for at in range(20)]
    await accepted(books, "report.submit", id="r1", commitment="w", direct=usd("1"), documents=some)
    await accepted(books, "report.question", report="r1", reason="Which?")
    more = [f"{at:064x}" for at in range(18, 38)]
    with pytest.raises(Invalid, match="documents-many"):
        await books.do("report.answer", report="r1", documents=more)
    await accepted(books, "report.answer", report="r1", documents=more[:10])
    await sound(books)


async def test_an_invoice_is_told_beside_the_record_and_answers_its_key(books: Books) -> None:
    await books.chain()
    bill = {"payee": "Imprimerie Sansnom", "number": "2026/114"}
    told = {"kind": "direct", "fund": "g", "amount": usd("1.00"), "invoices": [bill]}
    made = await accepted(books, "cost.pay", id="x", key="once", **told)
    assert b"Sansnom" not in made.content
    assert set(parse(made.content)[1].commit) == {"invoices"}
    assert (await accepted(books, "cost.pay", id="x", key="once", **told)).seq == made.seq
    other = {**told, "invoices": [{**bill, "number": "2026/115"}]}
    with pytest.raises(Invalid, match="another invoices"):
        await books.do("cost.pay", id="x", key="once", **other)
    await sound(books)
