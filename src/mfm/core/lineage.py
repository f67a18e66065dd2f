"""Lineage: whose money is in which envelope and agreement, from the nouns as they stand.

A fund keeps its authority by source: an account 9300 for each contribution, for each transfer it
got, and for what it earned itself. The money of one source in one fund is a pool here. It comes
from outside, or from another fund's envelope by a transfer; it lies there, went on costs, or was
drawn into envelopes, and out of these into agreements.

At each step the parts are carved by largest remainder out of what the step before left, in the
order of the ids: every agreement's parts sum to it, every origin's parts to what came in, and no
part is below zero. All amounts are minor units, and pools of one chain are in one currency.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from graphlib import TopologicalSorter
from typing import NamedTuple, TypeVar

from msgspec import Struct

from mfm.core.money import split

K = TypeVar("K", bound=Hashable)

Origin = str
"""A contribution's id, or `fund:ID` for what a fund earned itself."""


class Pool(NamedTuple):
    """The money of one source in one fund: the account 9300 of that subject."""

    fund: str
    source: str


class Key(NamedTuple):
    """A part of an envelope or an agreement: the fund's source it is drawn on, and its origin."""

    source: str
    origin: Origin


# What is given ------------------------------------------------------------------------------------


class Payments(Struct, frozen=True):
    """The disbursements of an agreement that stand at one stage, as `stages_of` names them.

    Attributes:
        amount_minor: their sum.
        short_minor: of it, sent and not confirmed by the receiver, and not resolved yet.
        charged_minor: of it, taken by banks on the way.
        asked_on: the day the first of them was asked for, or None.
        days: of those confirmed, the most days from request to confirmation.
    """

    amount_minor: int
    short_minor: int = 0
    charged_minor: int = 0
    asked_on: date | None = None
    days: int = 0


NO_PAYMENTS = Payments(0)


class Obligation(Struct, frozen=True, kw_only=True):
    """A commitment, as far as lineage needs it; the fields are those of the noun.

    Attributes:
        payments: a stage -> the disbursements of this commitment that stand there.
        received_minor: what a contribution's deposits were worth on receipt.
        fee_minor: the agent's fee charged on them.
        returned_minor: what the fund gave back of them to the donor.
    """

    id: str
    kind: str
    currency: str
    from_party: str = ""
    from_fund: str = ""
    to_fund: str = ""
    to_party: str = ""
    allocation: str = ""
    amount_minor: int
    paid_minor: int = 0
    accepted_minor: int = 0
    claimed_minor: int = 0
    refunded_minor: int = 0
    lost_minor: int = 0
    received_minor: int = 0
    fee_minor: int = 0
    returned_minor: int = 0
    payments: dict[str, Payments] = {}


class Envelope(Struct, frozen=True):
    """An allocation: its fund, and what it holds of each source (drawn, less what came back)."""

    id: str
    fund: str
    shares: dict[str, int]


class Given(Struct, frozen=True):
    """Some funds' nouns at one moment; of each fund that is in it, all of them.

    Attributes:
        obligations: id -> commitment that gives to or takes from these funds.
        envelopes: id -> allocation of these funds.
        unallocated: pool -> the balance of its account 9300.
        earned: pool -> the interest that made it.
    """

    obligations: dict[str, Obligation]
    envelopes: dict[str, Envelope]
    unallocated: dict[Pool, int]
    earned: dict[Pool, int] = {}


# Stages -------------------------------------------------------------------------------------------

PAID = ("reported", "lost", "claimed", "confirmed", "released")
"""Stages at which an agreement's money has left the fund, the furthest first."""
STAGES = (*PAID, "approved", "requested", "signed")
"""Where an agreement's money stands. They exclude each other, so their amounts may be summed."""


def stages_of(made: Obligation) -> dict[str, int]:
    """Return the stages at which a grant's or transfer's money stands, and how much at each.

    Together they are what was agreed less what came back as a refund: reported (the expenditure is
    accepted), lost (written off, or taken by banks), claimed (a refund is due), confirmed (it
    arrived), released (sent), approved, requested, signed (nobody asked for it yet).
    """
    waiting = {stage: paid.amount_minor for stage, paid in made.payments.items()}
    settled_minor = made.accepted_minor + made.claimed_minor + made.lost_minor
    open_minor = made.paid_minor - settled_minor
    transit_minor = waiting.get("released", 0)
    if made.to_fund:  # what came short is still on its way
        transit_minor += made.payments.get("confirmed", NO_PAYMENTS).short_minor
    released_minor = min(open_minor, transit_minor)
    approved_minor, requested_minor = waiting.get("approved", 0), waiting.get("requested", 0)
    asked_minor = made.paid_minor + approved_minor + requested_minor
    found = {
        "reported": made.accepted_minor,
        "lost": made.lost_minor,
        "claimed": made.claimed_minor - made.refunded_minor,
        "confirmed": open_minor - released_minor,
        "released": released_minor,
        "approved": approved_minor,
        "requested": requested_minor,
        "signed": made.amount_minor - asked_minor,
    }
    return {stage: found[stage] for stage in STAGES if found[stage]}


