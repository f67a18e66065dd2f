"""Verification finds a vote that was not one, a count that was none, and a motion misused."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec import structs

from mfm.core.boards import Vote
from mfm.core.costs import Cost
from mfm.core.nouns import KINDS
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Told
from mfm.core.verify_votes import check
from tests.core.test_boards import ALLOCATION, BOARD, DAY, DISBURSEMENT, MOTION, SEAT

UN = structs.replace(SEAT, id="u", constituency="un", party="un")
FOR, AGAINST = Vote("s", "donor", "for"), Vote("s", "donor", "against")
VOTED = structs.replace(MOTION, votes=(FOR,))
LEFT = structs.replace(UN, status="vacated")
WITH_LEFT = structs.replace(MOTION, votes=(FOR, Vote("u", "un", "for")))
CARRIED = structs.replace(VOTED, status="carried")
USED = structs.replace(CARRIED, status="used", used_by="a")
DECIDED = structs.replace(ALLOCATION, motion="m")
MATTER = structs.replace(MOTION, disbursement="d", beneficiary="group")
COST = Cost(
    id="k",
    status="paid",
    kind="direct",
    fund="g",
    bank_account="main",
    currency="USD",
    amount_minor=BOARD.limit_minor + 1,
    shares=(),
)
DONOR = {"party": "donor", "role": "board", "key": "k"}


def told(verb: str, *sets: Noun, by: dict[str, str] = DONOR, seat: str = "s") -> Told:
    return Told(
        seq=9,
        leaf=b"",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        accepted=True,
        chain=(),
        verb=verb,
        actor=by,
        effective_on=DAY,
        caused_by=b"",
        reverses=0,
        postings=(),
        sets=tuple((KINDS[type(state)], state) for state in sets),
        command={"motion": "m", "seat": seat},
        commit={},
        facts={},
    )


def held(record: Told, before: Noun | None = MOTION, **rows: Noun | dict[str, Noun]) -> None:
    """Hold a record against a fund with a board of two seats; `rows` takes the place of these."""
    stand: dict[str, Any] = {
        "board": {"g": BOARD},
        "seat": {"s": SEAT, "u": UN},
        "disbursement": {"d": DISBURSEMENT},
    }
    for kind, row in rows.items():
        stand[kind] = row if isinstance(row, dict) else {row.id: row}
    check(stand, record, {state.id: before for _, state in record.sets})


SOUND: dict[str, Callable[[], None]] = {
    "a bank's charge": lambda: held(told("cost.pay", structs.replace(COST, kind="bank-charge"))),
    "a cost within the limit": lambda: held(
        told("cost.pay", structs.replace(COST, amount_minor=BOARD.limit_minor))
    ),
    "proposed": lambda: held(told("motion.propose", MOTION), None),
    "about a disbursement": lambda: held(told("motion.propose", MATTER), None),
    "voted": lambda: held(told("vote.cast", VOTED)),
    "voted again": lambda: held(
        told("vote.cast", structs.replace(MOTION, votes=(AGAINST,))), VOTED
    ),
    "said the same": lambda: held(told("vote.cast", VOTED), VOTED),
    "by the operator": lambda: held(told("vote.cast", VOTED, by={**DONOR, "role": "operator"})),
    "closed": lambda: held(told("motion.close", CARRIED), VOTED),
    "closed without a vacated seat's vote": lambda: held(
        told("motion.close", CARRIED), WITH_LEFT, seat={"s": SEAT, "u": LEFT}
    ),
    "used": lambda: held(told("allocation.approve", DECIDED, USED), CARRIED),
    "below the limit": lambda: held(
        told("allocation.approve", structs.replace(ALLOCATION, amount_minor=1))
    ),
    "no board": lambda: held(told("allocation.approve", structs.replace(ALLOCATION, fund="n"))),
}


@pytest.mark.parametrize("what", SOUND)
def test_what_is_sound_is_let_through(what: str) -> None:
    SOUND[what]()


def said(*votes: Vote, **more: Any) -> Told:  # noqa: ANN401  # as `told` takes them
    return told("vote.cast", structs.replace(MOTION, votes=votes), **more)


RECUSED = structs.replace(MOTION, votes=(Vote("s", "donor", "recused"),))
UNSOUND: dict[str, tuple[str, Callable[[], None]]] = {
    "a cost above the limit": ("vote-used", lambda: held(told("cost.pay", COST))),
    "begins with a vote": ("vote-count", lambda: held(told("motion.propose", VOTED), None)),
    "begins for another's amount": (
        "vote-count",
        lambda: held(told("motion.propose", structs.replace(MATTER, amount_minor=1)), None),
    ),
    "hides who is paid": (
        "vote-count",
        lambda: held(told("motion.propose", structs.replace(MATTER, beneficiary="")), None),
    ),
    "by somebody else": (
        "vote-seat",
        lambda: held(told("vote.cast", VOTED, by={**DONOR, "party": "un"})),
    ),
    "by another key": (
        "vote-seat",
        lambda: held(told("vote.cast", VOTED), seat=structs.replace(SEAT, holder="other")),
    ),
    "for another seat": ("vote-seat", lambda: held(said(FOR, seat="u"))),
    "two at once": ("vote-seat", lambda: held(said(FOR, Vote("u", "un", "for")))),
    "twice": ("vote-seat", lambda: held(said(FOR, AGAINST))),
    "another's vote gone": (
        "vote-seat",
        lambda: held(said(FOR), structs.replace(MOTION, votes=(Vote("u", "un", "against"),))),
    ),
    "another constituency": ("vote-seat", lambda: held(said(Vote("s", "un", "for")))),
    "a choice that is none": ("vote-seat", lambda: held(said(Vote("s", "donor", "perhaps")))),
    "recused by a vote": ("vote-seat", lambda: held(told("vote.cast", RECUSED))),
    "voted after recusal": ("vote-seat", lambda: held(told("vote.cast", VOTED), RECUSED)),
    "an expired seat": (
        "vote-seat",
        lambda: held(told("vote.cast", VOTED), seat=structs.replace(SEAT, until=date(2026, 3, 1))),
    ),
    "a vacant seat": (
        "vote-seat",
        lambda: held(told("vote.cast", VOTED), seat=structs.replace(SEAT, status="vacated")),
    ),
    "another fund's seat": (
        "vote-seat",
        lambda: held(told("vote.cast", VOTED), seat=structs.replace(SEAT, fund="n")),
    ),
    "who is paid": (
        "vote-seat",
        lambda: held(
            told("vote.cast", structs.replace(VOTED, disbursement="d", beneficiary="donor"))
        ),
    ),
    "lost, says the record": (
        "vote-count",
        lambda: held(told("motion.close", structs.replace(VOTED, status="lost")), VOTED),
    ),
    "counts a vacated seat's vote": (
        "vote-count",
        lambda: held(
            told("motion.close", structs.replace(WITH_LEFT, status="carried")),
            WITH_LEFT,
            seat={"s": SEAT, "u": LEFT},
        ),
    ),
    "leaves a held seat's vote out": (
        "vote-count",
        lambda: held(told("motion.close", CARRIED), WITH_LEFT),
    ),
    "no quorum": (
        "vote-count",
        lambda: held(
            told("motion.close", CARRIED), VOTED, board=structs.replace(BOARD, quorum_seats=2)
        ),
    ),
    "one constituency": (
        "vote-count",
        lambda: held(
            told("motion.close", CARRIED),
            VOTED,
            board=structs.replace(BOARD, quorum_constituencies=2),
        ),
    ),
    "closed early": (
        "vote-count",
        lambda: held(
            told("motion.close", structs.replace(CARRIED, closes_on=date(2026, 3, 3))), VOTED
        ),
    ),
    "no vote": ("vote-used", lambda: held(told("allocation.approve", ALLOCATION))),
    "names a motion only": ("vote-used", lambda: held(told("allocation.approve", DECIDED))),
    "uses one unnamed": (
        "vote-used",
        lambda: held(told("allocation.approve", ALLOCATION, USED), CARRIED),
    ),
    "about less": (
        "vote-used",
        lambda: held(
            told("allocation.approve", DECIDED, structs.replace(USED, amount_minor=1)), CARRIED
        ),
    ),
    "about a disbursement": (
        "vote-used",
        lambda: held(
            told("allocation.approve", DECIDED, structs.replace(USED, disbursement="d")), CARRIED
        ),
    ),
    "a disbursement by an allocation's": (
        "vote-used",
        lambda: held(
            told(
                "disbursement.approve",
                structs.replace(DISBURSEMENT, motion="m"),
                structs.replace(USED, used_by="d"),
            ),
            CARRIED,
        ),
    ),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_what_is_unsound_is_found(what: str) -> None:
    code, run = UNSOUND[what]
    with pytest.raises(Differs) as caught:
        run()
    assert caught.value.difference.check == code
