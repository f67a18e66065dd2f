"""Chains of money, and the donor's view: for those whose money it is, and those who keep it."""

import asyncio
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, structs

from mfm.app.context import utc_now
from mfm.core import chains as rules
from mfm.core import donors
from mfm.core.chains import Chain, Dates, Direction, Edge, Place, Root
from mfm.core.commitments import Commitment
from mfm.core.donors import DonorReceiver, DonorView
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.lineage import Given
from mfm.core.masks import pseudonym
from mfm.core.parties import Party
from mfm.core.permissions import Actor, require, scope_of
from mfm.core.record import Noun
from mfm.core.tracing import Hop, Trace
from mfm.store import lineage as store
from mfm.store import reads
from mfm.store.database import Engine, Snapshot, snapshot
from mfm.store.reads import Reach

_KINDS: dict[str, type[Noun]] = {"fund": Fund, "party": Party, "commitment": Commitment}


class ChainQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which chain, and which part of it.

    Attributes:
        id: a fund, party or commitment; `fund:x`, `party:x` or `commitment:x` where several have
            the id x.
        direction: up to where the money came from, or down to what became of it.
        currency: ISO 4217, where a party's money is in several.
        limit: at most so many edges; None for all.
        after: the place of the last edge seen; None at the start.
    """

    id: Annotated[str, Meta(min_length=1, max_length=80)]
    direction: Direction = "down"
    currency: Annotated[str, Meta(max_length=64)] | None = None
    limit: int | None = None
    after: Place | None = None


class DonorQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which donor's view, and which part of its receivers.

    Attributes:
        donor: the party's id.
        limit: at most so many receivers; None for all.
        after: the place of the last receiver seen; "" at the start.
    """

    donor: Annotated[str, Meta(min_length=1, max_length=80)]
    limit: int | None = None
    after: str = ""


class Chained(NamedTuple):
    """A chain, each edge's distance from the root, and the last one's place if more follow."""

    chain: Chain
    depths: tuple[int, ...]
    last: Place | None


async def chain(engine: Engine, actor: Actor, query: ChainQuery) -> Chained:
    """Return a chain's edges, nearest first.

    Raises:
        Invalid: `not-found`, for what is out of reach too; `fund-not-allowed`, `role-not-allowed`;
            `chain-ambiguous`, `chain-currencies`, `chain-too-large`.
    """
    down = query.direction == "down"
    async with snapshot(engine) as connection:
        root, begin = await _root(connection, actor, query.id, down=down)
        funds = await _along(connection, begin, down=down)
        given = await store.given(connection, funds)
        currency = rules.currency_of(given, root, query.direction, query.currency)
        # Long histories are much to compute: other requests go on meanwhile.
        told = rules.only(given, currency), root, query.direction
        traced = await asyncio.to_thread(rules.trace, *told)
        hops = rules.hops_of(traced, query.after)
        page = hops[: query.limit]
        dates = await store.dates(connection, funds, {hop.commitment for hop in page})
        edges = _edges(given, traced, page, dates)
        if scope_of(actor, "chain.read") == "own":
            edges = await _masked(connection, actor, edges)
    last = rules.place_of(traced, page[-1]) if len(page) < len(hops) else None
    made = Chain(root.id, tuple(edges), rules.boundary_of(traced, currency))
    return Chained(made, tuple(traced.depth[hop.commitment] for hop in page), last)


async def donor(engine: Engine, actor: Actor, query: DonorQuery) -> tuple[DonorView, str | None]:
    """Return what became of a donor's money, and the place of the last receiver if more follow.

    Raises:
        Invalid: `not-found`, for what is out of reach too; `fund-not-allowed` for a key of one
            fund; `role-not-allowed`, `chain-too-large`.
    """
    party = query.donor
    async with snapshot(engine) as connection:
        found = await reads.one(connection, Party, party, Reach())
        mine = scope_of(actor, "donor.read") != "own" or actor.party == party
        if found is None or found.status == "reversed" or not mine:
            raise Invalid("not-found", f"There is no party {party}.")
        require(actor, "donor.read", parties=(party,))
        funds = await store.funds_with(connection, party, gave=True)
        given = await store.given(connection, await _along(connection, funds, down=True))
        head = await reads.head_seq(connection)
        whole = await asyncio.to_thread(donors.view, given, party, head)
        rest = [each for each in whole.receivers if f"{each.party}/{each.fund}" > query.after]
        page = rest[: query.limit]
        last = f"{page[-1].party}/{page[-1].fund}" if len(page) < len(rest) else None
        if scope_of(actor, "donor.read") == "own":
            masks = await store.masks(connection, {each.party for each in page})
            page = [_masked_receiver(each, masks) for each in page]
    return structs.replace(whole, receivers=tuple(page)), last


