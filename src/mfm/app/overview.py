"""An overview of a mechanism: its funds, what they hold, and whether the books balance."""

from msgspec import Struct

from mfm.core.accounts import BACKING, CASH
from mfm.core.money import decimal_text
from mfm.store import reads
from mfm.store.database import Engine, snapshot
from mfm.store.overview import balances_by_code


class FundOverview(Struct, frozen=True):
    """A fund at a glance.

    Attributes:
        fund: its id.
        tier: global, regional, national or local; "" for reported books.
        currency: of the amounts.
        cash: decimal string.
        unallocated: decimal string.
        balances: book -> code -> minor units, debit positive, summed over subjects.
    """

    fund: str
    tier: str
    currency: str
    cash: str
    unallocated: str
    balances: dict[str, dict[str, int]]


class Overview(Struct, frozen=True):
    """A mechanism at a glance.

    Attributes:
        mechanism: its name.
        funds: its funds.
        records: how many records its journal has.
        balanced: every book sums to zero, and cash equals what it backs in every fund.
    """

    mechanism: str
    funds: list[FundOverview]
    records: int
    balanced: bool


async def overview(engine: Engine, name: str) -> Overview:
    """Return the overview of a mechanism."""
    async with snapshot(engine) as connection:
        rows = await balances_by_code(connection)
        records = await reads.head_seq(connection)
    funds: dict[tuple[str, str, str], dict[str, dict[str, int]]] = {}
    for fund, tier, currency, book, code, amount_minor in rows:
        held = funds.setdefault((fund, tier, currency), {"FIN": {}, "BUD": {}})
        if book:
            held[book][code] = amount_minor
    told = [_fund(place, books) for place, books in funds.items()]
    balanced = all(_balances(books) for books in funds.values())
    return Overview(name, told, records, balanced)


def _fund(place: tuple[str, str, str], books: dict[str, dict[str, int]]) -> FundOverview:
    fund, tier, currency = place
    cash_minor = sum(books["FIN"].get(code, 0) for code in CASH)
    unallocated_minor = -books["BUD"].get("9300", 0)
    return FundOverview(
        fund=fund,
        tier=tier,
        currency=currency,
        cash=decimal_text(cash_minor, currency),
        unallocated=decimal_text(unallocated_minor, currency),
        balances=books,
    )


def _balances(books: dict[str, dict[str, int]]) -> bool:
    both = books["FIN"] | books["BUD"]
    uncovered = sum(amount for code, amount in both.items() if code in CASH | BACKING)
    return not any(sum(book.values()) for book in books.values()) and not uncovered
