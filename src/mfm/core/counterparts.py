"""Counterparts: one transfer in the books of two mechanisms, each with a trail of its own.

The payer's record names the trail that the money goes to; the receiver's record names the payer's
(origin, seq and leaf); the payer's confirmation names the receiver's. Both trails together then
prove that what one sent the other received, or name the difference.
"""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from mfm.core.errors import Invalid, Refused
from mfm.core.money import Money, decimal_text, minor
from mfm.core.record import Noun

SENDING = {
    "disbursement.release": "disbursement",
    "disbursement.settle": "disbursement",
    "donor-refund.pay": "donor_refund",
}
RECEIVING = {"deposit.receive": "deposit", "refund.receive": "refund"}
CONFIRMING = {"disbursement.confirm": "disbursement"}
"""Verb -> the noun whose state tells what it moved."""
BOUNCING = "disbursement.bounce"
_MOVING = SENDING | RECEIVING | CONFIRMING | {BOUNCING: "disbursement"}
_AMOUNTS = {"amount_minor": "currency", "original_minor": "original_currency"}

Origin = Annotated[
    str,
    Meta(
        pattern=r"^[!-*,-~]{1,200}$(?!\n)",
        description="A trail's name, the first line of its checkpoints, such as mfm/national",
    ),
]


class Counterpart(Struct, frozen=True, forbid_unknown_fields=True):
    """The other side of a transfer: a record in another mechanism's trail.

    Attributes:
        origin: that trail's name.
        seq: the record's number there.
        leaf: the record's leaf hash, hex: what its receipt proves.
    """

    origin: Origin
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    leaf: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]

    @property
    def record(self) -> str:
        """The record alone, as what was received by it keeps it: `mfm/global 27`."""
        return f"{self.origin} {self.seq}"


def must_be_new(named: Counterpart, origin: str, received: Noun | None) -> None:
    """Hold that a record of another trail is received once.

    Args:
        named: the record there.
        origin: the own trail's name.
        received: what stands and was received by it already, or None.

    Raises:
        Invalid: `counterpart-own` for a record of the own trail.
        Refused: `counterpart-taken`.
    """
    if named.origin == origin:
        detail = f"{origin} is this trail: money within it moves by its own transfers."
        raise Invalid("counterpart-own", detail, "/counterpart/origin")
    if received is not None:
        detail = f"{received.id} was received by record {named.seq} of {named.origin}."
        raise Refused("counterpart-taken", detail, "/counterpart")


class Transfer(NamedTuple):
    """What a record says of money between two mechanisms.

    Attributes:
        seq: the record.
        leaf: its leaf, hex.
        noun: whose: the id of the disbursement, refund or deposit.
        trail: the other trail, or "".
        named: seq and leaf of the record there; None where none is named.
        money: the amounts it may be known by, as texts such as `100.00 USD`.
    """

    seq: int
    leaf: str
    noun: str
    trail: str
    named: tuple[int, str] | None
    money: frozenset[str]


class Disagreement(NamedTuple):
    """Where two trails do not agree: a code, the trail and record it is about, and a sentence."""

    code: str
    trail: str
    seq: int
    detail: str


class Transfers:
    """One trail's transfers, gathered from its records in order.

    Attributes:
        origin: the trail's name.
        size: how many records there are.
        sent: payments that stand, by record.
        received: receipts of money that stand and name a counterpart, by record.
        confirmed: confirmations that name one, by the disbursement.
    """

    def __init__(self) -> None:
        """Begin before the first record."""
        self.origin = ""
        self.size = 0
        self.sent: dict[int, Transfer] = {}
        self.received: dict[int, Transfer] = {}
        self.confirmed: dict[str, Transfer] = {}

    def feed(self, told: dict[str, Any], leaf: bytes) -> None:
        """Take the next record in; one that was taken in before changes nothing.

        Args:
            told: the record, as its bytes say.
            leaf: its leaf hash.
        """
        seq, body = int(told["seq"]), told["body"]
        if seq <= self.size:
            return
        self.origin, self.size = told["log"], seq
        if told["outcome"] != "accepted":
            return
        kind = _MOVING.get(body["verb"])
        if "reverses" in body:
            self._take_back(int(body["reverses"]))
        elif kind is not None:
            self._take(body["verb"], _moved(seq, leaf, body, kind))

    def _take(self, verb: str, moved: Transfer) -> None:
        if verb in SENDING or verb == BOUNCING:
            self._drop_sent(moved.noun)  # one that bounced is sent anew, in another record
        if verb in SENDING:
            self.sent[moved.seq] = moved
        elif verb in RECEIVING and moved.named:
            self.received[moved.seq] = moved
        elif verb in CONFIRMING and moved.named:
            self.confirmed[moved.noun] = moved

    def _take_back(self, seq: int) -> None:
        self.sent.pop(seq, None)
        self.received.pop(seq, None)
        self.confirmed = {noun: each for noun, each in self.confirmed.items() if each.seq != seq}

    def _drop_sent(self, noun: str) -> None:
        for seq in [seq for seq, each in self.sent.items() if each.noun == noun]:
            del self.sent[seq]


