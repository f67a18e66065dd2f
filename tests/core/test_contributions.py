"""Money in: what each rule records of it, and every reason for which it refuses."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mfm.core import contributions, costs, donor_refunds, in_kind, interest, write_offs
from mfm.core import unidentified_receipts as receipts
from mfm.core.accounts import CHART
from mfm.core.commitments import Commitment, SignCommitment
from mfm.core.deposits import Deposit
from mfm.core.donor_refunds import DonorRefund
from mfm.core.journal import check
from mfm.core.money import Money
from mfm.core.record import Draft
from mfm.core.schedules import Tranche
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from tests.core.drafts import (
    CONTRIBUTION,
    DAY,
    GRANT,
    PLEDGE,
    G,
    N,
    act,
    invalid,
    one,
    refused,
    told,
    usd,
)

Rule = Callable[[Commitment, str | None], Draft]
LATER = structs.replace(CONTRIBUTION, recognition="on_compliance", deferred_minor=1000)
CONDITIONAL = structs.replace(CONTRIBUTION, conditional_minor=1000)
PAID = structs.replace(CONTRIBUTION, paid_minor=600, status="partly_received")


def sign(**fields: object) -> Draft:
    command = SignCommitment(from_party="donor", to_fund="g", amount=usd("9.00"), **fields)  # type: ignore[arg-type]  # any of its fields
    pledge = PLEDGE if fields.get("pledge") else None
    return contributions.sign(act(), command, "c", G, pledge)


def meet(of: Commitment, amount: str | None = None) -> Draft:
    asked = usd(amount) if amount else None
    command = contributions.MeetConditions(commitment=of.id, amount=asked)
    return contributions.meet_conditions(act(), command, of, G)


def recognise(of: Commitment, amount: str | None = None) -> Draft:
    asked = usd(amount) if amount else None
    command = contributions.RecogniseCommitment(commitment=of.id, amount=asked)
    return contributions.recognise(act(), command, of, G)


def reduce(
    of: Commitment, amount: str | None = None, against: contributions.Against = "income"
) -> Draft:
    asked = usd(amount) if amount else None
    command = contributions.ReduceCommitment(commitment=of.id, amount=asked, against=against)
    return contributions.reduce(act(), command, of, G)


def write_off(of: Commitment, amount: str | None = None) -> Draft:
    asked = usd(amount) if amount else None
    command = write_offs.ProposeWriteOff(commitment=of.id, amount=asked)
    proposed = one(write_offs.propose(act(), command, "o", (of, None), G), write_offs.WriteOff)
    return write_offs.approve(act("other"), proposed, (of, None), G)


# Signing, conditions, recognition -----------------------------------------------------------------


def test_what_is_earned_later_is_deferred() -> None:
    draft = sign(recognition="on_compliance", contribution="private")
    assert told(draft) == [("g:1200/c", "g:2100/c", 900, "11")]
    made = one(draft, Commitment)
    assert (made.recognition, made.deferred_minor, made.income) == ("on_compliance", 900, "4130")


def test_a_conditional_contribution_is_a_memo_and_converts_its_pledge() -> None:
    draft = sign(conditional=True, pledge="p")
    assert told(draft) == [
        ("g:9200/c", "g:9290/c", 900, "11"),
        ("g:9190/p", "g:9100/p", 900, "-13"),
    ]
    made = one(draft, Commitment)
    assert (made.conditional_minor, made.deferred_minor, made.status) == (900, 0, "signed")
    assert contributions.owed_minor(made) == 0


def test_met_conditions_make_it_firm_and_report_nothing_twice() -> None:
    draft = meet(CONDITIONAL, "4.00")
    assert told(draft) == [
        ("g:9290/c", "g:9200/c", 400, ""),
        ("g:1200/c", "g:4110/c", 400, ""),
    ]
    left = one(draft, Commitment)
    assert (left.conditional_minor, contributions.owed_minor(left)) == (600, 400)
    assert one(meet(left), Commitment).conditional_minor == 0
    later = meet(structs.replace(CONDITIONAL, recognition="on_compliance"))
    assert told(later)[1] == ("g:1200/c", "g:2100/c", 1000, "")
    assert one(later, Commitment).deferred_minor == 1000


def test_income_is_recognised_in_parts() -> None:
    draft = recognise(LATER, "2.50")
    assert told(draft) == [("g:2100/c", "g:4110/c", 250, "")]
    assert one(draft, Commitment).deferred_minor == 750
    assert told(recognise(LATER)) == [("g:2100/c", "g:4110/c", 1000, "")]


def test_what_is_conditional_is_not_received() -> None:
    partly = structs.replace(CONDITIONAL, conditional_minor=300)
    assert contributions.settle(partly, 700).status == "partly_received"
    refused("conditions-unmet", lambda: contributions.settle(partly, 701))
    # Without conditions, the account's floor says it.
    assert contributions.settle(CONTRIBUTION, 1001).paid_minor == 1001


# Early ends ---------------------------------------------------------------------------------------


def test_a_reduction_takes_the_conditional_part_first_then_the_deferred() -> None:
    mixed = structs.replace(LATER, conditional_minor=300, deferred_minor=200)
    draft = reduce(mixed, "8.00")
    assert told(draft) == [
        ("g:9290/c", "g:9200/c", 300, "-11"),
        ("g:2100/c", "g:1200/c", 200, "-11"),
        ("g:4110/c", "g:1200/c", 300, "-11"),
    ]
    left = one(draft, Commitment)
    assert (left.amount_minor, left.reduced_minor, left.status) == (200, 800, "signed")
    assert (left.conditional_minor, left.deferred_minor, left.from_balance_minor) == (0, 0, 0)


def test_income_of_closed_years_is_taken_from_the_fund_balance() -> None:
    draft = reduce(PAID, None, "fund-balance")
    assert told(draft) == [("g:3200", "g:1200/c", 400, "-11")]
    left = one(draft, Commitment)
    assert (left.amount_minor, left.from_balance_minor, left.status) == (600, 400, "reduced")


def test_unearmarked_income_went_into_the_unrestricted_balance() -> None:
    free = structs.replace(PAID, income="4100")
    assert told(reduce(free, None, "fund-balance")) == [("g:3100", "g:1200/c", 400, "-11")]


def test_expected_instalments_shrink_from_the_last() -> None:
    instalments = (Tranche(1, 600), Tranche(2, 300), Tranche(3, 100))
    partly = structs.replace(PAID, tranches=instalments, conditional_minor=150)
    left = one(reduce(partly, "2.00"), Commitment)
    assert [tranche.amount_minor for tranche in left.tranches] == [600, 200, 0]
    refund = one(decide(partly, "1.50"), Commitment)
    assert [tranche.amount_minor for tranche in refund.tranches] == [600, 250, 0]


def test_a_loss_is_what_was_income() -> None:
    assert told(write_off(PAID)) == [("g:5950/c", "g:1200/c", 400, "")]
    left = one(write_off(PAID), Commitment)
    assert (left.amount_minor, left.written_off_minor, left.status) == (1000, 400, "written_off")
    partly = structs.replace(LATER, deferred_minor=700)
    assert told(write_off(partly)) == [("g:5950/c", "g:1200/c", 300, "")]
    refused("contribution-exceeded", lambda: write_off(partly, "3.01"))
    refused("contribution-exceeded", lambda: write_off(LATER))


def test_a_loss_needs_two_people_and_is_still_there_when_it_is_approved() -> None:
    asked = write_offs.ProposeWriteOff(commitment="c")
    proposed = one(write_offs.propose(act(), asked, "o", (PAID, None), G), write_offs.WriteOff)
    assert (proposed.receivable, proposed.party, proposed.fund) == (True, "donor", "g")
    refused("four-eyes", lambda: write_offs.approve(act(), proposed, (PAID, None), G))
    less = one(reduce(PAID, "0.01"), Commitment)
    refused(
        "contribution-exceeded",
        lambda: write_offs.approve(act("other"), proposed, (less, None), G),
    )


@pytest.mark.parametrize(
    ("rule", "of", "amount"),
    [
        (meet, CONDITIONAL, "10.01"),
        (meet, CONTRIBUTION, None),
        (recognise, LATER, "10.01"),
        (recognise, CONTRIBUTION, None),
        (reduce, PAID, "4.01"),
        (reduce, structs.replace(PAID, paid_minor=1000), None),
        (write_off, PAID, "4.01"),
        (write_off, CONDITIONAL, None),
    ],
)
def test_no_part_is_more_than_there_is(rule: Rule, of: Commitment, amount: str | None) -> None:
    refused("contribution-exceeded", lambda: rule(of, amount))


@pytest.mark.parametrize("rule", [meet, recognise, reduce])
def test_other_commitments_have_none_of_this(rule: Rule) -> None:
    invalid("commitment-kind", lambda: rule(GRANT, None))


def test_a_contribution_stands_by_its_parts() -> None:
    def stands(**amounts: int) -> str:
        return contributions.standing(structs.replace(CONTRIBUTION, **amounts))

    assert stands(conditional_minor=1000) == "signed"
    assert stands(conditional_minor=400, paid_minor=600) == "partly_received"
    assert stands(written_off_minor=400) == "signed"
    assert stands(written_off_minor=400, paid_minor=600, reduced_minor=1) == "written_off"
    assert stands(amount_minor=600, paid_minor=600, reduced_minor=400) == "reduced"
    assert stands(amount_minor=0, reduced_minor=1000) == "reduced"


# Back to the donor --------------------------------------------------------------------------------


def decide(of: Commitment, amount: str | None = None) -> Draft:
    asked = usd(amount) if amount else None
    command = donor_refunds.DecideDonorRefund(commitment=of.id, amount=asked)
    return donor_refunds.decide(act("a"), command, "x", of, G)


def test_a_donor_is_owed_what_was_decided_and_then_paid() -> None:
    deferred = structs.replace(PAID, recognition="on_compliance", deferred_minor=100)
    draft = decide(deferred, "3.00")
    assert told(draft) == [
        ("g:2100/c", "g:2400/c", 100, "-11"),
        ("g:4110/c", "g:2400/c", 200, "-11"),
        ("g:9300/c", "g:9399", 300, ""),
    ]
    check(draft.postings)
    left = one(draft, Commitment)
    assert (left.amount_minor, left.paid_minor, left.reduced_minor) == (700, 300, 300)
    refund = one(draft, DonorRefund)
    assert (refund.status, refund.party, refund.amount_minor) == ("decided", "donor", 300)
    command = donor_refunds.PayDonorRefund(refund="x", bank_account="euro")
    paid = donor_refunds.pay(act("b"), command, refund, G)
    assert told(paid) == [("g:2400/c", "g:1100/euro", 300, "-1")]
    check(paid.postings)
    end = one(paid, DonorRefund)
    assert (end.status, end.paid_by, end.paid_on) == ("paid", "b", DAY)
    refused("four-eyes", lambda: donor_refunds.pay(act("a"), command, refund, G))
    refused("donor-refund-state", lambda: donor_refunds.pay(act("b"), command, end, G))


def test_no_more_goes_back_than_came() -> None:
    assert one(decide(PAID), DonorRefund).amount_minor == 600
    refused("contribution-exceeded", lambda: decide(PAID, "6.01"))
    refused("contribution-exceeded", lambda: decide(CONTRIBUTION))
    invalid("commitment-kind", lambda: decide(GRANT))


# In suspense --------------------------------------------------------------------------------------


def received(amount: Money, **fields: str) -> UnidentifiedReceipt:
    command = receipts.RecordUnidentifiedReceipt(fund="g", amount=amount, **fields)  # type: ignore[arg-type]  # rates, as text
    draft = receipts.record(act(), command, "u", G)
    check(draft.postings)
    worth_minor = one(draft, UnidentifiedReceipt).amount_minor
    assert told(draft) == [("g:1100/main", "g:2900/u", worth_minor, "")]
    return one(draft, UnidentifiedReceipt)


def identify(
    receipt: UnidentifiedReceipt, of: Commitment = CONTRIBUTION, settles: str | None = None
) -> Draft:
    asked = usd(settles) if settles else None
    command = receipts.IdentifyUnidentifiedReceipt(receipt="u", commitment=of.id, settles=asked)
    return receipts.identify(act(), command, "d", (receipt, of), G)


def test_a_receipt_becomes_a_deposit() -> None:
    draft = identify(received(usd("4.00")))
    assert told(draft) == [
        ("g:2900/u", "g:1200/c", 400, "1"),
        ("g:9399", "g:9300/c", 400, ""),
    ]
    check(draft.postings)
    assert one(draft, Commitment).status == "partly_received"
    made = one(draft, Deposit)
    assert (made.id, made.amount_minor, made.bank_account) == ("d", 400, "main")
    placed = one(draft, UnidentifiedReceipt)
    assert (placed.status, placed.deposit) == ("identified", "d")
    refused("unidentified-receipt-state", lambda: identify(placed))
    refused("unidentified-receipt-state", lambda: receipts.return_(act(), placed, G))


def test_a_foreign_receipt_keeps_its_rate_and_settles_what_is_told() -> None:
    receipt = received(Money("4.00", "EUR"), rate="1.10", rate_source="bank")
    assert (receipt.amount_minor, receipt.original_minor) == (440, 400)
    short, over = identify(receipt, settles="5.00"), identify(receipt, settles="4.00")
    assert told(short)[:2] == [
        ("g:2900/u", "g:1200/c", 440, "1"),
        ("g:5900", "g:1200/c", 60, ""),
    ]
    assert told(over)[:2] == [
        ("g:2900/u", "g:1200/c", 400, "1"),
        ("g:2900/u", "g:4900", 40, "1"),
    ]
    check(short.postings)
    check(over.postings)
    assert one(short, Deposit).rate == "1.10"


def test_a_receipt_goes_back_as_it_came() -> None:
    receipt = received(usd("4.00"))
    draft = receipts.return_(act(), receipt, G)
    assert told(draft) == [("g:2900/u", "g:1100/main", 400, "")]
    check(draft.postings)
    returned = one(draft, UnidentifiedReceipt)
    assert returned.status == "returned"
    refused("unidentified-receipt-state", lambda: identify(returned))


def test_what_a_receipt_may_not_be() -> None:
    invalid("rate-missing", lambda: received(Money("4.00", "EUR")))
    invalid("rate-needless", lambda: received(usd("4.00"), rate="1.00"))
    invalid("amount-zero", lambda: received(Money("0.01", "EUR"), rate="0.1"))
    receipt = received(usd("4.00"))
    invalid("rate-needless", lambda: identify(receipt, settles="4.00"))
    invalid("commitment-kind", lambda: identify(receipt, GRANT))
    other = structs.replace(CONTRIBUTION, to_fund=N.id)
    invalid("contribution-other", lambda: identify(receipt, other))
    refused("conditions-unmet", lambda: identify(receipt, CONDITIONAL))


# A fund's own cash, and expertise -----------------------------------------------------------------


def test_interest_is_authority_of_no_donor() -> None:
    command = interest.EarnInterest(fund="g", amount=usd("0.07"))
    draft = interest.earn(act(), command, "i", G)
    assert told(draft) == [
        ("g:1100/main", "g:4500", 7, "1"),
        ("g:9399", "g:9300/interest", 7, ""),
    ]
    check(draft.postings)


def pay(kind: costs.CostKind, amount: str, available: dict[str, int], **shares: str) -> Draft:
    terms = tuple(costs.ShareTerm(name, usd(part)) for name, part in shares.items())
    command = costs.PayCost(fund="g", kind=kind, amount=usd(amount), shares=terms)
    return costs.pay(act(), command, "k", G, available)


def test_a_cost_is_borne_by_those_it_names_or_by_all() -> None:
    draft = pay("direct", "1.00", {"c": 200, "interest": 100})
    assert told(draft) == [
        ("g:5600", "g:1100/main", 100, "4"),
        ("g:9300/c", "g:9340", 67, ""),
        ("g:9300/interest", "g:9340", 33, ""),
    ]
    check(draft.postings)
    named = pay("bank-charge", "1.00", {}, interest="1.00")
    assert told(named) == [
        ("g:5700", "g:1100/main", 100, "4"),
        ("g:9300/interest", "g:9340", 100, ""),
    ]
    refused("authority-exceeded", lambda: pay("direct", "3.01", {"c": 200, "interest": 100}))
    refused("shares-differ", lambda: pay("direct", "3.01", {"c": 900}, c="3.00"))
    assert {CHART[code].kind for code in costs.USE.values()} == {"use"}


@given(
    st.integers(1, 10**9),
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 10**9), min_size=1),
)
def test_shares_of_a_cost_sum_to_it_exactly(cost: int, available: dict[str, int]) -> None:
    amount = f"{cost // 100}.{cost % 100:02}"
    if cost > sum(available.values()):
        refused("authority-exceeded", lambda: pay("direct", amount, available))
        return
    made = one(pay("direct", amount, available), costs.Cost)
    assert sum(share.amount_minor for share in made.shares) == cost
    assert all(0 < s.amount_minor <= available[s.contribution] for s in made.shares)


def given_hours(hours: str, hour: str = "50.00") -> Draft:
    command = in_kind.RecordInKind(fund="g", donor="donor", hours=hours, hour=usd(hour))
    return in_kind.record(act(), command, "e", G)


def test_expertise_is_promised_and_used_in_one_entry() -> None:
    draft = given_hours("37.5")
    assert told(draft) == [
        ("g:1200", "g:4140", 187_500, "11"),
        ("g:5800", "g:1200", 187_500, "1"),
    ]
    check(draft.postings)
    made = one(draft, in_kind.InKind)
    assert (made.hours, made.hour_minor, made.amount_minor) == ("37.5", 5000, 187_500)
    assert made.channel == "4"
    assert one(given_hours("0.25", "0.10"), in_kind.InKind).amount_minor == 2  # half to even
    invalid("amount-zero", lambda: given_hours("0.00"))
    invalid("amount-zero", lambda: given_hours("0.01", "0.01"))


def test_every_step_is_of_the_day_it_says() -> None:
    drafts = (meet(CONDITIONAL), recognise(LATER), reduce(PAID), write_off(PAID), decide(PAID))
    assert {draft.effective_on for draft in drafts} == {date(2026, 3, 2)}
