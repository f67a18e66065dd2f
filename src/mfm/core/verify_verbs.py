"""Verification, the verbs: what each may set and move.

Written from the accounting rules' table of events, not from the code that posts them; a new verb
is unknown here until it has its entry.

A noun is told as `kind before>after fields`: the statuses it may come from (`new`: there was none,
`any`: whatever it had, but not reversed) and go to, and the fields that may change with it (`*`:
all). `kind?` may be left out. A movement is `debit/credit:type`, the type being IATI's in the
fund's own activity, negative for a negative value, left out for none.
"""

from msgspec import Struct

from mfm.core.verify_form import Side

Move = tuple[str, str, str, int]
"""(debit code, credit code, IATI type, IATI sign)"""


class Change(Struct, frozen=True):
    """What a verb does to one noun.

    Attributes:
        kind: the noun's kind.
        optional: whether the verb may leave it alone.
        before: statuses it may have had; "new" for none, "any" for whatever.
        after: statuses it may get; "any" for whatever.
        fields: fields that may change; "*" for all.
    """

    kind: str
    optional: bool
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
        kind.rstrip("?"),
        kind.endswith("?"),
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


EVENTS: dict[str, Event] = _events("""
party.register
  party new>registered

fund.open
  fund new>open

fund.set-period
  fund open>open open_from open_until

pledge.announce
  pledge new>announced
  9100/9190:13

pledge.lapse
  pledge announced>announced|lapsed outstanding_minor
  9190/9100:-13

commitment.sign
  commitment new>signed
  pledge? announced>announced|converted outstanding_minor
  1200/4100:11 1200/4110:11 1200/4120:11 1200/4130:11 9190/9100:-13
  9310/9320:2 5300/2300 1400/4600:11

commitment.deobligate
  commitment any>any amount_minor tranches
  allocation approved>approved shares
  9320/9300:-2 2300/5300 4600/1400:-11

deposit.receive
  deposit new>received
  commitment any>any paid_minor
  1100/1200:1 5900/1200 1100/4900:1 9399/9300

deposit.charge-fee
  deposit received>received fee_minor
  5400/1100:4 9300/9340

allocation.approve
  allocation new>approved
  9300/9310

allocation.return
  allocation approved>approved|returned shares
  9310/9300

disbursement.request
  disbursement new>requested
  commitment any>any tranches

disbursement.approve
  disbursement requested>approved approved_by approved_on
  9320/9330 1300/2200

disbursement.release
  disbursement approved>released released_by released_on
  commitment any>any paid_minor
  2200/1100:3 2300/1100:3 9330/9340 1120/1400

disbursement.confirm
  disbursement released>confirmed confirmed_by confirmed_on
  1100/1120:1 9399/9300

report.accept
  report new>accepted
  commitment any>any accepted_minor
  5100/1300 5500/1300

refund.claim
  refund new>due
  commitment any>any claimed_minor
  1500/1300

refund.receive
  refund due>received
  commitment any>any refunded_minor
  allocation approved>approved shares
  1100/1500:-3 9340/9300

entry.post

key.create
  api_key new>active

key.revoke
  api_key active>revoked

import.party
  party new|reversed>registered *

import.activity
  fund? new|open|reversed>open *
  reported_activity? new|reported|reversed>reported *

import.transaction
  reported_transaction new|withdrawn|reversed>reported *

import.withdraw
  reported_transaction reported>withdrawn

import.finish
  import new|finished|reversed>finished *
""")

VOUCHER = "entry.post"
REVERSAL = "record.reverse"
WITHDRAWAL = "import.withdraw"
REPORT = "import.transaction"
IMPORT = "import."
"""The verbs that bring reported books begin with this, and move money in no others."""


def move_of(side: Side) -> Move:
    """Return which movement a posting is."""
    return side.debit.code, side.credit.code, side.iati_type, side.iati_sign
