"""The donor's view: what became of its money, by fund and down to the receivers.

The parts are exclusive, and sum to the whole exactly, in each fund and in all of them together:
received + earned + from other funds = what it became + to other funds.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from mfm.core.chains import Root, currencies, only, roots_of
from mfm.core.lineage import Given, Lineage, Obligation, Pool, part_of
from mfm.core.money import Money, money_of
from mfm.core.tracing import CONFIRMED, EARNED, RECEIVED, SIGNED, Hop, Trace, down

_BECAME = {
    **dict.fromkeys(("signed", "requested", "approved"), "committed"),
    "released": "disbursed",
    "confirmed": "confirmed",
    "reported": "reported",
    "claimed": "refund_due",
    "lost": "lost",
}
"""The stage of an agreement's money -> the part that it is counted in."""


class Became(Struct, frozen=True):
    """What money became: the parts exclude each other.

    Attributes:
        returned: given back to the donor.
        fees: the agent's fee, and what banks took of transfers.
        costs: direct cost, bank charges and the like.
        unallocated: lies in a fund, undecided.
        allocated: decided on, no agreement yet.
        committed: agreed, not paid yet.
        disbursed: paid, its arrival not confirmed yet.
        confirmed: with the grantee, not reported on yet.
        reported: spent, and the report accepted.
        refund_due: claimed back from the grantee.
        lost: written off, or taken by banks on the way to the grantee.
    """

    returned: Money
    fees: Money
    costs: Money
    unallocated: Money
    allocated: Money
    committed: Money
    disbursed: Money
    confirmed: Money
    reported: Money
    refund_due: Money
    lost: Money


class DonorTotal(Struct, frozen=True):
    """A donor's money in one currency.

    Attributes:
        currency: of all amounts.
        contributed: as agreed, less what was written off.
        outstanding: agreed and not received yet.
        received: what the deposits were worth on receipt.
        exchange: by how much more (less, below zero) that was than what they settled.
        earned: added to its contributions since: interest, exchange gains.
        became: where received and earned money is now.
        refunded: came back from grantees meanwhile, and is counted above where it is now.
    """

    currency: str
    contributed: Money
    outstanding: Money
    received: Money
    exchange: Money
    earned: Money
    became: Became
    refunded: Money


class DonorFund(Struct, frozen=True):
    """A donor's money in one fund; `from_funds` and `to_funds` are transfers in and out."""

    fund: str
    received: Money
    earned: Money
    from_funds: Money
    to_funds: Money
    became: Became


class DonorReceiver(Struct, frozen=True):
    """A donor's money under one fund's grants to one grantee."""

    party: str
    fund: str
    committed: Money
    disbursed: Money
    confirmed: Money
    reported: Money
    refund_due: Money
    lost: Money
    refunded: Money


class DonorView(Struct, frozen=True):
    """What became of a donor's money.

    Attributes:
        donor: the party.
        known_at: the newest record there was.
        totals: by currency.
        funds: by fund, and currency where there are several.
        receivers: by grantee and fund.
    """

    donor: str
    known_at: int
    totals: tuple[DonorTotal, ...]
    funds: tuple[DonorFund, ...]
    receivers: tuple[DonorReceiver, ...]


class _Traced(NamedTuple):
    """A donor's money in one currency, traced; sums by (fund, part) and (party, fund, part)."""

    currency: str
    trace: Trace
    funds: defaultdict[tuple[str, str], int]
    grantees: defaultdict[tuple[str, str, str], int]


def view(given: Given, donor: str, known_at: int) -> DonorView:
    """Return what became of a donor's money.

    Args:
        given: all funds that its money may be in, and those above them.
        donor: the party.
        known_at: the newest record there is.
    """
    root = Root("party", donor)
    traced = [_trace(only(given, each), root, each) for each in currencies(given, root, "down")]
    mine = [o for o in given.obligations.values() if o.from_party == donor]
    totals = tuple(
        _total(each, [o for o in mine if o.currency == each.currency]) for each in traced
    )
    funds = tuple(
        _fund(each, name) for each in traced for name in sorted({f for f, _ in each.funds})
    )
    receivers = [
        _receiver(each, party, fund)
        for each in traced
        for party, fund in {(party, fund) for party, fund, _ in each.grantees}
    ]
    receivers.sort(key=lambda each: f"{each.party}/{each.fund}")
    return DonorView(donor, known_at, totals, funds, tuple(receivers))


