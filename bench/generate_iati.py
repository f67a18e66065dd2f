"""Write a large IATI activity file, the same bytes for the same arguments.

python -m bench.generate_iati FILE [--transactions N] [--activities M] [--seed S]

It has what real files have: several currencies, negative values, twins, references on some
transactions, too many decimals, missing dates, organisations with and without a usable reference.
"""

import argparse
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape, quoteattr

_CURRENCIES = ("USD", "EUR", "GBP", "KES", "JPY", "XOF")
_WHOLE = ("JPY", "XOF")
_SECTORS = ("15170", "15180", "15220", "72010", "15160")
_COUNTRIES = ("KE", "UG", "SS", "CD", "CO", "PH", "UA", "NP")
_TYPES = ("1", "2", "3", "3", "3", "4", "4", "4", "11", "7")
_FIRST = date(2015, 1, 1)
# How many in a hundred transactions have it.
_TWINS, _REFERENCES, _PRECISE, _NEGATIVE, _FOREIGN, _UNDATED, _KEYED = 1, 50, 1, 2, 10, 1, 60


def _some(random: Random, percent: int) -> bool:
    return random.randrange(100) < percent


def activities(transactions: int, count: int, seed: int) -> Iterator[str]:
    """Give the file's text in pieces: its head, `count` activities, its end.

    Args:
        transactions: how many in all; shared out evenly, the first activities take the rest.
        count: how many activities.
        seed: another one gives another file.
    """
    random = Random(seed)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<iati-activities version="2.03" generated-datetime="2026-01-01T00:00:00Z">\n'
    )
    share, rest = divmod(transactions, count)
    for number in range(1, count + 1):
        yield from _activity(random, number, share + (number <= rest))
    yield "</iati-activities>\n"


def _activity(random: Random, number: int, transactions: int) -> Iterator[str]:
    currency = random.choice(_CURRENCIES)
    publisher = f"GB-COH-{7_000_000 + number % 40}"
    yield (
        f' <iati-activity default-currency="{currency}" hierarchy="1">\n'
        f"  <iati-identifier>{publisher}-{number:06}</iati-identifier>\n"
        f'  <reporting-org ref="{publisher}" type="22"><narrative>Publisher {number % 40}'
        "</narrative></reporting-org>\n"
        f"  <title><narrative>Women mediators, phase {number}</narrative></title>\n"
        '  <description type="1"><narrative>Training, stipends and travel for mediators.'
        "</narrative></description>\n"
        f'  <participating-org role="1" ref="XM-DAC-{random.randint(1, 60)}-1" type="10">'
        "<narrative>Donor</narrative></participating-org>\n"
        '  <activity-status code="2"/>\n'
        f'  <recipient-country code="{random.choice(_COUNTRIES)}"/>\n'
        f'  <sector vocabulary="1" code="{random.choice(_SECTORS)}" percentage="100"/>\n'
        '  <policy-marker vocabulary="1" code="1" significance="2"/>\n'
    )
    before = ""
    for ordinal in range(1, transactions + 1):
        twin = before and _some(random, _TWINS)
        before = before if twin else _transaction(random, number, ordinal, currency)
        yield before
    yield " </iati-activity>\n"


def _transaction(random: Random, number: int, ordinal: int, currency: str) -> str:
    reference = f" ref={quoteattr(f'T-{number}-{ordinal}')}" if _some(random, _REFERENCES) else ""
    on = (_FIRST + timedelta(days=random.randrange(4_000))).isoformat()
    foreign = random.choice(_CURRENCIES) if _some(random, _FOREIGN) else ""
    value = f"{random.randint(1, 5_000_000)}"
    if (foreign or currency) not in _WHOLE:
        value = f"{value}.{random.randint(0, 99):02}"
    if "." in value and _some(random, _PRECISE):
        value = f"{value}{random.randint(1, 99_999):05}"
    if _some(random, _NEGATIVE):
        value = f"-{value}"
    own = f' currency="{foreign}"' if foreign else ""
    dated = "" if _some(random, _UNDATED) else f'   <transaction-date iso-date="{on}"/>\n'
    receiver = f' ref="KE-NGO-{random.randint(1, 400)}"' if _some(random, _KEYED) else ' ref="N/A"'
    text = escape(f"Instalment {ordinal} & costs of the groups in district {random.randint(1, 90)}")
    return (
        f"  <transaction{reference}>\n"
        f'   <transaction-type code="{random.choice(_TYPES)}"/>\n'
        f"{dated}"
        f'   <value value-date="{on}"{own}>{value}</value>\n'
        f"   <description><narrative>{text}</narrative></description>\n"
        f'   <receiver-org{receiver} type="22">'
        f"<narrative>Group {random.randint(1, 400)}</narrative></receiver-org>\n"
        f'   <sector vocabulary="1" code="{random.choice(_SECTORS)}"/>\n'
        '   <flow-type code="10"/>\n'
        '   <aid-type code="C01"/>\n'
        "  </transaction>\n"
    )


def write(path: Path, transactions: int, count: int, seed: int = 1) -> None:
    """Write the file."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(activities(transactions, count, seed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a large IATI activity file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--activities", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.file, given.transactions, given.activities, given.seed)
