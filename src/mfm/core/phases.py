"""The number of a phase or tranche that a title says: a declared sequel is none of its twin.

Words and ordinals of the languages that titles come in most; others are read as no phase at all,
which only means that a person looks.
"""

import re
from unicodedata import normalize

_PHASES = frozenset(
    "phase phases tranche stage round cycle fase fases etapa etapas tramo étape cycle ciclo awamu"
    " المرحلة مرحلة الشريحة".split()
)
_LINKS = frozenset("ya no n nr number numéro número n°".split())
_ROMAN = {
    "i": 1,
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "v": 5,
    "vi": 6,
    "vii": 7,
    "viii": 8,
    "ix": 9,
    "x": 10,
}
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "one first première premier primera primer primeira une kwanza الأولى اولى",
            "two second seconde deuxième segunda pili الثانية",
            "three third troisième tercera terceira tatu الثالثة",
            "four fourth quatrième cuarta quarta nne الرابعة",
            "five fifth cinquième quinta tano الخامسة",
        ),
        start=1,
    )
    for word in words.split()
}
_NUMBERS_MAX_DIGITS = 2
"""Longer ones are years."""
_WORDS = re.compile(r"[^\W_]+")
_ENDINGS = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|ère|e|ème|a|ª)$")


def phases(title: str) -> frozenset[int]:
    """Return the numbers of the phases that a title names: in digits, Roman, or as a word."""
    words = _WORDS.findall(normalize("NFKC", title).casefold())
    found: set[int] = set()
    for at, word in enumerate(words):
        if word in _PHASES:
            after = next((each for each in words[at + 1 : at + 3] if each not in _LINKS), "")
            before = words[at - 1] if at else ""
            number = _number(after) or _number(before)
            found |= {number} if number else set()
    return frozenset(found)


def _number(word: str) -> int:
    """Return what a word counts, or 0."""
    digits = _ENDINGS.sub("", word)
    if digits.isdecimal() and len(digits) <= _NUMBERS_MAX_DIGITS:
        return int(digits)
    return _ROMAN.get(word) or _ORDINALS.get(word, 0)
