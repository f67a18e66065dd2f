"""Contributions: what donors owe a fund, from signature to the last payment or an early end.

A contribution's amount has parts, and each stands in accounts of its own: conditional (9200), firm
and owed (1200), firm and received, written off. When it is income is another question: at once
(41xx), or as the fund meets its obligations (2100 until then; IPSAS 47).
"""

from datetime import date
from typing import Literal

from msgspec import structs

from mfm.core.commitments import (
    Commitment,
    Contribution,
    SignCommitment,
    SourceKind,
    check_terms,
)
from mfm.core.countries import check_places
from mfm.core.earmarks import OPEN
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.pledges import Pledge, take
from mfm.core.record import Draft, Noun, Posting
from mfm.core.schedules import Tranche, TrancheTerm, schedule, shrunk
from mfm.core.terms import Act, Command, Id, Text

INCOME: dict[Contribution, str] = {
    "unearmarked": "4100",
    "earmarked": "4110",
    "public-budget": "4120",
    "private": "4130",
}
"""The income account of each kind of contribution."""

_SOURCES: dict[Contribution, SourceKind] = {
    "public-budget": "public-budget",
    "private": "private-sector",
}
"""The kinds of contribution that say whose money it is."""

Against = Literal["income", "fund-balance"]
"""What bears a reduction: this year's income, or the fund balance that earlier income went into."""


class MeetConditions(Command, frozen=True, kw_only=True):
    """Make a conditional contribution firm; without `amount`, all that is conditional."""

    commitment: Id
    amount: Money | None = None
    effective_on: date | None = None
    reason: Text = ""


class RecogniseCommitment(Command, frozen=True, kw_only=True):
    """Make deferred money income, as obligations are met; without `amount`, all of it."""

    commitment: Id
    amount: Money | None = None
    effective_on: date | None = None
    reason: Text = ""


class ReduceCommitment(Command, frozen=True, kw_only=True):
    """Reduce a contribution by what has not been received; without `amount`, by all of that."""

    commitment: Id
    amount: Money | None = None
    against: Against = "income"
    effective_on: date | None = None
    reason: Text = ""


# Signing, and becoming firm -----------------------------------------------------------------------


def sign(
    act: Act, command: SignCommitment, commitment_id: str, fund: Fund, pledge: Pledge | None
) -> Draft:
    """Record a donor's obligation, IATI 11: 1200 / 41xx or 2100; conditional, 9200 / 9290.

    A pledge converts with it, as far as it reaches.

    Raises:
        Invalid: `commitment-allocation` (contributions draw on none), `country-unknown`,
            `pledge-other`, `source-differs`, `tranches-differ`, and as `check_terms`.
        Refused: `pledge-exceeded`.
    """
    check_places(command.earmark.place, "/earmark/place")
    if command.allocation is not None:
        detail = "A contribution draws on no allocation."
        raise Invalid("commitment-allocation", detail, "/allocation")
    amount_minor = fund.amount(command.amount, "/amount")
    made = Commitment(
        id=commitment_id,
        status="signed",
        kind="contribution",
        from_party=command.from_party or "",
        to_fund=fund.id,
        currency=fund.currency,
        amount_minor=amount_minor,
        income=_income(command),
        recognition=command.recognition,
        conditional_minor=amount_minor if command.conditional else 0,
        earmark=command.earmark,
        source_kind=command.source_kind or _SOURCES.get(command.contribution) or "",
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        activity=command.activity,
        tranches=expected(command.tranches, fund, amount_minor),
    )
    check_terms(made)
    if command.conditional:
        posting = fund.move(("9200", made.id), ("9290", made.id), amount_minor, 11)
    else:
        made, posting = _firm(made, fund, amount_minor, iati=11)
    sets: tuple[Noun, ...] = (made,)
    postings = [posting]
    if pledge is not None:
        if (pledge.fund, pledge.donor) != (fund.id, command.from_party):
            detail = f"Pledge {pledge.id} is by {pledge.donor} to fund {pledge.fund}."
            raise Invalid("pledge-other", detail, "/pledge")
        converted, posting = take(pledge, fund, amount_minor, "converted")
        sets, postings = (made, converted), [*postings, posting]
    return Draft(effective_on=act.on, sets=sets, postings=tuple(postings))


def _income(command: SignCommitment) -> str:
    """Return the income account: by whose money it is where that says it, else by its earmark.

    Raises:
        Invalid: `source-differs` where `contribution` says another source.
    """
    told, source = _SOURCES.get(command.contribution), command.source_kind
    if source is not None and told not in (None, source):
        detail = f"contribution says {command.contribution}, source_kind {source}."
        raise Invalid("source-differs", detail, "/source_kind")
    for kind, each in _SOURCES.items():
        if each == (told or source):
            return INCOME[kind]
    return INCOME["earmarked" if command.earmark != OPEN else command.contribution]


