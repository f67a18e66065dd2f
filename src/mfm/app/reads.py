"""Reading nouns and records, as far as the reader's role reaches."""

from typing import Any

from mfm.core.errors import Invalid
from mfm.core.keys import ApiKey
from mfm.core.nouns import KINDS
from mfm.core.permissions import Actor, oversees, scope_of
from mfm.core.record import Noun, parse
from mfm.store import reads
from mfm.store.database import Engine
from mfm.store.reads import BEFORE, Page, Reach

LIMIT_MAX = 500
"""The most items on one page."""
CASES = "overlap."
"""Records of these verbs tell both sides of a case: staff read it where each sees its own."""

__all__ = [
    "BEFORE",
    "CASES",
    "LIMIT_MAX",
    "Page",
    "action_of",
    "key_by_digest",
    "one",
    "page_of",
    "record",
    "records",
    "texts",
]


def action_of(noun: type[Noun]) -> str:
    """Return the action of the table of permissions that reads a noun."""
    return "key.read" if noun is ApiKey else f"{KINDS[noun]}.read"


def reach_of(actor: Actor, action: str) -> Reach:
    """Return how far an actor sees for an action.

    Raises:
        Invalid: `role-not-allowed`.
    """
    scope = scope_of(actor, action)
    if scope == "own":
        return Reach(party=actor.party)
    return Reach(fund=actor.fund if scope == "fund" else "")


async def page_of(engine: Engine, actor: Actor, noun: type[Noun], page: Page) -> list[Noun]:
    """Return a page of nouns within reach.

    Raises:
        Invalid: `role-not-allowed`.
    """
    reach = reach_of(actor, action_of(noun))
    async with engine.connect() as connection:
        return await reads.page_of(connection, noun, page, reach)


async def one(engine: Engine, actor: Actor, noun: type[Noun], noun_id: str) -> Noun:
    """Return a noun within reach.

    Raises:
        Invalid: `role-not-allowed`; `not-found`, for what is out of reach too.
    """
    reach = reach_of(actor, action_of(noun))
    async with engine.connect() as connection:
        found = await reads.one(connection, noun, noun_id, reach)
    if found is None:
        raise Invalid("not-found", f"There is no {KINDS[noun].replace('_', ' ')} {noun_id}.")
    return found


async def records(engine: Engine, actor: Actor, page: Page) -> list[tuple[int, bytes]]:
    """Return a page of records within reach, as (seq, bytes).

    Raises:
        Invalid: `role-not-allowed`.
    """
    reach = reach_of(actor, "record.read")
    but = "" if oversees(actor) else CASES
    async with engine.connect() as connection:
        return await reads.records(connection, page, reach, but)


async def record(engine: Engine, actor: Actor, seq: int) -> bytes:
    """Return a record's canonical bytes.

    Raises:
        Invalid: `role-not-allowed`; `not-found`, for what is out of reach too.
    """
    reach = reach_of(actor, "record.read")
    async with engine.connect() as connection:
        content = await reads.record(connection, seq)
    if content is not None and _within(actor, reach, content):
        return content
    raise Invalid("not-found", f"There is no record {seq}.")


def _within(actor: Actor, reach: Reach, content: bytes) -> bool:
    told, body = parse(content)
    if body.verb.startswith(CASES) and not oversees(actor):
        return False
    return not reach.fund or reach.fund in {link.fund for link in told.chain}


async def texts(engine: Engine, seqs: list[int]) -> dict[str, str]:
    """Return the words beside records; whether the noun that they are of may be read was asked."""
    async with engine.connect() as connection:
        return await reads.texts(connection, seqs)


async def key_by_digest(engine: Engine, digest: str) -> ApiKey | None:
    """Return the API key with this hash, whatever its state, or None."""
    async with engine.connect() as connection:
        found: Any = await reads.by_digest(connection, ApiKey, digest)
    return found  # type: ignore[no-any-return]  # an ApiKey: that is the table asked