# Carving ------------------------------------------------------------------------------------------


def carve(parts: dict[K, int], amounts: Sequence[int]) -> list[dict[K, int]]:
    """Split parts over amounts that together are as much: rows and columns both sum exactly.

    Args:
        parts: what there is of each key, none below zero.
        amounts: the rows' sums, none below zero; together the sum of the parts.

    Returns:
        for each amount what it has of each key, keys without any left out.
    """
    keys = sorted(parts)  # type: ignore[type-var]  # texts, or tuples of them
    left = [parts[key] for key in keys]
    if sum(left) != sum(amounts):
        raise ValueError(parts, amounts)
    if len(keys) == 1:  # most pools are one donor's
        return [{keys[0]: amount} if amount else {} for amount in amounts]
    rows = []
    for amount in amounts:
        taken = split(amount, left) if amount else [0] * len(left)
        left = [before - part for before, part in zip(left, taken, strict=True)]
        rows.append({key: part for key, part in zip(keys, taken, strict=True) if part})
    return rows


def part_of(amount: int, part: int, whole: int) -> int:
    """Return how much of an amount falls to a part of a whole, by largest remainder."""
    return split(amount, [part, whole - part])[0] if amount and whole else 0


def add(held: dict[K, int], more: dict[K, int]) -> None:
    """Add parts to others, in place."""
    for key, amount in more.items():
        held[key] = held.get(key, 0) + amount


def by_origin(parts: dict[Key, int]) -> dict[Origin, int]:
    """Return an agreement's parts by origin, whatever source they were drawn on."""
    found: dict[Origin, int] = {}
    for key, amount in parts.items():
        found[key.origin] = found.get(key.origin, 0) + amount
    return found


# The whole ----------------------------------------------------------------------------------------


class Stream(Struct):
    """What came into a pool and where it went: each a sum by origin.

    Attributes:
        arrived: through its contribution or transfer, after the fee and losses on the way.
        added: otherwise: interest, exchange gains, vouchers.
        draws: allocation -> what it holds of this pool.
        returned: was given back to the donor.
        charges: went on costs: direct cost, bank charges, vouchers.
        unallocated: lies there.
    """

    arrived: dict[Origin, int]
    added: dict[Origin, int]
    draws: dict[str, dict[Origin, int]]
    returned: dict[Origin, int]
    charges: dict[Origin, int]
    unallocated: dict[Origin, int]

    @property
    def inflow_minor(self) -> int:
        """All that came into the pool."""
        return sum(self.arrived.values()) + sum(self.added.values())


