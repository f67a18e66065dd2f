"""The rules of the house for Python source: pure functions, text -> [(line, what is wrong)]."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

Function = ast.FunctionDef | ast.AsyncFunctionDef
Offence = tuple[int, str]

MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 5
MAX_FILE_LINES = 400

_SQL = re.compile(
    r"\s*(?:(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|CREATE|ALTER|DROP|GRANT|REVOKE|TRUNCATE"
    r"|COPY|LOCK\s+TABLE|SET\s+ROLE|BEGIN|COMMIT|ROLLBACK)\b"
    r"|select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s)",
    re.DOTALL,
)
# A pardon is a comment that silences a tool. It is reasoned when it names the rule and a few words
# of why follow: "code  # why it is right here".
_PARDON = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:|fmt:|ruff:)", re.IGNORECASE)
_REASONED = re.compile(
    r"#\s*(?:(?:ruff:\s*)?noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|type:\s*ignore\[[\w, -]+\]"
    r"|pragma:\s*[\w ]+|fmt:\s*\w+)\s*[#(:-]\s*\w+(?:\W+\w+)+",
    re.IGNORECASE,
)


@cache
def tree(text: str) -> ast.Module:
    """Parse once, however many rules look."""
    return ast.parse(text)


def _functions(text: str) -> Iterator[Function]:
    for node in ast.walk(tree(text)):
        if isinstance(node, Function):
            yield node


def names_float(text: str) -> list[Offence]:
    """Money is whole minor units: the name `float` never appears, not even quoted."""
    return [
        (node.lineno, "the name `float`")
        for node in ast.walk(tree(text))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Attribute) and node.attr == "float")
        or (isinstance(node, ast.Constant) and node.value == "float")
    ]


def holds_fractions(text: str) -> list[Offence]:
    """The core counts in whole numbers: no literal with a point in it."""
    return [
        (node.lineno, f"the literal {node.value!r}")
        for node in ast.walk(tree(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
    ]


def holds_sql(text: str) -> list[Offence]:
    """SQL is written in migrations/ and store/ only."""
    return [
        (node.lineno, f"SQL text {node.value.strip()[:40]!r}")
        for node in ast.walk(tree(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _SQL.match(node.value)
        and " " in node.value.lstrip()
    ]


def commits(text: str) -> list[Offence]:
    """Only the store begins and ends transactions."""
    return [
        (node.lineno, f"a call of `{node.func.attr}()`")
        for node in ast.walk(tree(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback", "begin", "begin_nested"}
    ]


def is_long(text: str) -> list[Offence]:
    """A function is read without scrolling."""
    return [
        (function.lineno, f"`{function.name}` has {length} lines, more than {MAX_FUNCTION_LINES}")
        for function in _functions(text)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]


def takes_much(text: str) -> list[Offence]:
    """A function takes at most five parameters, `self` and `cls` apart."""
    found = []
    for function in _functions(text):
        given = function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        names += [each.arg for each in (given.vararg, given.kwarg) if each]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > MAX_PARAMETERS:
            what = f"`{function.name}` takes {count} parameters, more than {MAX_PARAMETERS}"
            found.append((function.lineno, what))
    return found


def is_big(text: str) -> list[Offence]:
    """A file holds one noun."""
    lines = len(text.splitlines())
    return [(lines, f"{lines} lines, more than {MAX_FILE_LINES}")] if lines > MAX_FILE_LINES else []


def uses_json(text: str) -> list[Offence]:
    """One encoder decides the bytes: msgspec."""
    return [
        (node.lineno, "the standard library's json")
        for node in ast.walk(tree(text))
        if (
            isinstance(node, ast.Import) and any(a.name.split(".")[0] == "json" for a in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "json")
    ]


def reads_clock(text: str) -> list[Offence]:
    """`now` comes from the Context, so that a decision can be replayed."""
    clocks = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("time", "time_ns"),
    }
    found = []
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = getattr(owner, "id", None) or getattr(owner, "attr", None)
            if (name, node.attr) in clocks:
                found.append((node.lineno, f"the clock `{name}.{node.attr}`"))
    return found


def pardons_silently(text: str) -> list[Offence]:
    """Every exception from a tool's rule names the rule and says why."""
    if not _PARDON.search(text):
        return []
    return [
        (token.start[0], f"no reason in `{token.string}`")
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and _PARDON.match(token.string)
        and not _REASONED.match(token.string)
    ]


def postpones(text: str) -> list[Offence]:
    """Work is finished or not begun: nothing in the source says `later`."""
    return [
        (number, "a note to finish this later")
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b", line)
    ]


def defers_annotations(text: str) -> list[Offence]:
    """msgspec reads annotations when a Struct is made: they may not be strings by then."""
    return [
        (node.lineno, "from __future__ import annotations")
        for node in ast.walk(tree(text))
        if isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
    ]


def public_classes(text: str) -> list[str]:
    """The names of a module's public classes."""
    return [
        node.name
        for node in tree(text).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
