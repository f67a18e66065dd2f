"""Who may take what back: the borders of funds, others' words, and what still needs a record."""

import msgspec
import pytest

from mfm.app import links
from mfm.app.perform import Ask, refusal_of, submit
from mfm.app.registry import VERBS
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.record import parse
from tests.app.playing import accepted, given, granted, opened, sound
from tests.calling import TODAY
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio
DAY = {"effective_on": "2024-03-01"}
APPROVER = Actor("agent", "approver", "k", "f")
GRANTEE = Actor("group", "grantee", "gk")


async def refused(books: Books, seq: int, who: Actor | None = None) -> str:
    """Return the code with which a reversal is refused."""
    made = await books.do("record.reverse", who, record=seq, **DAY)
    assert not made.accepted
    return refusal_of(made)[0]


async def signed(books: Books, **more: object) -> int:
    """Open fund f, and sign a grant w to the group; return the signature's record."""
    await opened(books)
    await given(books, "c", "unearmarked", "600.00", "2023-02-01")
    await accepted(books, "allocation.approve", id="a", fund="f", amount=usd("100.00"), **DAY)
    told = {"from_fund": "f", "to_party": "group", "amount": usd("100.00"), "allocation": "a"}
    return (await accepted(books, "commitment.sign", id="w", **told, **more, **DAY)).seq


async def test_a_bound_key_reverses_within_its_fund_only(books: Books) -> None:
    await books.chain()
    day = {"effective_on": "2026-03-02"}
    fields = {"fund": "g", "amount": usd("1000.00"), **day}
    allocated = await accepted(books, "allocation.approve", id="x", **fields)
    told = {"from_fund": "g", "to_fund": "n", "amount": usd("1000.00"), "allocation": "x"}
    await accepted(books, "commitment.sign", "a", id="t2", **told, **day)
    asked = {"id": "dt2", "commitment": "t2", "tranche": 1}
    await accepted(books, "disbursement.request", "a", **asked, **day)
    approved = await accepted(books, "disbursement.approve", "b", disbursement="dt2", **day)
    released = await accepted(books, "disbursement.release", "c", disbursement="dt2", **day)
    for fund in ("g", "n"):
        bound = Actor("agent", "approver", "k", fund)
        with pytest.raises(Invalid, match="fund-not-allowed"):
            await books.do("record.reverse", bound, record=released.seq, **day)
    wrong = Actor("agent", "approver", "k", "n")
    with pytest.raises(Invalid, match="fund-not-allowed"):
        await books.do("record.reverse", wrong, record=allocated.seq, **day)
    unbound = Actor("agent", "approver", "k")
    assert (await books.do("record.reverse", unbound, record=released.seq, **day)).accepted
    assert (await books.do("record.reverse", operator(), record=approved.seq, **day)).accepted
    own = await accepted(books, "allocation.approve", id="y", **fields)
    bound = Actor("agent", "approver", "k", "g")
    assert (await books.do("record.reverse", bound, record=own.seq, **day)).accepted
    await sound(books)


async def test_no_key_takes_back_the_words_of_others(books: Books) -> None:
    terms = [{"id": "q", "title": "Audit", "type": "fiduciary"}]
    await signed(books, conditions=terms)
    why = {"condition": "q", "reason": "why", **DAY}
    for verb, more in (
        ("condition.contest", {}),
        ("condition.answer", {"outcome": "dismissed"}),
        ("condition.assess", {"assessment": "permitted"}),
    ):
        made = await accepted(books, verb, f"by-{verb}", **why, **more)
        assert await refused(books, made.seq, APPROVER) == "record-final", verb
    back = await books.do("record.reverse", operator(), record=made.seq, **DAY)
    assert back.accepted
    added = {"id": "r", "commitment": "w", "title": "T", "type": "policy"}
    await accepted(books, "condition.add", "p", **added, **DAY)
    made = await accepted(books, "condition.accept", "h", condition="r", **DAY)
    assert await refused(books, made.seq, APPROVER) == "record-final"
    await sound(books)


async def test_no_key_takes_back_a_rejected_write_off(books: Books) -> None:
    await opened(books)
    await given(books, "c", "unearmarked", "600.00", "2023-02-01")
    await granted(books, "w", "100.00", "2024-03-01")
    await accepted(books, "disbursement.release", "c", disbursement="pw", **DAY)
    await accepted(books, "disbursement.confirm", "d", disbursement="pw", **DAY)
    lost = {"id": "o", "commitment": "w", "amount": usd("5.00")}
    await accepted(books, "write-off.propose", "a", **lost, **DAY)
    made = await accepted(books, "write-off.reject", "b", write_off="o", **DAY)
    assert await refused(books, made.seq, APPROVER) == "record-final"
    await sound(books)


async def test_what_a_grantee_did_is_the_grantees(books: Books) -> None:
    await signed(books)
    told = {"id": "r", "commitment": "w", "direct": usd("10.00"), **DAY}
    made = await books.do("report.submit", GRANTEE, **told)
    assert made.accepted
    assert await refused(books, made.seq, APPROVER) == "record-final"
    same = Actor("group", "approver", "k2", "f")
    assert (await books.do("record.reverse", same, record=made.seq, **DAY)).accepted
    asked = {"id": "p", "commitment": "w", "tranche": 1}
    made = await books.do("disbursement.request", GRANTEE, **asked, **DAY)
    assert (await books.do("record.reverse", APPROVER, record=made.seq, **DAY)).accepted
    await sound(books)


