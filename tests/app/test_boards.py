"""A board decides: seats, votes, conflicts of interest, and what cannot be approved without it."""

import asyncio
from typing import Any

import asyncpg
import pytest

from mfm.app.perform import refusal_of
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.nouns import NOUNS
from mfm.core.permissions import Actor
from mfm.core.record import Noun, parse, restore
from mfm.store.journal import Made
from tests.conftest import Database
from tests.support import Books, operator, usd

pytestmark = pytest.mark.anyio

SEATS = {
    "un": "un",
    "donor": "donor",
    "ministry": "government",
    "network": "civil-society",
    "company": "private-sector",
    "bank": "private-sector",
}
"""party -> constituency; each seat's id is its party's."""
ON = {"effective_on": "2026-03-05"}


def member(party: str) -> Actor:
    """Return a board member."""
    return Actor(party, "board", f"key-of-{party}")


async def seated(books: Books, fund: str = "g", **rule: object) -> None:
    """Give a fund of the worked example a board: it votes above USD 1,000.00."""
    for party in SEATS:
        if party != "donor":
            await done(books, "party.register", id=party, name=party.title())
    rule = {"limit": usd("1000.00"), "quorum_seats": 3, "quorum_constituencies": 2, **rule}
    await done(books, "board.set", fund=fund, **rule)
    for party, constituency in SEATS.items():
        told = {"fund": fund, "constituency": constituency, "party": party}
        await done(books, "board.seat", id=party, since="2020-01-01", **told)


async def done(books: Books, verb: str, actor: Actor | None = None, **fields: Any) -> Made:  # noqa: ANN401  # any verb's fields
    """Do something that is accepted."""
    made = await books.do(verb, actor, **fields)
    assert made.accepted, made.content
    return made


async def refused(
    books: Books,
    code: str,
    verb: str,
    actor: Actor | None = None,
    **fields: Any,  # noqa: ANN401  # as above
) -> str:
    """Do something that the rules refuse; return the detail."""
    made = await books.do(verb, actor, **fields)
    assert not made.accepted, made.content
    told = refusal_of(made)
    assert told[0] == code, told
    return told[1]


async def vote(books: Books, motion: str, *choices: tuple[str, str]) -> None:
    for seat, choice in choices:
        await done(books, "vote.cast", member(seat), motion=motion, seat=seat, choice=choice)


async def carried(books: Books, motion: str, fund: str = "g", **matter: object) -> None:
    """Have a board carry a motion."""
    await done(books, "motion.propose", id=motion, fund=fund, **matter)
    await vote(books, motion, ("un", "for"), ("donor", "for"), ("network", "for"))
    made = await done(books, "motion.close", motion=motion)
    assert state(made, "motion").status == "carried"


def state(made: Made, kind: str) -> Any:  # noqa: ANN401  # a noun of that kind
    """Return what a record set."""
    (told,) = parse(made.content)[1].sets[kind]
    noun: Noun = restore(told, NOUNS[kind])
    return noun


async def sound(books: Books) -> None:
    """Hold that the independent fold agrees with all that was written."""
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None


@pytest.fixture
async def fund(books: Books) -> Books:
    await books.chain()
    await seated(books)
    return books


# Allocations -------------------------------------------------------------------------------------


async def test_an_allocation_above_the_limit_needs_its_vote(fund: Books) -> None:
    small = {"fund": "g", "amount": usd("1000.00"), **ON}
    await done(fund, "allocation.approve", id="small", **small)
    large = {"fund": "g", "amount": usd("5000.00"), **ON}
    detail = await refused(fund, "vote-missing", "allocation.approve", **large)
    assert "1000.00 USD" in detail
    await carried(fund, "m", amount=usd("5000.00"))
    made = await done(fund, "allocation.approve", id="large", motion="m", **large)
    assert state(made, "allocation").motion == "m"
    assert (state(made, "motion").status, state(made, "motion").used_by) == ("used", "large")
    await refused(fund, "vote-used", "allocation.approve", motion="m", **large)
    await sound(fund)


