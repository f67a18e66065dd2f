"""Facts that two organisations seldom share: an account, a signatory, a telephone number."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from mfm.core.scoring import FULL

WEIGHTS: dict[str, int] = {
    "bank-account": FULL,
    "signatory": 700,
    "phone": 600,
    "email": 600,
    "address": 500,
}
"""Kind of fact -> how sure one of it makes that two belong together, in thousandths."""
HOLDERS_MAX = 20
"""What more share (the house of all non-profits of a town) says nothing of any two of them."""
_SAID = {
    "bank-account": "one bank account",
    "signatory": "one signatory",
    "phone": "one telephone number",
    "email": "one e-mail address",
    "address": "one address",
}


class Trait(Struct, frozen=True):
    """A fact of an organisation that two seldom share.

    Attributes:
        party: whose.
        kind: of WEIGHTS.
        value: in one form, so that equal facts are equal; of accounts a hash, of what is personal
            a number that stands for it.
    """

    party: str
    kind: str
    value: str


def doubt_left(doubt: int, kinds: Iterable[str]) -> int:
    """Return what shared facts leave of a doubt, in thousandths."""
    for kind in kinds:
        doubt = doubt * (FULL - WEIGHTS[kind]) // FULL
    return doubt


def told(kinds: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each shared kind of fact, the weightiest first."""
    weighty = sorted(kinds, key=lambda kind: (-WEIGHTS[kind], kind))
    return tuple(f"for: {_SAID[kind]}" for kind in weighty)
