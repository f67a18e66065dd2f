"""What two descriptions of organisations have in common, as facts in whole numbers.

What sort of body each says it is stays out: people declare it loosely, and where a set of pairs
was made from one record a side, it would say more than it does in life.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import partial_ratio, ratio, token_sort_ratio

from mfm.core.acronyms import explained
from mfm.core.alignments import FULL, Match, align
from mfm.core.contacts import is_shared
from mfm.core.letters import fold, plain, skeleton
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import Name, Unit, name_of

DIFFERENT, UNKNOWN, SAME = 0, 1, 2
"""How a field stands on both sides."""
DOMAIN_HINTS, DOMAIN_SPELLS, DOMAIN_SAYS = 1, 2, 3
"""A domain holds a word of the other's name, its initials, or all of it."""

_PARTS_OF_NUMBER = 3
_CITY_ALIKE_PERCENT = 80
_LONG_WORD_MIN_CHARS = 4
_LABEL_MIN_CHARS = 3
"""A shorter part of a domain is a country's or a sort of site's."""
_INITIALS_FIT_MIN = 850
_SECTIONS_LEFT = {
    "word": ("word",),
    "theme": ("theme",),
    "kind": ("kind",),
    "place": ("place", "direction"),
    "number": ("number",),
}
Weigh = Callable[[Unit], int]
"""How much a unit says, in thousandths: rare words much, common ones little."""


class OrgView(Struct, frozen=True):
    """What is known of an organisation where it is compared.

    Attributes:
        name: as it was written.
        country: ISO 3166-1 code, or None.
        city: or None.
        domain: of its site or its mail, or None.
        registrations: its numbers, each with its register before it, as in IATI (GB-CHC-202918).
        traits: (kind, value) of what it seldom shares with another: of `traits.WEIGHTS`.
    """

    name: str
    country: str | None = None
    city: str | None = None
    domain: str | None = None
    registrations: tuple[str, ...] = ()
    traits: tuple[tuple[str, str], ...] = ()


class Registration(NamedTuple):
    """A number that a register has given.

    Attributes:
        register: the agency's code, such as GB-CHC; of a bare number, its country's.
        number: without spaces and in one case; its hyphens and strokes are a part of it. "" where
            nothing says whose number it is.
    """

    register: str
    number: str


class Read(Struct, frozen=True):
    """A view whose words were read once, for many comparisons.

    Attributes:
        view: what was read.
        name: its name.
        city: its city, folded.
        domain: its domain, without www; "" for one that anybody may have an address in.
        registrations: its numbers.
        traits: what it seldom shares.
    """

    view: OrgView
    name: Name
    city: str
    domain: str
    registrations: frozenset[Registration]
    traits: frozenset[tuple[str, str]]


class Comparison(Struct, frozen=True):
    """Two organisations side by side.

    Attributes:
        one, other: the sides.
        regime: which score it takes: acronym, script (the scripts differ) or same.
        matches: the units that say the same.
        facts: what they have in common: name -> whole number.
    """

    one: Read
    other: Read
    regime: str
    matches: tuple[Match, ...]
    facts: dict[str, int]


def read_view(view: OrgView, lexicon: Lexicon) -> Read:
    """Read an organisation's words."""
    city = "".join(fold(part) for part in plain(view.city or "").split())
    told = (view.domain or "").strip().lower().rstrip(".").removeprefix("www.")
    domain = "" if is_shared(told) or "." not in told else told
    numbers = frozenset(
        found
        for each in view.registrations
        if (found := registration(each, view.country or "")).number
    )
    return Read(view, name_of(view.name, lexicon), city, domain, numbers, frozenset(view.traits))


def registration(told: str, country: str) -> Registration:
    """Read a number; an agency's code has two parts (IATI Standard, organisation identifiers)."""
    written = "".join(sign for sign in plain(told).upper() if sign.isalnum() or sign in "-/")
    parts = written.strip("-/").split("-", 2)
    if len(parts) < _PARTS_OF_NUMBER or not parts[0].isalpha():
        return Registration(country, "-".join(parts) if country else "")
    return Registration("-".join(parts[:2]), parts[2])


