"""Request bodies: JSON into commands, with every fault named by code and pointer."""

import re
from typing import Any, TypeVar
from unicodedata import is_normalized, normalize

from msgspec import DecodeError, Struct, ValidationError, convert, json

from mfm.core.errors import Invalid
from mfm.core.terms import Command
from mfm.formats.faults import invalid, said_of_json
from mfm.web.endpoints import whole

S = TypeVar("S", bound=Struct)

_PAIR = r"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:{_PAIR}|u[0-9a-fA-F]{{4}}|.)", re.DOTALL)
_MARK = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[][{},]')
"""What a JSON text is made of, but for its numbers and the like: texts, keys, and what is round."""
_TOO_DEEP = "The body is nested too deeply."


def text_of(body: bytes) -> str:
    """Return a body as text in Unicode's normal form C, as records carry it.

    Raises:
        Invalid: `utf8-invalid`, `field-invalid` for a null character, `json-malformed` for half a
            surrogate pair.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("utf8-invalid", f"Byte {error.start} of the body is not UTF-8.") from None
    if "\\u" in text:
        text = _ESCAPE.sub(_letter, text)
    if "\0" in text:
        raise Invalid("field-invalid", "The character U+0000 cannot be kept.")
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)


def _letter(escape: re.Match[str]) -> str:
    """Return the letter that an escape stands for, where it is no part of JSON's own grammar."""
    try:
        letter = json.decode(f'"{escape[0]}"', type=str)
    except DecodeError:
        if len(escape[0]) == len(r"\u0000"):
            detail = f"This is no JSON: {escape[0]} is half of a pair of escapes."
            raise Invalid("json-malformed", detail) from None
        return escape[0]  # no escape at all: the decoder says so
    return letter if letter == "\0" or not letter.isascii() else escape[0]


def decode(body: bytes, kind: type[S]) -> S:
    """Decode a body.

    Raises:
        Invalid: `utf8-invalid`, `json-malformed`, `json-duplicate-key`, `float-refused`,
            `field-*`, `batch-too-large`.
    """
    text = text_of(body)
    made: S = _read(text, kind, kind)
    check_keys(text)
    return made


def _read(text: str, wanted: Any, kind: type[Struct]) -> Any:  # noqa: ANN401  # what is wanted
    try:
        return json.decode(text, type=wanted)
    except ValidationError as error:
        raise fault(error, kind) from None
    except DecodeError as error:
        raise Invalid("json-malformed", said_of_json(error)) from None
    except RecursionError:
        raise Invalid("json-malformed", _TOO_DEEP) from None


def check_keys(text: str) -> None:
    """Hold that no object of a body has a key twice: this decoder keeps the last, others the first.

    What a repeated key said before is gone once it is decoded, and its quotes with it; escapes
    apart, all other quotes come out again.

    Args:
        text: a command's JSON, which is known to decode.

    Raises:
        Invalid: `json-duplicate-key`.
    """
    if "\\u" in text or text.count('"') != json.encode(json.decode(text)).count(b'"'):
        _check_each(text)


def _check_each(text: str) -> None:
    keys: list[set[str] | None] = []  # of each object around; None for an array
    steps: list[str | int] = []
    for mark in _MARK.finditer(text):
        if mark[0] in "{[":
            keys.append(set() if mark[0] == "{" else None)
            steps.append(0)
        elif mark[0] in "}]":
            keys.pop()
            steps.pop()
        elif mark[0] == "," and keys[-1] is None:
            steps[-1] = int(steps[-1]) + 1
        elif mark[2] and (inside := keys[-1]) is not None:
            steps[-1] = key = json.decode(mark[1], type=str)
            if key in inside:
                pointer = "".join(
                    f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps
                )
                detail = f"The key {key!r} stands twice in one object: say it once."
                raise Invalid("json-duplicate-key", detail, pointer)
            inside.add(key)


def decode_with_path(body: bytes, kind: type[Command], path: dict[str, str]) -> Command:
    """Decode a body into a command some of whose fields the path names.

    Raises:
        Invalid: as `decode`, and `path-differs`.
    """
    text = text_of(body)
    told = _read(text, dict[str, Any], kind) if text.strip() else {}
    for name, value in path.items():
        if str(told.get(name, value)) != value:
            raise Invalid("path-differs", f"{name} is {value} in the path.", f"/{name}")
        told[name] = whole(value) if name == "record" and whole(value) else value
    try:
        made = convert(told, kind)
    except ValidationError as error:
        raise fault(error, kind) from None
    if text.strip():
        check_keys(text)
    return made


def fault(error: ValidationError, kind: type[Struct]) -> Invalid:
    """Return a decoding fault with its code and JSON pointer."""
    found = invalid(error, kind)
    if found.pointer == "/entries" and "length <=" in str(error):
        return Invalid("batch-too-large", found.detail, found.pointer)
    return found


def query_fault(error: ValidationError, kind: type[Struct]) -> Invalid:
    """Return what is wrong with a query's parameters, with the name of the one at fault."""
    found = invalid(error, kind)
    name = found.pointer.strip("/")
    return Invalid("query-invalid", f"{name}: {found.detail}" if name else found.detail)
