"""Chains: from a party, fund or commitment up to the donors, or down to the grantees, by hop."""

from datetime import date
from typing import Literal, NamedTuple

from msgspec import Struct, field, structs

from mfm.core.errors import Invalid
from mfm.core.lineage import STAGES, Given, Lineage, Obligation, Pool
from mfm.core.money import Money, money_of
from mfm.core.tracing import CONFIRMED, RECEIVED, RETURNED, SIGNED, Hop, Roots, Trace, down, up

Direction = Literal["up", "down"]
Place = tuple[int, str]
"""Where a hop stands in its chain."""
NO_CURRENCY = "XXX"
"""ISO 4217 for no currency: that of a chain without a hop."""
_ORDER = {stage: number for number, stage in enumerate((RETURNED, RECEIVED, *STAGES))}


class Root(NamedTuple):
    """Where a chain begins: a fund, party or commitment, by id."""

    kind: str
    id: str


class Edge(Struct, frozen=True, kw_only=True):
    """One hop: a commitment's traced money at one stage.

    Attributes:
        from_: the donor or the fund that gives, by id.
        to: the fund or the grantee that gets, by id.
        commitment: under which it goes.
        stage: where this money stands; a commitment's stages exclude each other.
        amount: the traced part of it.
        fee: the part of it that was lost at this hop: the agent's fee, charges of the transfer.
            What is left went on.
        days: from request to confirmation for what arrived (the slowest payment); from signature to
            the first deposit for contributions; for what is under way, days until today.
    """

    from_: str = field(name="from")
    to: str
    commitment: str
    stage: str
    amount: Money
    fee: Money
    days: int


class Boundary(Struct, frozen=True):
    """What crossed the boundary of the funds in a chain. The three are never summed.

    Attributes:
        incoming: into these funds from outside, each unit once.
        internal: from one of them to another, at each such hop.
        outgoing: to grantees, each unit once.
    """

    incoming: Money
    internal: Money
    outgoing: Money


class Chain(Struct, frozen=True):
    """The hops of a party's, fund's or commitment's money, nearest first."""

    root: str
    edges: tuple[Edge, ...]
    boundary: Boundary


class Dates(NamedTuple):
    """A commitment's days: signed on, and first paid on; None where it was not."""

    signed_on: date | None = None
    paid_on: date | None = None


def roots_of(given: Given, root: Root, direction: Direction) -> Roots:
    """Return what money a chain from a root is about.

    Down from a party is what it gave, up from it what it got; a fund's money is all that came into
    it, and a commitment's is all of its own.
    """
    contributions: list[str] = []
    agreed: list[str] = []
    pools: set[Pool] = set()
    for made in given.obligations.values():
        if _concerns(made, root, direction):
            (contributions if made.kind == "contribution" else agreed).append(made.id)
            if made.kind == "contribution":
                pools.add(Pool(made.to_fund, made.id))
    if root.kind == "fund":
        pools = {pool for pool in Lineage(given).pools() if pool.fund == root.id}
        if direction == "down":  # what brought it is not below it
            contributions, agreed = [], []
    return Roots(frozenset(pools), tuple(contributions), tuple(agreed))


def _concerns(made: Obligation, root: Root, direction: Direction) -> bool:
    if root.kind == "commitment":
        return made.id == root.id
    if root.kind == "fund":
        return made.to_fund == root.id
    return root.id == (made.from_party if direction == "down" else made.to_party)


def only(given: Given, currency: str) -> Given:
    """Return the commitments in one currency, with all envelopes."""
    kept = {name: made for name, made in given.obligations.items() if made.currency == currency}
    return structs.replace(given, obligations=kept)


def currencies(given: Given, root: Root, direction: Direction) -> list[str]:
    """Return the currencies of the commitments that a chain begins with."""
    found = {o.currency for o in given.obligations.values() if _concerns(o, root, direction)}
    return sorted(found)


def currency_of(given: Given, root: Root, direction: Direction, wanted: str | None) -> str:
    """Return the one currency that a chain is told in.

    Raises:
        Invalid: `chain-currencies` when it begins in several and none is chosen, or another is.
    """
    found = currencies(given, root, direction)
    if wanted in found:
        return wanted
    if wanted is None and len(found) <= 1:
        return next(iter(found), NO_CURRENCY)
    names = " and ".join(found) or "no currency"
    raise Invalid("chain-currencies", f"This chain begins in {names}: choose one.", "/currency")


def trace(given: Given, root: Root, direction: Direction) -> Trace:
    """Return the traced money of a root."""
    follow = down if direction == "down" else up
    return follow(Lineage(given), roots_of(given, root, direction))


def place_of(traced: Trace, hop: Hop) -> Place:
    """Return a hop's place: nearest first, then by commitment, the furthest stage first."""
    return traced.depth[hop.commitment], f"{hop.commitment}/{_ORDER[hop.stage]}"


def hops_of(traced: Trace, after: Place | None = None) -> list[Hop]:
    """Return a trace's hops in their order, those after a place only."""
    placed = sorted((place_of(traced, hop), hop) for hop in traced.hops)
    return [hop for place, hop in placed if after is None or place > after]


def days_of(hop: Hop, made: Obligation, dates: Dates, today: date) -> int:
    """Return how many days a hop took, or has taken until today."""
    begun, ended = dates.signed_on, today
    if hop.stage == RECEIVED:
        ended = dates.paid_on or today
    elif hop.stage != SIGNED:
        at = made.payments.get(hop.stage)
        if at is None or hop.stage == CONFIRMED:
            confirmed = made.payments.get(CONFIRMED)
            return confirmed.days if confirmed is not None else 0
        begun = at.asked_on
    return max((ended - begun).days, 0) if begun is not None else 0


def edge_of(made: Obligation, hop: Hop, amounts: tuple[int, int], days: int) -> Edge:
    """Return a hop as an edge.

    Args:
        made: its commitment.
        hop: at which stage.
        amounts: the traced amount and the fee in it, minor units.
        days: how long it took, or has taken.
    """
    return Edge(
        from_=made.from_party or made.from_fund,
        to=made.to_fund or made.to_party,
        commitment=made.id,
        stage=hop.stage,
        amount=money_of(amounts[0], made.currency),
        fee=money_of(amounts[1], made.currency),
        days=days,
    )


def boundary_of(traced: Trace, currency: str) -> Boundary:
    """Return what crossed the boundary of the funds in a chain."""
    return Boundary(
        money_of(traced.incoming, currency),
        money_of(traced.internal, currency),
        money_of(traced.outgoing, currency),
    )