def compare(one: Read, other: Read, weigh: Weigh) -> Comparison:
    """Return what two organisations have in common."""
    matches = tuple(align(one.name.units, other.name.units))
    facts = _fields(one, other) | _units(one.name, other.name, matches, weigh)
    facts |= _countries(one, other) | _letters(one.name, other.name) | _short(one.name, other.name)
    return Comparison(one, other, _regime(one.name, other.name), matches, facts)


def _regime(one: Name, other: Name) -> str:
    if one.is_acronym != other.is_acronym:
        short, long = (one, other) if one.is_acronym else (other, one)
        spelled_out = short.acronyms.isdisjoint(unit.text for unit in long.units)
        if len(long.units) > 1 and spelled_out:
            return "acronym"
    return "same" if one.script == other.script else "script"


def _stands(one: str | None, other: str | None, *, same: bool) -> int:
    if not one or not other:
        return UNKNOWN
    return SAME if same else DIFFERENT


def _fields(one: Read, other: Read) -> dict[str, int]:
    """Compare what is known beside the names."""
    city = ratio(one.city, other.city) >= _CITY_ALIKE_PERCENT
    named = any(
        len(side.city) >= _LONG_WORD_MIN_CHARS
        and not there.city
        and side.city in there.name.letters
        for side, there in ((one, other), (other, one))
    )
    return {
        "country": _stands(
            one.view.country, other.view.country, same=one.view.country == other.view.country
        ),
        "city": _stands(one.city, other.city, same=city),
        "domain": _stands(one.domain, other.domain, same=_one_domain(one.domain, other.domain)),
        "domain_names": max(_domain_names(one, other), _domain_names(other, one)),
        "city_named": int(named),
    }


def _one_domain(one: str, other: str) -> bool:
    """Tell whether a domain is the other, or a part of it."""
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def _domain_names(side: Read, there: Read) -> int:
    """Return how much of the other's name is in this side's domain."""
    parts = side.domain.split(".")[:-1]
    labels = [each.replace("-", "") for each in parts if len(each) >= _LABEL_MIN_CHARS]
    best = 0
    for label in labels or parts:
        for short in there.name.acronyms:
            tells = len(short) >= _LABEL_MIN_CHARS
            if label == short or (tells and short in label):
                best = max(best, DOMAIN_SAYS if tells else DOMAIN_SPELLS)
        if len(label) >= _LONG_WORD_MIN_CHARS and not there.domain:
            best = max(best, _label_says(label, there.name))
    return best


def _label_says(label: str, name: Name) -> int:
    if label in name.letters or (
        len(name.letters) > _LONG_WORD_MIN_CHARS and name.letters in label
    ):
        return DOMAIN_SAYS
    if explained(label, name.words) >= _INITIALS_FIT_MIN:
        return DOMAIN_SPELLS
    long = (unit.text for unit in name.units if len(unit.text) > _LONG_WORD_MIN_CHARS)
    return DOMAIN_HINTS if any(text in label for text in long) else 0


