"""Lineage: parts that sum both ways, traces that lose nothing, up and down that agree."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfm.core import tracing
from mfm.core.chains import Root, roots_of
from mfm.core.lineage import Given, Lineage, Pool, by_origin, carve, lessened, stages_of
from mfm.core.tracing import COSTS, Hop, Roots, Trace, down, spread, up
from tests.core.lineages import FUNDS, Play

PARTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 10**12))


@given(PARTS, st.lists(st.integers(0, 10**6), max_size=8), st.randoms(use_true_random=False))
def test_what_is_carved_sums_by_row_and_by_key(
    parts: dict[str, int], weights: list[int], chance: random.Random
) -> None:
    whole, amounts = sum(parts.values()), []
    for _ in weights:
        amounts.append(chance.randint(0, whole - sum(amounts)))
    amounts.append(whole - sum(amounts))
    rows = carve(parts, amounts)
    assert [sum(row.values()) for row in rows] == amounts
    assert all(part > 0 for row in rows for part in row.values())
    for key, part in parts.items():
        assert sum(row.get(key, 0) for row in rows) == part
    assert rows == carve(dict(reversed(parts.items())), amounts)  # whatever the order given


def test_what_does_not_sum_is_not_carved() -> None:
    with pytest.raises(ValueError, match="a"):
        carve({"a": 3}, [1])


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8), st.data())
def test_a_part_is_spread_whole(amounts: list[int], data: st.DataObject) -> None:
    part = data.draw(st.integers(0, sum(amounts)))
    found = spread(part, amounts)
    assert sum(found) == part
    assert all(0 <= each <= amount for each, amount in zip(found, amounts, strict=True))


@given(PARTS, st.integers(0, 10**12))
def test_what_arrives_is_shared_as_it_was_sent(parts: dict[str, int], arrived: int) -> None:
    if sum(parts.values()):
        assert sum(lessened(parts, arrived).values()) == arrived
    assert lessened(parts, sum(parts.values())) == parts


# Random mechanisms --------------------------------------------------------------------------------


def plays(*, losses: bool) -> st.SearchStrategy[Given]:
    return st.builds(
        lambda seed, steps: Play(seed, losses=losses).run(steps),
        st.integers(0, 2**32),
        st.integers(5, 150),
    )


def fees(trace: Trace) -> int:
    return sum(fee for _, fee in trace.hops.values())


def spent(trace: Trace) -> int:
    return sum(amount for (_, what), amount in trace.rests.items() if what == COSTS)


def balanced(trace: Trace) -> bool:
    """The identity: what came in is fees, costs, what is held, and what went out."""
    return trace.incoming == fees(trace) + spent(trace) + trace.held + trace.outgoing


@given(plays(losses=True))
def test_every_balance_is_the_sum_of_its_parts(made: Given) -> None:
    lineage = Lineage(made)
    lineage.solve(lineage.pools())
    for pool, stream in lineage.streams.items():
        inflow = sum(stream.arrived.values()) + sum(stream.added.values())
        assert sum(stream.unallocated.values()) == made.unallocated.get(pool, 0)
        for name, parts in stream.draws.items():
            assert sum(parts.values()) == made.envelopes[name].shares[pool.source]
        drawn = sum(sum(parts.values()) for parts in stream.draws.values())
        gone = sum(stream.charges.values()) + sum(stream.returned.values())
        assert inflow == gone + drawn + made.unallocated.get(pool, 0)
    for name, envelope in made.envelopes.items():
        rows = lineage.envelope(name)
        for under, parts in rows.items():
            if under:
                agreed = made.obligations[under]
                assert sum(parts.values()) == agreed.amount_minor - agreed.refunded_minor
                staged = lineage.stages(under)
                assert {s: sum(p.values()) for s, p in staged.items()} == stages_of(agreed)
        for source, amount in envelope.shares.items():
            held = [p for row in rows.values() for key, p in row.items() if key.source == source]
            assert sum(held) == amount


def roots(made: Given) -> list[tuple[str, Roots]]:
    names = [Root("fund", fund) for fund in FUNDS]
    names += [Root("party", party) for party in ("x", "y", "z", "group", "other")]
    names += [Root("commitment", name) for name in made.obligations]
    return [
        (direction, roots_of(made, root, direction))
        for root in names
        for direction in ("down", "up")
    ]


@given(plays(losses=True))
@settings(max_examples=50)
def test_no_chain_loses_or_doubles_money(made: Given) -> None:
    lineage = Lineage(made)
    for direction, root in roots(made):
        trace = (down if direction == "down" else up)(lineage, root)
        assert balanced(trace), (direction, root)
        assert min([0, trace.held, *(amount for amount, _ in trace.hops.values())]) >= 0
        for hop, (amount, fee) in trace.hops.items():
            agreed = made.obligations[hop.commitment]
            if agreed.kind != "contribution":
                assert amount <= stages_of(agreed)[hop.stage]
                assert 0 <= fee <= amount


def outside(made: Given) -> list[Roots]:
    """Everything that comes from outside, once: the contributions, and what funds earned."""
    earned = {pool for pool in made.unallocated if pool.source == "interest"}
    given_by = [o for o in made.obligations.values() if o.kind == "contribution"]
    return [
        *(Roots(frozenset({pool})) for pool in sorted(earned)),
        *(Roots(frozenset({Pool(o.to_fund, o.id)}), (o.id,)) for o in given_by),
    ]


@given(plays(losses=True))
@settings(max_examples=50)
def test_the_parts_of_all_donors_are_the_balances_exactly(made: Given) -> None:
    lineage = Lineage(made)
    traces = [down(lineage, root) for root in outside(made)]
    # What was added to a transfer's pool by hand has no root of its own.
    loose = any(
        stream.added
        for pool, stream in lineage.streams.items()
        if (found := made.obligations.get(pool.source)) and found.kind == "transfer"
    )
    if loose:
        return
    for pool in lineage.streams:
        held = sum(trace.rests.get((pool.fund, tracing.UNALLOCATED), 0) for trace in traces)
        whole = [amount for each, amount in made.unallocated.items() if each.fund == pool.fund]
        assert held == sum(whole)
    for name, agreed in made.obligations.items():
        if agreed.kind != "contribution":
            for stage, amount in stages_of(agreed).items():
                found = [trace.hops.get(Hop(name, stage), (0, 0))[0] for trace in traces]
                assert sum(found) == amount


@given(plays(losses=False))
@settings(max_examples=50)
def test_up_and_down_agree(made: Given) -> None:
    lineage = Lineage(made)
    agreed = [o.id for o in made.obligations.values() if o.kind != "contribution"]
    ups = {name: up(lineage, Roots(commitments=(name,))) for name in agreed}
    for given_by in (o for o in made.obligations.values() if o.kind == "contribution"):
        pool = Pool(given_by.to_fund, given_by.id)
        traced = down(lineage, Roots(frozenset({pool}), (given_by.id,)))
        stream = lineage.streams[pool]
        if stream.added:  # interest on it is the donor's too, and no hop
            continue
        for name in agreed:
            below = sum(
                amount for hop, (amount, _) in traced.hops.items() if hop.commitment == name
            )
            amount, fee = ups[name].hops.get(Hop(given_by.id, "received"), (0, 0))
            assert amount - fee == below == by_origin(lineage.agreement(name)).get(given_by.id, 0)
