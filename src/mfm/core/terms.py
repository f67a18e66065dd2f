"""Shapes that several nouns share: ids, dates, texts."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from mfm.core.permissions import Actor

Id = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$(?!\n)",
        description="Lower-case letters, digits, dot, dash and underscore; at most 63.",
    ),
]
"""A noun's id; given by the caller, or made by the service where it is left out."""

NO_NUL = r"^[^\x00]*$(?!\n)"
"""PostgreSQL keeps every text but those with a NUL in them."""

Name = Annotated[str, Meta(min_length=1, max_length=300, pattern=NO_NUL)]
"""A public name, kept in clear in the record."""

Text = Annotated[
    str,
    Meta(max_length=2000, pattern=NO_NUL, description="Free text", extra={"free_text": True}),
]
"""Free text: beside the record, which holds a salted commitment to it, so that it can be erased."""

Why = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        pattern=NO_NUL,
        description="Free text",
        extra={"free_text": True},
    ),
]
"""A reason that may not be left out."""

Key = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,200}$(?!\n)", description="Idempotency key")]

FIRST_DAY = date(1970, 1, 1)
"""A fund that names no first open day takes entries from here."""


class Act(Struct, frozen=True):
    """Who does something, and the day it counts from (in the fund's time zone)."""

    actor: Actor
    on: date


class Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a verb takes; one Struct decodes it from JSON, a form or the command line."""