def _moved(seq: int, leaf: bytes, body: dict[str, Any], kind: str) -> Transfer:
    """Read what a record moved out of the state that it sets and of what was asked."""
    row, command = body["sets"][kind][0], body["command"]
    named = command.get("counterpart")
    asked = [command[name] for name in ("paid", "received", "credited") if name in command]
    money = {_text(minor(Money(**each), ""), each["currency"]) for each in asked}
    if "received" not in command:
        money |= {
            _text(int(row[amount]), row[currency])
            for amount, currency in _AMOUNTS.items()
            if amount in row and currency in row
        }
    return Transfer(
        seq,
        leaf.hex(),
        row["id"],
        named["origin"] if named else command.get("trail", ""),
        (int(named["seq"]), named["leaf"]) if named else None,
        frozenset(money),
    )


def _text(amount_minor: int, currency: str) -> str:
    return f"{decimal_text(amount_minor, currency)} {currency}"


def match(one: Transfers, other: Transfers) -> tuple[list[tuple[int, int]], list[Disagreement]]:
    """Hold two trails' transfers against each other, in both directions.

    Returns:
        the pairs that agree (record of the sender, record of the receiver), and the differences.
    """
    pairs: list[tuple[int, int]] = []
    found: list[Disagreement] = []
    if one.origin == other.origin:
        detail = f"Both are the trail of {one.origin}; `mfm trail compare` is for two of one trail."
        return pairs, [Disagreement("counterpart-same", one.origin, 0, detail)]
    for sender, receiver in ((one, other), (other, one)):
        by_sent: dict[int, list[Transfer]] = {}
        for each in receiver.received.values():
            if each.trail == sender.origin and each.named:
                by_sent.setdefault(each.named[0], []).append(each)
        for sent in sender.sent.values():
            there = by_sent.pop(sent.seq, [])
            if sent.trail == receiver.origin or there:
                differs = [*_differs(sender, receiver, sent, there)]
                found += differs
                pairs += [] if differs else [(sent.seq, there[0].seq)]
        found += _unknown(sender, receiver, by_sent)
    return pairs, found


def _differs(
    sender: Transfers, receiver: Transfers, sent: Transfer, there: list[Transfer]
) -> Iterator[Disagreement]:
    """Return how a payment differs from what the other trail says of it."""
    what = f"Record {sent.seq} of {sender.origin} sent {_either(sent.money)}"
    if not there:
        detail = f"{what} to {receiver.origin}, which has not received it up to {receiver.size}."
        yield Disagreement("counterpart-missing", sender.origin, sent.seq, detail)
        return
    if there[1:]:
        detail = f"{what}; {receiver.origin} received it in {[each.seq for each in there]}."
        yield Disagreement("counterpart-twice", receiver.origin, there[1].seq, detail)
    confirmed = sender.confirmed.get(sent.noun)
    money = confirmed.money if confirmed else sent.money
    for each in there[:1]:
        if each.named != (sent.seq, sent.leaf):
            detail = f"{receiver.origin} was shown another record {sent.seq} of {sender.origin}."
            yield Disagreement("counterpart-leaf", receiver.origin, each.seq, detail)
        if not money & each.money:
            detail = (
                f"{what}, {_either(money)} of it told as arrived; record {each.seq} of"
                f" {receiver.origin} received {_either(each.money)}."
            )
            yield Disagreement("counterpart-amount", receiver.origin, each.seq, detail)
        if confirmed and (confirmed.trail, confirmed.named) != (
            receiver.origin,
            (each.seq, each.leaf),
        ):
            detail = (
                f"Record {confirmed.seq} of {sender.origin} confirms by {confirmed.named} of"
                f" {confirmed.trail}; it was received in {each.seq}, leaf {each.leaf}."
            )
            yield Disagreement("counterpart-leaf", sender.origin, confirmed.seq, detail)


def _unknown(
    sender: Transfers, receiver: Transfers, rest: dict[int, list[Transfer]]
) -> Iterator[Disagreement]:
    """Return what the receiver says it got, of which the sender says nothing."""
    for seq, moves in rest.items():
        why = "sent nothing there, or took it back"
        if seq > sender.size:
            why = f"ends at {sender.size}: take a newer export"
        for each in moves:
            detail = (
                f"Record {each.seq} of {receiver.origin} received {_either(each.money)} by record"
                f" {seq} of {sender.origin}, which {why}."
            )
            yield Disagreement("counterpart-unknown", receiver.origin, each.seq, detail)


def _either(money: frozenset[str]) -> str:
    return " or ".join(sorted(money))
