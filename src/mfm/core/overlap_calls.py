"""Calls that ask the same applicants for the same places and themes in the same days (D3)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
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


def overlapping_calls(
    windows: Iterable[Window], near_days: int = 0, of: Collection[str] | None = None
) -> list[Overlap]:
    """Return the pairs of calls whose windows meet, or come within some days of it.

    Calls for different places, themes or applicants do not compete, whatever their days. Those of
    one fund are told as possible alone: it knows them both, and lots and lanes are its business.

    Args:
        windows: calls, in any order.
        near_days: how far apart they may be.
        of: ids of calls of which one is to be in each pair; None for all.
    """
    near = timedelta(days=near_days)
    found: list[Overlap] = []
    by_theme: defaultdict[str, list[Window]] = defaultdict(list)
    for window in sorted(windows, key=_opening):
        # Those without a theme (under "") compete with all; others share one at the least.
        themes = {*window.themes, ""} if window.themes else {*by_theme}
        for theme in themes:
            some = by_theme[theme]
            by_theme[theme] = [each for each in some if window.opens_on - each.closes_on <= near]
        open_now = {each.id: each for theme in themes for each in by_theme[theme]}
        found += [
            _told(each, window)
            for each in sorted(open_now.values(), key=_opening)
            if (of is None or each.id in of or window.id in of) and competes(each, window)
        ]
        for theme in window.themes or ("",):
            by_theme[theme].append(window)
    return found


def _opening(window: Window) -> tuple[date, str]:
    return window.opens_on, window.id


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
    if one.fund and one.fund == other.fund:
        reasons.append(f"against: both are of {one.fund}, as lots or lanes of it may be")
    left, right = sorted((one.id, other.id))
    return Overlap(
        detector="overlapping-calls",
        left=left,
        right=right,
        band="possible" if one.fund and one.fund == other.fund else "strong",
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
