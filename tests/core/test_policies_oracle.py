"""The engine against another one: Google's CEL decides the same terms on the same random facts."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mfm.core.facts import ON, Catalogue, Fact
from mfm.core.policy_words import SHARE_WORDS, WORDS, Comparison, Group, Span, Term, compiled
from tests.core.policies import CATALOGUE

cel = pytest.importorskip("cel_expr_python.cel", reason="the oracle has no wheel for this system")

DAY = date(2026, 3, 15)
TERMS, FACTS_EACH = 900, 25
_LABELS = "label = {en = 'a', fr = 'a', es = 'a', ar = 'a'}\nsource = 'test'\n"
_SYMBOLS = {
    "equals": "==",
    "not_equal": "!=",
    "at_least": ">=",
    "at_most": "<=",
    "more_than": ">",
    "less_than": "<",
    "on_or_after": ">=",
    "on_or_before": "<=",
    "after": ">",
    "before": "<",
}
_TYPES = {
    "integer": "type = 'integer'\nmaximum = 9",
    "money": "type = 'money'\nmaximum = 40",
    "share": "type = 'share'",
    "boolean": "type = 'boolean'",
    "date": "type = 'date'",
    "choice": "type = 'choice'\nmembers = ['a', 'b', 'c']",
    "choices": "type = 'choices'\nmembers = ['a', 'b', 'c']",
}
SMALL = Catalogue(
    (
        "format = 1\n"
        + "".join(
            f"[facts.'{name}']\n{told}\n{_LABELS}"
            for kind, told in _TYPES.items()
            for name in (f"x.{kind}", f"y.{kind}")
        )
        + f"[facts.'decision.on']\ntype = 'date'\n{_LABELS}"
        + f"[facts.'fund.currency']\ntype = 'code'\n{_LABELS}"
    ).encode()
)
_ERROR = "(1 / 0 == 1)"


def literal_of(fact: Fact, draw: random.Random) -> Any:  # noqa: ANN401  # any value of a fact
    """Draw a value that the fact may have; few, so that they meet."""
    members = sorted(fact.members)
    drawn: dict[str, Callable[[], Any]] = {
        "integer": lambda: draw.randint(0, 9),
        "money": lambda: draw.randint(0, 40),
        "share": lambda: draw.choice([0, 2000, 2500, 10_000]),
        "boolean": lambda: draw.random() < 0.5,
        "date": lambda: DAY + timedelta(days=draw.randint(-3, 3)),
        "choice": lambda: draw.choice(members),
        "choices": lambda: frozenset(each for each in members if draw.random() < 0.5),
    }
    return drawn[fact.kind]()


def comparison(draw: random.Random) -> Comparison:
    """Draw a comparison."""
    if draw.random() < 0.15:
        word, bound = draw.choice(SHARE_WORDS), draw.choice([0, 2000, 3333, 10_000])
        return Comparison(word, "x.money", "y.money", bound)
    fact = SMALL.facts[draw.choice([name for name in SMALL.facts if name[1] == "."])]
    fitting = [word for word, told in WORDS.items() if fact.kind in told.kinds]
    word = draw.choice([each for each in fitting if each != "is_recorded"])
    operand = WORDS[word].operand
    if operand == "span":
        return Comparison(word, fact.name, "", Span(0, draw.randint(1, 3)))
    plural = operand == "set"
    other = f"{'y' if fact.name[0] == 'x' else 'x'}.{fact.kind.removesuffix('s')}"
    if draw.random() < 0.4:
        return Comparison(word, fact.name, "", None, other + "s" * plural)
    kind = SMALL.facts["x.choices" if plural else f"x.{fact.kind.removesuffix('s')}"]
    return Comparison(word, fact.name, "", literal_of(kind, draw))


def term(draw: random.Random, depth: int = 3) -> Term:
    """Draw a term."""
    if depth == 0 or draw.random() < 0.4:
        return comparison(draw)
    count = draw.randint(1, 3)
    return Group(
        draw.choice(["all", "any", "none"]), tuple(term(draw, depth - 1) for _ in range(count))
    )


def told(value: Any) -> str:  # noqa: ANN401  # any value of a fact
    """Write a value in CEL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return f'timestamp("{value}T00:00:00Z")'
    if isinstance(value, frozenset):
        return "[" + ", ".join(f'"{each}"' for each in sorted(value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def rendered(each: Term) -> str:
    """Write a term in CEL; what is missing is an error there, and its && and || bear it alike."""
    if isinstance(each, Comparison):
        return _rendered(each)
    parts = [rendered(term) for term in each.terms]
    joined = "(" + (" && " if each.word == "all" else " || ").join(parts) + ")"
    return f"!{joined}" if each.word == "none" else joined


def _rendered(each: Comparison) -> str:
    left, right = each.fact, each.other or told(each.literal)
    if each.of:
        compared = f"{left} * 10000 {_SYMBOLS[each.word]} {each.literal} * {each.of}"
        return f"({each.of} > 0 ? {compared} : {_ERROR})"
    if each.word == "no_older_than":
        return f'({left} >= {ON} - duration("{each.literal.days * 24}h"))'
    if each.word in _SYMBOLS:
        return f"({left} {_SYMBOLS[each.word]} {right})"
    shared = f"{left}.exists(e, e in {right})"
    both = f"size({left}) >= 0 && size({right}) >= 0"  # or it is an error, whatever the other is
    shapes = {
        "one_of": f"({left} in {right})",
        "none_of": f"!({left} in {right})",
        "includes": f"({right} in {left})",
        "within": f"({both} ? {left}.all(e, e in {right}) : false)",
        "shares_any_with": f"({both} ? {shared} : false)",
        "shares_none_with": f"({both} ? !{shared} : false)",
    }
    return shapes[each.word]


def environment() -> Any:  # noqa: ANN401  # CEL's
    """Return CEL's view of the facts, each with its type."""
    kinds = {
        "boolean": cel.Type.BOOL,
        "date": cel.Type.TIMESTAMP,
        "choice": cel.Type.STRING,
        "code": cel.Type.STRING,
        "choices": cel.Type.List(cel.Type.STRING),
    }
    types = {name: kinds.get(fact.kind, cel.Type.INT) for name, fact in SMALL.facts.items()}
    return cel.NewEnv(variables=types)


def answered(expression: Any, values: dict[str, Any]) -> bool | None:  # noqa: ANN401  # CEL's
    """Return what CEL says: None for an error, which is what a missing fact is."""
    data = {
        name: datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, date)
        else sorted(value)
        if isinstance(value, frozenset)
        else value
        for name, value in values.items()
    }
    found = expression.eval(data=data).value()
    return found if isinstance(found, bool) else None


def test_the_oracle_agrees_on_random_terms_and_facts() -> None:
    draw = random.Random(1325)  # noqa: S311  # drawn again the same each time
    env = environment()
    compared = 0
    answers = {True: 0, False: 0, None: 0}
    for _ in range(TERMS):
        each = term(draw)
        ours, theirs = compiled((each,)), env.compile(rendered(each))
        for _ in range(FACTS_EACH):
            values = {
                name: literal_of(fact, draw)
                for name, fact in SMALL.facts.items()
                if name[1] == "." and draw.random() < 0.8
            }
            values[ON] = DAY
            mine, other = ours(values), answered(theirs, values)
            assert mine is other, (rendered(each), values, mine, other)
            answers[mine] += 1
            compared += 1
    assert compared >= 20_000
    assert min(answers.values()) > 1_000, answers  # all three answers were put to it


def test_every_word_of_the_vocabulary_is_put_to_the_oracle() -> None:
    draw = random.Random(2242)  # noqa: S311  # as above
    drawn = {comparison(draw).word for _ in range(2_000)}
    assert drawn == WORDS.keys() - {"is_recorded"}  # which CEL has no word for
    assert CATALOGUE.facts.keys() >= {ON}
