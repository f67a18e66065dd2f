"""Transfers between two trails: what agrees, and each way in which they may differ."""

from collections.abc import Callable
from typing import Any

import pytest

from mfm.core.counterparts import Disagreement, Transfers, match
from mfm.core.merkle import leaf_hash

A, B = "mfm/a", "mfm/b"


class Trail:
    """A trail's records, as far as transfers look at them."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.side = Transfers()
        self.told: list[dict[str, Any]] = []

    def add(self, verb: str, kind: str, row: dict[str, str], **command: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
        """Add a record; return how the other side names it."""
        body = {"verb": verb, "command": command, "sets": {kind: [row]}}
        return self.put(body)

    def put(self, body: dict[str, Any], outcome: str = "accepted") -> dict[str, Any]:
        seq = len(self.told) + 1
        self.told.append({"log": self.origin, "seq": str(seq), "outcome": outcome, "body": body})
        leaf = leaf_hash(f"{self.origin} {seq}".encode())
        self.side.feed(self.told[-1], leaf)
        return {"origin": self.origin, "seq": str(seq), "leaf": leaf.hex()}


def row(amount: str, noun: str = "n") -> dict[str, str]:
    return {"id": noun, "amount_minor": amount, "currency": "USD"}


def release(a: Trail, amount: str = "10000", noun: str = "n", **more: Any) -> dict[str, Any]:  # noqa: ANN401  # as above
    told = {"trail": B} | more
    return a.add("disbursement.release", "disbursement", row(amount, noun), **told)


def deposit(b: Trail, named: dict[str, Any], amount: str = "10000") -> dict[str, Any]:
    return b.add("deposit.receive", "deposit", row(amount), counterpart=named)


def confirm(a: Trail, named: dict[str, Any], **more: Any) -> None:  # noqa: ANN401  # as above
    a.add("disbursement.confirm", "disbursement", row("10000"), counterpart=named, **more)


def take_back(trail: Trail, named: dict[str, Any]) -> None:
    trail.put({"verb": "record.reverse", "reverses": named["seq"], "command": {}})


def agreed(a: Trail, b: Trail) -> None:
    confirm(a, deposit(b, release(a)))


def unnamed(a: Trail, b: Trail) -> None:
    """The payer did not know that the receiver keeps a trail; the receiver names it anyhow."""
    deposit(b, release(a, trail=""))


def bounced(a: Trail, b: Trail) -> None:
    release(a)
    a.add("disbursement.bounce", "disbursement", row("10000"))
    deposit(b, release(a))


def undone(a: Trail, b: Trail) -> None:
    there = release(a)
    here = deposit(b, there)
    take_back(b, here)
    take_back(a, there)


def in_another_currency(a: Trail, b: Trail) -> None:
    there = release(a, paid={"amount": "90", "currency": "EUR"})
    told = row("9950") | {"original_minor": "9000", "original_currency": "EUR"}
    b.add("deposit.receive", "deposit", told, counterpart=there)


def short(a: Trail, b: Trail) -> None:
    """A bank on the way kept two; the confirmation says so."""
    here = deposit(b, release(a), "9800")
    confirm(a, here, received={"amount": "98.0", "currency": "USD"})


def refunded(a: Trail, b: Trail) -> None:
    """Money goes back: the receiver pays it, under its own trail, and the payer receives it."""
    back = b.add("donor-refund.pay", "donor_refund", row("500"), trail=A)
    a.add("refund.receive", "refund", row("500"), counterpart=back)


def elsewhere(a: Trail, b: Trail) -> None:
    release(a, trail="mfm/c")
    deposit(b, {"origin": "mfm/d", "seq": "3", "leaf": "00" * 32})
    a.put({"verb": "disbursement.release", "refusal": {}}, "refused")


AGREE: list[tuple[Callable[[Trail, Trail], None], int]] = [
    (agreed, 1),
    (unnamed, 1),
    (bounced, 1),
    (undone, 0),
    (in_another_currency, 1),
    (short, 1),
    (refunded, 1),
    (elsewhere, 0),
]


def missing(a: Trail, b: Trail) -> None:
    release(a)
    b.put({"verb": "party.register", "command": {}, "sets": {}})


def taken_back_here(a: Trail, b: Trail) -> None:
    take_back(b, deposit(b, release(a)))


def taken_back_there(a: Trail, b: Trail) -> None:
    there = release(a)
    deposit(b, there)
    take_back(a, there)


def twice(a: Trail, b: Trail) -> None:
    there = release(a)
    deposit(b, there)
    deposit(b, there)


def less(a: Trail, b: Trail) -> None:
    deposit(b, release(a), "9800")


def forked(a: Trail, b: Trail) -> None:
    deposit(b, release(a) | {"leaf": "11" * 32})


def confirmed_by_another(a: Trail, b: Trail) -> None:
    here = deposit(b, release(a))
    confirm(a, here | {"seq": "7"})


def later(a: Trail, b: Trail) -> None:
    deposit(b, release(a))
    deposit(b, {"origin": A, "seq": "9", "leaf": "22" * 32})


DIFFER: list[tuple[Callable[[Trail, Trail], None], str, str]] = [
    (missing, "counterpart-missing", A),
    (taken_back_here, "counterpart-missing", A),
    (taken_back_there, "counterpart-unknown", B),
    (twice, "counterpart-twice", B),
    (less, "counterpart-amount", B),
    (forked, "counterpart-leaf", B),
    (confirmed_by_another, "counterpart-leaf", A),
    (later, "counterpart-unknown", B),
]


def played(play: Callable[[Trail, Trail], None]) -> tuple[Trail, Trail]:
    a, b = Trail(A), Trail(B)
    for each in (a, b):
        each.put({"verb": "party.register", "command": {}, "sets": {}})
    play(a, b)
    return a, b


@pytest.mark.parametrize(("play", "pairs"), AGREE)
def test_what_agrees(play: Callable[[Trail, Trail], None], pairs: int) -> None:
    a, b = played(play)
    for one, other in ((a, b), (b, a)):
        found, differences = match(one.side, other.side)
        assert (len(found), differences) == (pairs, [])


@pytest.mark.parametrize(("play", "code", "where"), DIFFER)
def test_what_differs_is_named(play: Callable[[Trail, Trail], None], code: str, where: str) -> None:
    a, b = played(play)
    for one, other in ((a, b), (b, a)):
        (found,) = match(one.side, other.side)[1]
        assert isinstance(found, Disagreement)
        assert (found.code, found.trail) == (code, where)


def test_one_trail_twice_is_no_pair() -> None:
    a, _ = played(agreed)
    ((found,), pairs) = match(a.side, a.side)[::-1]
    assert (found.code, pairs) == ("counterpart-same", [])


def test_a_record_that_is_read_again_counts_once() -> None:
    a, b = played(agreed)
    for number, told in enumerate(a.told, 1):
        a.side.feed(told, leaf_hash(f"{A} {number}".encode()))
    assert match(a.side, b.side) == ([(2, 2)], [])
