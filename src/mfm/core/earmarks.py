"""Earmarks: what money may be used for; nested, so that it can never leave them.

A contribution's earmark is its donor's terms. What an allocation is for lies inside the earmark
of each contribution that it draws on, a grant or transfer inside its allocation's; and what a fund
gets under a transfer has that transfer's earmark, so that the receiver's allocations lie inside it
too, down to the last mile.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from mfm.core.errors import Refused

Phase = Literal["development", "implementation"]
Track = Literal["dedicated", "mainstreaming"]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,31}$(?!\n)")]
Codes = Annotated[tuple[Code, ...], Meta(max_length=12)]
_PLACE = "place"


class Earmark(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What money may be used for: along each dimension one of these; an empty one is open.

    Attributes:
        phase: of the National Action Plan (NAP): its development, its implementation.
        track: dedicated to Women, Peace and Security, or mainstreaming.
        pillar: such as participation.
        place: ISO 3166 codes; KE admits KE-30 as well.
        line: lines of the NAP.
        theme: themes or sectors, such as the DAC's 15170.
    """

    phase: Annotated[tuple[Phase, ...], Meta(max_length=2)] = ()
    track: Annotated[tuple[Track, ...], Meta(max_length=2)] = ()
    pillar: Codes = ()
    place: Codes = ()
    line: Codes = ()
    theme: Codes = ()


OPEN = Earmark()
"""Money for anything that the fund is for."""
DIMENSIONS: tuple[str, ...] = Earmark.__struct_fields__


def _admits(dimension: str, bound: str, value: str) -> bool:
    return value == bound or (dimension == _PLACE and value.startswith(f"{bound}-"))


def outside(inner: Earmark, outer: Earmark) -> str:
    """Return the first dimension in which `inner` is not inside `outer`, "" where it is inside.

    What does not say its place is not inside one: it could be used anywhere.
    """
    for dimension in DIMENSIONS:
        bounds, values = getattr(outer, dimension), getattr(inner, dimension)
        if bounds and not (
            values and all(any(_admits(dimension, b, v) for b in bounds) for v in values)
        ):
            return dimension
    return ""


def narrowed(own: Earmark, outer: Earmark) -> Earmark:
    """Return an earmark that has the outer one's bounds wherever it says nothing itself."""
    return structs.replace(
        own, **{name: getattr(own, name) or getattr(outer, name) for name in DIMENSIONS}
    )


def must_be_inside(inner: Earmark, outer: Earmark, whose: str, pointer: str) -> None:
    """Hold that money stays inside its earmark.

    Args:
        inner: what it is to be used for.
        outer: what it may be used for.
        whose: whose earmark that is, such as "contribution c".
        pointer: where the request names it.

    Raises:
        Refused: `earmark-not-met`, naming the dimension.
    """
    dimension = outside(inner, outer)
    if dimension:
        bounds = " or ".join(getattr(outer, dimension))
        values = " and ".join(getattr(inner, dimension)) or "not said"
        detail = f"{whose} is for {dimension} {bounds}; here it is {values}."
        raise Refused("earmark-not-met", detail[:1].upper() + detail[1:], pointer)


def sources(
    purpose: Earmark, available_minor: Mapping[str, int], bounds: Mapping[str, Earmark]
) -> dict[str, int]:
    """Return those of a fund's sources that admit a purpose, in minor units.

    Args:
        purpose: what the money is to be used for.
        available_minor: contribution or transfer -> unallocated minor units.
        bounds: contribution or transfer -> its earmark; open for one that is not there.
    """
    return {
        name: amount_minor
        for name, amount_minor in available_minor.items()
        if not outside(purpose, bounds.get(name, OPEN))
    }


def must_suffice(
    amount_minor: int, available_minor: Mapping[str, int], admitted_minor: Mapping[str, int]
) -> None:
    """Hold that what admits a purpose suffices, where all that is unallocated would.

    Raises:
        Refused: `earmark-not-met`, naming contributions that do not admit it.
    """
    reach_minor = sum(admitted_minor.values())
    if reach_minor < amount_minor <= sum(available_minor.values()):
        others = sorted(available_minor.keys() - admitted_minor.keys())
        names = ", ".join([*others[:5], *(["others"] if len(others) > 5 else [])])  # noqa: PLR2004  # a few
        detail = f"Not enough of the unallocated money admits this: {names} is earmarked otherwise."
        raise Refused("earmark-not-met", detail, "/earmark")


def must_admit(purpose: Earmark, names: Iterable[str], bounds: Mapping[str, Earmark]) -> None:
    """Hold that each source that is named admits a purpose.

    Raises:
        Refused: `earmark-not-met`.
    """
    for at, name in enumerate(names):
        pointer = f"/shares/{at}/contribution"
        must_be_inside(purpose, bounds.get(name, OPEN), f"money of {name}", pointer)
