"""Reading a policy's terms: every name, type, member and range is checked when a file is loaded."""

import re
from collections.abc import Callable
from typing import Any

from msgspec import structs

from mfm.core.facts import Catalogue, Fact
from mfm.core.policy_source import Place, Reader, did_you_mean, shown
from mfm.core.policy_words import GROUPS, SHARE_WORDS, WORDS, Comparison, Group, Span, Term

MAX_TERM_DEPTH = 4
_MAX_TERMS = 100
_MAX_PERCENT = 10_000
_PERCENT = re.compile(r"(\d{1,5})(?:\.(\d{1,2}))?%", re.ASCII)
_SPAN = re.compile(r"([1-9]\d{0,3}) (day|month|year)s?", re.ASCII)
_LISTED = dict.fromkeys(GROUPS, list)
_KNOWN = {"fact": str, "share_of": list, **_LISTED, **dict.fromkeys(WORDS, object)}
_SHAPE = 'Write { fact = "…", a word = … }.'


class Terms:
    """Reads terms of one file.

    Attributes:
        amounts: whether a comparison names an amount, which is in some currency.
    """

    def __init__(self, reader: Reader, catalogue: Catalogue) -> None:
        """Prepare to read terms; faults go to the reader."""
        self._reader = reader
        self._catalogue = catalogue
        self.amounts = False

    def read(self, told: object, place: Place, *, narrows: bool) -> tuple[Term, ...]:
        """Return the terms of a list.

        Args:
            told: what should be a list of tables.
            place: where it stands.
            narrows: whether it says when a rule applies; there a missing fact must not speak.
        """
        return self._terms(told, place, 1, narrows=narrows)

    def knows(self, name: str) -> bool:
        """Tell whether there is such a fact."""
        return name in self._catalogue.facts

    def mend(self, name: str) -> str:
        """Return how to mend the name of a fact that there is not."""
        return self._catalogue.unknown(name)

    def _terms(self, told: object, place: Place, depth: int, *, narrows: bool) -> tuple[Term, ...]:
        if not isinstance(told, list) or len(told) > _MAX_TERMS:
            self._reader.fault(place, "", f"{shown(told)} should be a list of terms.", _SHAPE)
            return ()
        if depth > MAX_TERM_DEPTH:
            what = f"Terms lie more than {MAX_TERM_DEPTH} deep in each other."
            self._reader.fault(place, "", what, "Write a rule of its own, or ask for a new fact.")
            return ()
        read = (self._term(each, place, depth, narrows=narrows) for each in told)
        return tuple(term for term in read if term is not None)

    def _term(self, told: object, place: Place, depth: int, *, narrows: bool) -> Term | None:
        kept = self._reader.table(told, _KNOWN, "", place)
        if not isinstance(told, dict) or len(kept) < len(told):
            return None  # it has been told already
        words = [word for word in (*GROUPS, *WORDS) if word in kept]
        if len(kept) == 1 and words and words[0] in GROUPS:
            word = words[0]
            if not kept[word]:
                self._reader.fault(place, word, f"{word} is empty.", "Name at least one term.")
            under = narrows or word == "none"
            return Group(word, self._terms(kept[word], place, depth + 1, narrows=under))
        if len(kept) != 2 or len(words) != 1 or words[0] in GROUPS:  # noqa: PLR2004  # a fact and a word
            what = f"{shown(told)} is no term: it takes one fact, and one word."
            self._reader.fault(place, next(iter(told), ""), what, _SHAPE)
            return None
        return self._comparison(words[0], kept, place, narrows=narrows)

    def _comparison(
        self, word: str, kept: dict[str, Any], place: Place, *, narrows: bool
    ) -> Term | None:
        if "share_of" in kept:
            return self._share(word, kept, place)
        fact = self._fact(kept["fact"], place)
        if fact is None:
            return None
        what = mend = ""
        if word == "is_recorded" and narrows:
            what = "is_recorded may be required, but never negated, nor say when a rule applies."
            mend = "Compare the fact with a value instead."
        elif fact.kind not in WORDS[word].kinds:
            what = f"{word} does not go with {fact.name}, a {fact.kind}."
            fitting = [each for each, told in WORDS.items() if fact.kind in told.kinds]
            mend = f"These do: {', '.join(fitting)}."
        if what:
            self._reader.fault(place, word, what, mend)
            return None
        return self._against(Comparison(word, fact.name), fact, kept[word], place)

    def _fact(self, name: object, place: Place) -> Fact | None:
        fact = self._catalogue.facts.get(name) if isinstance(name, str) else None
        if fact is None:
            mend = self._catalogue.unknown(str(name))
            self._reader.fault(place, str(name), f"There is no fact {shown(name)}.", mend)
        return fact

    def _share(self, word: str, kept: dict[str, Any], place: Place) -> Term | None:
        names = kept["share_of"]
        facts = [fact for each in names if (fact := self._fact(each, place))]
        if len(facts) != len(names):
            return None
        fault: tuple[str, str, str] | None = None
        if len(facts) != 2 or facts[0].family != facts[1].family or not _counts(facts[0]):  # noqa: PLR2004  # a part and a whole
            what = "share_of takes two amounts, or two counts of the same unit: part and whole."
            fault = ("share_of", what, 'Write share_of = ["part", "whole"].')
        elif word not in SHARE_WORDS:
            what = f"{word} does not go with share_of."
            fault = (word, what, f"These do: {', '.join(SHARE_WORDS)}.")
        if fault:
            self._reader.fault(place, *fault)
            return None
        part, whole = facts
        bound = Fact("", "share", "", 0, _MAX_PERCENT * 100, frozenset(), {}, "")
        return self._against(Comparison(word, part.name, whole.name), bound, kept[word], place)

    def _against(self, term: Comparison, fact: Fact, told: object, place: Place) -> Term | None:
        """Return a comparison with its operand: another fact, or a literal of the fact's kind."""
        if isinstance(told, dict):
            return self._with_fact(term, fact, told, place)
        literal = _LITERALS[WORDS[term.word].operand](fact, told, self._catalogue)
        if literal is None:
            self._reader.fault(place, term.word, *self._unfit(term.word, fact, told))
            return None
        self.amounts = self.amounts or (fact.kind == "money" and literal != 0)
        return structs.replace(term, literal=literal)

    def _with_fact(
        self, term: Comparison, fact: Fact, told: dict[str, Any], place: Place
    ) -> Term | None:
        named = self._reader.table(told, {"fact": str}, "fact", place)
        other = self._fact(named["fact"], place) if "fact" in named else None
        if other is None:
            return None
        if WORDS[term.word].operand in ("span", "true") or not _agree(term, fact, other):
            what = f"{term.fact} cannot be compared with {other.name} by {term.word}."
            self._reader.fault(place, other.name, what, "Compare like with like.")
            return None
        return structs.replace(term, other=other.name)

    def _unfit(self, word: str, fact: Fact, told: object) -> tuple[str, str]:
        what = f"{word} = {shown(told)} is not what {fact.name or 'a share'} can be compared with."
        if mend := _SHAPES.get(WORDS[word].operand) or _SHAPES.get(fact.kind):
            return what, mend
        if fact.members:
            wrong = told if isinstance(told, list) else [told]
            strange = next((str(each) for each in wrong if str(each) not in fact.members), "")
            return what, did_you_mean(strange, fact.members)
        return what, f"It must be {self._catalogue.wanted(fact.name)}."