# Which funds --------------------------------------------------------------------------------------


class _Named(NamedTuple):
    """A fund, party or commitment that is named, with the funds and parties that it touches."""

    root: Root
    funds: tuple[str, ...]
    parties: tuple[str, ...]


async def _along(connection: Snapshot, funds: set[str], *, down: bool) -> set[str]:
    """Return the funds that a chain's money may be in, and all above them: they share it out."""
    if down:
        funds = await store.funds_along(connection, funds, down=True)
    return await store.funds_along(connection, funds, down=False)


async def _root(
    connection: Snapshot, actor: Actor, name: str, *, down: bool
) -> tuple[Root, set[str]]:
    """Return the thing named, if the actor may trace it, and the funds that its money is in."""
    scope = scope_of(actor, "chain.read")
    found = await _named(connection, name)
    mine = [each for each in found if scope != "own" or actor.party in each.parties]
    if not mine:
        raise Invalid("not-found", f"There is no fund, party or commitment {name}.", "/id")
    mine = [each for each in mine if not actor.fund or actor.fund in each.funds] or mine
    root, funds, parties = mine[0]
    if len(mine) > 1:
        names = " or ".join(f"{each.root.kind}:{root.id}" for each in mine)
        detail = f"Several things are called {root.id}: ask for {names}."
        raise Invalid("chain-ambiguous", detail, "/id")
    require(actor, "chain.read", funds, parties)
    if root.kind == "party":
        return root, await store.funds_with(connection, root.id, gave=down)
    return root, set(funds)


async def _named(connection: Snapshot, name: str) -> list[_Named]:
    """Return all that has a name: an id, perhaps with the kind before it."""
    kind, _, bare = name.rpartition(":")
    found = []
    for each, noun in _KINDS.items():
        row = await reads.one(connection, noun, bare, Reach()) if kind in ("", each) else None
        if row is None or row.status == "reversed":
            continue
        funds: tuple[str, ...] = (bare,) if each == "fund" else ()
        parties: tuple[str, ...] = (bare,) if each == "party" else ()
        if isinstance(row, Commitment):
            funds, parties = row.funds, row.parties
        found.append(_Named(Root(each, bare), funds, parties))
    return found


# How it is told -----------------------------------------------------------------------------------


def _edges(given: Given, traced: Trace, page: list[Hop], dates: dict[str, Dates]) -> list[Edge]:
    today, edges = utc_now().date(), []
    for hop in page:
        made = given.obligations[hop.commitment]
        days = rules.days_of(hop, made, dates.get(made.id, Dates()), today)
        edges.append(rules.edge_of(made, hop, traced.hops[hop], days))
    return edges


async def _masked(connection: Snapshot, actor: Actor, edges: list[Edge]) -> list[Edge]:
    """Return edges without the names of others at risk: their pseudonyms are those of exports."""
    masks = await store.masks(connection, {edge.to for edge in edges} - {actor.party})
    return [
        structs.replace(
            edge,
            to=pseudonym(masks[edge.to]),
            commitment=pseudonym(masks[edge.to], "grant", edge.commitment),
        )
        if edge.to in masks
        else edge
        for edge in edges
    ]


def _masked_receiver(receiver: DonorReceiver, masks: dict[str, str]) -> DonorReceiver:
    mask = masks.get(receiver.party)
    return structs.replace(receiver, party=pseudonym(mask)) if mask else receiver
