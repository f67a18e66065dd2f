"""How votes are counted, and what a motion may be used for."""

from collections.abc import Callable
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.core import boards, motions, verify_votes
from mfm.core.allocations import Allocation, Share
from mfm.core.boards import (
    CHOICES,
    CONSTITUENCIES,
    PRIVATE,
    RECUSED,
    Board,
    Seat,
    SetBoard,
    TakeSeat,
    Vote,
)
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Problem
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.motions import Motion, ProposeMotion
from mfm.core.permissions import Actor
from mfm.core.terms import Act

DAY = date(2026, 3, 2)
G = Fund(id="g", status="open", name="Global", currency="USD")
BOARD = Board(
    id="g",
    status="set",
    fund="g",
    currency="USD",
    limit_minor=100_00,
    quorum_seats=1,
    quorum_constituencies=1,
    majority_numerator=1,
    majority_denominator=2,
    private_decisive=False,
)
SEAT = Seat(id="s", status="held", fund="g", constituency="donor", party="donor", since=DAY)
SEATS = [structs.replace(SEAT, id=f"donor-{number}") for number in range(3)]
MOTION = Motion(id="m", status="open", fund="g", currency="USD", amount_minor=500_00)
ALLOCATION = Allocation(
    id="a",
    status="approved",
    fund="g",
    currency="USD",
    amount_minor=500_00,
    shares=(Share("c", 9),),
)
DISBURSEMENT = Disbursement(
    id="d",
    status="requested",
    commitment="w",
    tranche=1,
    from_fund="g",
    to_party="group",
    currency="USD",
    amount_minor=500_00,
)


def act(party: str = "donor", role: str = "board", key: str = "k") -> Act:
    return Act(Actor(party, role, key), DAY)


def usd(amount: str) -> Money:
    return Money(amount, "USD")


def said(*choices: str, of: str = "donor") -> tuple[Vote, ...]:
    return tuple(Vote(f"{of}-{number}", of, choice) for number, choice in enumerate(choices))


def refusal(code: str, run: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        run()
    assert caught.value.code == code, caught.value
    return caught.value


votes = st.lists(
    st.tuples(st.sampled_from(CONSTITUENCIES), st.sampled_from(CHOICES)), max_size=12
).map(lambda told: tuple(Vote(str(at), *each) for at, each in enumerate(told)))
majorities = st.tuples(st.integers(1, 100), st.integers(1, 100)).filter(
    lambda parts: parts[1] <= 2 * parts[0] <= 2 * parts[1]
)


@st.composite
def rules(draw: st.DrawFn) -> Board:
    numerator, denominator = draw(majorities)
    return structs.replace(
        BOARD,
        majority_numerator=numerator,
        majority_denominator=denominator,
        private_decisive=draw(st.booleans()),
        quorum_seats=draw(st.integers(1, 8)),
        quorum_constituencies=draw(st.integers(1, 5)),
    )


# Counting ----------------------------------------------------------------------------------------


@given(rules(), votes)
def test_the_private_sector_alone_is_never_decisive(board: Board, told: tuple[Vote, ...]) -> None:
    board = structs.replace(board, private_decisive=False)
    others = tuple(vote for vote in told if vote.constituency != PRIVATE)
    if boards.carries(board, told):
        assert boards.carries(board, others)  # it carries nothing that the others would not
    if boards.carries(board, others) and all(vote.choice != "against" for vote in others):
        assert boards.carries(board, told)  # it stops nothing that no other opposes


@given(rules(), votes, votes)
def test_adding_private_votes_for_never_changes_how_it_ends(
    board: Board, told: tuple[Vote, ...], more: tuple[Vote, ...]
) -> None:
    board = structs.replace(board, private_decisive=False)
    others = tuple(vote for vote in told if vote.constituency != PRIVATE)
    added = said(*("for" for _ in more), of=PRIVATE)
    assert boards.carries(board, others + added) == boards.carries(board, others)


@given(rules(), votes)
def test_recused_and_abstaining_seats_weigh_nothing(board: Board, told: tuple[Vote, ...]) -> None:
    weighing = tuple(vote for vote in told if vote.choice in ("for", "against"))
    assert boards.carries(board, told) == boards.carries(board, weighing)
    present = tuple(vote for vote in told if vote.choice != RECUSED)
    assert boards.lacking(board, told) == boards.lacking(board, present)


@given(rules(), votes)
def test_a_carried_motion_has_its_majority_and_more_for_than_against(
    board: Board, told: tuple[Vote, ...]
) -> None:
    counted = boards.tally(told)
    ayes = sum(each["for"] for each in counted.values())
    noes = sum(each["against"] for each in counted.values())
    assert sum(sum(each.values()) for each in counted.values()) == len(told)
    if board.private_decisive and boards.carries(board, told):
        assert ayes > noes
        assert ayes * board.majority_denominator >= board.majority_numerator * (ayes + noes)


@given(rules(), votes)
def test_verification_counts_the_same_by_another_way(board: Board, told: tuple[Vote, ...]) -> None:
    assert verify_votes._carried(board, told) == boards.carries(board, told)


@given(votes.filter(bool), st.data())
def test_a_vote_turned_to_for_never_loses_a_carried_motion(
    told: tuple[Vote, ...], data: st.DataObject
) -> None:
    board = data.draw(rules())
    at = data.draw(st.integers(0, len(told) - 1))
    turned = (*told[:at], structs.replace(told[at], choice="for"), *told[at + 1 :])
    if boards.carries(board, told):
        assert boards.carries(board, turned)


@pytest.mark.parametrize(
    ("parts", "choices", "ends"),
    [
        ((1, 2), ("for", "against"), False),  # a tie carries nothing
        ((1, 2), ("for",), True),
        ((1, 2), (), False),
        ((1, 2), ("abstain", "abstain"), False),
        ((2, 3), ("for", "for", "against"), True),
        ((2, 3), ("for", "for", "for", "against", "against"), False),
        ((1, 1), ("for", "for", "abstain"), True),
        ((1, 1), ("for", "for", "against"), False),
    ],
)
def test_majorities_by_example(
    parts: tuple[int, int], choices: tuple[str, ...], *, ends: bool
) -> None:
    board = structs.replace(BOARD, majority_numerator=parts[0], majority_denominator=parts[1])
    assert boards.carries(board, said(*choices)) is ends


def test_the_private_sector_by_example() -> None:
    private = said("for", "for", "for", of=PRIVATE)
    assert not boards.carries(BOARD, private)
    assert not boards.carries(BOARD, private + said("for", "against", "against"))
    assert boards.carries(BOARD, private + said("for", "for", "against"))
    against = said("against", "against", "against", of=PRIVATE)
    assert boards.carries(BOARD, against + said("for", "abstain"))
    assert not boards.carries(BOARD, against + said("for", "for", "against"))
    decisive = structs.replace(BOARD, private_decisive=True)
    assert boards.carries(decisive, private)
    assert not boards.carries(decisive, against + said("for", "abstain"))


def test_a_quorum_is_seats_and_constituencies_without_the_recused() -> None:
    board = structs.replace(BOARD, quorum_seats=3, quorum_constituencies=2)
    assert boards.lacking(board, said("for", "for", "for"))
    assert boards.lacking(board, said("for", "for") + said(RECUSED, of="un"))
    assert not boards.lacking(board, said("for", "abstain") + said("against", of="un"))


# Seats and motions -------------------------------------------------------------------------------


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 3), (2, 1), (499, 999)])
def test_a_majority_is_from_a_half_to_the_whole(numerator: int, denominator: int) -> None:
    command = SetBoard(fund="g", majority_numerator=numerator, majority_denominator=denominator)
    refusal("majority-malformed", lambda: boards.set_board(act(), command, G))