_SHAPES = {
    "span": 'Write a length of time, such as "18 months" or "30 days".',
    "true": "Write is_recorded = true.",
    "share": 'Write a percentage with at most two decimals, such as "20%".',
}


def _counts(fact: Fact) -> bool:
    return fact.kind in ("money", "integer")


def _agree(term: Comparison, fact: Fact, other: Fact) -> bool:
    plural = other.kind.endswith("s")
    return fact.family == other.family and plural == (WORDS[term.word].operand == "set")


def percent(text: object) -> int | None:
    """Return a percentage such as "12.5%" in basis points, or None where it is none."""
    found = _PERCENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    points = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return points if points <= _MAX_PERCENT * 100 else None


def _same(fact: Fact, told: object, catalogue: Catalogue) -> object:
    if fact.kind != "share":
        return catalogue.check(fact.name, told)
    points = percent(told)
    return points if points is not None and fact.minimum <= points <= fact.maximum else None


def _set(fact: Fact, told: object, catalogue: Catalogue) -> object:
    if not isinstance(told, list):
        return None
    if fact.kind.endswith("s"):
        return catalogue.check(fact.name, told)
    checked = [catalogue.check(fact.name, each) for each in told]
    return None if None in checked or not checked else frozenset(checked)


def _member(fact: Fact, told: object, catalogue: Catalogue) -> object:
    return told if catalogue.check(fact.name, [told]) is not None else None


def _span(_: Fact, told: object, __: Catalogue) -> object:
    found = _SPAN.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        return None
    number = int(found[1])
    spans = {"day": Span(0, number), "month": Span(number, 0), "year": Span(number * 12, 0)}
    return spans[found[2]]


_LITERALS: dict[str, Callable[[Fact, object, Catalogue], object]] = {
    "same": _same,
    "set": _set,
    "member": _member,
    "span": _span,
    "true": lambda _, told, __: True if told is True else None,
}
