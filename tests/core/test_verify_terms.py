"""Verification by itself finds terms that no rule would have let through."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from msgspec import structs

from mfm.core.accounts import Account
from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.disbursements import Disbursement
from mfm.core.earmarks import Earmark
from mfm.core.markers import Marker
from mfm.core.record import Noun
from mfm.core.schedules import Tranche
from mfm.core.verify_form import Differs, Side, Told
from mfm.core.verify_terms import check

DAY = date(2026, 3, 2)
DEV, IMP = Earmark(phase=("development",)), Earmark(phase=("implementation",))

GIVEN = Commitment(
    id="c",
    status="received",
    kind="contribution",
    from_party="d",
    to_fund="g",
    currency="USD",
    amount_minor=9,
    earmark=DEV,
)
ENVELOPE = Allocation(
    id="a",
    status="approved",
    fund="g",
    currency="USD",
    amount_minor=9,
    shares=(Share("c", 9),),
    earmark=DEV,
)
GRANT = Commitment(
    id="w",
    status="signed",
    kind="grant",
    from_fund="g",
    to_party="p",
    currency="USD",
    amount_minor=9,
    allocation="a",
    earmark=DEV,
    tranches=(Tranche(1, 9, None, "x", conditions=("k",)),),
)
OPEN = Condition(
    id="k",
    status="open",
    commitment="w",
    from_fund="g",
    tranche=1,
    type="policy",
    category="other",
    title="T",
    added_by="s",
)
MET = structs.replace(OPEN, status="met", settled_by="q", settled_on=DAY)
ASKED = Disbursement(
    id="x",
    status="requested",
    commitment="w",
    tranche=1,
    from_fund="g",
    currency="USD",
    amount_minor=9,
    requested_by="p",
)
PAYABLE = structs.replace(ASKED, status="approved")
KINDS = {
    Commitment: "commitment",
    Allocation: "allocation",
    Condition: "condition",
    Disbursement: "disbursement",
}


def told(verb: str, key: str, *states: Noun, postings: tuple[Side, ...] = ()) -> Told:
    fields: dict[str, Any] = dict.fromkeys(Told.__struct_fields__, "")
    sets = tuple((KINDS[type(state)], state) for state in states)
    fields |= {"seq": 7, "verb": verb, "actor": {"key": key}, "sets": sets, "postings": postings}
    return Told(**fields)


def look(verb: str, key: str, *states: Noun, before: Noun | None = None, **others: Noun) -> None:
    """Check a record's states, on the sound ones and on `others` instead of them."""
    sound: tuple[Noun, ...] = (GIVEN, ENVELOPE, GRANT, MET, ASKED)
    rows: dict[str, dict[str, Noun]] = {kind: {} for kind in KINDS.values()}
    for state in (*sound, *others.values(), *states):
        rows[KINDS[type(state)]][state.id] = state
    check(rows, told(verb, key, *states), [(before, state) for state in states])


def test_sound_terms_are_sound() -> None:
    look("commitment.sign", "s", GRANT, OPEN)
    look("allocation.approve", "s", ENVELOPE)
    look("condition.meet", "q", MET, before=OPEN)
    look("disbursement.approve", "q", PAYABLE, before=ASKED)
    forbidden = structs.replace(OPEN, assessment="forbidden", assessed_by="b")
    look("condition.assess", "b", forbidden, before=OPEN)
    look("disbursement.approve", "q", PAYABLE, before=ASKED, condition=forbidden)


def grant(**fields: object) -> Callable[[], None]:
    return lambda: look("commitment.sign", "s", structs.replace(GRANT, **fields))


def condition(verb: str, key: str, before: Condition, **fields: object) -> Callable[[], None]:
    return lambda: look(verb, key, structs.replace(before, **fields), before=before)


SCORE = Marker("un-gem", "", "4", "p", "k")
UNSOUND: dict[str, tuple[str, Callable[[], None]]] = {
    "a grant outside its envelope": ("earmark", grant(earmark=IMP)),
    "a grant that leaves it open": ("earmark", grant(earmark=Earmark())),
    "an envelope outside its source": (
        "earmark",
        lambda: look("allocation.approve", "s", structs.replace(ENVELOPE, earmark=IMP)),
    ),
    "a voucher on earmarked money": ("earmark", lambda: check_voucher("c")),
    "an end before the start": (
        "state-terms",
        grant(starts_on=DAY, ends_on=date(2026, 3, 1)),
    ),
    "a grant from a source": ("state-terms", grant(source_kind="bilateral")),
    "a halt of another name": ("state-terms", grant(halted="paused")),
    "a score of no scheme": ("state-terms", grant(markers=(SCORE,))),
    "two scores of one scheme": (
        "state-terms",
        grant(markers=(structs.replace(SCORE, score="1"), structs.replace(SCORE, score="2"))),
    ),
    "a tranche with another's condition": (
        "state-reference",
        grant(tranches=(Tranche(1, 4, None, "x"), Tranche(2, 5, conditions=("k",)))),
    ),
    "a tranche with no such condition": (
        "state-reference",
        grant(tranches=(Tranche(1, 9, conditions=("z",)),)),
    ),
    "an approval over an open condition": (
        "condition-unmet",
        lambda: look("disbursement.approve", "q", PAYABLE, before=ASKED, condition=OPEN),
    ),
    "an approval of a halted agreement": (
        "condition-unmet",
        lambda: look(
            "disbursement.approve",
            "q",
            PAYABLE,
            before=ASKED,
            grant=structs.replace(GRANT, halted="suspended"),
        ),
    ),
    "met by who asked for the tranche": (
        "four-eyes",
        condition("condition.meet", "p", OPEN, status="met", settled_by="p", settled_on=DAY),
    ),
    "accepted by who proposed it": (
        "four-eyes",
        condition(
            "condition.accept",
            "s",
            structs.replace(OPEN, status="proposed"),
            status="open",
            accepted_by="s",
        ),
    ),
    "met in another's name": (
        "state-machine",
        condition("condition.meet", "z", OPEN, status="met", settled_by="q", settled_on=DAY),
    ),
    "met without a day": (
        "state-machine",
        condition("condition.meet", "q", OPEN, status="met", settled_by="q"),
    ),
    "assessed and lifted at once": (
        "state-machine",
        condition(
            "condition.assess",
            "b",
            OPEN,
            status="lifted",
            assessment="forbidden",
            assessed_by="b",
            contest="upheld",
        ),
    ),
    "lifted without a contest": (
        "state-machine",
        condition("condition.answer", "b", OPEN, status="lifted", answered_by="b"),
    ),
    "private money with a policy": (
        "state-terms",
        lambda: look(
            "condition.add",
            "s",
            structs.replace(OPEN, commitment="c", tranche=0),
            given=structs.replace(GIVEN, source_kind="private-sector"),
        ),
    ),
}


def check_voucher(source: str) -> None:
    account = Account("g", "BUD", "9300", "USD", source)
    side = Side(account, elsewhere(account), 5, "", 1)
    rows: dict[str, dict[str, Noun]] = {"commitment": {"c": GIVEN}}
    check(rows, told("entry.post", "s", postings=(side,)), [])


def elsewhere(account: Account) -> Account:
    return account._replace(subject="other")


@pytest.mark.parametrize("what", UNSOUND)
def test_unsound_terms_are_found(what: str) -> None:
    wanted, act = UNSOUND[what]
    with pytest.raises(Differs) as caught:
        act()
    assert caught.value.difference.check == wanted, caught.value.difference
    check_voucher("other")