class Lineage:
    """The parts of every pool, envelope and agreement, found as they are asked for.

    Attributes:
        given: the nouns.
        under: allocation -> the commitments that draw on it, by id.
        draws: pool -> (allocation, amount) that draw on it, by id.
    """

    def __init__(self, given: Given) -> None:
        """Index what is given."""
        self.given = given
        self.under: defaultdict[str, list[str]] = defaultdict(list)
        self.draws: defaultdict[Pool, list[tuple[str, int]]] = defaultdict(list)
        for name in sorted(given.obligations):
            if given.obligations[name].allocation in given.envelopes:
                self.under[given.obligations[name].allocation].append(name)
        for name in sorted(given.envelopes):
            envelope = given.envelopes[name]
            for source, amount in envelope.shares.items():
                self.draws[Pool(envelope.fund, source)].append((name, amount))
        self.streams: dict[Pool, Stream] = {}
        self._carved: dict[str, dict[str, dict[Key, int]]] = {}
        self._staged: dict[str, dict[str, dict[Key, int]]] = {}

    def pools(self) -> list[Pool]:
        """Return every pool that money ever was in, in order."""
        taking = {Pool(o.to_fund, o.id) for o in self.given.obligations.values() if o.to_fund}
        return sorted({*taking, *self.draws, *self.given.unallocated})

    def transfer(self, pool: Pool) -> Obligation | None:
        """Return the transfer that feeds a pool, or None; one whose giver is not given is none."""
        made = self.given.obligations.get(pool.source)
        inside = made is not None and made.kind == "transfer" and made.to_fund == pool.fund
        return made if inside and made and made.allocation in self.given.envelopes else None

    def feeding(self, pool: Pool) -> list[Pool]:
        """Return the pools that a pool's money came out of: those of the transfer's envelope."""
        made = self.transfer(pool)
        if made is None:
            return []
        envelope = self.given.envelopes[made.allocation]
        return [Pool(envelope.fund, source) for source in envelope.shares]

    def below(self, begin: Iterable[Pool]) -> set[Pool]:
        """Return some pools, all that their money may have reached, and all it is mixed with."""
        found: set[Pool] = set()
        opened: set[str] = set()
        waiting = list(begin)
        while waiting:
            pool = waiting.pop()
            found.add(pool)
            for name in {name for name, _ in self.draws[pool]} - opened:
                opened.add(name)
                agreed = ((self.given.obligations[each].to_fund, each) for each in self.under[name])
                waiting += [Pool(fund, each) for fund, each in agreed if fund]
        envelopes = (self.given.envelopes[name] for name in opened)
        return found.union(Pool(each.fund, source) for each in envelopes for source in each.shares)

    def solve(self, wanted: Iterable[Pool]) -> list[Pool]:
        """Find the streams of some pools and of all above them; return them, upstream first."""
        graph: dict[Pool, list[Pool]] = {}
        waiting = list(wanted)
        while waiting:
            pool = waiting.pop()
            if pool not in graph:
                graph[pool] = self.feeding(pool)
                waiting += graph[pool]
        # An agreement draws on money that was there before it, so there is no circle.
        order = list(TopologicalSorter(graph).static_order())
        for pool in order:
            if pool not in self.streams:
                self.streams[pool] = self._stream(pool)
        return order

    def agreement(self, name: str) -> dict[Key, int]:
        """Return the parts of a grant or transfer: agreed, less refunded."""
        return self.envelope(self.given.obligations[name].allocation)[name]

    def envelope(self, name: str) -> dict[str, dict[Key, int]]:
        """Return each commitment's parts of an envelope; "" is what nobody has signed for.

        The streams of its pools are found already.
        """
        if name not in self._carved:
            envelope, whole = self.given.envelopes[name], {}
            for source in envelope.shares:
                drawn = self.streams[Pool(envelope.fund, source)].draws[name]
                whole.update({Key(source, origin): part for origin, part in drawn.items()})
            nets = [self._net(each) for each in self.under[name]]
            rows = carve(whole, [*nets, sum(whole.values()) - sum(nets)])
            self._carved[name] = dict(zip([*self.under[name], ""], rows, strict=True))
        return self._carved[name]

    def stages(self, name: str) -> dict[str, dict[Key, int]]:
        """Return a grant's or transfer's parts at each stage."""
        if name not in self._staged:
            stages = stages_of(self.given.obligations[name])
            rows = carve(self.agreement(name), list(stages.values()))
            self._staged[name] = dict(zip(stages, rows, strict=True))
        return self._staged[name]

    def _net(self, name: str) -> int:
        made = self.given.obligations[name]
        return made.amount_minor - made.refunded_minor

    def _stream(self, pool: Pool) -> Stream:
        """Return where a pool's money came from and went; those above it are known."""
        drawn, returned = self.draws[pool], 0
        if (made := self.given.obligations.get(pool.source)) and made.to_fund == pool.fund:
            returned = made.returned_minor
        kept = [returned, *(amount for _, amount in drawn), self.given.unallocated.get(pool, 0)]
        arrived, own = self._arrived(pool)
        # What is not kept went on costs; what nobody brought came by voucher or exchange gain.
        earned = self.given.earned.get(pool, 0)
        charges = sum(arrived.values()) + earned - sum(kept)
        earned += max(-charges, 0)
        added = {own: earned} if earned else {}
        inflow = dict(arrived)
        add(inflow, added)
        rows = carve(inflow, [max(charges, 0), *kept])
        draws = {name: row for (name, _), row in zip(drawn, rows[2:-1], strict=True)}
        return Stream(arrived, added, draws, rows[1], rows[0], rows[-1])

    def _arrived(self, pool: Pool) -> tuple[dict[Origin, int], Origin]:
        """Return what came through a pool's commitment, and the origin of what came otherwise."""
        made, earned = self.given.obligations.get(pool.source), f"fund:{pool.fund}"
        if made is None or made.to_fund != pool.fund:
            return {}, earned
        if made.kind == "contribution":
            net = made.received_minor - made.fee_minor
            return ({made.id: net} if net else {}), made.id
        came = made.payments.get("confirmed", NO_PAYMENTS)
        arrived = came.amount_minor - came.short_minor - came.charged_minor
        if self.transfer(pool) is None:
            return ({f"fund:{made.from_fund}": arrived} if arrived else {}), earned
        sent = by_origin(self.stages(made.id).get("confirmed", {}))
        return lessened(sent, arrived), earned


def lessened(sent: dict[K, int], arrived_minor: int) -> dict[K, int]:
    """Return what arrived of each part of what was sent: as sent, or pro rata where it differs."""
    if arrived_minor == sum(sent.values()):
        return sent
    keys = sorted(sent)  # type: ignore[type-var]  # texts, or tuples of them
    parts = split(arrived_minor, [sent[key] for key in keys]) if arrived_minor else [0] * len(keys)
    return {key: part for key, part in zip(keys, parts, strict=True) if part}