async def test_a_donors_pledge_can_be_ended_by_staff(books: Books) -> None:
    await opened(books)
    donor = Actor("donor", "donor", "dk")
    told = {"fund": "f", "donor": "donor", "amount": usd("5.00"), **DAY}
    made = await books.do("pledge.announce", donor, **told)
    assert (await books.do("record.reverse", APPROVER, record=made.seq, **DAY)).accepted


async def test_a_report_holds_the_grant_until_it_is_taken_back(books: Books) -> None:
    seq = await signed(books)
    told = {"id": "r", "commitment": "w", "direct": usd("10.00")}
    report = await accepted(books, "report.submit", **told, **DAY)
    assert await refused(books, seq) == "record-needed"
    await accepted(books, "record.reverse", record=report.seq, **DAY)
    await accepted(books, "record.reverse", record=seq, **DAY)
    await sound(books)


async def test_a_link_holds_the_grant_until_it_is_revoked(books: Books) -> None:
    seq = await signed(books)
    verb = VERBS["link.create"]
    command = msgspec.convert({"id": "l", "commitment": "w"}, verb.command)
    ask, _ = links.issue(Ask(operator(), verb, command, "link", None))
    assert (await submit(books.writer, ask)).accepted
    assert await refused(books, seq) == "record-needed"
    await accepted(books, "link.revoke", link="l")
    await accepted(books, "record.reverse", record=seq, **DAY)
    await sound(books)


async def test_a_motion_holds_the_payment_it_is_about(books: Books) -> None:
    await signed(books)
    asked = {"id": "p", "commitment": "w", "tranche": 1}
    made = await accepted(books, "disbursement.request", **asked, **DAY)
    await accepted(books, "board.set", fund="f")
    motion = await accepted(books, "motion.propose", id="m", fund="f", disbursement="p")
    assert await refused(books, made.seq) == "record-needed"
    await accepted(books, "record.reverse", record=motion.seq)
    await accepted(books, "record.reverse", record=made.seq, **DAY)
    await sound(books)


async def test_what_was_taken_back_long_ago_is_done_again(books: Books) -> None:
    """Nouns that are named after others: the writer that does it again has not seen the first."""
    await opened(books)
    await given(books, "c", "unearmarked", "600.00", "2023-02-01")
    rate = {"base": "EUR", "quote": "USD", "source": "ecb", "rated_on": "2024-03-01", "rate": "1.1"}
    euros = {"amount": "100.00", "currency": "EUR"}
    told = {"id": "d", "commitment": "c2", "amount": euros, "rate": "1.1", "keep": True, **DAY}
    signed = {"id": "c2", "from_party": "donor", "to_fund": "f", "amount": usd("110.00")}
    await accepted(books, "commitment.sign", contribution="earmarked", **signed, **DAY)
    await accepted(books, "deposit.receive", bank_account="euros", **told)
    await granted(books, "w", "22.00", "2024-03-01")
    paid = {"paid": {"amount": "20.00", "currency": "EUR"}, "rate": "1.1", **DAY}
    verbs: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("rate.record", "operator", rate),
        ("disbursement.release", "c", {"disbursement": "pw", "bank_account": "euros", **paid}),
    )
    for verb, who, fields in verbs:
        made = await accepted(books, verb, who, **fields)
        await accepted(books, "record.reverse", record=made.seq, **DAY)
        books.writer._memory = None  # as after a restart
        await accepted(books, verb, who, **fields)
    for limit in ("5.00", "6.00"):
        await accepted(books, "board.set", fund="f", limit=usd(limit))
        books.writer._memory = None
    await sound(books)
    adopted = {"name": "F", "tier": "local", "currency": "USD", "steward": "donor"}
    await accepted(books, "fund.open", id="g", **adopted)
    lines = [
        {"account": "1100", "subject": "main", "debit": usd("5.00")},
        {"account": "3100", "credit": usd("5.00")},
        {"account": "9399", "debit": usd("5.00")},
        {"account": "9300", "credit": usd("5.00")},
    ]
    made = await accepted(books, "fund.open-balances", fund="g", lines=lines, **DAY)
    await accepted(books, "record.reverse", record=made.seq, **DAY)
    books.writer._memory = None
    await accepted(books, "fund.open-balances", fund="g", lines=lines, **DAY)
    await sound(books)


async def test_a_correction_takes_the_day_of_what_it_corrects(books: Books) -> None:
    """Taken back on its own day, a record leaves it to the right one; a closed day stays shut."""
    await opened(books)
    await given(books, "c", "unearmarked", "100.00", "2023-02-01")
    cost = {"fund": "f", "kind": "direct", "effective_on": "2023-03-01"}
    wrong = await accepted(books, "cost.pay", amount=usd("90.00"), **cost)
    back = await accepted(books, "record.reverse", record=wrong.seq)
    assert str(parse(back.content)[1].effective_on) == "2023-03-01"
    right = await accepted(books, "cost.pay", amount=usd("60.00"), **cost)
    await accepted(books, "period.close", fund="f", last_day="2023-06-30")
    late = await accepted(books, "record.reverse", record=right.seq)
    assert parse(late.content)[1].effective_on == TODAY
    named = await accepted(books, "party.register", id="p", name="P")
    back = await accepted(books, "record.reverse", record=named.seq)
    assert parse(back.content)[1].effective_on == TODAY
    await sound(books)
