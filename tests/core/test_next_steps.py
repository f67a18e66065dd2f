"""Next steps: at every status there is one turn, or the tranche is at its end."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.disbursements import Disbursement, Need
from mfm.core.funds import Fund
from mfm.core.next_steps import Around, NextStep, PastStep, Why, days, next_step, tranche_steps
from mfm.core.permissions import TABLE
from mfm.core.reports import Report
from mfm.core.schedules import Tranche

DUE, LATER = date(2026, 4, 1), date(2026, 6, 30)
G = Fund(id="g", status="open", name="G", currency="USD", steward="agent")
N = Fund(id="n", status="open", name="N", currency="USD", steward="council")
GRANT = Commitment(
    id="w",
    status="active",
    kind="grant",
    from_fund="g",
    to_party="group",
    currency="USD",
    amount_minor=900,
    paid_minor=400,
    tranches=(Tranche(1, 400, DUE, "x"), Tranche(2, 500, LATER), Tranche(3, 0)),
)
TRANSFER = structs.replace(GRANT, kind="transfer", to_party="", to_fund="n")
GRANTED, BETWEEN = Around(GRANT, G), Around(TRANSFER, G, N)


def at(status: str, **fields: object) -> Disbursement:
    made = Disbursement(
        id="x",
        status=status,
        commitment="w",
        tranche=1,
        from_fund="g",
        to_party="group",
        currency="USD",
        amount_minor=400,
    )
    return structs.replace(made, **fields)


def report(status: str, **fields: object) -> Report:
    made = Report(
        id="r",
        status=status,
        commitment="w",
        fund="g",
        party="group",
        currency="USD",
        direct_minor=0,
        support_minor=0,
        disbursement="x",
    )
    return structs.replace(made, **fields)


CONDITION = Condition(
    id="q",
    status="open",
    commitment="w",
    tranche=1,
    type="fiduciary",
    category="audit",
    title="Audit",
    due_on=DUE,
    added_by="a",
)
WAITING = structs.replace(GRANTED, unmet=(CONDITION,))
SUBMITTED = structs.replace(GRANTED, reports=(report("submitted"),))
QUESTIONED = structs.replace(GRANTED, reports=(report("questioned", answer_by=LATER),))
REVIEWING = structs.replace(GRANTED, giver=structs.replace(G, review=True))
SETTLED = structs.replace(GRANTED, commitment=structs.replace(GRANT, accepted_minor=400))

TURNS: dict[str, tuple[Disbursement, Around, tuple[str, str, str, date | None, str]]] = {
    "asked": (
        at("requested"),
        GRANTED,
        ("approver", "agent", "disbursement.approve", DUE, "awaits-approval"),
    ),
    "asked, where requests are reviewed": (
        at("requested"),
        REVIEWING,
        ("preparer", "agent", "disbursement.review", DUE, "awaits-review"),
    ),
    "reviewed": (
        at("reviewed"),
        REVIEWING,
        ("approver", "agent", "disbursement.approve", DUE, "awaits-approval"),
    ),
    "a condition first": (
        at("requested"),
        WAITING,
        ("approver", "agent", "condition.meet", DUE, "condition-unmet"),
    ),
    "returned": (
        at("returned", needs="budget", answer_by=LATER),
        GRANTED,
        ("grantee", "group", "disbursement.resubmit", LATER, "needs-budget"),
    ),
    "returned to a fund": (
        at("returned", needs="other"),
        BETWEEN,
        ("preparer", "council", "disbursement.resubmit", None, "needs-other"),
    ),
    "approved": (
        at("approved"),
        GRANTED,
        ("payer", "agent", "disbursement.release", DUE, "awaits-payment"),
    ),
    "sent back by the bank": (
        at("approved", bounced_by="c"),
        GRANTED,
        ("payer", "agent", "disbursement.release", DUE, "bank-returned"),
    ),
    "instructed": (
        at("instructed"),
        GRANTED,
        ("payer", "agent", "disbursement.settle", DUE, "awaits-bank"),
    ),
    "sent to a grantee": (
        at("released"),
        GRANTED,
        ("grantee", "group", "disbursement.confirm", None, "awaits-confirmation"),
    ),
    "sent to a fund": (
        at("released"),
        BETWEEN,
        ("preparer", "council", "disbursement.confirm", None, "awaits-confirmation"),
    ),
    "arrived short": (
        at("confirmed", short_minor=5, report_by=LATER),
        GRANTED,
        ("approver", "agent", "disbursement.resolve", None, "arrived-short"),
    ),
    "arrived short at a fund": (
        at("confirmed", short_minor=5),
        BETWEEN,
        ("approver", "council", "disbursement.resolve", None, "arrived-short"),
    ),
    "reported, and still short": (
        at("reported", short_minor=5),
        GRANTED,
        ("approver", "agent", "disbursement.resolve", None, "arrived-short"),
    ),
    "arrived": (
        at("confirmed", report_by=LATER),
        GRANTED,
        ("grantee", "group", "report.submit", LATER, "awaits-report"),
    ),
    "arrived, as expense": (
        at("confirmed", basis="expense"),
        SETTLED,
        ("grantee", "group", "report.submit", None, "awaits-report"),
    ),
    "a report is in": (
        at("confirmed"),
        SUBMITTED,
        ("approver", "agent", "report.decide", None, "awaits-decision"),
    ),
    "a report is questioned": (
        at("confirmed"),
        QUESTIONED,
        ("grantee", "group", "report.answer", LATER, "report-questioned"),
    ),
}
ENDS = {
    "arrived at a fund": (at("confirmed"), BETWEEN),
    "accounted for without a name": (at("confirmed"), SETTLED),
    "reported": (at("reported"), GRANTED),
    "rejected": (at("rejected"), GRANTED),
    "cancelled": (at("cancelled"), GRANTED),
    "reversed": (at("reversed"), GRANTED),
}


@pytest.mark.parametrize("turn", TURNS)
def test_it_is_somebodys_turn(turn: str) -> None:
    disbursement, around, wanted = TURNS[turn]
    assert next_step(disbursement, around) == NextStep(*wanted)
    who, _, action, _, why = wanted
    assert who in TABLE[action]
    assert why in Why.__args__  # type: ignore[attr-defined]  # a Literal has its words


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_left(end: str) -> None:
    assert next_step(*ENDS[end]) is None


def test_every_need_has_its_word() -> None:
    assert {f"needs-{need}" for need in Need.__args__} <= {*Why.__args__}  # type: ignore[attr-defined]  # as above


def test_each_tranche_tells_where_it_stands() -> None:
    told = tranche_steps(GRANTED, [at("released")])
    assert [(step.tranche, step.status, step.disbursement) for step in told] == [
        (1, "released", "x"),
        (2, "scheduled", ""),
        (3, "scheduled", ""),
    ]
    assert told[0].next_step == next_step(at("released"), GRANTED)
    second = NextStep("grantee", "group", "disbursement.request", LATER, "not-requested")
    assert told[1].next_step == second
    assert told[2].next_step is None  # nothing is left of it
    halted = structs.replace(GRANTED, commitment=structs.replace(GRANT, halted="suspended"))
    assert tranche_steps(halted, [])[1].next_step is None


# Days ---------------------------------------------------------------------------------------------


def past(*told: tuple[str, int]) -> tuple[PastStep, ...]:
    """Steps as (status, day)."""
    first = date(2026, 3, 1)
    return tuple(
        PastStep(status, first + timedelta(days=day), "v", "preparer", "agent", seq)
        for seq, (status, day) in enumerate(told, 1)
    )


def on(day: int) -> date:
    return date(2026, 3, 1) + timedelta(days=day)


def test_days_are_counted_at_each_step_and_from_request_to_cash() -> None:
    steps = past(
        ("requested", 0),
        ("returned", 2),
        ("requested", 7),
        ("approved", 8),
        ("released", 10),
        ("approved", 11),
        ("released", 14),
    )
    assert days(steps, on(20)) == {
        "requested": 3,
        "returned": 5,
        "approved": 5,
        "released": 7,
        "to_release": 14,
        "to_cash": None,
    }
    done = (*steps, *past(("confirmed", 16), ("confirmed", 17), ("reported", 30)))
    assert days(done, on(99))["to_cash"] == 16
    assert "reported" not in days(done, on(99))
    assert days(past(("requested", 0), ("rejected", 4)), on(9)) == {
        "requested": 4,
        "to_release": None,
        "to_cash": None,
    }
    assert days((), on(0)) == {"to_release": None, "to_cash": None}


STATUSES = ("requested", "returned", "approved", "instructed", "released", "confirmed")


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.integers(0, 400)), max_size=12))
def test_days_at_the_steps_sum_to_the_time_that_passed(told: list[tuple[str, int]]) -> None:
    steps = past(*sorted(told, key=lambda step: step[1]))
    spent = days(steps, on(400))
    assert all(value is None or value >= 0 for value in spent.values())
    at_steps = sum(value or 0 for name, value in spent.items() if not name.startswith("to_"))
    assert at_steps == ((on(400) - steps[0].on).days if steps else 0)