async def test_a_motion_serves_for_its_fund_amount_and_shares_only(fund: Books) -> None:
    await seated_again(fund, "n")
    shares = [{"contribution": "c", "amount": usd("5000.00")}]
    await carried(fund, "m", amount=usd("5000.00"), shares=shares)
    more = {"fund": "g", "amount": usd("5000.01"), "motion": "m", **ON}
    await refused(fund, "vote-other", "allocation.approve", **more)
    other = {"fund": "n", "amount": usd("5000.00"), "motion": "m", **ON}
    await refused(fund, "vote-other", "allocation.approve", **other)
    less = {"fund": "g", "amount": usd("4000.00"), "motion": "m", **ON}
    await refused(fund, "vote-other", "allocation.approve", **less)  # these are not its shares
    just = {"fund": "g", "amount": usd("5000.00"), "motion": "m", **ON}
    await done(fund, "allocation.approve", **just)
    await done(fund, "motion.propose", id="open", fund="g", amount=usd("9.00"))
    tiny = {"fund": "g", "amount": usd("9.00"), "motion": "open", **ON}
    await refused(fund, "vote-missing", "allocation.approve", **tiny)
    with pytest.raises(Invalid, match="not-found"):
        await fund.do("allocation.approve", **{**tiny, "motion": "nobody"})
    await sound(fund)


async def seated_again(books: Books, fund: str) -> None:
    """Give another fund a board with one seat."""
    await done(books, "board.set", fund=fund, limit=usd("1000.00"))
    told = {"fund": fund, "constituency": "un", "party": "un", "since": "2020-01-01"}
    await done(books, "board.seat", id=f"{fund}-un", **told)


async def test_taking_an_allocation_back_gives_its_motion_back(fund: Books) -> None:
    await carried(fund, "m", amount=usd("5000.00"))
    large = {"fund": "g", "amount": usd("5000.00"), "motion": "m", **ON}
    made = await done(fund, "allocation.approve", id="one", **large)
    back = await done(fund, "record.reverse", record=made.seq)
    assert (state(back, "motion").status, state(back, "motion").used_by) == ("carried", "")
    await done(fund, "allocation.approve", id="two", **large)
    await sound(fund)


async def test_a_fund_without_a_board_is_as_it_was(fund: Books) -> None:
    await done(fund, "allocation.approve", fund="n", amount=usd("400000.00"), **ON)
    with pytest.raises(Invalid, match="not-found"):
        await fund.do("motion.propose", fund="n", amount=usd("1.00"))
    with pytest.raises(Invalid, match="not-found"):
        await fund.do("board.seat", fund="n", constituency="un", party="un")
    await sound(fund)


async def test_a_board_without_a_limit_votes_on_everything(fund: Books) -> None:
    await done(fund, "board.set", fund="g", quorum_seats=1)
    tiny = {"fund": "g", "amount": usd("0.01"), **ON}
    await refused(fund, "vote-missing", "allocation.approve", **tiny)
    await carried(fund, "m", amount=usd("0.01"))
    await done(fund, "allocation.approve", motion="m", **tiny)
    await sound(fund)


# Disbursements -----------------------------------------------------------------------------------


async def requested(books: Books, amount: str = "5000.00", to_party: str = "group") -> None:
    """Ask for a tranche of a grant out of fund n, which has the board."""
    await done(books, "allocation.approve", id="a", fund="n", amount=usd(amount), motion="m", **ON)
    told = {"from_fund": "n", "to_party": to_party, "allocation": "a", "amount": usd(amount)}
    await done(books, "commitment.sign", operator("p"), id="w2", **told, **ON)
    fields = {"id": "x", "commitment": "w2", "tranche": 1}
    await done(books, "disbursement.request", operator("p"), **fields, **ON)


