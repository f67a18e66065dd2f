"""What does not decode is told in our own words, with what the field wants."""

from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from msgspec import DecodeError, Meta, Struct, ValidationError, json

from mfm.core.terms import Id
from mfm.formats.faults import said, said_of_json


class Inner(Struct, forbid_unknown_fields=True):
    name: Id = "a"
    said: Literal["", "yes"] = ""


class Whole(Struct, forbid_unknown_fields=True):
    must: str
    text: Annotated[str, Meta(min_length=2, max_length=3)] = "ab"
    code: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code.")] = "USD"
    form: Annotated[str, Meta(pattern="^x$")] = "x"
    items: Annotated[tuple[Inner, ...], Meta(min_length=1, max_length=2)] = (Inner(),)
    pair: tuple[int, int] = (0, 0)
    number: Annotated[int, Meta(ge=1, le=9)] = 1
    word: Literal["a", "b"] = "a"
    day: date | None = None
    at: datetime | None = None
    yes: bool = False


ID_FORM = "lower-case letters, digits, dot, dash and underscore; at most 63"
SAID = "/items/0/said"
FAULTS = {
    "{}": ("The field must is missing.", ""),
    "[]": ("This is a list; it must be an object.", ""),
    '{"must":1}': ("This is a whole number; it must be a text.", "/must"),
    '{"must":null}': ("This is null; it must be a text.", "/must"),
    '{"x":1}': ("There is no field x here.", ""),
    '{"text":"a"}': ("The text is too short: at least 2 characters.", "/text"),
    '{"text":"abcd"}': ("The text is too long: at most 3 characters.", "/text"),
    '{"form":"y"}': ("The text has the wrong form: it must match '^x$'.", "/form"),
    '{"items":[{"name":"A"}]}': (f"The text has the wrong form: {ID_FORM}.", "/items/0/name"),
    '{"items":[{"nome":"a"}]}': ("There is no field nome here.", "/items/0"),
    '{"items":[]}': ("The list is too short: at least 1.", "/items"),
    '{"items":[{},{},{}]}': ("The list is too long: at most 2.", "/items"),
    '{"pair":[1]}': ("The list has 2 parts.", "/pair"),
    '{"number":0}': ("The number is too small: at least 1.", "/number"),
    '{"number":10}': ("The number is too large: at most 9.", "/number"),
    '{"number":1.5}': ("This is a number with a point; it must be a whole number.", "/number"),
    '{"number":1e999}': ("The number is out of all range.", "/number"),
    '{"word":"c"}': ("'c' is none of the values that are possible here: a, b.", "/word"),
    '{"items":[{"said":"c"}]}': ("'c' is none of the values that are possible here: yes.", SAID),
    '{"code":"usd"}': ("The text has the wrong form: ISO 4217 code.", "/code"),
    '{"day":"2026-02-30"}': ("This is no day; write it as 2026-03-31.", "/day"),
    '{"day":5}': ("This is a whole number; it must be a day such as 2026-03-31 or null.", "/day"),
    '{"at":"x"}': ("This is no instant; write 2026-03-31T09:05:00Z.", "/at"),
    '{"yes":"no"}': ("This is a text; it must be true or false.", "/yes"),
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_value_of_another_kind_is_told_in_words(text: str) -> None:
    with pytest.raises(ValidationError) as fault:
        json.decode(text, type=Whole)
    assert said(fault.value, Whole) == FAULTS[text]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is no JSON: it ends early."),
        ("{", "This is no JSON: it ends early."),
        ("nope", "This is no JSON: invalid character at byte 4."),
        ("{} {}", "This is no JSON: trailing characters at byte 4."),
    ],
)
def test_what_is_no_json_is_told_in_words(text: str, sentence: str) -> None:
    with pytest.raises(DecodeError) as fault:
        json.decode(text)
    assert said_of_json(fault.value) == sentence
