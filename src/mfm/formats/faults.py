"""What does not decode, in words for who wrote it: the decoder's own speak of its types."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin

from msgspec import DecodeError, Meta, Struct, ValidationError, structs

from mfm.core.errors import Invalid

_DETAIL_MAX = 300
_FIELD = re.compile(r"field `(\w+)`")
_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_WORDS = dict(
    line.split(": ", 1)
    for line in """
str: a text
int: a whole number
float: a number with a point
bool: true or false
null: null
object: an object
array: a list
date: a day such as 2026-03-31
datetime: an instant such as 2026-03-31T09:05:00Z
""".strip().splitlines()
)
_SAYINGS = tuple(
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (r"Object contains unknown field `(.*)`", "There is no field {0} here."),
        (r"Object missing required field `(.*)`", "The field {0} is missing."),
        (r"Expected `(.*)`, got `(.*)`", "This is {1}; it must be {0}."),
        (r"Expected `str` of length >= (\d+)", "The text is too short: at least {0} characters."),
        (r"Expected `str` of length <= (\d+)", "The text is too long: at most {0} characters."),
        (r"Expected `array` of length >= (\d+)", "The list is too short: at least {0}."),
        (r"Expected `array` of length <= (\d+)", "The list is too long: at most {0}."),
        (r"Expected `array` of length (\d+)", "The list has {0} parts."),
        (r"Expected `\w+` >= (-?\d+)", "The number is too small: at least {0}."),
        (r"Expected `\w+` <= (-?\d+)", "The number is too large: at most {0}."),
        (r"Invalid RFC3339 encoded date", "This is no day; write it as 2026-03-31."),
        (r"Invalid RFC3339 encoded datetime", "This is no instant; write 2026-03-31T09:05:00Z."),
        (r"Number out of range", "The number is out of all range."),
    )
)
_FORM = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_WORD = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_WORDS_SHOWN = 30
"""So many possible values are listed; of more a part would say nothing."""
_BYTE = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)", re.DOTALL)


def invalid(error: ValidationError, kind: type[Struct], at: str = "") -> Invalid:
    """Return a decoding fault as a problem of the request.

    Args:
        error: the decoder's.
        kind: what was to be decoded.
        at: the JSON pointer to what was decoded.
    """
    text = str(error)
    detail, pointer = said(error, kind)
    named = _FIELD.search(text)
    field = f"/{named[1]}" if named else ""
    if "got `float`" in text:
        code = "float-refused"
    elif "missing required field" in text:
        code, pointer = "field-missing", pointer + field
    elif "unknown field" in text:
        code, pointer = "field-unknown", pointer + field
    else:
        code = "field-invalid"
    if len(detail) > _DETAIL_MAX:
        detail, pointer = f"{detail[:_DETAIL_MAX]} ...", pointer[:_DETAIL_MAX]
    return Invalid(code, detail, at + pointer)


def said(error: ValidationError, kind: type[Struct]) -> tuple[str, str]:
    """Return what is wrong with a value that is of another kind, and the JSON pointer to it.

    Args:
        error: the decoder's.
        kind: what was to be decoded: its descriptions say which form a text must have.
    """
    text, pointer = str(error), ""
    if found := _WHERE.search(text):
        text = text[: found.start()]
        pointer = "".join(f"/{name or at}" for name, at in _STEP.findall(found["path"]))
    if form := _FORM.fullmatch(text):
        wanted = _forms(kind).get(form[1], f"it must match {form[1]}")
        return f"The text has the wrong form: {wanted}.", pointer
    if word := _WORD.fullmatch(text):
        return f"{word[1]} is none of the values that are possible here{_words(kind, pointer)}.", (
            pointer
        )
    for pattern, sentence in _SAYINGS:
        if told := pattern.fullmatch(text):
            return sentence.format(*map(_word, told.groups())), pointer
    return f"{text}.", pointer


def said_of_json(error: DecodeError) -> str:
    """Return why a text is no JSON."""
    text = str(error)
    if told := _BYTE.fullmatch(text):
        return f"This is no JSON: {told[1]} at byte {told[2]}."
    return "This is no JSON: it ends early." if "truncated" in text else f"This is no JSON: {text}."


def _word(told: str) -> str:
    """Return a type's name, or several with bars between, in words; other texts as they are."""
    names = told.split(" | ")
    if not all(name in _WORDS for name in names):
        return told
    return " or ".join(_WORDS[name] for name in names)


def phrase(sentence: str) -> str:
    """Return a sentence as it stands in another: small at the start, without the point."""
    first = sentence.split(" ", 1)[0]
    small = sentence[:1].lower() if first[1:].islower() or len(first) == 1 else sentence[:1]
    return small + sentence[1:].removesuffix(".")


def within(hint: Any) -> Iterator[Any]:  # noqa: ANN401  # any type
    """Return a type and all that it is made of, annotations too; not the fields of a Struct."""
    yield hint
    for each in get_args(hint):
        yield from within(each)


def words_of(hint: Any) -> list[str]:  # noqa: ANN401  # any type
    """Return the words that a value of a type may be, where it is one of some; "" is left out."""
    choices = (each for each in within(hint) if get_origin(each) is Literal)
    return [str(word) for each in choices for word in get_args(each) if word != ""]


def _words(kind: type[Struct], pointer: str) -> str:
    """Return the words that are possible at a pointer, where they are known and few."""
    hints: list[Any] = [kind]
    for step in pointer.split("/")[1:]:
        if not step.isdigit():
            hints = [
                field.type
                for hint in hints
                for each in within(hint)
                if isinstance(each, type) and issubclass(each, Struct)
                for field in structs.fields(each)
                if field.encode_name == step
            ]
    words = list(dict.fromkeys(word for hint in hints for word in words_of(hint)))
    return f": {', '.join(words)}" if 0 < len(words) <= _WORDS_SHOWN else ""


@cache
def _forms(kind: type[Struct]) -> dict[str, str]:
    """Return what the descriptions of a Struct's fields say of the patterns they must match."""
    return {
        repr(meta.pattern): phrase(meta.description)
        for meta in _metas(kind, set())
        if meta.pattern and meta.description
    }


def _metas(hint: Any, seen: set[Any]) -> Iterator[Meta]:  # noqa: ANN401  # any type
    if isinstance(hint, Meta):
        yield hint
    elif isinstance(hint, type) and get_origin(hint) is None and issubclass(hint, Struct):
        if hint not in seen:
            seen.add(hint)
            for field in structs.fields(hint):
                yield from _metas(field.type, seen)
    else:
        for each in (*get_args(hint), *getattr(hint, "__metadata__", ())):
            yield from _metas(each, seen)
