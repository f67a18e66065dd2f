"""Verification finds each state of the money in that no rule would set."""

from datetime import UTC, date, datetime

import pytest
from msgspec import structs

from mfm.core import contributions
from mfm.core.allocations import Share
from mfm.core.commitments import Commitment
from mfm.core.costs import Cost
from mfm.core.donor_refunds import DonorRefund
from mfm.core.in_kind import InKind
from mfm.core.record import Noun
from mfm.core.schedules import Tranche
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.core.verify_contributions import check, standing
from mfm.core.verify_form import Differs, Told
from tests.core.drafts import CONTRIBUTION, DAY

TOLD = Told(
    seq=9,
    leaf=bytes(32),
    at=datetime(2026, 3, 2, tzinfo=UTC),
    accepted=True,
    chain=(),
    verb="any",
    actor={"key": "a", "party": "agent", "role": "approver"},
    effective_on=DAY,
    caused_by=bytes(16),
    reverses=0,
    postings=(),
    sets=(),
    command={},
    commit={},
    facts={},
)
MIXED = structs.replace(
    CONTRIBUTION,
    recognition="on_compliance",
    conditional_minor=200,
    deferred_minor=300,
    paid_minor=400,
    written_off_minor=100,
    status="partly_received",
)
REFUND = DonorRefund(
    id="x",
    status="decided",
    commitment="c",
    fund="g",
    party="donor",
    currency="USD",
    amount_minor=5,
    decided_by="a",
    decided_on=DAY,
)
PAID = structs.replace(REFUND, status="paid", decided_by="b", paid_by="a", paid_on=DAY)
RECEIPT = UnidentifiedReceipt(
    id="u",
    status="unidentified",
    fund="g",
    bank_account="main",
    currency="USD",
    amount_minor=440,
    original_currency="EUR",
    original_minor=400,
    rate="1.10",
)
COST = Cost(
    id="k",
    status="paid",
    kind="direct",
    fund="g",
    bank_account="main",
    currency="USD",
    amount_minor=10,
    shares=(Share("c", 6), Share("interest", 4)),
)
IN_KIND = InKind(
    id="e",
    status="recorded",
    fund="g",
    donor="donor",
    currency="USD",
    hours="0.25",
    hour_minor=10,
    amount_minor=2,
    channel="4",
)


@pytest.mark.parametrize("state", [CONTRIBUTION, MIXED, REFUND, PAID, RECEIPT, COST, IN_KIND])
def test_a_sound_state_is_sound(state: Noun) -> None:
    check(None, state, TOLD)


def other(state: Noun, **fields: object) -> Noun:
    return structs.replace(state, **fields)


UNSOUND: dict[str, tuple[str, Noun]] = {
    "a part below zero": ("state-amounts", other(MIXED, conditional_minor=-1)),
    "more deferred than firm": ("state-amounts", other(MIXED, deferred_minor=801)),
    "a loss of what was no income": ("state-amounts", other(MIXED, deferred_minor=701)),
    "a loss of what was paid": ("state-amounts", other(MIXED, paid_minor=701)),
    "more conditional than open": ("state-amounts", other(MIXED, conditional_minor=501)),
    "borne by the balance, and not reduced": ("state-amounts", other(MIXED, from_balance_minor=1)),
    "deferred without compliance": ("state-amounts", other(MIXED, recognition="immediate")),
    "instalments of less": ("state-amounts", other(CONTRIBUTION, tranches=(Tranche(1, 999),))),
    "recognised by chance": ("state-amounts", other(CONTRIBUTION, recognition="sometimes")),
    "reduced before it was signed": ("state-amounts", other(CONTRIBUTION, reduced_minor=1)),
    "decided by another": ("state-machine", other(REFUND, decided_by="b")),
    "decided on another day": ("state-machine", other(REFUND, decided_on=date(2026, 3, 1))),
    "paid before it is paid": ("state-machine", other(REFUND, paid_on=DAY)),
    "paid by another": ("state-machine", other(PAID, paid_by="c")),
    "decided and paid by one": ("four-eyes", other(PAID, decided_by="a")),
    "worth more than its rate": ("state-amounts", other(RECEIPT, amount_minor=441)),
    "no rate for another currency": ("state-amounts", other(RECEIPT, rate="")),
    "a rate for its own currency": (
        "state-amounts",
        other(RECEIPT, original_currency="USD", original_minor=440, rate="1"),
    ),
    "a rate that is none": ("state-amounts", other(RECEIPT, rate="1e1")),
    "shares of less": ("invariant-7", other(COST, shares=(Share("c", 6),))),
    "shares of nobody": ("invariant-7", other(COST, amount_minor=0, shares=())),
    "a share below zero": ("invariant-7", other(COST, shares=(Share("c", 11), Share("d", -1)))),
    "hours that are worth less": ("state-amounts", other(IN_KIND, amount_minor=3)),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_an_unsound_state_is_found(what: str) -> None:
    wanted, state = UNSOUND[what]
    with pytest.raises(Differs) as raised:
        check(None, state, TOLD)
    assert raised.value.difference.check == wanted


def test_what_was_signed_for_never_changes() -> None:
    check(CONTRIBUTION, structs.replace(CONTRIBUTION, amount_minor=900, reduced_minor=100), TOLD)
    for amounts in ({"amount_minor": 900}, {"reduced_minor": 100}, {"amount_minor": 1100}):
        with pytest.raises(Differs):
            check(CONTRIBUTION, structs.replace(CONTRIBUTION, **amounts), TOLD)


@pytest.mark.parametrize("paid", [0, 400, 1000])
@pytest.mark.parametrize("lost", [0, 600])
@pytest.mark.parametrize("reduced", [0, 1])
def test_both_ways_of_telling_a_status_agree(paid: int, lost: int, reduced: int) -> None:
    for conditional in (0, max(0, 1000 - paid - lost)):
        state: Commitment = structs.replace(
            CONTRIBUTION,
            paid_minor=paid,
            written_off_minor=min(lost, 1000 - paid),
            reduced_minor=reduced,
            conditional_minor=conditional,
        )
        assert standing(state) == contributions.standing(state)
