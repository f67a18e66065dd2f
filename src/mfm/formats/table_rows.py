"""Rows into commands: which columns a command has as a table, and what a row says as one."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any, NamedTuple, TypeVar

from msgspec import NODEFAULT, Struct, ValidationError, convert, defstruct, inspect, structs

from mfm.core.money import Money
from mfm.core.terms import Command
from mfm.formats.faults import said
from mfm.formats.table import Columns, Problems, Row, amount_fault, date_fault

C = TypeVar("C", bound=Command)

_NO_CURRENCY = "XXX"
"""ISO 4217: no currency."""
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


class _Column(NamedTuple):
    """A column: the field that it fills, the part of it, and what kind of value it has."""

    field: str
    part: str
    kind: str
    needed: bool


def columns_of(command: type[Command]) -> Columns:
    """Return the columns of a command's table.

    A field is a column; money is two, `amount` and `currency` (`x` and `x_currency` for any other
    field x); what has parts is a column for each, such as `earmark_place`; a list is words with
    spaces between; a schedule is one text,
    `42800.00 on 2026-04-01; 21400.00 on 2026-10-01`.
    """
    return Columns({name: column.needed for name, column in _columns(command).items()})


@cache
def _columns(command: type[Command]) -> dict[str, _Column]:
    found: dict[str, _Column] = {}
    for field in structs.fields(command):
        needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
        kind = _bare(inspect.type_info(field.type))
        found |= dict(_of_field(field.name, kind, needed=needed))
    return found


def _of_field(name: str, kind: inspect.Type, *, needed: bool) -> Iterator[tuple[str, _Column]]:
    if isinstance(kind, inspect.StructType) and kind.cls is Money:
        unit = "currency" if name == "amount" else f"{name}_currency"
        yield name, _Column(name, "amount", "amount", needed)
        yield unit, _Column(name, "currency", "text", needed)
    elif isinstance(kind, inspect.StructType):
        for part in kind.fields:
            for _, inner in _of_field(part.name, _bare(part.type), needed=False):
                yield f"{name}_{part.name}", inner._replace(field=name, part=part.name)
    elif word := _word(kind):
        yield name, _Column(name, "", word, needed)


def _bare(kind: inspect.Type) -> inspect.Type:
    """Return a type without its annotations and without None."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        left = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        return _bare(left[0]) if len(left) == 1 else kind
    return kind


def _word(kind: inspect.Type) -> str:
    """Return what kind of value a column of this type has, "" where it is none."""
    if isinstance(kind, inspect.VarTupleType):
        item = _bare(kind.item_type)
        if isinstance(item, inspect.StructType):
            parts = {part.name for part in item.fields}
            return "schedule" if {"amount", "due_on"} <= parts else ""
        return "words" if _word(item) else ""
    words = {
        inspect.StrType: "text",
        inspect.LiteralType: "text",
        inspect.IntType: "text",
        inspect.DateType: "date",
        inspect.BoolType: "word",
    }
    return words.get(type(kind), "")


def command_of(row: Row, command: type[C], problems: Problems) -> C | None:
    """Return what a row asks for; None where cells are wrong, all of which `problems` gets."""
    faults: list[tuple[str, str, str]] = []
    told: dict[str, Any] = {}
    currency = _currency(row, command)
    for name, column in _columns(command).items():
        text = row.cells.get(name)
        if text is None:
            if column.needed:
                faults.append((name, "cell-missing", f"The row has no {name}."))
            continue
        value, code, detail = _value(text, column.kind, currency)
        if not code and (detail := _fault(value, command, name)):
            code = "field-invalid"
        if code:
            faults.append((name, code, detail))
        elif column.part:
            told.setdefault(column.field, {})[column.part] = value
        else:
            told[column.field] = value
    faults += _half_money(row, command, told)
    for fault in faults:
        problems.add(row.number, *fault)
    return None if faults else convert(told, command, strict=False)


def _currency(row: Row, command: type[Command]) -> str:
    """Return a row's currency; for one that is wrong, none's, so that it is told but once."""
    told = row.cells.get("currency", "")
    known = "currency" in _columns(command)
    return _NO_CURRENCY if known and _fault(told, command, "currency") else told


def _fault(value: Any, command: type[Command], name: str) -> str:  # noqa: ANN401  # a cell's value
    """Return what is wrong with a column's value by itself, "" where nothing is."""
    column = _columns(command)[name]
    try:
        convert(
            {column.field: {column.part: value} if column.part else value},
            _alone(command, name),
            strict=False,
        )
    except ValidationError as error:
        return said(error, command)[0]
    return ""


@cache
def _alone(command: type[Command], name: str) -> type[Struct]:
    """Return a Struct that has nothing but what one column fills."""
    column = _columns(command)[name]
    (field,) = (each for each in structs.fields(command) if each.name == column.field)
    kind = field.type
    if column.part:
        whole = _bare(inspect.type_info(kind))
        assert isinstance(whole, inspect.StructType)  # only what has parts is in parts
        (part,) = (each for each in structs.fields(whole.cls) if each.name == column.part)
        kind = defstruct("Part", [(part.name, part.type)])
    return defstruct("Field", [(field.name, kind)])


def _half_money(
    row: Row, command: type[Command], told: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Find money that has but one of its parts."""
    for name, column in _columns(command).items():
        money = told.get(column.field)
        halves = column.part in ("amount", "currency")
        if halves and money is not None and column.part not in money and name not in row.cells:
            yield name, "cell-missing", f"The row has no {name}."


def _value(text: str, kind: str, currency: str) -> tuple[Any, str, str]:
    """Return a cell's value, or code and detail of what is wrong with it."""
    code = detail = ""
    value: Any = text
    if kind == "amount":
        code, detail = amount_fault(text)
    elif kind == "date":
        code, detail = date_fault(text)
        value = "" if code else date.fromisoformat(text)
    elif kind == "word":
        value = _WORDS.get(text.lower())
        if value is None:
            code, detail = "field-invalid", f"{text[:40]!r} is neither yes nor no."
    elif kind == "words":
        value = text.replace(";", " ").replace(",", " ").split()
    elif kind == "schedule":
        value, code, detail = _schedule(text, currency)
    return value, code, detail


def _schedule(text: str, currency: str) -> tuple[list[dict[str, Any]], str, str]:
    made: list[dict[str, Any]] = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        amount, _, due_on = (word.strip() for word in part.partition(" on "))
        code, detail = amount_fault(amount)
        if not code and due_on:
            code, detail = date_fault(due_on)
        if code:
            return [], code, f"In {part[:60]!r}: {detail}"
        term: dict[str, Any] = {"amount": {"amount": amount, "currency": currency}}
        made.append(term | ({"due_on": due_on} if due_on else {}))
    return made, "", ""


def column_at(pointer: str, command: type[Command]) -> str:
    """Return the column that a JSON pointer into a command leads to, or ""."""
    field, _, part = pointer.strip("/").partition("/")
    best = ""
    for name, column in _columns(command).items():
        if column.field == field:
            if column.part == part:
                return name
            best = best or name
    return best
