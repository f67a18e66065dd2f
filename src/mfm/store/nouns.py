"""The nouns' current state: tables with the columns that the core's Structs have fields."""

import re
from typing import TypeVar

import asyncpg
from msgspec import json

from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.funds import Fund
from mfm.core.imports import Import
from mfm.core.keys import ApiKey
from mfm.core.parties import Party
from mfm.core.pledges import Pledge
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reported import ReportedActivity, ReportedTransaction
from mfm.core.reports import Report

T = TypeVar("T", bound=Noun)

_ALL: tuple[type[Noun], ...] = (
    Party,
    Fund,
    Pledge,
    Commitment,
    Deposit,
    Allocation,
    Disbursement,
    Report,
    Refund,
    ApiKey,
    ReportedActivity,
    ReportedTransaction,
    Import,
)


def kind_of(noun: type[Noun]) -> str:
    """Return a noun's name in tables and records: ApiKey -> api_key."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", noun.__name__).lower()


NOUNS: dict[str, type[Noun]] = {kind_of(noun): noun for noun in _ALL}
KINDS: dict[type[Noun], str] = {noun: kind for kind, noun in NOUNS.items()}


async def load(
    connection: asyncpg.Connection, mechanism_id: int, noun: type[T], column: str, values: list[str]
) -> list[T]:
    """Return the nouns whose `column` (a field's name) has one of the values.

    Reversed ones come too: they keep their id.
    """
    rows = await connection.fetch(
        f"SELECT to_jsonb(t)::text FROM mfm.{KINDS[noun]} t"  # noqa: S608  # names are ours
        f" WHERE mechanism_id = $1 AND {column} = ANY ($2)",
        mechanism_id,
        values,
    )
    return [json.decode(row[0], type=noun) for row in rows]
