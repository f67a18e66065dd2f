"""Exports, terms: earmarks, markers, conditions and statuses of nouns as IATI has them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import lcm

from mfm.core.conditions import Condition as Attached
from mfm.core.earmarks import Earmark
from mfm.core.markers import Marker, crosswalk
from mfm.core.money import split
from mfm.formats.iati_model import (
    ActivityDate,
    Coded,
    Condition,
    Conditions,
    Narrative,
    PolicyMarker,
)

_DAC, _OWN = "1", "99"
_GENDER_EQUALITY = "1"
_ANY_SECTOR = "99810"  # DAC purpose code: sectors not specified
_WHOLE = 10_000
_EVEN = lcm(*range(1, 13))  # an earmark has at most twelve of a kind: each gets its part exactly
_PURPOSE = re.compile(r"[0-9]{5}")
_COUNTRY = re.compile(r"([A-Z]{2})(-.*)?")
_CONDITION_TYPES = {"policy": "1", "performance": "2", "fiduciary": "3"}
_IN_FORCE = ("open", "met", "waived")
PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1", "2", "3", "4"

UNSPECIFIED = (Coded(_ANY_SECTOR, _DAC, percentage="100.00"),)
"""The sectors of what is for none in particular."""

PIPELINE, ONGOING, CLOSED, CANCELLED, SUSPENDED = "1", "2", "4", "5", "6"
_STATUSES = {
    "proposed": PIPELINE,
    "closed": CLOSED,
    "returned": CLOSED,
    "exhausted": CLOSED,
    "terminated": CANCELLED,
    "suspended": SUSPENDED,
}


def status(standing: str) -> str:
    """Return the code of ActivityStatus for what a noun is: in implementation unless it ended."""
    return _STATUSES.get(standing, ONGOING)


def over(standing: str) -> bool:
    """Tell whether a noun has come to its end."""
    return status(standing) in (CLOSED, CANCELLED)


def dates(told: Mapping[str, date | None]) -> tuple[ActivityDate, ...]:
    """Return an activity's dates by code of ActivityDateType; those that are not known are not."""
    return tuple(ActivityDate(kind, on) for kind, on in sorted(told.items()) if on)


def sectors(weighed: Iterable[tuple[Earmark, int]]) -> tuple[Coded, ...]:
    """Return the DAC sectors that money is for, with shares that sum to 100.

    Args:
        weighed: earmarks, each with its amount in minor units; the sectors of one share equally,
            and money that names none is for none in particular.
    """
    found = [(tuple(filter(_PURPOSE.fullmatch, mark.theme)), amount) for mark, amount in weighed]
    return _shares([(codes or (_ANY_SECTOR,), amount) for codes, amount in found], _DAC)


def countries(weighed: Sequence[tuple[Earmark, int]]) -> tuple[Coded, ...]:
    """Return the countries that money is for, with shares that sum to 100; none if some names none.

    Args:
        weighed: as for `sectors`.
    """
    found = [
        (tuple(dict.fromkeys(m[1] for each in mark.place if (m := _COUNTRY.fullmatch(each)))), n)
        for mark, n in weighed
    ]
    return _shares(found, "") if all(codes for codes, _ in found) else ()


def _shares(found: Iterable[tuple[Sequence[str], int]], vocabulary: str) -> tuple[Coded, ...]:
    weights: defaultdict[str, int] = defaultdict(int)
    for codes, amount_minor in found:
        for code in codes:
            weights[code] += amount_minor * _EVEN // len(codes)
    if not any(weights.values()):  # nothing is there to weigh by: each counts the same
        weights = defaultdict(int, dict.fromkeys(weights, 1))
    if not weights:
        return ()
    names = sorted(weights)
    return tuple(
        Coded(code, vocabulary, percentage=f"{part // 100}.{part % 100:02}")
        for code, part in zip(names, split(_WHOLE, [weights[n] for n in names]), strict=True)
        if part
    )


def markers(known: Sequence[Marker]) -> tuple[PolicyMarker, ...]:
    """Return policy markers: the DAC's in its vocabulary, every other scheme in one of its own.

    A score of another scheme is also told as the DAC's where that loses nothing. Not screened is
    no marker.
    """
    told = [_own(each) for each in known if each.scheme != "oecd-dac"]
    plain = [each.score for each in known if each.scheme == "oecd-dac"]
    for each in known:
        crossed = crosswalk(each.scheme, each.score, "oecd-dac")  # type: ignore[arg-type]  # its own scheme
        if not plain and crossed.score and not crossed.lossy:
            plain.append(crossed.score)
    dac = [PolicyMarker(_GENDER_EQUALITY, _DAC, significance=score) for score in plain[:1]]
    return (*dac, *told)


def _own(marker: Marker) -> PolicyMarker:
    name = f"Gender marker {marker.scheme} {marker.version}".rstrip()
    return PolicyMarker(
        code=marker.scheme,
        vocabulary=_OWN,
        vocabulary_uri=f"urn:mfm:marker:{marker.scheme}",
        significance=marker.score,
        narratives=(Narrative(name, "en"),),
    )


def conditions(known: Iterable[Attached]) -> Conditions:
    """Return the conditions attached; that there are none is told too.

    One that nobody has accepted yet, that was lifted, or that was found forbidden, is not attached.
    """
    kept = tuple(
        Condition(_CONDITION_TYPES[each.type], (Narrative(each.title),))
        for each in known
        if each.status in _IN_FORCE and each.assessment != "forbidden"
    )
    return Conditions(bool(kept), kept)
