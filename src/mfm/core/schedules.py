"""Schedules: the dated parts of a commitment, for ten years and more."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.record import Noun, canonical, plain_struct
from mfm.core.terms import Id, Name

MAX_TRANCHES = 240
"""The most that a schedule may have at all; `check_room` says what fits."""
MAX_STATE_BYTES = 13_000
"""The largest commitment: every step of its life tells it whole, in a record of 16 KiB."""

_ID_BYTES = 32
"""What a disbursement's id takes when the service makes it."""


class Tranche(Struct, frozen=True, omit_defaults=True):
    """A dated part of a commitment.

    Attributes:
        number: from 1.
        amount_minor: what it is for, after de-obligations.
        due_on: when it is expected, or None.
        disbursement: the disbursement that took it, or "".
        report_due_on: when a report on it is due, or None.
        conditions: what must be met or waived before it is approved, by id.
    """

    number: int
    amount_minor: int
    due_on: date | None = None
    disbursement: str = ""
    report_due_on: date | None = None
    conditions: tuple[str, ...] = ()


class TrancheTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A tranche as agreed."""

    amount: Money
    due_on: date | None = None
    report_due_on: date | None = None


ConditionType = Literal["policy", "performance", "fiduciary"]
"""IATI condition types 1, 2 and 3."""
Category = Literal[
    "use-of-funds",
    "reporting",
    "audit",
    "legal",
    "safeguarding",
    "policy-change",
    "veto",
    "tied-procurement",
    "exclusivity",
    "silence",
    "unilateral-change",
    "other",
]
"""What a condition asks for; from policy-change on, what may undermine local ownership."""


class ConditionTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition as agreed: of the whole agreement, or to be met before a tranche."""

    id: Id
    title: Name
    type: ConditionType
    category: Category = "other"
    tranche: Annotated[int, Meta(ge=1, le=MAX_TRANCHES)] | None = None
    due_on: date | None = None


ConditionTerms = Annotated[tuple[ConditionTerm, ...], Meta(max_length=24)]
# Untold: the commitment's state says them, and a record has no room for them twice.
TrancheTerms = Annotated[
    tuple[TrancheTerm, ...], Meta(max_length=MAX_TRANCHES, extra={"untold": True})
]


def schedule(terms: tuple[TrancheTerm, ...], fund: Fund, amount_minor: int) -> tuple[Tranche, ...]:
    """Return a schedule as agreed.

    Raises:
        Invalid: `tranches-differ` unless it sums to the amount, and as `Fund.amount`.
    """
    made = tuple(
        Tranche(
            number,
            fund.amount(term.amount, f"/tranches/{number - 1}/amount"),
            term.due_on,
            report_due_on=term.report_due_on,
        )
        for number, term in enumerate(terms, 1)
    )
    if sum(tranche.amount_minor for tranche in made) != amount_minor:
        raise Invalid("tranches-differ", "The tranches must sum to the amount.", "/tranches")
    return made


def free_minor(tranches: Iterable[Tranche]) -> int:
    """Return what nobody has asked for yet, in minor units."""
    return sum(tranche.amount_minor for tranche in tranches if not tranche.disbursement)


def shrunk(tranches: tuple[Tranche, ...], amount_minor: int) -> tuple[Tranche, ...]:
    """Take an amount off what nobody has asked for, from the last tranche backwards."""
    kept: list[Tranche] = []
    for tranche in reversed(tranches):
        part_minor = 0 if tranche.disbursement else min(amount_minor, tranche.amount_minor)
        amount_minor -= part_minor
        kept.append(structs.replace(tranche, amount_minor=tranche.amount_minor - part_minor))
    return tuple(reversed(kept))


def rescheduled(before: tuple[Tranche, ...], after: tuple[Tranche, ...]) -> tuple[Tranche, ...]:
    """Return a new schedule that keeps what somebody has asked for, and every condition.

    Raises:
        Refused: `tranche-taken` when a tranche that is taken would change; `tranche-conditioned`
            when one that has conditions would go.
    """
    kept: list[Tranche] = []
    for at, old in enumerate(before):
        new = after[at] if at < len(after) else None
        if old.disbursement and (
            new is None or (new.amount_minor, new.due_on) != (old.amount_minor, old.due_on)
        ):
            detail = f"Tranche {old.number} is taken by disbursement {old.disbursement}: keep it."
            raise Refused("tranche-taken", detail, f"/tranches/{at}")
        if old.conditions and new is None:
            detail = f"Tranche {old.number} has the condition {old.conditions[0]}: keep it."
            raise Refused("tranche-conditioned", detail, f"/tranches/{at}")
        if new is not None:
            taken = {"disbursement": old.disbursement, "conditions": old.conditions}
            kept.append(structs.replace(new, **taken))
    return (*kept, *after[len(before) :])


def bound(tranches: tuple[Tranche, ...], number: int, condition: Id) -> tuple[Tranche, ...]:
    """Return a schedule in which a tranche has one more condition.

    Raises:
        Invalid: `tranche-unknown`.
        Refused: `tranche-taken`: what is asked for already is bound by what was agreed before.
    """
    if not 1 <= number <= len(tranches):
        detail = f"There are tranches 1 to {len(tranches)}."
        raise Invalid("tranche-unknown", detail, "/tranche")
    tranche = tranches[number - 1]
    if tranche.disbursement:
        detail = f"Tranche {number} is taken by disbursement {tranche.disbursement}."
        raise Refused("tranche-taken", detail, "/tranche")
    conditions = (*tranche.conditions, condition)
    changed = structs.replace(tranche, conditions=conditions)
    return (*tranches[: number - 1], changed, *tranches[number:])


def check_room(state: Noun) -> None:
    """Hold that a commitment still fits into records when all its tranches are taken.

    Raises:
        Invalid: `schedule-too-large`.
    """
    told: dict[str, Any] = plain_struct(state)
    taken = "x" * _ID_BYTES
    told["tranches"] = [{"disbursement": taken, **tranche} for tranche in told["tranches"]]
    size = len(canonical(told))
    if size > MAX_STATE_BYTES:
        detail = (
            f"With {len(told['tranches'])} tranches this would come to {size} bytes;"
            f" {MAX_STATE_BYTES} is the most."
        )
        raise Invalid("schedule-too-large", detail, "/tranches")
