"""Calls that ask the same applicants for the same places and themes in the same days (D3)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from msgspec import Struct

from mfm.core.overlaps import Overlap

THEMES_ALIKE_PERCENT = 50
"""So much of two calls' themes together must be in both."""


class Window(Struct, frozen=True, kw_only=True):
    """A call's days and whom it asks, as they are compared.

    Attributes:
        id: the call's.
        fund: whose call.
        tier: the fund's: global, regional, national, local; or "".
        opens_on, closes_on: its days, the last included.
        places: ISO 3166 codes; none means anywhere.
        themes: none means any.
        types: of organisations; none means any.
        levels: of organisations; none means any.
    """

    id: str
    fund: str
    tier: str = ""
    opens_on: date
    closes_on: date
    places: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


def overlapping_calls(windows: Iterable[Window], near_days: int = 0) -> list[Overlap]:
    """Return the pairs of calls whose windows meet, or come within some days of it.

    Calls for different places, themes or applicants do not compete, whatever their days.
    """
    ordered = sorted(windows, key=lambda window: (window.opens_on, window.id))
    near = timedelta(days=near_days)
    found: list[Overlap] = []
    open_now: list[Window] = []
    for window in ordered:
        open_now = [each for each in open_now if window.opens_on - each.closes_on <= near]
        found += [_told(each, window) for each in open_now if competes(each, window)]
        open_now.append(window)
    return found


def competes(one: Window, other: Window) -> bool:
    """Tell whether two calls ask the same applicants, whatever their days."""
    shared = len(set(one.themes) & set(other.themes))
    either = len(set(one.themes) | set(other.themes))
    themes = not one.themes or not other.themes or 100 * shared >= THEMES_ALIKE_PERCENT * either
    return (
        themes
        and places_meet(one.places, other.places)
        and meet(one.types, other.types)
        and meet(one.levels, other.levels)
    )


def meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two lists have something in common; none stands for anything."""
    return not one or not other or not set(one).isdisjoint(other)


def places_meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether a place is in both lists, or lies in one of the other's (CD in CD-NK)."""
    if not one or not other:
        return True
    return any(a == b or a.startswith(b + "-") or b.startswith(a + "-") for a in one for b in other)


def _told(one: Window, other: Window) -> Overlap:
    first, last = max(one.opens_on, other.opens_on), min(one.closes_on, other.closes_on)
    days = (last - first).days + 1
    said = f"{days} days in common" if days > 0 else f"{-days} days between them"
    reasons = [f"for: {said}, from {first}" if days > 0 else f"for: {said}"]
    facts = _months(first, last)
    for name in ("places", "themes", "types", "levels"):
        shared = sorted(set(getattr(one, name)) & set(getattr(other, name)))
        reasons += [f"for: the same {name}: {', '.join(shared)}"] if shared else []
        facts += [f"{name} {each}" for each in shared]
    left, right = sorted((one.id, other.id))
    return Overlap(
        detector="overlapping-calls",
        left=left,
        right=right,
        reasons=tuple(reasons),
        suggestions=_suggestions(one, other),
        facts=tuple(facts),
    )


def _months(first: date, last: date) -> list[str]:
    """Return the months that two windows share, a year's at the most: fewer later are no news."""
    months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [f"days {month // 12}-{month % 12 + 1:02}" for month in months[:12]] or ["days near"]


def _suggestions(one: Window, other: Window) -> tuple[str, ...]:
    """Return what would help: shift one; one call together; a window kept for local groups."""
    made = ["shift", "merge"]
    if one.tier != other.tier and not {"local", "national"}.isdisjoint({one.tier, other.tier}):
        made.append("reserve-local-window")
    return tuple(made)


def clear_from(window: Window, others: Iterable[Window]) -> date | None:
    """Return the first day from the window's own on which, as long as it is, it meets none.

    None where there is no such day: days are taken from each other and never run over the
    calendar's end, whatever a call says.
    """
    length = window.closes_on - window.opens_on
    opens_on = window.opens_on
    rivals = sorted(
        (each for each in others if each.id != window.id and competes(each, window)),
        key=lambda each: (each.opens_on, each.id),
    )
    for rival in rivals:
        if rival.opens_on - opens_on <= length and rival.closes_on >= opens_on:
            if date.max - rival.closes_on <= length:
                return None
            opens_on = rival.closes_on + timedelta(days=1)
    return opens_on