def expected(terms: tuple[TrancheTerm, ...], fund: Fund, amount_minor: int) -> tuple[Tranche, ...]:
    """Return the instalments in which a contribution is expected; none where nobody told.

    Raises:
        Invalid: `tranches-differ`.
    """
    return schedule(terms, fund, amount_minor) if terms else ()


def increased(made: Commitment, fund: Fund, amount_minor: int) -> tuple[Commitment, Posting]:
    """Return a contribution with so much more agreed, IATI 11; conditional while a part still is.

    Its posting is 1200 / 41xx or 2100, or 9200 / 9290.
    """
    more = structs.replace(made, amount_minor=made.amount_minor + amount_minor)
    if made.conditional_minor:
        more = structs.replace(more, conditional_minor=made.conditional_minor + amount_minor)
        posting = fund.move(("9200", made.id), ("9290", made.id), amount_minor, 11)
    else:
        more, posting = _firm(more, fund, amount_minor, iati=11)
    return structs.replace(more, status=standing(more)), posting


def _firm(
    made: Commitment, fund: Fund, amount_minor: int, iati: int = 0
) -> tuple[Commitment, Posting]:
    """Make a part owed: 1200 / 41xx, or 1200 / 2100 where income waits for compliance."""
    owed = ("1200", made.id)
    if made.recognition != "on_compliance":
        return made, fund.move(owed, (made.income, made.id), amount_minor, iati)
    made = structs.replace(made, deferred_minor=made.deferred_minor + amount_minor)
    return made, fund.move(owed, ("2100", made.id), amount_minor, iati)


def meet_conditions(act: Act, command: MeetConditions, commitment: Commitment, fund: Fund) -> Draft:
    """Record that conditions are met: 9290 / 9200, and 1200 / 41xx or 2100.

    Its IATI 11 was reported when it was signed, and is not reported again.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `contribution-exceeded`.
    """
    must_be_contribution(commitment)
    amount_minor = part(command.amount, commitment.conditional_minor, fund, "conditional")
    subject = commitment.id
    changed = structs.replace(
        commitment, conditional_minor=commitment.conditional_minor - amount_minor
    )
    changed, firm = _firm(changed, fund, amount_minor)
    memo = fund.move(("9290", subject), ("9200", subject), amount_minor)
    return Draft(effective_on=act.on, sets=(changed,), postings=(memo, firm))


def recognise(act: Act, command: RecogniseCommitment, commitment: Commitment, fund: Fund) -> Draft:
    """Record income as obligations are met: 2100 / 41xx.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `contribution-exceeded`.
    """
    must_be_contribution(commitment)
    amount_minor = part(command.amount, commitment.deferred_minor, fund, "deferred")
    changed = structs.replace(commitment, deferred_minor=commitment.deferred_minor - amount_minor)
    income = (commitment.income, commitment.id)
    posting = fund.move(("2100", commitment.id), income, amount_minor)
    return Draft(effective_on=act.on, sets=(changed,), postings=(posting,))


def settle(commitment: Commitment, settled_minor: int) -> Commitment:
    """Return a contribution with so much more of it received.

    Raises:
        Refused: `conditions-unmet` when it reaches into what is still conditional.
    """
    if commitment.conditional_minor and settled_minor > owed_minor(commitment):
        owed = decimal_text(owed_minor(commitment), commitment.currency)
        detail = (
            f"Of contribution {commitment.id} {owed} {commitment.currency} is firm and open; the"
            " rest is conditional. Record first that its conditions are met."
        )
        raise Refused("conditions-unmet", detail, "/amount")
    paid = structs.replace(commitment, paid_minor=commitment.paid_minor + settled_minor)
    return structs.replace(paid, status=standing(paid))


# Ending early -------------------------------------------------------------------------------------


def reduce(act: Act, command: ReduceCommitment, commitment: Commitment, fund: Fund) -> Draft:
    """Record that a donor gives less, a negative IATI 11: what is conditional goes first.

    Conditional 9290 / 9200; firm 2100, then 41xx or the fund balance / 1200.

    Raises:
        Invalid: `commitment-kind`.
        Refused: `contribution-exceeded`.
    """
    must_be_contribution(commitment)
    subject, conditional_minor = commitment.id, commitment.conditional_minor
    open_minor = conditional_minor + owed_minor(commitment)
    amount_minor = part(command.amount, open_minor, fund, "not received")
    memo_minor = min(amount_minor, conditional_minor)
    postings: tuple[Posting, ...] = ()
    if memo_minor:
        postings = (fund.move(("9290", subject), ("9200", subject), memo_minor, -11),)
    changed = structs.replace(
        _less(commitment, memo_minor), conditional_minor=conditional_minor - memo_minor
    )
    changed, firm = give_up(
        changed, fund, amount_minor - memo_minor, ("1200", subject), command.against
    )
    changed = structs.replace(changed, status=standing(changed))
    return Draft(effective_on=act.on, sets=(changed,), postings=(*postings, *firm))