async def test_a_disbursement_above_the_limit_needs_its_own_vote(books: Books) -> None:
    await books.chain()
    await seated(books, "n")
    await carried(books, "m", "n", amount=usd("5000.00"))
    await requested(books)
    approve = {"disbursement": "x", **ON}
    await refused(books, "vote-missing", "disbursement.approve", operator("q"), **approve)
    await carried(books, "general", "n", amount=usd("5000.00"))
    told = {**approve, "motion": "general"}
    await refused(books, "vote-other", "disbursement.approve", operator("q"), **told)
    await carried(books, "mx", "n", disbursement="x")
    made = await done(books, "disbursement.approve", operator("q"), motion="mx", **approve)
    assert state(made, "disbursement").motion == "mx"
    back = await done(books, "record.reverse", record=made.seq, **ON)
    assert state(back, "motion").status == "carried"
    await done(books, "disbursement.approve", operator("q"), motion="mx", **approve)
    await done(books, "disbursement.release", operator("r"), **approve)
    await sound(books)


async def test_a_cost_above_the_limit_is_the_boards(books: Books) -> None:
    await books.chain()
    cost = {"fund": "n", "kind": "direct", **ON}
    await done(books, "cost.pay", amount=usd("5.00"), **cost)
    await done(books, "board.set", fund="n", limit=usd("2.00"))
    await refused(books, "vote-missing", "cost.pay", amount=usd("2.01"), **cost)
    await done(books, "cost.pay", amount=usd("2.00"), **cost)
    charge = {**cost, "kind": "bank-charge"}
    await done(books, "cost.pay", amount=usd("3.00"), **charge)  # the bank has taken it
    await sound(books)


async def test_a_grantee_on_the_board_declares_the_conflict(books: Books) -> None:
    await books.chain()
    await seated(books, "n")
    await carried(books, "m", "n", amount=usd("5000.00"))
    await requested(books, to_party="network")
    await done(books, "motion.propose", id="mx", fund="n", disbursement="x")
    network = member("network")
    said = {"motion": "mx", "seat": "network"}
    await refused(books, "conflict-of-interest", "vote.cast", network, choice="for", **said)
    await done(books, "conflict.declare", network, reason="We are the grantee.", **said)
    await refused(books, "seat-recused", "vote.cast", network, choice="for", **said)
    await vote(books, "mx", ("un", "for"), ("donor", "for"))
    detail = await refused(books, "quorum-missing", "motion.close", motion="mx")
    assert detail.startswith("2 seats of 2 constituencies")  # the recused seat is not there
    await vote(books, "mx", ("ministry", "against"))
    made = await done(books, "motion.close", motion="mx")
    assert state(made, "motion").status == "carried"
    await sound(books)


# Votes -------------------------------------------------------------------------------------------


async def test_without_a_quorum_a_motion_stays_open(fund: Books) -> None:
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    await refused(fund, "quorum-missing", "motion.close", motion="m")
    await vote(fund, "m", ("company", "for"), ("bank", "for"))
    detail = await refused(fund, "quorum-missing", "motion.close", motion="m")
    assert detail == "2 seats of 1 constituencies voted; the quorum is 3 of 2."
    large = {"fund": "g", "amount": usd("5000.00"), "motion": "m", **ON}
    await refused(fund, "vote-missing", "allocation.approve", **large)
    await vote(fund, "m", ("donor", "against"))
    made = await done(fund, "motion.close", motion="m")
    assert state(made, "motion").status == "lost"  # the private sector alone carries nothing
    await refused(fund, "vote-missing", "allocation.approve", **large)
    await refused(fund, "motion-state", "motion.close", motion="m")
    late = {"motion": "m", "seat": "un", "choice": "for"}
    await refused(fund, "motion-state", "vote.cast", member("un"), **late)
    await sound(fund)


async def test_where_the_rule_says_so_the_private_sector_decides(fund: Books) -> None:
    await done(fund, "board.set", fund="g", quorum_seats=3, private_decisive=True)
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    await vote(fund, "m", ("company", "for"), ("bank", "for"), ("donor", "against"))
    made = await done(fund, "motion.close", motion="m")
    assert state(made, "motion").status == "carried"
    await sound(fund)


