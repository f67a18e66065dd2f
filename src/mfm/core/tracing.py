"""Tracing money through its lineage: what became of it, or where it came from.

The traced money is followed through the parts that `core.lineage` finds. Within a part it is
spread over what the part became, or was, by largest remainder, so that it sums at every hop:
what came in = fees and costs + what the funds still hold + what went out to grantees.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from mfm.core.lineage import PAID, Key, Lineage, Obligation, Origin, Pool, add, by_origin, part_of
from mfm.core.money import split

RECEIVED, SIGNED, RETURNED, CONFIRMED = "received", "signed", "returned", "confirmed"
EARNED, COSTS, UNALLOCATED, ALLOCATED = "earned", "costs", "unallocated", "allocated"


class Roots(Struct, frozen=True):
    """What money is traced.

    Attributes:
        pools: all that came into these pools.
        contributions: contributions told as hops of their own; their pools are among the above.
        commitments: grants and transfers, all of their money.
    """

    pools: frozenset[Pool] = frozenset()
    contributions: tuple[str, ...] = ()
    commitments: tuple[str, ...] = ()


class Hop(NamedTuple):
    """A commitment's money at one stage.

    A contribution's stages are received, signed (not received yet) and returned (to the donor).
    """

    commitment: str
    stage: str


class Trace(Struct):
    """Traced money: sums in minor units.

    Attributes:
        hops: (amount, fee) of each; amount less fee is what went on.
        depth: commitment -> how many hops it is from the root.
        rests: (fund, EARNED, COSTS, UNALLOCATED or ALLOCATED) -> what no hop tells.
        drawn: pool, envelope or agreement -> how much of it is traced money; only on the way down.
        incoming: came into the funds from outside: from donors, or earned.
        held: lies in the funds: unallocated, allocated, agreed and not paid, on its way.
        outgoing: went to grantees, or back to donors.
        internal: went from fund to fund, counted at each such hop.
    """

    hops: dict[Hop, tuple[int, int]] = field(default_factory=dict)
    depth: dict[str, int] = field(default_factory=dict)
    rests: dict[tuple[str, str], int] = field(default_factory=dict)
    drawn: dict[Pool | str, int] = field(default_factory=dict)
    incoming: int = 0
    held: int = 0
    outgoing: int = 0
    internal: int = 0

    def rest(self, fund: str, what: str, amount: int) -> None:
        """Note what a fund earned, spent on costs, or holds unallocated or in an envelope."""
        if amount:
            self.rests[fund, what] = self.rests.get((fund, what), 0) + amount
        if what == EARNED:
            self.incoming += amount
        elif what != COSTS:
            self.held += amount

    def note(self, hop: Hop, amounts: tuple[int, int], depth: int) -> None:
        """Add an amount and its fee to a hop, if there is any."""
        if amounts[0]:
            before = self.hops.get(hop, (0, 0))
            self.hops[hop] = (before[0] + amounts[0], before[1] + amounts[1])
            self.depth[hop.commitment] = min(depth, self.depth.get(hop.commitment, depth))

    def stage(self, made: Obligation, stage: str, amounts: tuple[int, int], depth: int) -> None:
        """Note a grant's or transfer's money at a stage, and count it where it is now."""
        self.note(Hop(made.id, stage), amounts, depth)
        if stage in PAID:
            if made.to_fund:
                self.internal += amounts[0]
            else:
                self.outgoing += amounts[0]
        if stage not in PAID or (made.to_fund and stage != CONFIRMED):
            self.held += amounts[0]

    def contribution(self, made: Obligation, net: int, depth: int) -> None:
        """Note what came from a donor so that `net` was left of it, with its part of the fee."""
        whole = made.received_minor - made.fee_minor
        fee = made.fee_minor if net == whole else part_of(made.fee_minor, net, whole)
        self.note(Hop(made.id, RECEIVED), (net + fee, fee), depth)
        self.incoming += net + fee


def spread(part: int, amounts: Sequence[int]) -> list[int]:
    """Return how much of each amount a part of their sum is, so that these sum to the part."""
    whole, found = sum(amounts), []
    for amount in amounts:
        taken = part_of(amount, part, whole)
        part, whole = part - taken, whole - amount
        found.append(taken)
    return found


def spread_keys(parts: dict[Key, int], rows: Sequence[dict[Key, int]]) -> list[dict[Key, int]]:
    """Return how much of each row's keys the parts are; each key's parts sum to the part."""
    found: list[dict[Key, int]] = [{} for _ in rows]
    for key, part in parts.items():
        for row, taken in zip(found, spread(part, [r.get(key, 0) for r in rows]), strict=True):
            if taken:
                row[key] = taken
    return found


def beginning(lineage: Lineage, roots: Roots) -> Iterator[Pool]:
    """Return the pools that the roots' agreements were drawn on and, for transfers, fed."""
    for name in roots.commitments:
        made = lineage.given.obligations[name]
        envelope = lineage.given.envelopes[made.allocation]
        yield from (Pool(envelope.fund, source) for source in envelope.shares)
        if made.to_fund:
            yield Pool(made.to_fund, name)


