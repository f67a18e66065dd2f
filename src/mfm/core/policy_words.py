"""The words of policies: a closed list of comparisons, each true, false or not to be told yet.

A comparison whose fact is missing is neither true nor false (None), and so is what follows from
it: `all` is false once one of its terms is, `any` true once one is, `none` the reverse of `any`.
There is no arithmetic beyond one share: what is summed or joined is a fact of its own.
"""

import operator
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from msgspec import Struct

from mfm.core.facts import ON, Value

Test = Callable[[Mapping[str, Value]], bool | None]
"""A compiled term: facts -> true, false, or None while it cannot be told."""

_BASIS = 10_000
_MONTHS = 12


class Span(NamedTuple):
    """A length of time: calendar months, then days."""

    months: int
    days: int

    def before(self, day: date) -> date:
        """Return the day that is so long before another; the end of a month stays in its month."""
        whole = day.year * _MONTHS + day.month - 1 - self.months
        year, month = whole // _MONTHS, whole % _MONTHS + 1
        last = monthrange(year, month)[1]
        return date(year, month, min(day.day, last)) - timedelta(days=self.days)


class Word(NamedTuple):
    """A word of comparison.

    Attributes:
        kinds: the kinds of fact that it compares.
        operand: what it compares with: "same" kind, "set" of the same, "member" of the same,
            "span" of time, or "true".
        holds: (value, operand) -> whether it is so.
        around: whether it holds for a number or date just below, at, and just above its operand;
            None where there is no such order.
    """

    kinds: tuple[str, ...]
    operand: str
    holds: Callable[[Any, Any], bool]
    around: tuple[bool, bool, bool] | None = None


_NUMBERS = ("integer", "money", "share")
_ONES = ("choice", "code")
_SETS = ("choices", "codes")
_ANY = (*_NUMBERS, "boolean", "date", *_ONES)
_UP, _OVER = (False, True, True), (False, False, True)
_DOWN, _UNDER = (True, True, False), (True, False, False)

WORDS: dict[str, Word] = {
    "equals": Word(_ANY, "same", operator.eq, (False, True, False)),
    "not_equal": Word(_ANY, "same", operator.ne, (True, False, True)),
    "at_least": Word(_NUMBERS, "same", operator.ge, _UP),
    "at_most": Word(_NUMBERS, "same", operator.le, _DOWN),
    "more_than": Word(_NUMBERS, "same", operator.gt, _OVER),
    "less_than": Word(_NUMBERS, "same", operator.lt, _UNDER),
    "on_or_after": Word(("date",), "same", operator.ge, _UP),
    "on_or_before": Word(("date",), "same", operator.le, _DOWN),
    "after": Word(("date",), "same", operator.gt, _OVER),
    "before": Word(("date",), "same", operator.lt, _UNDER),
    "no_older_than": Word(("date",), "span", operator.ge, _UP),
    "one_of": Word(_ONES, "set", lambda value, among: value in among),
    "none_of": Word(_ONES, "set", lambda value, among: value not in among),
    "includes": Word(_SETS, "member", lambda values, one: one in values),
    "within": Word(_SETS, "set", operator.le),
    "shares_any_with": Word(_SETS, "set", lambda values, others: not values.isdisjoint(others)),
    "shares_none_with": Word(_SETS, "set", lambda values, others: values.isdisjoint(others)),
    "is_recorded": Word((*_ANY, *_SETS), "true", lambda _, __: True),
}
SHARE_WORDS = ("at_least", "at_most", "more_than", "less_than")
GROUPS = ("all", "any", "none")


class Comparison(Struct, frozen=True):
    """A fact, or its share of another, compared by a word.

    Attributes:
        word: one of WORDS.
        fact: the fact compared.
        of: the fact that it is taken as a share of, or "".
        literal: what it is compared with, or None.
        other: the fact that it is compared with, or "".
    """

    word: str
    fact: str
    of: str = ""
    literal: Any = None
    other: str = ""


class Group(Struct, frozen=True):
    """Terms of which all, any or none must hold."""

    word: str
    terms: tuple["Term", ...]


Term = Comparison | Group


def reads(term: Term) -> Iterator[str]:
    """Return the facts that a term reads."""
    if isinstance(term, Group):
        for each in term.terms:
            yield from reads(each)
        return
    yield term.fact
    if term.of:
        yield term.of
    if term.other:
        yield term.other
    if WORDS[term.word].operand == "span":
        yield ON


def comparisons(term: Term) -> Iterator[Comparison]:
    """Return the comparisons that a term is made of."""
    if isinstance(term, Group):
        for each in term.terms:
            yield from comparisons(each)
    else:
        yield term


# Compiling ----------------------------------------------------------------------------------------


def compiled(terms: tuple[Term, ...], word: str = "all") -> Test:
    """Return the test of several terms joined by a word; `all` of none is true."""
    tests = tuple(_test(term) for term in terms)
    if len(tests) == 1 and word != "none":
        return tests[0]
    ends = word != "all"  # the answer of one term that settles it: false for all, true for any

    def joined(values: Mapping[str, Value]) -> bool | None:
        """Join by Kleene's logic: one settling term wins, then what cannot be told."""
        unknown = False
        for test in tests:
            told = test(values)
            if told is ends:
                return ends
            unknown = unknown or told is None
        return None if unknown else not ends

    if word != "none":
        return joined

    def none(values: Mapping[str, Value]) -> bool | None:
        """Turn `any` round."""
        told = joined(values)
        return None if told is None else not told

    return none


def _test(term: Term) -> Test:
    if isinstance(term, Group):
        return compiled(term.terms, term.word)
    if term.of:
        return _share(term)
    return _BY_OPERAND.get(WORDS[term.word].operand, _compared)(term)


def _recorded(term: Comparison) -> Test:
    name = term.fact
    return lambda values: name in values


def _compared(term: Comparison) -> Test:
    name, other, literal, holds = term.fact, term.other, term.literal, WORDS[term.word].holds

    def literally(values: Mapping[str, Value]) -> bool | None:
        """Compare with what the policy says."""
        value = values.get(name)
        return None if value is None else holds(value, literal)

    def mutually(values: Mapping[str, Value]) -> bool | None:
        """Compare with another fact."""
        value, operand = values.get(name), values.get(other)
        return None if value is None or operand is None else holds(value, operand)

    return mutually if other else literally


def _aged(term: Comparison) -> Test:
    name, span = term.fact, term.literal

    def aged(values: Mapping[str, Value]) -> bool | None:
        """Compare a date with the decision's day, so long ago."""
        value, today = values.get(name), values.get(ON)
        if value is None or not isinstance(today, date):
            return None
        return value >= span.before(today)  # type: ignore[no-any-return]  # a date's fact has dates

    return aged


_BY_OPERAND = {"true": _recorded, "span": _aged}


def _share(term: Comparison) -> Test:
    part, whole, other, literal = term.fact, term.of, term.other, term.literal
    holds = WORDS[term.word].holds

    def share(values: Mapping[str, Any]) -> bool | None:
        """Compare by cross-multiplication: nothing is rounded; of nothing there is no share."""
        value, base = values.get(part), values.get(whole)
        bound = values.get(other) if other else literal
        if value is None or base is None or bound is None or base <= 0:
            return None
        return holds(value * _BASIS, bound * base)

    return share
