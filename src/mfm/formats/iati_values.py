"""The single values of an IATI file: amounts, dates, flags and organisation references."""

import re
from datetime import date

from mfm.core.money import MAX_MINOR, rounded

_AMOUNT = re.compile(r"-?([0-9]+)(\.[0-9]+)?")
_GROUPED = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})*(\.[0-9]+)?")
_PLAIN_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LENIENT_DATE = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|()([0-9]{2})([0-9]{2}))(?![0-9]).*", re.DOTALL
)
_WHOLE_DIGITS_MAX = len(str(MAX_MINOR))


class Unusable(Exception):
    """A value that no amount or date can be taken from; `code` says why."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


def amount(written: str, currency: str) -> tuple[int, list[str]]:
    """Read a value as published: digits, a point, commas between thousands.

    Args:
        written: the text, without surrounding white space.
        currency: decides the decimals (ISO 4217; 2 where unknown).

    Returns:
        The amount in minor units, rounded half to even, and codes of what was odd:
        `excess-precision` (decimals were lost), `value-separators` (commas that separate no
        thousands, and were dropped all the same).

    Raises:
        Unusable: `value-missing`, `value-malformed`, `value-too-large`.
    """
    if not written:
        raise Unusable("value-missing")
    plain = written.replace(",", "")
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        raise Unusable("value-malformed")
    if len(found[1].lstrip("0")) > _WHOLE_DIGITS_MAX:
        raise Unusable("value-too-large")
    minor, lost = rounded(plain, currency)
    if not -MAX_MINOR - 1 <= minor <= MAX_MINOR:
        raise Unusable("value-too-large")
    odd = ["excess-precision"] if lost else []
    if "," in written and _GROUPED.fullmatch(written) is None:
        odd.append("value-separators")
    return minor, odd


def day(written: str) -> tuple[date | None, bool]:
    """Read a date as published.

    Args:
        written: `2020-01-05` by the standard (xsd:date); also with a zone or a time behind it,
            with one digit for month or day, with slashes or points, or with no separator.

    Returns:
        The date, None where there is none to take, and whether it was written plainly.
    """
    bare = written.strip()
    plain = _PLAIN_DATE.fullmatch(bare)
    found = plain or _LENIENT_DATE.fullmatch(bare)
    if found is None:
        return None, False
    year, month, day_of_month = (int(part) for part in found.groups() if part and part.isdigit())
    try:
        return date(year, month, day_of_month), plain is not None
    except ValueError:
        return None, False


def flag(written: str) -> bool | None:
    """Read an xsd:boolean; None where it is missing or unreadable."""
    return {"1": True, "true": True, "0": False, "false": False}.get(written.strip().lower())