def _units(one: Name, other: Name, matches: Sequence[Match], weigh: Weigh) -> dict[str, int]:
    """Compare what the names say, unit by unit, each by its weight."""
    weights = [weigh(unit) for unit in one.units], [weigh(unit) for unit in other.units]
    met: tuple[dict[int, int], dict[int, int]] = (
        {match.left: match.alike for match in matches},
        {match.right: match.alike for match in matches},
    )
    sides = list(zip((one.units, other.units), weights, met, strict=True))
    covers = [_cover(side, range(len(side[0]))) for side in sides]
    own = [[at for at, unit in enumerate(side[0]) if unit.section == "word"] for side in sides]
    own_weight = sum(sum(side[1][at] for at in mine) for side, mine in zip(sides, own, strict=True))
    own_met = sum(_met(side, mine) for side, mine in zip(sides, own, strict=True))
    pairs = [(weights[0][match.left], weights[1][match.right], match.alike) for match in matches]
    made = {
        "cover_low": min(covers),
        "cover_high": max(covers),
        "shared": sum((left + right) * alike for left, right, alike in pairs) // (2 * FULL),
        "shared_best": max((min(a, b) * alike // FULL for a, b, alike in pairs), default=0),
        "own_words": own_met // own_weight if own_weight else -1,
        "length_low": min(len(one.units), len(other.units)),
        "length_high": max(len(one.units), len(other.units)),
    }
    for what, sections in _SECTIONS_LEFT.items():
        left = [_left(side, sections) for side in sides]
        made["left_" + what] = min(left)
        made["left1_" + what] = max(left)
    return made


_Side = tuple[tuple[Unit, ...], list[int], dict[int, int]]
"""A name's units, their weights, and how well each was met on the other side."""


def _met(side: _Side, places: Iterable[int]) -> int:
    return sum(side[1][at] * side[2].get(at, 0) for at in places)


def _cover(side: _Side, places: Iterable[int]) -> int:
    """Return, in thousandths, how much of a name the other says too."""
    return _met(side, places) // (sum(side[1]) or 1)


def _left(side: _Side, sections: tuple[str, ...]) -> int:
    """Return the weight of the heaviest unit of some sections that the other does not say."""
    units, weights, met = side
    return max(
        (
            weights[at] * (FULL - met.get(at, 0)) // FULL
            for at, unit in enumerate(units)
            if unit.section in sections
        ),
        default=0,
    )


def _countries(one: Read, other: Read) -> dict[str, int]:
    """Compare the countries that the names say with each other and with where the sides are."""
    said = [_concepts(each.name.units, "country") for each in (one, other)]
    homes = {f"country:{each.view.country}" for each in (one, other) if each.view.country}
    named = [
        unit.concepts for unit in (*one.name.units, *other.name.units) if unit.section == "country"
    ]
    kinds = [_concepts(each.name.units, "kind") for each in (one, other)]
    return {
        "countries_named": _stands(*map("".join, said), same=not said[0].isdisjoint(said[1])),
        "country_against": int(bool(homes) and any(each.isdisjoint(homes) for each in named)),
        "kinds": _stands(*map("".join, kinds), same=not kinds[0].isdisjoint(kinds[1])),
    }


def _concepts(units: Iterable[Unit], section: str) -> frozenset[str]:
    return frozenset(each for unit in units if unit.section == section for each in unit.concepts)


def _letters(one: Name, other: Name) -> dict[str, int]:
    """Compare the names' letters in a row, whatever words they make."""
    left, right = one.letters, other.letters
    rows = [" ".join(unit.text for unit in name.units) for name in (one, other)]
    enough = min(len(left), len(right)) >= _LONG_WORD_MIN_CHARS
    return {
        "letters": round(10 * ratio(left, right)),
        "letters_start": round(FULL * JaroWinkler.similarity(left, right)),
        "letters_part": round(10 * partial_ratio(left, right)) if enough else 0,
        "letters_sorted": round(10 * token_sort_ratio(*rows)),
        "sounds": round(10 * ratio(skeleton(left), skeleton(right))),
    }


def _short(one: Name, other: Name) -> dict[str, int]:
    """Compare short forms with each other and with what the other's words spell."""
    fits = [
        (FULL if short in there.acronyms else explained(short, there.words), len(short))
        for side, there in ((one, other), (other, one))
        for short in side.acronyms
        if len(short) > 1
    ]
    fit, size = max(fits, default=(0, 0))
    both = bool(one.acronyms and other.acronyms)
    return {
        "short_fit": fit,
        "short_size": size,
        "short_differs": int(both and one.acronyms.isdisjoint(other.acronyms)),
    }