def test_a_term_ends_on_or_after_its_beginning() -> None:
    command = TakeSeat(fund="g", constituency="un", party="p", since=DAY, until=date(2026, 3, 1))
    refusal("term-backwards", lambda: boards.take_seat(act(), command, "s"))


def test_only_the_holder_speaks_for_a_seat_within_its_term() -> None:
    boards.speak(act(), SEAT, "g")
    boards.speak(act("anybody", "operator"), SEAT, "g")
    keyed = structs.replace(SEAT, holder="k")
    boards.speak(act(), keyed, "g")
    refusal("party-not-allowed", lambda: boards.speak(act("other"), SEAT, "g"))
    refusal("party-not-allowed", lambda: boards.speak(act(key="k2"), keyed, "g"))
    refusal("seat-other", lambda: boards.speak(act(), SEAT, "n"))
    vacated = structs.replace(SEAT, status="vacated")
    refusal("seat-vacant", lambda: boards.speak(act(), vacated, "g"))
    refusal("seat-vacant", lambda: boards.vacate(act(), vacated))
    for since, until in ((date(2026, 3, 3), None), (date(2020, 1, 1), date(2026, 3, 1))):
        expired = structs.replace(SEAT, since=since, until=until)
        told = refusal("seat-expired", lambda seat=expired: boards.speak(act(), seat, "g"))
        assert "2026-03-02" in told.detail
    boards.speak(act(), structs.replace(SEAT, until=DAY), "g")


def test_a_motion_is_about_one_thing() -> None:
    def propose(disbursement: Disbursement | None = None, **fields: object) -> object:
        command = ProposeMotion(fund="g", **fields)  # type: ignore[arg-type]  # the cases' fields
        return motions.propose(act(), command, "m", G, disbursement)

    refusal("motion-matter", propose)
    refusal("motion-matter", lambda: propose(DISBURSEMENT, amount=usd("1.00")))
    elsewhere = structs.replace(DISBURSEMENT, from_fund="n")
    refusal("motion-matter", lambda: propose(elsewhere))
    assert propose(DISBURSEMENT)
    assert propose(amount=usd("1.00"))


