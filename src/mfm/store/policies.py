"""Policies for the writer: which have been in force, and their files."""

from datetime import date
from typing import cast

from mfm.core.policies import Policy
from mfm.core.simulations import Past
from mfm.store.unit import Unit

_NEWEST = """
SELECT d.gate, d.fund, d.funding_window, d.judged_on, d.outcome, b.content
  FROM mfm.decision d
  JOIN mfm.blob b ON b.mechanism_id = d.mechanism_id AND b.sha256 = decode(d.content, 'hex')
 WHERE d.mechanism_id = $1 AND d.status IN ('made', 'refused') AND d.judged_on BETWEEN $2 AND $3
   AND $4 IN ('', d.fund)
 ORDER BY d.seq DESC, d.id LIMIT $5"""
_ONCE_IN_FORCE = ["active", "superseded"]


async def once_in_force(unit: Unit) -> list[Policy]:
    """Return the policies that are or were in force; remembered until one of them changes."""
    lists = unit.memory.lists
    if Policy not in lists:
        lists[Policy] = list(await unit.find_all(Policy, "status", _ONCE_IN_FORCE))
    return cast("list[Policy]", lists[Policy])


async def file_of(unit: Unit, name: str) -> bytes:
    """Return a file that a record names by its SHA-256 (hex)."""
    if name not in unit.memory.blobs:
        query = "SELECT content FROM mfm.blob WHERE mechanism_id = $1 AND sha256 = $2"
        number = unit.mechanism.id
        unit.memory.keep(await unit.connection.fetchval(query, number, bytes.fromhex(name)))
    return unit.memory.blobs[name]


async def newest(unit: Unit, days: tuple[date, date], fund: str, most: int) -> list[Past]:
    """Return the newest decisions of a span of days, of one fund or ("") of all."""
    rows = await unit.connection.fetch(_NEWEST, unit.mechanism.id, *days, fund, most)
    return [Past(*row) for row in rows]
