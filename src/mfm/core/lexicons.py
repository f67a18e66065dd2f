"""Words that mean the same in the languages of the field: looked up in their folded form.

A lexicon is made once from reviewed text (`read`) and then only asked. What a word means is a set
of concepts, for the same letters mean different things in different languages.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mfm.core.errors import Invalid
from mfm.core.letters import UNSPACED, WORD, fold, plain

STEM_MIN_CHARS = 2
"""A shorter beginning would stand for too many words."""
PHRASE_MAX_WORDS = 5
"""So many words may a form have."""


class Lexicon(NamedTuple):
    """What words mean.

    Attributes:
        exact: folded word -> its concepts.
        stems: beginning of a folded word -> its concepts.
        phrases: folded words in a row -> their concepts.
        unspaced: text of a script without spaces -> its concepts.
        sections: concept -> what it is: stop, legal, kind, theme, direction, place, country.
        longest: the most letters that an unspaced form has.
    """

    exact: Mapping[str, frozenset[str]]
    stems: Mapping[str, frozenset[str]]
    phrases: Mapping[tuple[str, ...], frozenset[str]]
    unspaced: Mapping[str, frozenset[str]]
    sections: Mapping[str, str]
    longest: int


def concepts_of(word: str, lexicon: Lexicon) -> frozenset[str]:
    """Return what a folded word may mean: an exact form first, else the longest beginning."""
    if (found := lexicon.exact.get(word)) is not None:
        return found
    for length in range(len(word), STEM_MIN_CHARS - 1, -1):
        if (found := lexicon.stems.get(word[:length])) is not None:
            return found
    return frozenset()


def read(words: str, countries: str, names: Iterable[tuple[str, str]] = ()) -> Lexicon:
    """Make a lexicon.

    Args:
        words: the text of lexicon.txt.
        countries: the text of countries.txt.
        names: further names of countries: (ISO 3166-1 code, name).

    Raises:
        Invalid: line-refused, where a line is not in the form that the file's head describes.
    """
    entries = list(_entries(words))
    entries += [("country", f"country:{code}", form) for _, code, form in _entries(countries)]
    entries += [("country", f"country:{code}", "_".join(name.split())) for code, name in names]
    exact, stems, phrases, unspaced = _Found(), _Found(), _Found(), _Found()
    sections: dict[str, str] = {}
    for section, concept, form in entries:
        sections.setdefault(concept, section)
        if UNSPACED.fullmatch(form):
            unspaced[(form,)].add(concept)
            continue
        folded = tuple(each for each in map(fold, _parts(form.rstrip("*"))) if each)
        if not folded or len(folded) > PHRASE_MAX_WORDS:
            continue
        into = phrases if len(folded) > 1 else stems if form.endswith("*") else exact
        into[folded].add(concept)
    return Lexicon(
        exact=_words(exact),
        stems=_words(stems),
        phrases={key: frozenset(value) for key, value in phrases.items()},
        unspaced=_words(unspaced),
        sections=sections,
        longest=max((len(form) for (form,) in unspaced), default=1),
    )


class _Found(defaultdict[tuple[str, ...], set[str]]):
    """Forms and what they may mean, while a lexicon is read."""

    def __init__(self) -> None:
        super().__init__(set)


def _words(found: _Found) -> dict[str, frozenset[str]]:
    return {word: frozenset(concepts) for (word,), concepts in found.items()}


def _parts(form: str) -> list[str]:
    """Return a form's words as a name's words are found."""
    return [part for word in plain(form).split("_") for part in WORD.findall(word.replace("'", ""))]


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (section, concept, form) of each form in the text."""
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[] ")
            continue
        concept, is_one, forms = line.partition(" = ")
        if not is_one:
            detail = f"Line {number} is not `concept = language form form; ...`."
            raise Invalid("line-refused", detail)
        for group in forms.split(";"):
            words = group.split()
            for form in words[1 if section else 0 :]:
                yield section, concept.strip(), plain(form)
