"""Applications that repeat each other: many leads, one ask in parts, one text of several (D7)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from unicodedata import normalize

from msgspec import Struct, structs

from mfm.core.applications import Application
from mfm.core.overlaps import Overlap, pair_of
from mfm.core.scoring import FULL

LISTED_MAX = 20
"""So many are named in a sentence."""
COPIED_MIN = 900
"""Titles that are so much alike, in thousandths, are one text."""
OWN_WORDS_MAX = 300
"""Where less of their words is the same, in thousandths, one title is chance."""
RUN_WORDS, RUNS_MIN = 4, 30
"""Words are compared in runs of so many; a text of fewer runs says too little."""
_WORDS = re.compile(r"\w+")
COPIED_MIN_UNITS = 5
"""Shorter texts say too little to be anybody's own."""


class AskedFor(Struct, frozen=True, kw_only=True):
    """An application, as it is compared with others of its lead.

    Attributes:
        id: the application's.
        lead: who applies.
        call: to which call.
        fund: whose call.
        amount_minor: what is asked for, in the fund's currency.
        ceiling_minor: the most that the call lets one ask for; 0 for any amount.
        most: how many the call lets one lead submit; 0 for any number.
        starts_on, ends_on: the project's days, or None.
        themes: what it is for.
    """

    id: str
    lead: str
    call: str
    fund: str
    amount_minor: int
    ceiling_minor: int = 0
    most: int = 0
    starts_on: date | None = None
    ends_on: date | None = None
    themes: tuple[str, ...] = ()


def repeated(asks: Iterable[AskedFor]) -> list[Overlap]:
    """Return leads that have more applications in a call than it lets one have."""
    found: list[Overlap] = []
    for (lead, call), mine in _by_lead_and(asks, "call"):
        most = mine[0].most
        if 0 < most < len(mine):
            ids = _listed(mine)
            reasons = (f"for: {lead} leads {len(mine)} in one call, of {most}: {ids}",)
            found.append(_of_lead("repeated-application", (lead, call), mine, reasons))
    return found


def split(asks: Iterable[AskedFor]) -> list[Overlap]:
    """Return leads whose asks to one fund, at once and for the same, together pass its ceiling.

    Each ask is under its call's ceiling; asks of other days or themes are other projects.
    """
    found: list[Overlap] = []
    for (lead, _), mine in _by_lead_and(asks, "fund"):
        for one in mine:
            with_it = [each for each in mine if each.id >= one.id and _at_once(one, each)]
            total = sum(each.amount_minor for each in with_it)
            ceiling = max(each.ceiling_minor for each in with_it)
            capped = all(0 < each.amount_minor <= each.ceiling_minor for each in with_it)
            if len(with_it) > 1 and capped and total > ceiling:
                ids = _listed(with_it)
                reasons = (
                    f"for: {ids} come to {total} (minor units), and the ceiling is {ceiling}",
                    "for: their days and themes meet",
                )
                sides = lead, one.call
                found.append(_of_lead("split-application", sides, with_it, reasons))
                break
    return found


def _listed(asks: Sequence[AskedFor]) -> str:
    names = ", ".join(each.id for each in asks[:LISTED_MAX])
    return names if len(asks) <= LISTED_MAX else f"{names} and {len(asks) - LISTED_MAX} more"


def _by_lead_and(
    asks: Iterable[AskedFor], field: str
) -> list[tuple[tuple[str, str], list[AskedFor]]]:
    groups: defaultdict[tuple[str, str], list[AskedFor]] = defaultdict(list)
    for ask in asks:
        groups[ask.lead, getattr(ask, field)].append(ask)
    return [(key, sorted(group, key=lambda ask: ask.id)) for key, group in sorted(groups.items())]


def _at_once(one: AskedFor, other: AskedFor) -> bool:
    """Tell whether two asks are for the same themes in days that meet; unknown ones do."""
    themes = not one.themes or not other.themes or not set(one.themes).isdisjoint(other.themes)
    begins = one.starts_on is None or other.ends_on is None or one.starts_on <= other.ends_on
    ends = other.starts_on is None or one.ends_on is None or other.starts_on <= one.ends_on
    return themes and begins and ends


def _of_lead(
    detector: str, sides: tuple[str, str], asks: Iterable[AskedFor], reasons: tuple[str, ...]
) -> Overlap:
    return Overlap(
        detector=detector,
        left=sides[0],
        right=sides[1],
        reasons=reasons,
        facts=tuple(f"application {each.id}" for each in asks),
        suggestions=("ask-lead", "merge"),
    )


def copied(one: Application, other: Application, alike: int, units: int) -> Overlap | None:
    """Return that two organisations hand in one text, or None.

    Args:
        one: an application.
        other: another one.
        alike: how much of their own words is the same, in thousandths: without what a call gives.
        units: how many units of meaning of its own the shorter one has.
    """
    if one.lead == other.lead or alike < COPIED_MIN or units < COPIED_MIN_UNITS:
        return None
    left, right = pair_of(one.id, other.id)
    return Overlap(
        detector="same-text",
        left=left,
        right=right,
        score=min(alike, FULL),
        band="possible",
        reasons=(
            f"for: {one.lead} and {other.lead} hand in one text ({alike / 10:.0f} %)",
            "against: titles alone are compared, without the words that a call gives",
        ),
        suggestions=("ask-both",),
        facts=("text", one.title, other.title),
    )


def by_words(found: Overlap, sides: tuple[str, str], given: str) -> Overlap | None:
    """Return a pair of one title as its words bear it out; None where these are each one's own.

    Args:
        found: as `copied` told it.
        sides: what the two applications say, "" of what is not held.
        given: what their calls say, which is nobody's own.
    """
    template = _runs(given)
    one, other = (_runs(text) - template for text in sides)
    if min(len(one), len(other)) < RUNS_MIN:
        return found  # too little to tell
    same = FULL * len(one & other) // min(len(one), len(other))
    if same < OWN_WORDS_MAX:
        return None
    sure = same >= COPIED_MIN
    said = f"{'for' if sure else 'against'}: {same / 10:.0f} % of their words are the same"
    return structs.replace(
        found,
        band="strong" if sure else found.band,
        reasons=(found.reasons[0], said),
        facts=(*found.facts, "words") if sure else found.facts,
    )


def _runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of a few words that a text says."""
    words = _WORDS.findall(normalize("NFKC", text).casefold())
    return {tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1)}
