"""Days that a command names: none so far ahead that it can only be a slip of the keyboard."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import TypeAlias

from msgspec import Struct, inspect

from mfm.core.errors import Invalid

AHEAD = timedelta(days=31)
"""How far ahead of its record a fact may be dated: a month, for accruals entered early.

The database holds it too (record_ahead, 0027)."""
FAR = timedelta(days=50 * 365)
"""How far ahead a day may lie that something is due, ends or closes on."""

_FACTS = {"effective_on", "rate_on", "rated_on", "booked_on", "verified_on"}
"""Fields that tell when something was so; all others tell from when, until when or by when."""

_Plan: TypeAlias = "tuple[tuple[str, _Plan], ...]"
"""The fields of a Struct that are days, or hold some, each with the plan below it."""


def check_ahead(command: Struct, today: date) -> None:
    """Hold every day that a command names.

    Args:
        command: what is asked.
        today: the day in UTC on which it will be recorded.

    Raises:
        Invalid: `date-ahead`, with the field.
    """
    for pointer, day, name in _days(command, _plan(type(command)), ""):
        if day > today and day - today > (span := AHEAD if name in _FACTS else FAR):
            detail = f"{day} is more than {span.days} days after today, {today}."
            raise Invalid("date-ahead", detail, pointer)


def _days(value: Struct, plan: "_Plan", at: str) -> Iterator[tuple[str, date, str]]:
    """Return the pointer to each day, the day, and its field."""
    for name, below in plan:
        told = getattr(value, name)
        if not below:
            if told is not None:
                yield f"{at}/{name}", told, name
        elif isinstance(told, tuple):
            for number, each in enumerate(told):
                yield from _days(each, below, f"{at}/{name}/{number}")
        elif told is not None:
            yield from _days(told, below, f"{at}/{name}")


@cache
def _plan(kind: type[Struct]) -> _Plan:
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)  # it is asked of Structs
    found = ((field.name, _below(field.type)) for field in told.fields)
    return tuple((name, below) for name, below in found if below is not None)


def _below(told: inspect.Type) -> "_Plan | None":
    """Return what is below a type that is a day or holds some, and None for one that holds none."""
    match told:
        case inspect.DateType():
            found: _Plan | None = ()
        case inspect.StructType():
            found = _plan(told.cls) or None
        case inspect.Metadata() | inspect.VarTupleType():
            found = _below(told.type if isinstance(told, inspect.Metadata) else told.item_type)
        case inspect.UnionType():
            found = next((plan for each in told.types if (plan := _below(each)) is not None), None)
        case _:
            found = None
    return found
