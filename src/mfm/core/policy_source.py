"""Reading what secretariats write: TOML in limits, and every fault with its line and its mending.

Nothing is parsed before it is known to be small, plain and shallow: a file cannot hold the
process, hide a word behind a sign that turns the line round, or say one key twice.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple, cast

from mfm.core.errors import Invalid

MAX_BYTES = 262_144
MAX_DEPTH = 12
MAX_NODES = 4_000
MAX_CASE_NODES = 40_000
_MAX_DOTS = 4
_MAX_FAULTS = 50
_MAX_SHOWN = 60

# Signs that turn the direction of a line, and controls: what is shown is not what is read.
_HIDDEN = re.compile(
    "[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_SIGN = re.compile(r'"""|\'\'\'|["\'#\[\]{}=,.\n]')
# Each takes the rest of a text in one go, without ever going back.
_REST = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+"'),
    "'": re.compile(r"[^'\n]*+'"),
    '"""': re.compile(r'(?:[^"\\]|\\.|""?+(?!"))*+"""', re.DOTALL),
    "'''": re.compile(r"(?:[^']|''?+(?!'))*+'''"),
    "#": re.compile(r"[^\n]*+"),
}
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
_HEADER = re.compile(r"[ \t]*\[\[?[ \t]*([A-Za-z_-]+)")


class Fault(NamedTuple):
    """What is wrong in a file: where, what, and how to mend it."""

    line: int
    what: str
    mend: str


class PolicyError(Invalid):
    """A file that cannot be used.

    Attributes:
        where: the file's name.
        faults: everything that was found wrong in it.
    """

    def __init__(self, where: str, faults: Iterable[Fault]) -> None:
        """Tell every fault on a line of its own: file, line, what is wrong, how to mend it."""
        self.where = where
        self.faults = tuple(sorted(faults))[:_MAX_FAULTS]
        super().__init__("policy-faulty", "\n".join(self.lines()))

    def lines(self) -> list[str]:
        """Return the faults as a terminal shows them."""
        return [f"{self.where}:{line}: {what} {mend}" for line, what, mend in self.faults]


class Place(NamedTuple):
    """Lines of a file, from the first to the last."""

    first: int
    last: int


def parse(content: bytes, where: str, nodes: int = MAX_NODES) -> tuple[dict[str, Any], "Reader"]:
    """Parse a file that keeps the limits; return what it says, and a reader of it.

    Args:
        content: the file's bytes.
        where: its name, for faults.
        nodes: how many keys and list items it may have.

    Raises:
        PolicyError: it is too large, too deep, no TOML, or holds signs that cannot be seen.
    """
    if len(content) > MAX_BYTES:
        what = f"The file has {len(content)} bytes, more than {MAX_BYTES}."
        raise PolicyError(where, [Fault(1, what, "Split it into several policies.")])
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(
            where, [Fault(line, "This is not UTF-8.", "Save the file as UTF-8.")]
        ) from None
    text = text.replace("\r\n", "\n")
    if found := _HIDDEN.search(text):
        what = f"The sign U+{ord(found[0]):04X} cannot be seen, or turns the line round."
        raise PolicyError(where, [Fault(_line(text, found.start()), what, "Take it out.")])
    if fault := _bounds(text, nodes):
        raise PolicyError(where, [fault])
    try:
        return tomllib.loads(text), Reader(text, where)
    except (ValueError, RecursionError) as error:
        raise PolicyError(where, [_toml_fault(text, error)]) from None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _bounds(text: str, nodes: int) -> Fault | None:
    """Walk over the signs once; return what goes beyond the limits, or None."""
    at = depth = count = dots = 0
    while found := _SIGN.search(text, at):
        sign, at = found[0], found.end()
        if sign in _REST:
            rest = _REST[sign].match(text, at)
            if rest is None:
                where = _line(text, found.start())
                return Fault(where, "A text begins here and never ends.", f"Close it with {sign}.")
            at = rest.end()
        elif sign in "[{":
            depth, count = depth + 1, count + 1
        elif sign in "]}":
            depth -= 1
        elif sign == ".":
            dots += 1
        else:
            count, dots = count + (sign != "\n"), 0
        if depth > MAX_DEPTH or dots > _MAX_DOTS or count > nodes:
            what = f"This goes deeper than {MAX_DEPTH} levels, or has more than {nodes} values."
            return Fault(_line(text, at), what, "Make it simpler, or split the policy.")
    return None


