"""Verification, exchange and periods: what closed periods, rates and revaluations must be."""

from collections.abc import Mapping
from datetime import timedelta

from mfm.core.accounts import ADDED, CHART, Account
from mfm.core.conversions import Conversion
from mfm.core.foreign_payments import ForeignPayment
from mfm.core.funds import Fund
from mfm.core.openings import OpeningBalance
from mfm.core.periods import Period
from mfm.core.rates import Rate
from mfm.core.record import Noun
from mfm.core.revaluations import Revaluation
from mfm.core.verify_form import Differs, Side, Told
from mfm.core.verify_rates import RATE, worth
from mfm.core.verify_verbs import VOUCHER

CLOSING = "period.close"
ADOPTION = "fund.open-balances"
# With a counterpart in other books, or for books of reported history.
_NEVER_BROUGHT = frozenset("1120 1190 1400 2300 4600 5300 9150 9195 9500 9590 9900 9990".split())
_DAY = timedelta(days=1)


def freely(verb: str, side: Side, added: Mapping[str, Noun]) -> bool | None:
    """Tell whether a verb without a list of movements may make this one; None for all others.

    Args:
        verb: which.
        side: the movement.
        added: accounts of the funds' own by id.
    """
    both = side.debit, side.credit
    if verb == VOUCHER:
        return side[3:] == ("", 1) and all(_manual(each, added) for each in both)
    if verb == ADOPTION:
        return side[3:] == ("", 1) and all(_brought(each, added) for each in both)
    if verb == CLOSING:
        return side[3:] == ("", 1) and _closes(*sorted(both, key=lambda each: each.code))
    return None


def _manual(account: Account, added: Mapping[str, Noun]) -> bool:
    """Tell whether a voucher may use an account; the verbs keep the others."""
    own = ADDED.fullmatch(account.code)
    line = CHART.get(own[1] if own else account.code)
    if line is None:
        return False
    if own:
        made = added.get(f"{account.fund}.{account.code}")
        return made is not None and made.status == "open" and line.manual and not line.floor
    if account.subject == "opening":
        return account.code not in _NEVER_BROUGHT
    return line.manual and not (line.code == "9340" and account.subject)


def _brought(account: Account, added: Mapping[str, Noun]) -> bool:
    """Tell whether a fund may bring a balance of an account along."""
    if account.code == "9340" or (account.code == "9300" and account.subject != "opening"):
        return False
    return _manual(account, added)


def _closes(balance: Account, other: Account) -> bool:
    """Tell whether these are a fund balance and what closes to it, or a reserve made of it."""
    if (balance.code, other.code) == ("3100", "3300"):
        return balance.subject == other.subject == ""
    to_balance = balance.code in ("3100", "3200") and other.code[0] in "45"
    return to_balance and balance.subject == other.subject == ""


def check_fund(before: Noun | None, state: Noun, told: Told) -> None:
    """Hold that what is closed stays closed.

    Raises:
        Differs: `period-final`.
    """
    if isinstance(state, Fund) and isinstance(before, Fund) and before.closed_until is not None:
        until = state.closed_until
        if until is None or until < before.closed_until:
            detail = f"Fund {state.id} was closed up to {before.closed_until}, then {until}."
            raise Differs("period-final", told.seq, detail)


def check(rows: dict[str, dict[str, Noun]], state: Noun, told: Told) -> None:
    """Hold one state by itself, by its fund, and by where its record stands.

    Args:
        rows: kind -> id -> every noun, the record's own states among them.
        state: as the record sets it.
        told: the record.

    Raises:
        Differs: `state-amounts`, `period-head`, `period-days`.
    """
    if isinstance(state, Rate):
        if RATE.fullmatch(state.rate) is None or "/" in state.rate:
            raise Differs("state-amounts", told.seq, f"{state.rate!r} is no rate.")
        if told.effective_on != state.rated_on or state.base == state.quote:
            raise Differs("state-amounts", told.seq, f"Rate {state.id} is of another day or pair.")
    elif isinstance(state, OpeningBalance):
        if (state.id, state.opened_on) != (state.fund, told.effective_on):
            raise Differs("state-amounts", told.seq, f"Opening {state.id} is of another day.")
    elif isinstance(state, Period):
        _check_period(rows["fund"].get(state.fund), state, told)
    elif isinstance(state, Conversion | ForeignPayment | Revaluation):
        _check_exchange(state, told)


def _check_exchange(state: Conversion | ForeignPayment | Revaluation, told: Told) -> None:
    """Hold what foreign money is worth at its rate, and that a loss is borne and a gain is not."""
    if isinstance(state, Revaluation):
        gained_minor = sum(line.worth_minor - line.carried_minor for line in state.lines)
        for line in state.lines:
            sides = line.original_minor, line.original_currency, state.currency, line.rate
            if RATE.fullmatch(line.rate) is None or worth(*sides) != line.worth_minor:
                detail = f"{state.id} has {line.worth_minor} for {sides}."
                raise Differs("state-amounts", told.seq, detail)
    elif isinstance(state, Conversion) and state.bought:
        gained_minor = 0
    else:
        gained_minor = state.amount_minor - state.carried_minor
    if isinstance(state, ForeignPayment) and RATE.fullmatch(state.rate) is None:
        raise Differs("state-amounts", told.seq, f"{state.rate!r} is no rate.")
    borne_minor = sum(share.amount_minor for share in state.shares)
    if borne_minor != max(-gained_minor, 0):
        detail = f"{state.id} gained {gained_minor}; {borne_minor} is borne."
        raise Differs("state-amounts", told.seq, detail)


def _check_period(fund: Noun | None, state: Period, told: Told) -> None:
    ends = {name: (number - 1, leaf.hex()) for name, number, leaf in told.chain}
    if ends.get(state.fund) != (state.head_number, state.head_hash):
        detail = f"Period {state.id} does not name the end of its fund's chain."
        raise Differs("period-head", told.seq, detail)
    after = state.last_day + _DAY
    if (
        not isinstance(fund, Fund)
        or fund.closed_until != state.last_day
        or told.effective_on != fund.open_from
        or (f"{after:%m-%d}" == fund.fiscal_year_start) != state.year
    ):
        raise Differs("period-days", told.seq, f"Period {state.id} is not what its fund closed.")
    for closing in state.closings:
        if closing.code == "4110" and closing.restricted_minor != closing.amount_minor:
            detail = f"Period {state.id} closes 4110 elsewhere than to 3200."
            raise Differs("state-amounts", told.seq, detail)
