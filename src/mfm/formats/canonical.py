"""Records read fast: what the standalone verifier reads with the standard library alone."""

from types import GenericAlias
from typing import Any

from msgspec import ValidationError, json

from mfm import verifier

_DEPTH = 8
"""How deep a record is nested that is read fast; reading takes no longer for it."""


def _value(depth: int) -> Any:  # noqa: ANN401  # a type
    """Return the type of JSON values nested so deep, with no number in them."""
    plain = str | bool | None
    if not depth:
        return plain
    inner = _value(depth - 1)
    return GenericAlias(list, (inner,)) | GenericAlias(dict, (str, inner)) | plain


_decode = json.Decoder(GenericAlias(dict, (str, _value(_DEPTH)))).decode
_encode = json.Encoder(order="sorted").encode


def read(content: bytes) -> Any:  # noqa: ANN401  # what a record says
    """Return what canonical JSON says, exactly as `verifier.canonical` does.

    What is not read fast, the slow reader decides on.

    Raises:
        ValueError: these are no canonical bytes, or they hold a number.
    """
    try:
        told = _decode(content)
    except ValidationError:
        return verifier.canonical(content)
    return told if _encode(told) == content else verifier.canonical(content)