# Down ---------------------------------------------------------------------------------------------


class _Down:
    """Follows money from pools into envelopes and agreements, and on into further pools."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self.trace = Trace()
        self.depth: dict[Pool, int] = {}
        self.drawn: defaultdict[str, dict[Key, int]] = defaultdict(dict)
        self.arrived: dict[str, dict[Origin, int]] = {}
        self.opened: set[str] = set()

    def run(self, roots: Roots) -> Trace:
        begin = {*roots.pools, *beginning(self.lineage, roots)}
        order = self.lineage.solve(self.lineage.below(begin))
        for name in roots.contributions:
            made = self.lineage.given.obligations[name]
            self.trace.note(Hop(name, SIGNED), (made.amount_minor - made.paid_minor, 0), 0)
        for name in roots.commitments:
            parts = self.lineage.agreement(name)
            self.trace.incoming += sum(parts.values())
            self.agreement(name, parts, 0)
        for pool in order:
            traced = self.inflow(pool, roots)
            if traced:
                self.pool(pool, traced)
        for name in list(self.drawn):
            self.envelope(name)
        return self.trace

    def inflow(self, pool: Pool, roots: Roots) -> dict[Origin, int]:
        """Return how much of what came into a pool is traced."""
        if (feeder := self.lineage.transfer(pool)) is not None:
            self.envelope(feeder.allocation)
        brought = self.arrived.get(pool.source, {})
        if pool not in roots.pools:
            return brought
        stream, given = self.lineage.streams[pool], self.lineage.given
        whole = dict(stream.arrived)
        made = given.obligations.get(pool.source)
        if pool.source in roots.contributions and made is not None:
            self.trace.contribution(made, sum(whole.values()), 0)
            self.depth[pool] = 1
        else:
            fee = made.fee_minor if made is not None and made.to_fund == pool.fund else 0
            self.trace.incoming += sum(whole.values()) - sum(brought.values()) + fee
            self.trace.rest(pool.fund, COSTS, fee)
            self.depth[pool] = 0
        self.trace.rest(pool.fund, EARNED, sum(stream.added.values()))
        add(whole, stream.added)
        return whole

    def pool(self, pool: Pool, traced: dict[Origin, int]) -> None:
        """Spread what is traced over what became of the pool."""
        stream = self.lineage.streams[pool]
        self.trace.drawn[pool] = sum(traced.values())
        names = list(stream.draws)
        rows = [stream.charges, stream.returned, *stream.draws.values(), stream.unallocated]
        for origin, part in traced.items():
            took = spread(part, [row.get(origin, 0) for row in rows])
            self.trace.rest(pool.fund, COSTS, took[0])
            self.trace.rest(pool.fund, UNALLOCATED, took[-1])
            self.trace.note(Hop(pool.source, RETURNED), (took[1], 0), self.depth[pool])
            self.trace.outgoing += took[1]
            for name, amount in zip(names, took[2:-1], strict=True):
                if amount:
                    self.drawn[name][Key(pool.source, origin)] = amount

    def envelope(self, name: str) -> None:
        """Spread what is traced of an envelope over the agreements that draw on it, once."""
        if name in self.opened or name not in self.drawn:
            return
        self.opened.add(name)
        self.trace.drawn[name] = sum(self.drawn[name].values())
        rows = self.lineage.envelope(name)
        fund = self.lineage.given.envelopes[name].fund
        for under, parts in zip(
            rows, spread_keys(self.drawn[name], list(rows.values())), strict=True
        ):
            if not under:
                self.trace.rest(fund, ALLOCATED, sum(parts.values()))
            elif parts:
                depth = min(self.depth[Pool(fund, key.source)] for key in parts)
                self.agreement(under, parts, depth)

    def agreement(self, name: str, parts: dict[Key, int], depth: int) -> None:
        """Spread what is traced of an agreement over its stages; note what goes on."""
        made, stages = self.lineage.given.obligations[name], self.lineage.stages(name)
        self.trace.drawn[name] = sum(parts.values())
        for stage, row in zip(stages, spread_keys(parts, list(stages.values())), strict=True):
            amount, fee = sum(row.values()), 0
            if stage == CONFIRMED and made.to_fund:
                pool = Pool(made.to_fund, name)
                self.arrived[name] = self.arrivals(pool, by_origin(row), by_origin(stages[stage]))
                self.depth[pool] = depth + 1
                fee = amount - sum(self.arrived[name].values())
            self.trace.stage(made, stage, (amount, fee), depth)

    def arrivals(
        self, pool: Pool, traced: dict[Origin, int], sent: dict[Origin, int]
    ) -> dict[Origin, int]:
        """Return what arrived of the traced part of what was sent."""
        got = self.lineage.streams[pool].arrived if pool in self.lineage.streams else sent
        return {
            origin: part
            if got.get(origin, 0) == sent[origin]
            else part_of(got.get(origin, 0), part, sent[origin])
            for origin, part in traced.items()
        }


def down(lineage: Lineage, roots: Roots) -> Trace:
    """Return what became of the roots' money."""
    return _Down(lineage).run(roots)