def give_up(
    commitment: Commitment,
    fund: Fund,
    amount_minor: int,
    credit: tuple[str, str],
    against: Against,
) -> tuple[Commitment, tuple[Posting, ...]]:
    """Take a firm part off a contribution, a negative IATI 11: what is deferred goes first.

    Args:
        commitment: the contribution.
        fund: its fund.
        amount_minor: how much; at most what is firm.
        credit: (code, subject) of the account that the part was in, or is owed back in.
        against: what bears the part that was income already.
    """
    deferred_minor = min(amount_minor, commitment.deferred_minor)
    earned_minor = amount_minor - deferred_minor
    subject, from_balance = commitment.id, against == "fund-balance"
    bearer = (_balance(commitment), "") if from_balance else (commitment.income, subject)
    parts = ((("2100", subject), deferred_minor), (bearer, earned_minor))
    changed = structs.replace(
        _less(commitment, amount_minor),
        deferred_minor=commitment.deferred_minor - deferred_minor,
        from_balance_minor=commitment.from_balance_minor + (earned_minor if from_balance else 0),
    )
    return changed, tuple(fund.move(debit, credit, minor, -11) for debit, minor in parts if minor)


def _less(commitment: Commitment, amount_minor: int) -> Commitment:
    """Return a contribution of so much less; the last instalments expected shrink with it."""
    return structs.replace(
        commitment,
        amount_minor=commitment.amount_minor - amount_minor,
        reduced_minor=commitment.reduced_minor + amount_minor,
        tranches=shrunk(commitment.tranches, amount_minor),
    )


def _balance(commitment: Commitment) -> str:
    """Return the fund balance that a year's end closes a contribution's income into."""
    return "3200" if is_earmarked(commitment) else "3100"


def is_earmarked(commitment: Commitment) -> bool:
    """Tell whether a commitment is a contribution for a purpose, whosever money it is."""
    by_terms = commitment.kind == "contribution" and commitment.earmark != OPEN
    return by_terms or commitment.income == INCOME["earmarked"]


def losable_minor(commitment: Commitment) -> int:
    """Return what can be written off: only what was income is a loss, what is deferred is reduced.

    Raises:
        Invalid: `commitment-kind`.
    """
    must_be_contribution(commitment)
    firm_minor = commitment.amount_minor - commitment.conditional_minor
    earned_minor = firm_minor - commitment.deferred_minor - commitment.written_off_minor
    return min(owed_minor(commitment), earned_minor)


def give_up_owed(
    commitment: Commitment, fund: Fund, amount_minor: int
) -> tuple[Commitment, Posting]:
    """Give up what a donor owes and will not pay: 5950 / 1200."""
    changed = structs.replace(
        commitment, written_off_minor=commitment.written_off_minor + amount_minor
    )
    changed = structs.replace(changed, status=standing(changed))
    posting = fund.move(("5950", commitment.id), ("1200", commitment.id), amount_minor)
    return changed, posting


# What it stands at --------------------------------------------------------------------------------


def must_be_contribution(commitment: Commitment) -> None:
    """Hold that a commitment is a donor's.

    Raises:
        Invalid: `commitment-kind`.
    """
    if commitment.kind != "contribution":
        detail = f"Commitment {commitment.id} is a {commitment.kind}, not a contribution."
        raise Invalid("commitment-kind", detail, "/commitment")


def part(money: Money | None, whole_minor: int, fund: Fund, what: str) -> int:
    """Return the part that is asked for, in minor units: all of it unless an amount is told.

    Raises:
        Refused: as `must_be_there`.
    """
    amount_minor = whole_minor if money is None else fund.amount(money, "/amount")
    must_be_there(amount_minor, whole_minor, fund, what)
    return amount_minor


def must_be_there(amount_minor: int, whole_minor: int, fund: Fund, what: str) -> None:
    """Hold that a contribution has as much as is asked for.

    Raises:
        Refused: `contribution-exceeded` when it is more than there is, or there is nothing.
    """
    if amount_minor > whole_minor or not whole_minor:
        whole = decimal_text(whole_minor, fund.currency)
        detail = f"Of this contribution {whole} {fund.currency} is {what}."
        raise Refused("contribution-exceeded", detail, "/amount")


def owed_minor(commitment: Commitment) -> int:
    """Return what a donor owes and has not paid (1200), in minor units."""
    firm_minor = commitment.amount_minor - commitment.conditional_minor
    return firm_minor - commitment.paid_minor - commitment.written_off_minor


def standing(commitment: Commitment) -> str:
    """Tell a contribution's status from its amounts.

    signed and partly_received while something may still come; then written_off where a part was
    given up, reduced where it is less than was signed, else received.
    """
    if commitment.conditional_minor or owed_minor(commitment):
        return "partly_received" if commitment.paid_minor else "signed"
    if commitment.written_off_minor:
        return "written_off"
    return "reduced" if commitment.reduced_minor else "received"
