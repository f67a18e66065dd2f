"""What the tests of exports share: the files of a mechanism's books, and their sums."""

import io
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from lxml import etree

from mfm.app import export
from mfm.app.export import Export, Exported, Source
from mfm.core.money import exponent
from mfm.core.permissions import Actor
from mfm.store import database
from tests.support import Books, operator

Sums = dict[tuple[str, ...], tuple[Decimal, int]]


async def exported(
    books: Books, fund: str = "", actor: Actor | None = None, make: Export = export.iati
) -> tuple[bytes, Exported]:
    """Return the file of a mechanism's books, and what is told of it."""
    engine = database.reader_engine(books.url, books.mechanism.id)
    sink = io.BytesIO()
    try:
        done = await make(engine, actor or operator(), Source("tests", fund), sink)
    finally:
        await engine.dispose()
    return sink.getvalue(), done


def activities(xml: bytes) -> dict[str, Any]:
    """Return a file's activities by identifier; each stands in it once."""
    found = etree.fromstring(xml).findall("iati-activity")
    by_name = {each.findtext("iati-identifier").strip(): each for each in found}
    assert len(by_name) == len(found)
    return by_name


def _side(one: Any, name: str) -> tuple[str, str]:  # noqa: ANN401  # lxml has no types
    """Return whom a transaction names on a side: by reference or name, and its activity."""
    org = one.find(f"{name}-org")
    if org is None:
        return "", ""
    names = [" ".join("".join(each.itertext()).split()) for each in org.findall("narrative")]
    return org.get("ref") or "".join(names[:1]), org.get(f"{name}-activity-id") or ""


def sums(xml: bytes) -> Sums:
    """Sum a file by activity, type, currency and both sides, values rounded as the ledger does."""
    amounts: dict[Any, Decimal] = defaultdict(Decimal)
    counts: dict[Any, int] = defaultdict(int)
    for activity in etree.fromstring(xml).iterfind("iati-activity"):
        for one in activity.iterfind("transaction"):
            value = one.find("value")
            currency = value.get("currency") or activity.get("default-currency")
            key = (
                activity.findtext("iati-identifier").strip(),
                one.find("transaction-type").get("code"),
                currency,
                *_side(one, "provider"),
                *_side(one, "receiver"),
            )
            exact = Decimal(value.text.strip().replace(",", ""))
            amounts[key] += exact.quantize(
                Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_EVEN
            )
            counts[key] += 1
    return {key: (amounts[key], counts[key]) for key in amounts}


def by_type(xml: bytes) -> Sums:
    """Sum a file by activity, type and currency, as the ledger's totals are told."""
    found: dict[Any, tuple[Decimal, int]] = {}
    for key, (amount, count) in sums(xml).items():
        held = found.get(key[:3], (Decimal(0), 0))
        found[key[:3]] = (held[0] + amount, held[1] + count)
    return found
