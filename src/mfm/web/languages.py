"""Languages: the texts of the pages that people read, and how amounts and days are written."""

import re
import tomllib
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup
from msgspec import Struct

from mfm.core.money import decimal_text, exponent
from mfm.web.endpoints import Ask, Query, header

DEFAULT = "en"
LANG = Query("lang", "en, fr, es or ar; else as Accept-Language says")
"""The parameter of whatever answers in words."""
_QUALITY = re.compile(r"\s*;\s*q\s*=\s*(?:(1)(?:\.0{0,3})?|0(?:\.([0-9]{0,3}))?)\s*")
_RANGE = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[a-zA-Z0-9-]{1,35})?\s*")


class Language(Struct, frozen=True):
    """A language that pages are in.

    Attributes:
        code: ISO 639-1.
        name: its own name.
        direction: ltr or rtl.
        texts: key -> text, or for a counted thing plural form -> text; grouped.
        locale: how numbers and days are written.
    """

    code: str
    name: str
    direction: str
    texts: dict[str, Any]
    locale: Locale

    def say(self, group: str, key: str, **facts: object) -> Markup:
        """Return a text with its facts in place, each kept apart from the direction around it."""
        told = {name: isolated(value) for name, value in facts.items()}
        return Markup(self.texts[group][key]).format(**told)  # noqa: S704  # our own texts; facts are escaped

    def count(self, group: str, number: int, **facts: object) -> Markup:
        """Return how many of something, in the right plural form."""
        form = self.locale.plural_form(number)
        return self.say(group, form, n=format_decimal(number, locale=self.locale), **facts)

    def money(self, amount_minor: int, currency: str) -> Markup:
        """Return an amount with all its currency's decimals, and the currency's code."""
        places = exponent(currency)
        pattern = "#,##0" + ("." + "0" * places if places else "")
        amount = Decimal(decimal_text(amount_minor, currency))
        return isolated(f"{format_decimal(amount, pattern, self.locale)}\u00a0{currency}")

    def day(self, on: date) -> Markup:
        """Return a day, in words."""
        told = format_date(on, "long", self.locale)
        return Markup('<time datetime="{}">{}</time>').format(on.isoformat(), told)


def isolated(value: object) -> Markup:
    """Return a value that keeps its own direction within a text of the other."""
    return value if isinstance(value, Markup) else Markup("<bdi>{}</bdi>").format(value)


def _load() -> dict[str, Language]:
    found = {}
    for code in ("en", "fr", "es", "ar"):
        path = files("mfm.web") / "texts" / f"{code}.toml"
        texts = tomllib.loads(path.read_text("utf-8"))
        locale = Locale(code)
        found[code] = Language(
            code, texts["language"]["name"], locale.text_direction, texts, locale
        )
    return found


LANGUAGES = _load()
"""code -> language, in the order of the switcher."""


def chosen(asked: str, accepted: str) -> Language:
    """Return the language that is asked for, else the best accepted one, else English.

    Args:
        asked: a code, or "".
        accepted: an Accept-Language header (RFC 9110, 12.5.4), or "".
    """
    if asked in LANGUAGES:
        return LANGUAGES[asked]
    wanted: list[tuple[int, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        range_, _, quality = part.partition(";")
        found = _RANGE.fullmatch(range_)
        weight = _weight(";" + quality if quality else "")
        if found and weight and found[1].lower() in LANGUAGES:
            wanted.append((-weight, place, found[1].lower()))
    return LANGUAGES[min(wanted)[2] if wanted else DEFAULT]


def language_of(ask: Ask) -> str:
    """Return the code of the language that a caller asks for, or reads best."""
    return chosen(ask.query_params.get("lang", ""), header(ask, b"accept-language") or "").code


def _weight(quality: str) -> int:
    """Return a quality in thousandths; 0 for one that makes no sense."""
    if not quality:
        return 1000
    found = _QUALITY.fullmatch(quality)
    if found is None:
        return 0
    return 1000 if found[1] else int((found[2] or "").ljust(3, "0"))
