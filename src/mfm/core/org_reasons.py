"""Why two organisations seem one, or not: sentences for and against, the weightiest first."""

from collections.abc import Iterator, Mapping

from mfm.core.alignments import Match
from mfm.core.org_likeness import DIFFERENT, SAME, UNKNOWN, Comparison, Read
from mfm.core.traits import told

REASONS_MAX = 8
_POINTS_MIN = 250
"""What gives fewer points, either way, is not worth a sentence."""
_HOW = {
    "concept": "mean the same",
    "sound": "sound alike",
    "joined": "are the same word, written together or apart",
    "abbreviation": "are a word and its beginning",
    "spelling": "are spelled alike",
}
_HARD = {
    "countries": "the names say different countries",
    "directions": "the names say opposite directions",
    "numbers": "the same register gave them different numbers",
}
_WORDS_OF = {
    "word": "",
    "theme": "",
    "kind": "kind of body: ",
    "place": "place: ",
    "number": "number: ",
}
_SECTIONS = {"place": ("place", "direction")}


_NOTHING = "against: nothing that tells is known of both"


def reasons(compared: Comparison, parts: Mapping[str, int], hard: str) -> list[str]:
    """Return sentences that begin with `for: ` or `against: `."""
    found = [(points, *said) for points, said in _told(compared, parts)]
    found.sort(key=lambda each: (-abs(each[0]), each[1]))
    made = [f"against: {_HARD[hard]}"] if hard else []
    made += told({kind for kind, _ in compared.one.traits & compared.other.traits})
    if compared.one.registrations & compared.other.registrations:
        made.insert(0, "for: the same registration number")
    for _, side, sentence in found:
        if f"{side}: {sentence}" not in made:
            made.append(f"{side}: {sentence}")
    return made[:REASONS_MAX] or [_NOTHING]


def _told(compared: Comparison, parts: Mapping[str, int]) -> Iterator[tuple[int, tuple[str, str]]]:
    facts = compared.facts
    for field in ("country", "city", "domain"):
        if facts[field] != UNKNOWN and abs(parts[field]) >= _POINTS_MIN:
            yield parts[field], _field(field, compared)
    words = sum(parts[each] for each in parts if each.startswith(("cover", "shared", "own")))
    yield from _shared(compared, words)
    for what, before in _WORDS_OF.items():
        points = parts[f"left_{what}"] + parts[f"left1_{what}"]
        left = [_left(compared, side, what) for side in (0, 1)]
        if all(left):  # where each says something of its own, that is always told
            points = min(points, -_POINTS_MIN)
        if any(left) and points <= -_POINTS_MIN:
            yield points, ("against", f"only one says {before}{_either(left)}")
    yield from _letters(compared, parts)


def _field(field: str, compared: Comparison) -> tuple[str, str]:
    values = [getattr(side.view, field) for side in (compared.one, compared.other)]
    if compared.facts[field] == SAME:
        return "for", f"same {field}: {values[0]}"
    return "against", f"{field}: {values[0]} and {values[1]}"


def _shared(compared: Comparison, points: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield what the names both say."""
    exact = [match for match in compared.matches if match.how == "letters"]
    each = max(_POINTS_MIN, abs(points)) // max(1, len(compared.matches))
    if exact:
        units = compared.one.name.units
        words = ", ".join(units[match.left].said for match in exact)
        yield each * len(exact), ("for", f"both say {words}")
    for match in compared.matches:
        if match.how != "letters":
            yield each, ("for", _pair(compared, match))


def _pair(compared: Comparison, match: Match) -> str:
    left = compared.one.name.units[match.left].said
    right = compared.other.name.units[match.right].said
    return f"{left} and {right} {_HOW[match.how]}"


def _left(compared: Comparison, side: int, what: str) -> str:
    """Return what one side says alone, in a section."""
    name = (compared.one, compared.other)[side].name
    met = {(match.left, match.right)[side] for match in compared.matches}
    sections = _SECTIONS.get(what, (what,))
    words = [u.said for at, u in enumerate(name.units) if u.section in sections and at not in met]
    return " ".join(words)


def _either(left: list[str]) -> str:
    return ", and only the other ".join(each for each in left if each)


def _letters(
    compared: Comparison, parts: Mapping[str, int]
) -> Iterator[tuple[int, tuple[str, str]]]:
    facts = compared.facts
    if compared.regime == "acronym":
        points = parts["short_fit"] + parts["short_size"]
        if abs(points) >= _POINTS_MIN:
            yield points, _initials(compared, points > 0)
    elif facts["short_differs"] and parts["short_differs"] <= -_POINTS_MIN:
        yield parts["short_differs"], ("against", "their short forms differ")
    if parts["domain_names"] >= _POINTS_MIN:
        yield parts["domain_names"], ("for", "the site of one has the name of the other")
    if parts["city_named"] >= _POINTS_MIN:
        yield parts["city_named"], ("for", "the name of one has the city of the other")
    if facts["country_against"] and parts["country_against"] <= -_POINTS_MIN:
        yield parts["country_against"], ("against", "a name says another country")
    if facts["kinds"] == DIFFERENT and parts["kinds"] <= -_POINTS_MIN:
        yield parts["kinds"], ("against", "the names say different kinds of body")


def _initials(compared: Comparison, fits: bool) -> tuple[str, str]:  # noqa: FBT001  # the one question asked
    short, long = compared.one, compared.other
    if not short.name.is_acronym:
        short, long = long, short
    if fits:
        return "for", f"{_said(short)} is spelled by the words of {_said(long)}"
    return "against", f"{_said(short)} is not spelled by the words of {_said(long)}"


def _said(side: Read) -> str:
    return side.name.said.strip()
