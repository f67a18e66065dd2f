"""What tests of the rules share: a few nouns, and drafts told in short."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import pytest
from msgspec import structs

from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment, Tranche
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money
from mfm.core.permissions import Actor
from mfm.core.pledges import Pledge
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act

T = TypeVar("T", bound=Noun)
DAY = date(2026, 3, 2)
G = Fund(id="g", status="open", name="Global", currency="USD")
N = structs.replace(G, id="n", name="National")
YEN = structs.replace(G, id="y", currency="JPY")


def act(key: str = "k") -> Act:
    return Act(Actor("party", "preparer", key), DAY)


def usd(amount: str) -> Money:
    return Money(amount, "USD")


def told(draft: Draft) -> list[tuple[str, str, int, str]]:
    """A draft's postings in short: debit, credit, amount, IATI type with its sign."""
    return [
        (
            f"{p.debit.fund}:{p.debit.code}/{p.debit.subject}".rstrip("/"),
            f"{p.credit.fund}:{p.credit.code}/{p.credit.subject}".rstrip("/"),
            p.amount_minor,
            ("-" if p.iati_sign < 0 else "") + p.iati_type,
        )
        for p in draft.postings
    ]


def one(draft: Draft, kind: type[T]) -> T:
    (found,) = (row for row in draft.sets if isinstance(row, kind))
    return found


def refused(code: str, rule: Callable[[], object], kind: type[Problem] = Refused) -> None:
    with pytest.raises(Problem) as raised:
        rule()
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert raised.value.detail.endswith(".")


def invalid(code: str, rule: Callable[[], object]) -> None:
    refused(code, rule, Invalid)


CONTRIBUTION = Commitment(
    id="c",
    status="signed",
    kind="contribution",
    from_party="donor",
    to_fund="g",
    currency="USD",
    amount_minor=1000,
    income="4110",
)
ENVELOPE = Allocation(
    id="a",
    status="approved",
    fund="g",
    currency="USD",
    amount_minor=900,
    shares=(Share("c", 600), Share("d", 300)),
)
GRANT = Commitment(
    id="w",
    status="signed",
    kind="grant",
    from_fund="g",
    to_party="group",
    currency="USD",
    amount_minor=900,
    allocation="a",
    tranches=(Tranche(1, 400), Tranche(2, 400), Tranche(3, 100)),
)
TRANSFER = structs.replace(GRANT, id="t", kind="transfer", to_party="", to_fund="n")
PAID = structs.replace(GRANT, paid_minor=400, status="active")
PLEDGE = Pledge(
    id="p",
    status="announced",
    fund="g",
    donor="donor",
    currency="USD",
    amount_minor=1200,
    outstanding_minor=1200,
)
