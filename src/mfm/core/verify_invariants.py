"""Verification, the invariants 1 to 11 of the accounting rules, over all books at once.

The same facts are held record by record too, as ties between states and accounts; here they are
said as the auditors' battery says them, from the balances and the states alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from mfm.core.accounts import CHART
from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.verify_claims import account
from mfm.core.verify_form import Differs
from mfm.core.verify_money import Accounts
from mfm.core.verify_states import States

Rule = Callable[[Accounts, States], Iterator[tuple[str, int, int]]]
"""Yields (what is compared, one side, the other side), all in minor units."""


def _by_code(
    money: Accounts, states: States, *, reported: bool
) -> dict[tuple[str, str], dict[str, int]]:
    """Return (fund, currency) -> code -> balance on the code's own side."""
    books: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, tally in money.tallies.items():
        if reported or not states.funds[name.fund].reported:
            books[name.fund, name.currency][name.code] += tally.side * tally.net_minor
    return books


def _commitments(states: States, *kinds: str) -> Iterator[Commitment]:
    for made in states.rows["commitment"].values():
        if isinstance(made, Commitment) and made.kind in kinds and made.status != "reversed":
            yield made


def _sums(money: Accounts, _: States) -> Iterator[tuple[str, int, int]]:
    sums: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for name, tally in money.tallies.items():
        sums[name.fund, name.book, name.currency] += tally.net_minor
    for place, minor in sums.items():
        yield f"the sum of {' '.join(place)}", minor, 0


def _authority(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    parts = ("9300", "9310", "9320", "9330", "9340")
    for (fund, _), codes in _by_code(money, states, reported=False).items():
        yield f"9399 and its parts in {fund}", codes["9399"], sum(codes[part] for part in parts)
        for part in parts[:4]:
            yield f"{part} below zero in {fund}", min(codes[part], 0), 0


def _cash(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    backed = ("9300", "9310", "9320", "9330", "2900", "2500", "2400")
    for (fund, _), codes in _by_code(money, states, reported=False).items():
        cash_minor = codes["1100"] + codes["1110"] + codes["1190"]
        yield f"cash of {fund} and what it backs", cash_minor, sum(codes[each] for each in backed)


def _payable(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    for made in _commitments(states, "grant"):
        payable, approved = (_held(money, made, code) for code in ("2200", "9330"))
        yield f"2200 and 9330 of {made.id}", payable, approved


def _held(money: Accounts, made: Commitment, code: str, fund: str = "") -> int:
    """Return a commitment's balance on an account of its giver (or of `fund`), own side up."""
    name = account(fund or made.from_fund, code, made.currency, made.id)
    return CHART[code].side * money.net(name)


def _expensed(states: States) -> dict[str, int]:
    """Return commitment -> minor units approved as expense at once, and not yet paid."""
    expensed: dict[str, int] = defaultdict(int)
    for made in states.rows["disbursement"].values():
        if isinstance(made, Disbursement) and made.status in ("approved", "instructed"):
            expensed[made.commitment] += made.amount_minor if made.basis != "advance" else 0
    return expensed


def _agreements(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    expensed = _expensed(states)
    for made in _commitments(states, "grant"):
        held = {code: _held(money, made, code) for code in ("1300", "1500", "2200")}
        left_minor = made.paid_minor - made.accepted_minor - made.refunded_minor - made.lost_minor
        open_minor = held["1300"] + held["1500"] - held["2200"] + expensed[made.id]
        yield f"1300 + 1500 - 2200 and what {made.id} has open", open_minor, left_minor


def _transit(states: States) -> dict[str, int]:
    """Return commitment -> minor units released and not yet confirmed, or not yet resolved."""
    transit: dict[str, int] = defaultdict(int)
    for made in states.rows["disbursement"].values():
        if isinstance(made, Disbursement) and made.to_fund and made.status != "reversed":
            released = made.status == "released"
            transit[made.commitment] += made.amount_minor if released else made.short_minor
    return transit


def _between_funds(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    transit = _transit(states)
    for made in _commitments(states, "transfer"):
        due_from, due_to = _held(money, made, "1400", made.to_fund), _held(money, made, "2300")
        yield f"due from and due to under {made.id}", due_from, due_to
        moving = _held(money, made, "1120", made.to_fund)
        yield f"1120 and what is in transit under {made.id}", moving, transit[made.id]
        into, out_of = _held(money, made, "4600", made.to_fund), _held(money, made, "5300")
        yield f"4600 and 5300 under {made.id}", into, out_of


def _sources(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    for name, tally in money.tallies.items():
        if name.code == "9300" and not states.funds[name.fund].reported:
            left_minor = tally.side * tally.net_minor
            yield f"9300 of {name.subject} below zero", min(left_minor, 0), 0
    for made in states.rows["allocation"].values():
        if isinstance(made, Allocation) and made.status != "reversed":
            held_minor = sum(share.amount_minor for share in made.shares)
            over_minor = max(held_minor - made.amount_minor, 0)
            yield f"what the shares of {made.id} hold above its amount", over_minor, 0


def _fees(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    gross: defaultdict[str, list[int]] = defaultdict(list)
    for made in states.rows["deposit"].values():
        if isinstance(made, Deposit) and made.status != "reversed":
            gross[made.fund].append(made.amount_minor)
    for (fund, _), codes in _by_code(money, states, reported=False).items():
        deposits = gross[fund]
        # Each fee is rounded by itself, half a minor unit at most.
        points = states.funds[fund].fee_basis_points
        most = (sum(deposits) * points + 5_000 * len(deposits)) // 10_000
        yield f"the fees of {fund} above its rate", max(codes["5400"] - most, 0), 0


def _tranches(_: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    for made in _commitments(states, "grant", "transfer"):
        total_minor = sum(tranche.amount_minor for tranche in made.tranches)
        yield f"the tranches and the amount of {made.id}", total_minor, made.amount_minor


def _statement(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    for (fund, currency), codes in _by_code(money, states, reported=True).items():
        flow_minor = money.cash_flow[fund, currency]
        cash_minor = codes["1100"] + codes["1110"] + codes["1190"]
        yield f"cash by flows and by balances of {fund} in {currency}", flow_minor, cash_minor


def _confirmations(money: Accounts, states: States) -> Iterator[tuple[str, int, int]]:
    confirmed: defaultdict[str, int] = defaultdict(int)
    for made in states.rows["disbursement"].values():
        if isinstance(made, Disbursement) and made.to_fund and made.status == "confirmed":
            confirmed[made.commitment] += made.amount_minor - made.short_minor
    for made in _commitments(states, "transfer"):
        moving = _held(money, made, "1120", made.to_fund)
        told_minor = made.paid_minor - moving
        yield f"sent and confirmed under {made.id}", told_minor, confirmed[made.id]


INVARIANTS: tuple[Rule, ...] = (
    _sums,
    _authority,
    _cash,
    _payable,
    _agreements,
    _between_funds,
    _sources,
    _fees,
    _tranches,
    _statement,
    _confirmations,
)
"""In the rules' order: the first is invariant 1."""


def check(money: Accounts, states: States, seq: int) -> int:
    """Hold all invariants; return how many comparisons that took.

    Args:
        money: all balances.
        states: all nouns.
        seq: the record after which they are held.

    Raises:
        Differs: `invariant-1` to `invariant-11`.
    """
    count = 0
    for number, rule in enumerate(INVARIANTS, 1):
        for what, one, other in rule(money, states):
            count += 1
            if one != other:
                raise Differs(f"invariant-{number}", seq, f"{what}: {one}, {other}.")
    return count
