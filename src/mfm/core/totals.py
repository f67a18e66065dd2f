"""Totals: transactions summed as IATI counts them, out of the ledger."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from mfm.core.errors import Invalid
from mfm.core.money import decimal_text


class Reported(NamedTuple):
    """Transactions of one activity, IATI type and currency, summed.

    Attributes:
        activity: the IATI identifier of the fund's activity, or the fund's id where it has none.
        iati_type: TransactionType code, verbatim.
        currency: verbatim.
        amount_minor: signed as IATI reports it.
        transactions: how many; one that was taken back no longer counts.
    """

    activity: str
    iati_type: str
    currency: str
    amount_minor: int
    transactions: int


class Total(Struct, frozen=True, kw_only=True):
    """Transactions summed by what was asked; what was not asked is left out."""

    activity: str | UnsetType = UNSET
    iati_type: str | UnsetType = UNSET
    currency: str
    amount: str
    count: int


DIMENSIONS = ("activity", "iati_type", "currency")


def dimensions(text: str) -> tuple[str, ...]:
    """Read the dimensions that totals are asked by, such as `activity,iati_type`, in our order.

    Currency is always one of them: amounts of different currencies have no sum.

    Raises:
        Invalid: `field-invalid`.
    """
    named = {part.strip() for part in text.split(",")}
    if not named <= set(DIMENSIONS):
        detail = f"Totals are by {', '.join(DIMENSIONS)}, or some of them; not by {text!r}."
        raise Invalid("field-invalid", detail, "/by")
    return tuple(name for name in DIMENSIONS if name in named or name == "currency")


def totals(reported: Iterable[Reported], by: tuple[str, ...]) -> list[Total]:
    """Return totals by some of DIMENSIONS (as `dimensions` gives them), sorted by them.

    What was taken back altogether (no transaction left, nothing in sum) has no row.
    """
    sums: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in reported:
        activity = each.activity if "activity" in by else ""
        iati_type = each.iati_type if "iati_type" in by else ""
        held = sums[activity, iati_type, each.currency]
        held[0] += each.amount_minor
        held[1] += each.transactions
    ordered = sorted(sums, key=lambda name: (name[0], len(name[1]), *name[1:]))
    return [
        Total(
            activity=name[0] if "activity" in by else UNSET,
            iati_type=name[1] if "iati_type" in by else UNSET,
            currency=name[2],
            amount=decimal_text(sums[name][0], name[2]),
            count=sums[name][1],
        )
        for name in ordered
        if any(sums[name])
    ]