def _toml_fault(text: str, error: Exception) -> Fault:
    told = str(error)
    found = _AT_LINE.search(told)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1 if found else 1
    told = _AT_LINE.sub("", told)
    if "overwrite" in told or "twice" in told or "mutate" in told or "duplicate" in told.lower():
        return Fault(line, "This key or table is there twice.", "Keep one of the two.")
    return Fault(line, f"This is no TOML: {told}.", "Mend the line; texts stand in quotes.")


def shown(value: object) -> str:
    """Return a value as a fault quotes it, not too long."""
    text = repr(value) if not isinstance(value, date) else value.isoformat()
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return how to mend an unknown word: the nearest known one, or all of them when few."""
    words = sorted(known)
    if near := get_close_matches(word, words, 1):
        return f"Did you mean {near[0]}?"
    return f"It is one of {', '.join(words)}." if len(words) <= _FEW else "See the catalogue."


_FEW = 30
_NAMES: dict[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    date: "a date such as 2026-01-31, without quotes",
    list: "a list",
    dict: "a table",
}


class Reader:
    """Reads a parsed file by hand: unknown, missing and ill-typed keys become faults with lines.

    Attributes:
        where: the file's name.
        faults: what was found wrong so far.
    """

    def __init__(self, text: str, where: str) -> None:
        """Prepare to say in which line of a text something stands."""
        self.where = where
        self.faults: list[Fault] = []
        self._lines = text.split("\n")
        found = ((number, _HEADER.match(line)) for number, line in enumerate(self._lines, 1))
        self._headers = [(number, header[1]) for number, header in found if header]

    def finish(self) -> None:
        """Hold that nothing was wrong.

        Raises:
            PolicyError: with all that was.
        """
        if self.faults:
            raise PolicyError(self.where, self.faults)

    def place(self, name: str = "", number: int = 0) -> Place:
        """Return the lines of the n-th `[[name]]` or `[name]`, or of what comes before any."""
        last = len(self._lines)
        if not name:
            return Place(1, self._headers[0][0] - 1 if self._headers else last)
        starts = [line for line, told in self._headers if told == name]
        if number >= len(starts):
            return Place(1, last)
        after = [line for line, _ in self._headers if line > starts[number]]
        return Place(starts[number], after[0] - 1 if after else last)

    def near(self, needle: str) -> Place:
        """Return the lines from the first that has a text up to the next table."""
        for number, line in enumerate(self._lines, 1):
            if needle in line:
                after = [start for start, _ in self._headers if start > number]
                return Place(number, after[0] - 1 if after else len(self._lines))
        return Place(1, len(self._lines))

    def fault(self, place: Place, needle: str, what: str, mend: str) -> None:
        """Note a fault at the first line of a place that has the needle as a word."""
        word = re.compile(rf"(?<![\w-]){re.escape(needle)}(?![\w-])") if needle else None
        for number in range(place.first, place.last + 1 if word else place.first):
            if cast("re.Pattern[str]", word).search(self._lines[number - 1]):
                self.faults.append(Fault(number, what, mend))
                return
        self.faults.append(Fault(place.first, what, mend))

    def table(
        self, told: object, known: Mapping[str, type], required: str, place: Place
    ) -> dict[str, Any]:
        """Return the keys of a table that are known and have their type; note all others.

        Args:
            told: what should be a table.
            known: key -> the type of its value.
            required: keys that may not be left out, with spaces between.
            place: where it stands.
        """
        if not isinstance(told, dict):
            self.fault(place, "", f"{shown(told)} should be a table.", "Write { key = value }.")
            return {}
        kept = {}
        for key, value in told.items():
            wanted = known.get(key)
            if wanted is None:
                self.fault(place, key, f"Unknown key {shown(key)}.", did_you_mean(key, known))
            elif type(value) is not wanted and wanted is not object:
                what = f"{key} is {shown(value)}; it should be {_NAMES[wanted]}."
                self.fault(place, key, what, _mend(value, wanted))
            else:
                kept[key] = value
        for key in required.split():
            if key not in told:
                self.fault(place, "", f"{key} is missing.", f"Add {key} = … here.")
        return kept


def _mend(value: object, wanted: type) -> str:
    if wanted is date and isinstance(value, str):
        return "Take the quotes away."
    if wanted is date and isinstance(value, datetime):
        return "Write the day alone, without a time."
    return "Change it."