def test_one_vote_a_seat_and_another_takes_its_place() -> None:
    motion = MOTION
    for choice in ("for", "against", "abstain", "for"):
        (voted,) = motions.cast(act(), motion, SEAT, choice).sets
        assert isinstance(voted, Motion)
        assert voted.votes == (Vote("s", "donor", choice),)
        motion = voted
    (recused,) = motions.cast(act(), motion, SEAT, RECUSED).sets
    assert isinstance(recused, Motion)
    refusal("seat-recused", lambda: motions.cast(act(), recused, SEAT, "for"))
    refusal("seat-recused", lambda: motions.cast(act(), recused, SEAT, RECUSED))


def test_who_is_to_be_paid_does_not_vote_on_it() -> None:
    motion = structs.replace(MOTION, disbursement="d", beneficiary="donor")
    refusal("conflict-of-interest", lambda: motions.cast(act(), motion, SEAT, "for"))
    assert motions.cast(act(), motion, SEAT, RECUSED).sets


@pytest.mark.parametrize("status", ["carried", "lost", "used"])
def test_a_closed_motion_takes_no_vote_and_is_not_closed_again(status: str) -> None:
    motion = structs.replace(MOTION, status=status, votes=said("for"))
    refusal("motion-state", lambda: motions.cast(act(), motion, SEAT, "for"))
    refusal("motion-state", lambda: motions.close(act(), motion, BOARD, SEATS))


def test_a_motion_is_closed_on_its_day_with_a_quorum() -> None:
    refusal("quorum-missing", lambda: motions.close(act(), MOTION, BOARD, SEATS))
    voted = structs.replace(MOTION, votes=said("for"))
    early = structs.replace(voted, closes_on=date(2026, 3, 3))
    refusal("motion-early", lambda: motions.close(act(), early, BOARD, SEATS))
    for choice, ends in (("for", "carried"), ("against", "lost")):
        motion = structs.replace(MOTION, votes=said(choice), closes_on=DAY)
        assert [row.status for row in motions.close(act(), motion, BOARD, SEATS).sets] == [ends]


@pytest.mark.parametrize(
    "gone", [{"status": "vacated"}, {"until": date(2026, 3, 1)}, {"status": "reversed"}]
)
def test_the_vote_of_a_seat_that_is_not_held_does_not_count(gone: dict[str, Any]) -> None:
    first, second, third = SEATS
    motion = structs.replace(MOTION, votes=said("for", "for", "against"))
    assert [row.status for row in motions.close(act(), motion, BOARD, SEATS).sets] == ["carried"]
    left = [structs.replace(first, **gone), second, third]
    (lost,) = motions.close(act(), motion, BOARD, left).sets
    assert isinstance(lost, Motion)
    assert (lost.status, lost.votes) == ("lost", motion.votes[1:])
    two = structs.replace(BOARD, quorum_seats=3)
    refusal("quorum-missing", lambda: motions.close(act(), motion, two, left))


def test_a_carried_motion_is_used_for_just_what_it_is_about() -> None:
    carried = structs.replace(MOTION, status="carried")
    used = motions.use(BOARD, carried, ALLOCATION)
    assert used is not None
    assert (used.status, used.used_by) == ("used", "a")
    about = structs.replace(carried, disbursement="d")
    other = {
        "fund": structs.replace(carried, fund="n"),
        "amount": structs.replace(carried, amount_minor=499_99),
        "shares": structs.replace(carried, shares=(Share("c2", 9),)),
        "matter": about,
    }
    for motion in other.values():
        refusal("vote-other", lambda motion=motion: motions.use(BOARD, motion, ALLOCATION))
    assert motions.use(BOARD, structs.replace(carried, shares=ALLOCATION.shares), ALLOCATION)
    refusal("vote-other", lambda: motions.use(BOARD, carried, DISBURSEMENT))
    elsewhere = structs.replace(DISBURSEMENT, id="d2")
    refusal("vote-other", lambda: motions.use(BOARD, about, elsewhere))
    paid = motions.use(BOARD, about, DISBURSEMENT)
    assert paid == motions.use(BOARD, paid, DISBURSEMENT)  # returned, and asked for again
    second = structs.replace(ALLOCATION, id="a2")
    refusal("vote-used", lambda: motions.use(BOARD, used, second))


@pytest.mark.parametrize(("taken", "board"), [*product((ALLOCATION, DISBURSEMENT), (BOARD, None))])
def test_above_the_limit_a_vote_is_needed_and_at_it_none(
    taken: motions.Taken, board: Board | None
) -> None:
    at_limit = structs.replace(taken, amount_minor=100_00)
    assert motions.use(board, None, at_limit) is None
    above = structs.replace(taken, amount_minor=100_01)
    if board is None:
        assert motions.use(board, None, above) is None
        return
    refusal("vote-missing", lambda: motions.use(board, None, above))
    for status in ("open", "lost"):
        motion = structs.replace(MOTION, status=status)
        refusal("vote-missing", lambda motion=motion: motions.use(board, motion, above))