def _trace(given: Given, root: Root, currency: str) -> _Traced:
    lineage = Lineage(given)
    trace = down(lineage, roots_of(given, root, "down"))
    found = _Traced(currency, trace, defaultdict(int), defaultdict(int))
    for (fund, what), amount in trace.rests.items():
        found.funds[fund, what] += amount
    for hop, amounts in trace.hops.items():
        _count(found, given.obligations[hop.commitment], hop, amounts)
    for made, amount in _refunds(lineage, trace):
        found.funds[made.from_fund, "refunded"] += amount
        found.grantees[made.to_party, made.from_fund, "refunded"] += amount
    return found


def _count(found: _Traced, made: Obligation, hop: Hop, amounts: tuple[int, int]) -> None:
    amount, fee = amounts
    if made.kind == "contribution":
        if hop.stage != SIGNED:
            found.funds[made.to_fund, hop.stage] += amount
    elif made.to_fund and hop.stage == CONFIRMED:
        found.funds[made.from_fund, "to_funds"] += amount
        found.funds[made.to_fund, "from_funds"] += amount
    else:
        found.funds[made.from_fund, _BECAME[hop.stage]] += amount
        if made.to_party:
            found.grantees[made.to_party, made.from_fund, _BECAME[hop.stage]] += amount
    if fee:
        found.funds[made.to_fund, "fees"] += fee


def _refunds(lineage: Lineage, trace: Trace) -> Iterator[tuple[Obligation, int]]:
    """Return how much of each grant's refunds was traced money, pro rata.

    Of the agreement as it is, or where nothing is left of it, of its envelope or its pools.
    """
    given, drawn = lineage.given, trace.drawn
    for made in given.obligations.values():
        if not made.refunded_minor or made.allocation not in given.envelopes:
            continue
        envelope = given.envelopes[made.allocation]
        pools = [Pool(envelope.fund, source) for source in envelope.shares]
        wholes = (
            (drawn.get(made.id, 0), made.amount_minor - made.refunded_minor),
            (drawn.get(envelope.id, 0), sum(envelope.shares.values())),
            (
                sum(drawn.get(pool, 0) for pool in pools),
                sum(lineage.streams[pool].inflow_minor for pool in pools),
            ),
        )
        part, whole = next((each for each in wholes if each[1]), (0, 0))
        if amount := part_of(made.refunded_minor, part, whole):
            yield made, amount


def _became(found: dict[str, int], currency: str) -> Became:
    return Became(*(money_of(found.get(name, 0), currency) for name in Became.__struct_fields__))


def _sums(found: _Traced, fund: str | None) -> dict[str, int]:
    """Return the sums by part, in one fund or in all."""
    sums: dict[str, int] = {}
    for (name, what), amount in found.funds.items():
        if fund in (None, name):
            sums[what] = sums.get(what, 0) + amount
    return sums


def _fund(found: _Traced, fund: str) -> DonorFund:
    sums, currency = _sums(found, fund), found.currency
    names = RECEIVED, EARNED, "from_funds", "to_funds"
    received, earned, came, went = (money_of(sums.get(name, 0), currency) for name in names)
    return DonorFund(fund, received, earned, came, went, _became(sums, currency))


def _receiver(found: _Traced, party: str, fund: str) -> DonorReceiver:
    names = DonorReceiver.__struct_fields__[2:]
    amounts = (found.grantees.get((party, fund, name), 0) for name in names)
    return DonorReceiver(party, fund, *(money_of(each, found.currency) for each in amounts))


def _total(found: _Traced, mine: list[Obligation]) -> DonorTotal:
    sums, currency = _sums(found, None), found.currency
    contributed = sum(made.amount_minor for made in mine)
    settled = sum(made.paid_minor + made.returned_minor for made in mine)
    paid = sum(made.paid_minor for made in mine)
    received = sums.get(RECEIVED, 0)

    def money(amount: int) -> Money:
        return money_of(amount, currency)

    return DonorTotal(
        currency,
        contributed=money(contributed),
        outstanding=money(contributed - paid),
        received=money(received),
        exchange=money(received - settled),
        earned=money(sums.get(EARNED, 0)),
        became=_became(sums, currency),
        refunded=money(sums.get("refunded", 0)),
    )