async def test_a_seat_has_one_vote_also_when_two_come_at_once(fund: Books) -> None:
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    told = {"motion": "m", "seat": "un"}
    both = [
        fund.do("vote.cast", member("un"), choice=choice, **told) for choice in ("for", "against")
    ]
    assert all(made.accepted for made in await asyncio.gather(*both))
    await vote(fund, "m", ("donor", "for"), ("donor", "abstain"), ("ministry", "against"))
    made = await done(fund, "motion.close", motion="m")
    votes = state(made, "motion").votes
    assert sorted(vote.seat for vote in votes) == ["donor", "ministry", "un"]
    await sound(fund)


async def test_votes_and_their_counting_at_once_lose_none(fund: Books) -> None:
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    told = {"motion": "m", "choice": "for"}
    asked = [fund.do("vote.cast", member(seat), seat=seat, **told) for seat in SEATS]
    *voted, closed = await asyncio.gather(*asked, fund.do("motion.close", motion="m"))
    counted = {vote.seat for vote in state(closed, "motion").votes}
    assert counted == {seat for seat, made in zip(SEATS, voted, strict=True) if made.accepted}
    await sound(fund)


async def test_only_its_holder_votes_for_a_seat_of_this_fund_in_its_term(fund: Books) -> None:
    await seated_again(fund, "n")
    past = {"fund": "g", "constituency": "government", "party": "ministry"}
    await done(fund, "board.seat", id="past", since="2020-01-01", until="2020-12-31", **past)
    await done(fund, "board.seat", id="future", since="2059-01-01", **past)
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    told = {"motion": "m", "choice": "for"}
    with pytest.raises(Invalid, match="party-not-allowed"):
        await fund.do("vote.cast", member("company"), seat="ministry", **told)
    with pytest.raises(Invalid, match="role-not-allowed"):
        await fund.do("vote.cast", Actor("un", "approver", "k"), seat="un", **told)
    with pytest.raises(Invalid, match="fund-not-allowed"):
        await fund.do("vote.cast", Actor("un", "board", "k", "n"), seat="un", **told)
    await refused(fund, "seat-other", "vote.cast", member("un"), seat="n-un", **told)
    for seat in ("past", "future"):
        await refused(fund, "seat-expired", "vote.cast", member("ministry"), seat=seat, **told)
    await done(fund, "board.vacate", seat="company")
    await refused(fund, "seat-vacant", "vote.cast", member("company"), seat="company", **told)
    await refused(fund, "seat-vacant", "board.vacate", seat="company")
    await sound(fund)


async def test_a_seat_may_be_bound_to_one_key(fund: Books) -> None:
    await done(fund, "key.create", id="chair", party="un", role="board")
    told = {"fund": "g", "constituency": "un", "party": "un", "since": "2020-01-01"}
    await done(fund, "board.seat", id="chaired", holder="chair", **told)
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    said = {"motion": "m", "seat": "chaired", "choice": "for"}
    with pytest.raises(Invalid, match="party-not-allowed"):
        await fund.do("vote.cast", member("un"), **said)
    await done(fund, "vote.cast", Actor("un", "board", "chair"), **said)
    await sound(fund)


async def test_a_motion_is_not_closed_before_its_day(fund: Books) -> None:
    await done(
        fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"), closes_on="2059-01-01"
    )
    await vote(fund, "m", ("un", "for"), ("donor", "for"), ("network", "for"))
    await refused(fund, "motion-early", "motion.close", motion="m")
    await sound(fund)


async def test_who_left_and_came_back_votes_once(fund: Books) -> None:
    await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    await vote(fund, "m", ("un", "for"), ("donor", "for"))
    await done(fund, "board.vacate", seat="un")
    told = {"fund": "g", "constituency": "un", "party": "un", "since": "2020-01-01"}
    await done(fund, "board.seat", id="un-again", **told)
    again = {"motion": "m", "seat": "un-again", "choice": "for"}
    await done(fund, "vote.cast", member("un"), **again)
    await refused(fund, "quorum-missing", "motion.close", motion="m")  # two of three seats
    await vote(fund, "m", ("network", "for"))
    closed = state(await done(fund, "motion.close", motion="m"), "motion")
    assert (closed.status, [each.seat for each in closed.votes]) == (
        "carried",
        ["donor", "un-again", "network"],
    )
    await sound(fund)