# Up -----------------------------------------------------------------------------------------------


class _Up:
    """Follows money back from agreements and pools to where it came in."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self.trace = Trace()
        self.depth: dict[Pool, int] = {}
        self.wanted: defaultdict[Pool, dict[Origin, int]] = defaultdict(dict)

    def run(self, roots: Roots) -> Trace:
        order = self.lineage.solve({*roots.pools, *beginning(self.lineage, roots)})
        for name in roots.contributions:
            made = self.lineage.given.obligations[name]
            self.trace.note(Hop(name, SIGNED), (made.amount_minor - made.paid_minor, 0), 0)
        for name in roots.commitments:
            self.agreement(name)
        for pool in reversed(order):
            if pool in roots.pools:
                self.depth[pool] = 0
                self.root(pool, roots)
            elif wanted := self.wanted.get(pool):
                self.pool(pool, wanted)
        return self.trace

    def agreement(self, name: str) -> None:
        """Trace all of an agreement's money."""
        made = self.lineage.given.obligations[name]
        for stage, parts in self.lineage.stages(name).items():
            amount, fee = sum(parts.values()), 0
            if stage == CONFIRMED and made.to_fund:
                arrived = self.lineage.streams[Pool(made.to_fund, name)].arrived
                fee = amount - sum(arrived.values())
                self.trace.held += amount - fee
            self.trace.stage(made, stage, (amount, fee), 0)
            self.draw(name, parts, 1)

    def root(self, pool: Pool, roots: Roots) -> None:
        """Trace all that came into a pool; a transfer that is a root is traced by itself."""
        stream = self.lineage.streams[pool]
        whole = dict(stream.added)
        if pool.source not in roots.commitments:
            add(whole, stream.arrived)
        # What went out of the root and came back to it is the root's money once.
        self.trace.held += sum(whole.values())
        self.trace.held -= sum(self.wanted[pool].values())
        self.pool(pool, whole)

    def pool(self, pool: Pool, wanted: dict[Origin, int]) -> None:
        """Trace a part of what came into a pool back to how it came."""
        stream = self.lineage.streams[pool]
        made = self.lineage.given.obligations.get(pool.source)
        feeder = self.lineage.transfer(pool)
        through: dict[Origin, int] = {}
        for origin, part in wanted.items():
            came, added = stream.arrived.get(origin, 0), stream.added.get(origin, 0)
            through[origin] = part if not added else part_of(part, came, came + added)
            self.trace.rest(pool.fund, EARNED, part - through[origin])
        if feeder is not None:
            self.transfer(feeder, stream.arrived, through)
        elif made is not None and made.kind == "contribution" and any(through.values()):
            self.trace.contribution(made, sum(through.values()), self.depth[pool])
        else:  # whose giver is not given
            self.trace.incoming += sum(through.values())

    def transfer(
        self, made: Obligation, arrived: dict[Origin, int], wanted: dict[Origin, int]
    ) -> None:
        """Trace a part of what arrived by a transfer back to the sources that it was drawn on."""
        sent = self.lineage.stages(made.id).get(CONFIRMED, {})
        whole = by_origin(sent)
        parts: dict[Key, int] = {}
        for origin, part in wanted.items():
            same = whole.get(origin, 0) == arrived.get(origin, 0)
            left = part if same else part_of(whole[origin], part, arrived[origin])
            keys = [key for key in sent if key.origin == origin]
            if left:
                shares = split(left, [sent[key] for key in keys])
                parts.update(zip(keys, shares, strict=True))
        amount, depth = sum(parts.values()), self.depth[Pool(made.to_fund, made.id)]
        self.trace.note(Hop(made.id, CONFIRMED), (amount, amount - sum(wanted.values())), depth)
        self.trace.internal += amount
        self.draw(made.id, parts, depth + 1)

    def draw(self, name: str, parts: dict[Key, int], depth: int) -> None:
        """Ask the pools that an agreement was drawn on for its parts."""
        made = self.lineage.given.obligations[name]
        fund = self.lineage.given.envelopes[made.allocation].fund
        for key, amount in parts.items():
            pool = Pool(fund, key.source)
            add(self.wanted[pool], {key.origin: amount})
            self.depth[pool] = min(depth, self.depth.get(pool, depth))


def up(lineage: Lineage, roots: Roots) -> Trace:
    """Return where the roots' money came from."""
    return _Up(lineage).run(roots)
