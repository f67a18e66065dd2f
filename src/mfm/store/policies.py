"""Policies for the writer: which have been in force, and their files."""

from typing import cast

from mfm.core.policies import Policy
from mfm.store.unit import Unit

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