# Taking back -------------------------------------------------------------------------------------


async def test_votes_and_seats_are_not_taken_back_by_the_back_door(fund: Books) -> None:
    proposed = await done(fund, "motion.propose", id="m", fund="g", amount=usd("5000.00"))
    told = {"motion": "m", "seat": "un"}
    records = [
        await done(fund, "board.set", fund="g", limit=usd("1000.00")),
        await done(fund, "vote.cast", member("un"), choice="for", **told),
        await done(fund, "conflict.declare", member("un"), **told),
        await done(fund, "board.vacate", seat="bank"),
        await done(fund, "vote.cast", member("donor"), motion="m", seat="donor", choice="for"),
        await done(fund, "motion.close", motion="m"),
    ]
    for made in records:
        await refused(fund, "record-final", "record.reverse", record=made.seq)
    await refused(fund, "record-superseded", "record.reverse", record=proposed.seq)
    another = await done(fund, "motion.propose", id="m2", fund="g", amount=usd("5000.00"))
    await done(fund, "record.reverse", record=another.seq)  # nobody voted on it yet
    with pytest.raises(Invalid, match="not-found"):
        await fund.do("vote.cast", member("un"), motion="m2", seat="un", choice="for")
    await sound(fund)


async def test_who_holds_a_seat_is_needed(books: Books) -> None:
    await books.chain()
    made = await done(books, "party.register", id="un", name="UN")
    await seated_again(books, "g")
    await refused(books, "record-needed", "record.reverse", record=made.seq)
    await done(books, "board.vacate", seat="g-un")
    await done(books, "record.reverse", record=made.seq)
    await sound(books)


# The database ------------------------------------------------------------------------------------

AGAIN = """INSERT INTO mfm.allocation SELECT (jsonb_populate_record(a, jsonb_build_object(
  'id', 'again', 'seq', seq + 900, 'motion', {}))).* FROM mfm.allocation a
  WHERE id = 'large' AND mechanism_id = $1"""
FORGED = {
    "two votes of a seat": "UPDATE mfm.motion SET votes = votes || votes WHERE id = 'm'",
    "a vote that is none": """UPDATE mfm.motion SET votes = '[{"seat": "z", "choice": "x"}]'""",
    "used for nothing": "UPDATE mfm.motion SET status = 'used' WHERE id = 'open'",
    "used twice": AGAIN.format("motion"),
    "no vote": AGAIN.format("''"),
    "a motion that is open": AGAIN.format("'open'"),
    "no majority": "UPDATE mfm.board SET majority_numerator = 0",
}


async def written(connection: asyncpg.Connection, sql: str, *arguments: int) -> None:
    """Write past the rules, as far as the constraints of a commit let it."""
    await connection.execute(sql, *arguments)
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("what", FORGED)
async def test_the_database_holds_the_votes_too(what: str, fund: Books, db: Database) -> None:
    await carried(fund, "m", amount=usd("5000.00"))
    large = {"fund": "g", "amount": usd("5000.00"), "motion": "m", **ON}
    await done(fund, "allocation.approve", id="large", **large)
    await done(fund, "motion.propose", id="open", fund="g", amount=usd("5000.00"))
    connection = await asyncpg.connect(db.admin_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SELECT set_config('mfm.appending', 'on', true)")
        arguments = [fund.mechanism.id] if "$1" in FORGED[what] else []
        with pytest.raises(asyncpg.PostgresError) as caught:
            await written(connection, FORGED[what], *arguments)
        assert caught.value.sqlstate in {"23514", "23505", "MF001"}, caught.value
    finally:
        await transaction.rollback()
        await connection.close()
