"""Markers: how far money serves gender equality, in the scales that the field uses side by side.

A score means nothing without its scheme: 2 is principal to the OECD DAC, significant to others,
and in the country-based pooled funds it has meant two things. Not screened is no marker at all,
and not 0, which is a finding.
"""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from mfm.core.errors import Invalid
from mfm.core.terms import NO_NUL

Scheme = Literal["un-gem", "un-2a2b", "oecd-dac", "cbpf-gm", "cbpf-gam"]
Version = Annotated[
    str, Meta(max_length=32, pattern=NO_NUL, description="Of the scheme, such as 2019")
]
Score = Annotated[str, Meta(max_length=8, pattern=NO_NUL, description="As the scheme writes it")]

MEANINGS = ("principal", "significant", "limited", "none", "not applicable")


class Marker(Struct, frozen=True):
    """A classification.

    Attributes:
        scheme: whose scale.
        version: of the scale, or "".
        score: as the scale writes it.
        party: who reviewed it.
        key: with which key.
    """

    scheme: str
    version: str
    score: str
    party: str
    key: str


class MarkerTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A gender marker as it is given."""

    scheme: Scheme
    score: Score
    version: Version = ""


class Crossed(NamedTuple):
    """A score in another scheme: "" where that leaves it blank, and whether meaning was lost."""

    score: str
    lossy: bool


# scheme -> what each of its scores means, the score that stands for a meaning first.
SCHEMES: dict[str, dict[str, str]] = {
    "un-gem": {
        "3": "principal",
        "2": "significant",
        "1": "limited",
        "0": "none",
        "n/a": "not applicable",
    },
    "un-2a2b": {
        "2b": "principal",
        "2a": "significant",
        "1": "limited",
        "0": "none",
        "n/a": "not applicable",
    },
    "oecd-dac": {"2": "principal", "1": "significant", "0": "none"},
    "cbpf-gm": {
        "2b": "principal",
        "2a": "significant",
        "1": "limited",
        "0": "none",
        "4": "not applicable",
        "3": "not applicable",
    },
    "cbpf-gam": {
        "4": "significant",
        "3": "significant",
        "2": "limited",
        "1": "limited",
        "0": "none",
        "N/A": "not applicable",
    },
}
"""The crosswalk: principal has no score in cbpf-gam, which asks another question; limited has none
in oecd-dac, where it comes down to 0; and what does not apply is blank there."""

_ANOTHER_QUESTION = "cbpf-gam"
_NEAREST = {("oecd-dac", "limited"): "0"}


def check(scheme: Scheme, score: str) -> None:
    """Hold that a score is one of its scheme's.

    Raises:
        Invalid: `score-unknown`.
    """
    if score not in SCHEMES[scheme]:
        known = ", ".join(SCHEMES[scheme])
        raise Invalid("score-unknown", f"{scheme} has the scores {known}.", "/score")


def _translated(scheme: str, score: str, target: str) -> str:
    meaning = SCHEMES[scheme][score]
    found = (each for each, meant in SCHEMES[target].items() if meant == meaning)
    return next(found, _NEAREST.get((target, meaning), ""))


def crosswalk(scheme: Scheme, score: str, target: Scheme) -> Crossed:
    """Return a score in another scheme, saying whether it came through whole.

    It did not when the way back leads to another score, or one of the schemes asks another
    question than the other. Not to be screened at all is the DAC's way to say "not applicable".

    Raises:
        Invalid: `score-unknown`.
    """
    check(scheme, score)
    if scheme == target:
        return Crossed(score, lossy=False)
    there = _translated(scheme, score, target)
    same = bool(there) and _translated(target, there, scheme) == score
    return Crossed(there, lossy=not same or _ANOTHER_QUESTION in (scheme, target))


def replaced(markers: tuple[Marker, ...], new: Marker) -> tuple[Marker, ...]:
    """Return markers with a new one in its scheme's place; the old one stays in its record."""
    others = [each for each in markers if each.scheme != new.scheme]
    return tuple(sorted([*others, new], key=lambda each: each.scheme))
