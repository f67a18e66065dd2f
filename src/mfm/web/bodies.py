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
        Invalid: `utf8-invalid`, `json-malformed`, `float-refused`, `field-*`, `batch-too-large`.
    """
    try:
        return json.decode(text_of(body), type=kind)
    except ValidationError as error:
        raise fault(error, kind) from None
    except DecodeError as error:
        raise Invalid("json-malformed", said_of_json(error)) from None
    except RecursionError:
        raise Invalid("json-malformed", _TOO_DEEP) from None


def decode_with_path(body: bytes, kind: type[Command], path: dict[str, str]) -> Command:
    """Decode a body into a command some of whose fields the path names.

    Raises:
        Invalid: as `decode`, and `path-differs`.
    """
    told: dict[str, Any] = {}
    if body.strip():
        try:
            told = json.decode(text_of(body), type=dict[str, Any])
        except ValidationError as error:
            raise fault(error, kind) from None
        except DecodeError as error:
            raise Invalid("json-malformed", said_of_json(error)) from None
        except RecursionError:
            raise Invalid("json-malformed", _TOO_DEEP) from None
    for name, value in path.items():
        if str(told.get(name, value)) != value:
            raise Invalid("path-differs", f"{name} is {value} in the path.", f"/{name}")
        told[name] = whole(value) if name == "record" and whole(value) else value
    try:
        return convert(told, kind)
    except ValidationError as error:
        raise fault(error, kind) from None


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
