"""Verification, the verbs: what each may set and move.

Written from the accounting rules' table of events, not from the code that posts them; a new verb
is unknown here until it has its entry.

A noun is told as `kind before>after fields`: the statuses it may come from (`new`: there was none,
`any`: whatever it had, but not reversed) and go to, and the fields that may change with it (`*`:
all). `kind?` may be left out, `kind*` too, and there may be several. A movement is
`debit/credit:type`, the type being IATI's in the fund's own activity, negative for a negative
value, left out for none.
"""

from msgspec import Struct

from mfm.core import (
    verify_table,
    verify_table_calls,
    verify_table_overlaps,
    verify_table_policies,
)
from mfm.core.verify_form import Side

Move = tuple[str, str, str, int]
"""(debit code, credit code, IATI type, IATI sign)"""


class Change(Struct, frozen=True):
    """What a verb does to one noun.

    Attributes:
        kind: the noun's kind.
        optional: whether the verb may leave it alone.
        many: whether it may set several of the kind.
        before: statuses it may have had; "new" for none, "any" for whatever.
        after: statuses it may get; "any" for whatever.
        fields: fields that may change; "*" for all.
    """

    kind: str
    optional: bool
    many: bool
    before: frozenset[str]
    after: frozenset[str]
    fields: frozenset[str]


class Event(Struct, frozen=True):
    """What a verb may set and move."""

    changes: tuple[Change, ...]
    moves: frozenset[Move]


def _change(text: str) -> Change:
    kind, states, *fields = text.split()
    before, after = states.split(">")
    return Change(
        kind.rstrip("?*"),
        kind.endswith(("?", "*")),
        kind.endswith("*"),
        frozenset(before.split("|")),
        frozenset(after.split("|")),
        frozenset(fields),
    )


def _move(text: str) -> Move:
    codes, _, iati = text.partition(":")
    debit, _, credit = codes.partition("/")
    return debit, credit, iati.lstrip("-"), -1 if iati.startswith("-") else 1


def _events(text: str) -> dict[str, Event]:
    table: dict[str, Event] = {}
    for entry in text.strip().split("\n\n"):
        name, *lines = entry.splitlines()
        changes = tuple(_change(line) for line in lines if ">" in line)
        moves = frozenset(_move(each) for line in lines if ">" not in line for each in line.split())
        table[name] = Event(changes, moves)
    return table


EVENTS: dict[str, Event] = {
    name: event
    for part in (verify_table, verify_table_calls, verify_table_overlaps, verify_table_policies)
    for name, event in _events(part.TABLE).items()
}

VOUCHER = "entry.post"
REVERSAL = "record.reverse"
WITHDRAWAL = "import.withdraw"
ERASURE = "payload.erase"
ROTATION = "trail.rotate-key"
HEADS = "trail.note-heads"
REPORT = "import.transaction"
IMPORT = "import."
"""The verbs that bring reported books begin with this, and move money in no others."""


def move_of(side: Side) -> Move:
    """Return which movement a posting is."""
    return side.debit.code, side.credit.code, side.iati_type, side.iati_sign
