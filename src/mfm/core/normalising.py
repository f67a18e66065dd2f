"""An organisation's name as a matcher reads it: units of meaning, acronyms and the letters left.

Versioned: whoever keeps keys or scores keeps `NORMALISATION` with them, and makes them anew when
it has changed.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from mfm.core.letters import MARKS, UNSPACED, WORD, fold, plain, script, script_of
from mfm.core.lexicons import PHRASE_MAX_WORDS, Lexicon, concepts_of

NORMALISATION = 1
"""The version of what `name_of` makes of a name."""
ACRONYM_MAX_CHARS = 12
ACRONYM_MIN_CHARS = 2
NAME_MAX_UNITS = 24
"""So many units of a name are looked at; what follows is left out."""

_ELISION = re.compile(r"^(?:l|d|s|n|m|t|j|c|qu|dell|all|nell|sull|un|gl|degl)'(?=\w\w)")
_POSSESSIVE = re.compile(r"'s?$")
_BRACKETS = re.compile(r"[(\[（【]([^()\[\]（）【】]*)[)\]）】]")
_BETWEEN = re.compile(rf"[^\w'\u2018\u2019\u02bb\u02bc.{MARKS}]+")
_ORDER = ("stop", "legal", "direction", "country", "place", "theme", "kind")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}


class Unit(NamedTuple):
    """A word of a name, or a few that mean one thing.

    Attributes:
        text: its letters, folded.
        concepts: what it may mean.
        section: word, number, or the lexicon's section of its first concept.
        said: as it was written, for people.
    """

    text: str
    concepts: frozenset[str]
    section: str
    said: str

    @property
    def key(self) -> str:
        """Return what equal units have in common: a concept, else the letters."""
        return "=" + min(self.concepts) if self.concepts else self.text


class Name(NamedTuple):
    """A name, read.

    Attributes:
        said: as it was written.
        units: what it says, without articles and legal forms.
        words: every word folded, articles too, for initials.
        acronyms: short forms that it is or holds, folded.
        is_acronym: whether it is nothing else than a short form (and where).
        script: latin, or another script that it has letters of.
        letters: all its folded letters in a row, legal forms left out.
    """

    said: str
    units: tuple[Unit, ...]
    words: tuple[Unit, ...]
    acronyms: frozenset[str]
    is_acronym: bool
    script: str
    letters: str


def name_of(text: str, lexicon: Lexicon) -> Name:
    """Read a name."""
    outside = _BRACKETS.sub(" ", text)
    inside = [each.strip() for each in _BRACKETS.findall(text)]
    if not WORD.search(outside):
        outside, inside = " ".join(inside), []
    words = list(_read(outside, lexicon))
    short = {form for each in inside if (form := _short_form(each))}
    for each in inside:
        if not _short_form(each):
            words += _read(each, lexicon)
    units = tuple(unit for unit in words if unit.section not in {"stop", "legal"}) or tuple(words)
    own = [unit for unit in units if unit.section not in {"country", "place", "direction"}]
    own = own or list(units)
    alone = _short_form(own[0].said) if len(own) == 1 else ""
    if not outside.isupper():
        short |= {form for unit in units if (form := _short_form(unit.said))}
    return Name(
        said=text,
        units=units[:NAME_MAX_UNITS],
        words=tuple(words),
        acronyms=frozenset(short | ({alone} if alone else set())),
        is_acronym=bool(alone),
        script=script_of(outside),
        letters="".join(unit.text for unit in units),
    )


def units_of(text: str, lexicon: Lexicon) -> list[Unit]:
    """Return all units of a longer text, without articles and legal forms."""
    return [unit for unit in _read(text, lexicon) if unit.section not in {"stop", "legal"}]


def _short_form(text: str) -> str:
    """Return the folded letters of what is written as an acronym, else nothing."""
    letters = [sign for sign in text if sign.isalpha()]
    if " " in text.strip() or not ACRONYM_MIN_CHARS <= len(letters) <= ACRONYM_MAX_CHARS:
        return ""
    capitals = sum(sign.isupper() for sign in letters)
    return fold(plain(text)) if capitals * 2 > len(letters) else ""


def _read(text: str, lexicon: Lexicon) -> Iterator[Unit]:
    """Yield the units of a text: phrases first, then words, then what has no spaces."""
    words = list(_words(text))
    folded = [word[0] for word in words]
    place = 0
    while place < len(words):
        for count in range(min(PHRASE_MAX_WORDS, len(words) - place), 1, -1):
            if found := lexicon.phrases.get(tuple(folded[place : place + count])):
                said = " ".join(each[1] for each in words[place : place + count])
                yield _unit("".join(folded[place : place + count]), found, said, lexicon)
                place += count
                break
        else:
            yield from _units(*words[place], lexicon)
            place += 1


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield (folded, said) of each word; what is written without spaces is left to be cut."""
    for said in _BETWEEN.split(text):
        pieces = [piece for piece in said.split(".") if piece.strip("'")]
        if len(pieces) > 1 and all(len(piece) == 1 for piece in pieces):
            pieces = ["".join(pieces)]  # U.N. is one short form
        for piece in pieces:
            small = _POSSESSIVE.sub("", _ELISION.sub("", plain(piece))).replace("'", "")
            if small:
                yield (small if UNSPACED.search(small) else fold(small)), piece


def _units(folded: str, said: str, lexicon: Lexicon) -> Iterator[Unit]:
    if not UNSPACED.search(folded):
        if folded:
            yield _unit(folded, concepts_of(folded, lexicon), said, lexicon)
        return
    for is_unspaced, run in groupby(folded, key=lambda sign: bool(UNSPACED.fullmatch(sign))):
        text = "".join(run)
        if is_unspaced:
            yield from _cut(text, lexicon)
        elif letters := fold(text):
            yield _unit(letters, concepts_of(letters, lexicon), text, lexicon)


def _cut(text: str, lexicon: Lexicon) -> Iterator[Unit]:
    """Cut a run without spaces by the longest forms known; what is left is spelled out."""
    left = ""
    place = 0
    while place < len(text):
        for count in range(min(lexicon.longest, len(text) - place), 0, -1):
            piece = text[place : place + count]
            if (found := lexicon.unspaced.get(piece)) and (count > 1 or _stands_alone(piece)):
                yield from _spelled(left, lexicon)
                left = ""
                yield _unit(fold(piece), found, piece, lexicon)
                place += count
                break
        else:
            left += text[place]
            place += 1
    yield from _spelled(left, lexicon)


def _stands_alone(piece: str) -> bool:
    """Tell whether one sign is a word of its own: Chinese characters only."""
    return script(piece) == "han"


def _spelled(text: str, lexicon: Lexicon) -> Iterator[Unit]:
    for _, run in groupby(text, key=script):
        said = "".join(run)
        letters = fold(said)
        if letters:
            yield _unit(letters, frozenset(), said, lexicon)


def _unit(folded: str, concepts: frozenset[str], said: str, lexicon: Lexicon) -> Unit:
    if concepts:
        section = min((lexicon.sections[each] for each in concepts), key=_ORDER.index)
        return Unit(folded, concepts, section, said)
    number = _ROMAN.get(folded, "") if said.isupper() else ""
    number = folded.lstrip("0") or "0" if folded.isdecimal() else number
    return Unit(number or folded, concepts, "number" if number else "word", said)
