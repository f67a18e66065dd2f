"""Totals of an activity file, by the standard library and by our reader, in one shape."""

import io
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

from mfm.formats import iati

PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
Sums = dict[tuple[str, str, str], tuple[Decimal, int]]
DECIMALS = {"JPY": 0, "XOF": 0, "KWD": 3, "CLF": 4}


def sums_of(xml: bytes) -> Sums:
    """Sum a file with the standard library alone: (activity, type, currency) -> (sum, count)."""
    sums, counts = defaultdict(Decimal), defaultdict(int)
    for activity in ET.fromstring(xml).iter("iati-activity"):  # noqa: S314 - our own file
        identifier = (activity.findtext("iati-identifier") or "").strip()
        for one in activity.findall("transaction"):
            kind, value, day = (
                one.find(tag) for tag in ("transaction-type", "value", "transaction-date")
            )
            if kind is None or value is None or not identifier:
                continue
            currency = value.get("currency") or activity.get("default-currency")
            text = (value.text or "").strip().replace(",", "")
            dated = (day is not None and day.get("iso-date")) or value.get("value-date")
            if not (kind.get("code") and currency and dated and PLAIN.fullmatch(text)):
                continue
            key = (identifier, kind.get("code"), currency)
            unit = Decimal(1).scaleb(-DECIMALS.get(currency, 2))
            sums[key] += Decimal(text).quantize(unit, rounding=ROUND_HALF_EVEN)
            counts[key] += 1
    return {key: (sums[key], counts[key]) for key in sums}


def sums_read(xml: bytes) -> Sums:
    sums, counts = defaultdict(int), defaultdict(int)
    for activity in iati.read(io.BytesIO(xml)):
        for one in activity.transactions:
            key = (activity.identifier, one.type, one.currency)
            sums[key] += one.amount_minor
            counts[key] += 1
    return {key: (Decimal(sums[key]).scaleb(-DECIMALS.get(key[2], 2)), counts[key]) for key in sums}
