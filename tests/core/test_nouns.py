"""The rules of each noun: what they record, and every reason for which they refuse."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from msgspec import structs

from mfm.core import (
    allocations,
    arrivals,
    commitments,
    contributions,
    deposits,
    disbursements,
    entries,
    funds,
    keys,
    parties,
    payments,
    permissions,
    pledges,
    refunds,
    reported,
    reports,
)
from mfm.core.accounts import CHART
from mfm.core.allocations import Allocation, Share
from mfm.core.commitments import Commitment, SignCommitment, Tranche
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.entries import PostEntry
from mfm.core.funds import Fund
from mfm.core.journal import check
from mfm.core.money import Money
from mfm.core.permissions import Actor
from mfm.core.pledges import Pledge
from mfm.core.record import Draft, Posting
from mfm.core.refunds import Refund
from mfm.core.reported import ReportedTransaction
from mfm.core.terms import Command
from tests.core.drafts import (
    CONTRIBUTION,
    ENVELOPE,
    GRANT,
    PAID,
    PLEDGE,
    TRANSFER,
    YEN,
    G,
    N,
    act,
    invalid,
    one,
    refused,
    told,
    usd,
)

# Parties and funds -------------------------------------------------------------------------------


def test_a_party_is_registered_with_what_it_says() -> None:
    command = parties.RegisterParty(name="Group", identifier="XM-1", kind="22", country="KE")
    party = one(parties.register(act(), command, "group"), parties.Party)
    assert (party.id, party.status, party.name) == ("group", "registered", "Group")
    assert (party.identifier, party.kind, party.country) == ("XM-1", "22", "KE")


@pytest.mark.parametrize("ref", ["Ministry", "12345", "XM-DAC-N/A", "GB-", "gb-coh-1", " SE-0"])
def test_a_party_is_known_by_no_identifier_that_cannot_be_one(ref: str) -> None:
    command = parties.RegisterParty(name="Group", identifier=ref)
    invalid("identifier-malformed", lambda: parties.register(act(), command, "group"))


def test_a_fund_opens_with_empty_books_in_its_own_chain() -> None:
    command = funds.OpenFund(name="N", tier="national", currency="KES", steward="s", parent="g")
    draft = funds.open_fund(act(), command, "n")
    fund = one(draft, Fund)
    assert (fund.status, fund.parent, fund.currency, fund.tier) == ("open", "g", "KES", "national")
    assert draft.funds == ("n",)
    assert draft.postings == ()


def test_a_period_may_not_end_before_it_begins() -> None:
    early, late = date(2026, 1, 1), date(2026, 12, 31)
    command = funds.SetPeriod(fund="g", open_from=early, open_until=late)
    fund = one(funds.set_period(act(), command, G), Fund)
    assert (fund.open_from, fund.open_until) == (early, late)
    backwards = funds.SetPeriod(fund="g", open_from=late, open_until=early)
    refused("period-backwards", lambda: funds.set_period(act(), backwards, G))


def test_entries_count_inside_the_period_its_ends_included() -> None:
    fund = structs.replace(G, open_from=date(2026, 1, 1), open_until=date(2026, 12, 31))
    fund.check_open(date(2026, 1, 1))
    fund.check_open(date(2026, 12, 31))
    refused("period-closed", lambda: fund.check_open(date(2025, 12, 31)))
    refused("period-closed", lambda: fund.check_open(date(2027, 1, 1)))
    structs.replace(fund, reported=True).check_open(date(1990, 1, 1))
    structs.replace(fund, open_until=None).check_open(date(2999, 1, 1))


def test_a_fund_keeps_one_currency() -> None:
    invalid("currency-not-fund", lambda: G.amount(Money("1.00", "EUR"), "/amount"))
    assert YEN.amount(Money("5", "JPY"), "/amount") == 5
    invalid("amount-precision", lambda: YEN.amount(Money("5.0", "JPY"), "/amount"))


# Pledges -----------------------------------------------------------------------------------------


def test_a_pledge_is_a_memo() -> None:
    command = pledges.AnnouncePledge(fund="g", donor="donor", amount=usd("12.00"))
    draft = pledges.announce(act(), command, "p", G)
    assert told(draft) == [("g:9100/p", "g:9190/p", 1200, "13")]
    assert one(draft, Pledge) == PLEDGE


def test_a_pledge_lapses_in_parts_and_whole() -> None:
    part = pledges.LapsePledge(pledge="p", amount=usd("2.00"))
    draft = pledges.lapse(act(), part, PLEDGE, G)
    left = one(draft, Pledge)
    assert told(draft) == [("g:9190/p", "g:9100/p", 200, "-13")]
    assert (left.outstanding_minor, left.status) == (1000, "announced")
    gone = one(pledges.lapse(act(), pledges.LapsePledge(pledge="p"), left, G), Pledge)
    assert (gone.outstanding_minor, gone.status) == (0, "lapsed")
    refused("pledge-ended", lambda: pledges.lapse(act(), part, gone, G))
    more = pledges.LapsePledge(pledge="p", amount=usd("10.01"))
    refused("pledge-exceeded", lambda: pledges.lapse(act(), more, left, G))


# Commitments -------------------------------------------------------------------------------------


def sign(**fields: object) -> SignCommitment:
    return msgspec.convert(
        {"amount": {"amount": "9.00", "currency": "USD"}} | fields, SignCommitment
    )


@pytest.mark.parametrize(
    ("sides", "kind"),
    [
        (("from_party", "to_fund"), "contribution"),
        (("from_fund", "to_fund"), "transfer"),
        (("from_fund", "to_party"), "grant"),
    ],
)
def test_the_sides_tell_the_kind(sides: tuple[str, str], kind: str) -> None:
    assert commitments.kind_of(sign(**{side: side[0] for side in sides})) == kind


@pytest.mark.parametrize(
    "sides",
    [
        {},
        {"from_party": "a"},
        {"from_party": "a", "to_party": "b"},
        {"from_party": "a", "from_fund": "b", "to_fund": "c"},
        {"from_fund": "a", "to_fund": "b", "to_party": "c"},
        {"from_fund": "a", "to_fund": "a"},
    ],
)
def test_other_sides_are_no_commitment(sides: dict[str, str]) -> None:
    invalid("commitment-sides", lambda: commitments.kind_of(sign(**sides)))


def test_a_contribution_is_receivable_and_converts_its_pledge() -> None:
    command = sign(from_party="donor", to_fund="g", contribution="earmarked", pledge="p")
    draft = contributions.sign(act(), command, "c", G, PLEDGE)
    assert told(draft) == [
        ("g:1200/c", "g:4110/c", 900, "11"),
        ("g:9190/p", "g:9100/p", 900, "-13"),
    ]
    assert one(draft, Pledge).outstanding_minor == 300
    made = one(draft, Commitment)
    assert (made.kind, made.status, made.income) == ("contribution", "signed", "4110")


def test_what_a_contribution_may_not_say() -> None:
    def made(pledge: Pledge | None = None, **fields: object) -> Draft:
        command = sign(from_party="donor", to_fund="g", **fields)
        return contributions.sign(act(), command, "c", G, pledge)

    invalid("commitment-allocation", lambda: made(allocation="a"))
    amount = {"amount": "9.00", "currency": "USD"}
    invalid("tranches-differ", lambda: made(tranches=[{"amount": amount}] * 2))
    invalid("pledge-other", lambda: made(structs.replace(PLEDGE, donor="x")))
    invalid("pledge-other", lambda: made(structs.replace(PLEDGE, fund="n")))
    refused("pledge-exceeded", lambda: made(structs.replace(PLEDGE, outstanding_minor=899)))
    invalid("currency-not-fund", lambda: made(amount={"amount": "9.00", "currency": "EUR"}))


def test_every_kind_of_contribution_has_its_income_account() -> None:
    for kind, code in contributions.INCOME.items():
        command = sign(from_party="donor", to_fund="g", contribution=kind)
        draft = contributions.sign(act(), command, "c", G, None)
        assert told(draft)[0][1] == f"g:{code}/c"
        assert CHART[code].kind == "income"


def outgoing(receiver: Fund | None = None, **fields: object) -> Draft:
    side = {"to_fund": "n"} if receiver else {"to_party": "group"}
    command = sign(from_fund="g", allocation="a", **side, **fields)
    return commitments.sign_outgoing(act(), command, "w", ENVELOPE, (G, receiver))


def test_a_grant_encumbers_its_envelope() -> None:
    draft = outgoing(
        tranches=[{"amount": {"amount": a, "currency": "USD"}} for a in ("4.00", "5.00")]
    )
    assert told(draft) == [("g:9310/a", "g:9320/w", 900, "2")]
    made = one(draft, Commitment)
    assert [t.amount_minor for t in made.tranches] == [400, 500]
    assert [t.number for t in made.tranches] == [1, 2]
    assert one(outgoing(), Commitment).tranches == (Tranche(1, 900),)


def test_a_transfer_stands_in_both_funds_at_once() -> None:
    draft = outgoing(N)
    assert told(draft) == [
        ("g:9310/a", "g:9320/w", 900, "2"),
        ("g:5300/w", "g:2300/w", 900, ""),
        ("n:1400/w", "n:4600/w", 900, "11"),
    ]
    assert one(draft, Commitment).kind == "transfer"


def test_what_a_grant_or_transfer_may_not_say() -> None:
    short = [{"amount": {"amount": "8.99", "currency": "USD"}}]
    invalid("tranches-differ", lambda: outgoing(tranches=short))
    euro = [{"amount": {"amount": "9.00", "currency": "EUR"}}]
    invalid("currency-not-fund", lambda: outgoing(tranches=euro))
    invalid("currency-not-fund", lambda: outgoing(YEN))
    command = sign(from_fund="n", to_party="group", allocation="a")
    invalid(
        "allocation-other",
        lambda: commitments.sign_outgoing(act(), command, "w", ENVELOPE, (N, None)),
    )


def deobligate(commitment: Commitment, amount: str | None, receiver: Fund | None = None) -> Draft:
    command = commitments.DeobligateCommitment(
        commitment=commitment.id, amount=usd(amount) if amount else None
    )
    return commitments.deobligate(act(), command, commitment, ENVELOPE, (G, receiver))


def test_deobligation_frees_the_last_free_tranches_by_contribution() -> None:
    taken = (structs.replace(GRANT.tranches[0], disbursement="x"), *GRANT.tranches[1:])
    draft = deobligate(structs.replace(GRANT, tranches=taken), "3.00")
    assert told(draft) == [
        ("g:9320/w", "g:9300/c", 200, "-2"),
        ("g:9320/w", "g:9300/d", 100, "-2"),
    ]
    left = one(draft, Commitment)
    assert [t.amount_minor for t in left.tranches] == [400, 200, 0]
    assert left.amount_minor == sum(t.amount_minor for t in left.tranches) == 600
    assert one(draft, Allocation).shares == (Share("c", 400), Share("d", 200))


def test_deobligation_takes_only_what_nobody_asked_for() -> None:
    taken = tuple(structs.replace(t, disbursement="x") for t in GRANT.tranches)
    half = structs.replace(GRANT, tranches=(*GRANT.tranches[:1], *taken[1:]))
    refused("tranche-taken", lambda: deobligate(half, "4.01"))
    refused("tranche-taken", lambda: deobligate(structs.replace(GRANT, tranches=taken), None))
    assert one(deobligate(half, None), Commitment).amount_minor == 500


def test_deobligating_a_transfer_undoes_both_sides() -> None:
    draft = deobligate(TRANSFER, "1.00", N)
    assert told(draft)[-2:] == [
        ("g:2300/t", "g:5300/t", 100, ""),
        ("n:4600/t", "n:1400/t", 100, "-11"),
    ]


def test_a_commitment_stands_by_its_amounts() -> None:
    def stands(of: Commitment, **amounts: int) -> str:
        rules = contributions if of.kind == "contribution" else commitments
        return rules.standing(structs.replace(of, **amounts))

    assert stands(CONTRIBUTION) == "signed"
    assert stands(CONTRIBUTION, paid_minor=1) == "partly_received"
    assert stands(CONTRIBUTION, paid_minor=1000) == "received"
    assert stands(GRANT) == "signed"
    assert stands(GRANT, paid_minor=900) == "active"
    assert stands(GRANT, paid_minor=900, accepted_minor=800, refunded_minor=100) == "closed"
    assert stands(TRANSFER, paid_minor=900) == "closed"
    assert stands(TRANSFER, paid_minor=899) == "active"
    assert CONTRIBUTION.funds == ("g",)
    assert CONTRIBUTION.parties == ("donor",)
    assert TRANSFER.funds == ("g", "n")


# Deposits ----------------------------------------------------------------------------------------


def deposit(commitment: Commitment = CONTRIBUTION, **fields: object) -> Draft:
    plain = {"commitment": "c", "amount": {"amount": "9.00", "currency": "EUR"}} | fields
    command = msgspec.convert(plain, deposits.ReceiveDeposit)
    return deposits.receive(act(), command, "d", commitment, G)


def test_a_deposit_creates_cash_and_authority() -> None:
    draft = deposit(amount={"amount": "9.00", "currency": "USD"}, bank_account="b")
    assert told(draft) == [
        ("g:1100/b", "g:1200/c", 900, "1"),
        ("g:9399", "g:9300/c", 900, ""),
    ]
    assert one(draft, Commitment).status == "partly_received"
    made = one(draft, Deposit)
    assert (made.amount_minor, made.settled_minor, made.original_minor) == (900, 900, 900)


def test_a_deposit_may_settle_more_than_it_is_worth() -> None:
    draft = deposit(rate="1.10", settles={"amount": "10.00", "currency": "USD"})
    assert told(draft) == [
        ("g:1100/main", "g:1200/c", 990, "1"),
        ("g:5900", "g:1200/c", 10, ""),
        ("g:9399", "g:9300/c", 990, ""),
    ]
    assert one(draft, Commitment).status == "received"


def test_a_deposit_may_be_worth_more_than_it_settles() -> None:
    draft = deposit(rate="1.10", settles={"amount": "9.80", "currency": "USD"})
    assert told(draft) == [
        ("g:1100/main", "g:1200/c", 980, "1"),
        ("g:1100/main", "g:4900", 10, "1"),
        ("g:9399", "g:9300/c", 990, ""),
    ]


@pytest.mark.parametrize(
    ("settles", "plausible"), [("12.37", True), ("12.38", False), ("7.43", True), ("7.42", False)]
)
def test_a_deposit_settles_about_its_worth(settles: str, *, plausible: bool) -> None:
    asked = {"rate": "1.10", "settles": {"amount": settles, "currency": "USD"}}  # 9.90 is its worth
    large = structs.replace(CONTRIBUTION, amount_minor=2000)
    if plausible:
        assert one(deposit(large, **asked), Deposit).settled_minor == int(settles.replace(".", ""))
    else:
        refused("settles-implausible", lambda: deposit(large, **asked))


def test_what_a_deposit_must_and_may_not_say() -> None:
    invalid("commitment-kind", lambda: deposit(GRANT))
    invalid("rate-missing", deposit)
    invalid("rate-malformed", lambda: deposit(rate="1,1"))
    dollars = {"amount": "9.00", "currency": "USD"}
    invalid("rate-needless", lambda: deposit(amount=dollars, rate="1"))
    invalid("rate-needless", lambda: deposit(amount=dollars, settles=dollars))
    invalid("amount-zero", lambda: deposit(rate="0.000001"))
    euro = {"amount": "9.00", "currency": "EUR"}
    invalid("currency-not-fund", lambda: deposit(rate="1.1", settles=euro))


def test_the_fee_is_charged_once_at_the_funds_rate() -> None:
    made = one(deposit(rate="1.10"), Deposit)
    draft = deposits.charge_fee(act(), made, G)
    assert told(draft) == [
        ("g:5400/d", "g:1100/main", 10, "4"),  # 9.90 half to even
        ("g:9300/c", "g:9340", 10, ""),
    ]
    charged = one(draft, Deposit)
    refused("fee-charged", lambda: deposits.charge_fee(act(), charged, G))
    free = structs.replace(G, fee_basis_points=0)
    refused("fee-zero", lambda: deposits.charge_fee(act(), made, free))


# Allocations -------------------------------------------------------------------------------------


def allocate(amount: str, available: dict[str, int], *shares: tuple[str, str]) -> Draft:
    terms = tuple(allocations.ShareTerm(c, usd(a)) for c, a in shares)
    command = allocations.ApproveAllocation(fund="g", amount=usd(amount), shares=terms)
    return allocations.approve(act(), command, "a", G, available)


def test_an_allocation_draws_on_all_contributions_pro_rata() -> None:
    draft = allocate("1.00", {"d": 100, "c": 200})
    assert told(draft) == [
        ("g:9300/c", "g:9310/a", 67, ""),
        ("g:9300/d", "g:9310/a", 33, ""),
    ]
    assert one(draft, Allocation).shares == (Share("c", 67), Share("d", 33))


def test_an_allocation_may_name_its_shares() -> None:
    draft = allocate("3.00", {"c": 200, "d": 100}, ("c", "1.00"), ("d", "2.00"))
    assert [line[2] for line in told(draft)] == [100, 200]  # the floor is the journal's to hold


def test_an_allocation_is_refused() -> None:
    refused("authority-exceeded", lambda: allocate("3.01", {"c": 200, "d": 100}))
    refused("authority-exceeded", lambda: allocate("0.01", {}))
    refused("shares-differ", lambda: allocate("3.00", {}, ("c", "1.00"), ("d", "1.99")))
    refused("shares-differ", lambda: allocate("3.00", {}, ("c", "1.50"), ("c", "1.50")))


def returned(amount: str) -> Draft:
    command = allocations.ReturnAllocation(allocation="a", amount=usd(amount))
    return allocations.return_(act(), command, ENVELOPE, G)


def test_an_allocation_goes_back_where_it_came_from() -> None:
    draft = returned("3.00")
    assert told(draft) == [("g:9310/a", "g:9300/c", 200, ""), ("g:9310/a", "g:9300/d", 100, "")]
    assert one(draft, Allocation).status == "approved"
    assert one(returned("9.00"), Allocation).status == "returned"
    refused("allocation-exceeded", lambda: returned("9.01"))


# Disbursements -----------------------------------------------------------------------------------


def request(commitment: Commitment, tranche: int = 1, key: str = "a") -> Draft:
    command = disbursements.RequestDisbursement(commitment=commitment.id, tranche=tranche)
    return disbursements.request(act(key), command, "x", commitment, G)


REQUESTED = one(request(GRANT), Disbursement)
APPROVED = one(disbursements.approve(act("b"), REQUESTED, G), Disbursement)


def release(of: Disbursement, commitment: Commitment, receiver: Fund | None, key: str) -> Draft:
    command = payments.ReleaseDisbursement(disbursement="x")
    return payments.release(act(key), command, of, commitment, (G, receiver))


def test_a_request_takes_its_tranche_and_moves_nothing() -> None:
    draft = request(GRANT, 2)
    assert draft.postings == ()
    assert draft.funds == ("g",)
    assert one(draft, Disbursement).amount_minor == 400
    assert [t.disbursement for t in one(draft, Commitment).tranches] == ["", "x", ""]
    refused("tranche-taken", lambda: request(one(draft, Commitment), 2))


def test_a_request_is_refused() -> None:
    invalid("commitment-kind", lambda: request(CONTRIBUTION))
    for number in (0, 4, -1):
        invalid("tranche-unknown", lambda n=number: request(GRANT, n))
    empty = structs.replace(GRANT, tranches=(Tranche(1, 0),))
    refused("tranche-empty", lambda: request(empty))


def test_approval_makes_a_payable_and_payment_ends_it() -> None:
    draft = disbursements.approve(act("b"), REQUESTED, G)
    assert told(draft) == [("g:9320/w", "g:9330/w", 400, ""), ("g:1300/w", "g:2200/w", 400, "")]
    draft = release(APPROVED, GRANT, None, "c")
    assert told(draft) == [("g:2200/w", "g:1100/main", 400, "3"), ("g:9330/w", "g:9340/w", 400, "")]
    assert one(draft, Commitment).status == "active"


def test_a_transfer_is_in_transit_until_the_receiver_confirms() -> None:
    requested = one(request(TRANSFER), Disbursement)
    draft = disbursements.approve(act("b"), requested, G)
    assert told(draft) == [("g:9320/t", "g:9330/t", 400, "")]
    draft = release(one(draft, Disbursement), TRANSFER, N, "c")
    assert told(draft) == [
        ("g:2300/t", "g:1100/main", 400, "3"),
        ("g:9330/t", "g:9340/t", 400, ""),
        ("n:1120/t", "n:1400/t", 400, ""),
    ]
    command = arrivals.ConfirmDisbursement(disbursement="x")
    draft = arrivals.confirm(act(), command, one(draft, Disbursement), N)
    assert told(draft) == [("n:1100/main", "n:1120/t", 400, "1"), ("n:9399", "n:9300/t", 400, "")]
    assert draft.funds == ("g",)


def test_nobody_takes_two_steps() -> None:
    refused("four-eyes", lambda: disbursements.approve(act("a"), REQUESTED, G))
    refused("four-eyes", lambda: release(APPROVED, GRANT, None, "a"))
    refused("four-eyes", lambda: release(APPROVED, GRANT, None, "b"))


def test_steps_come_in_their_order() -> None:
    paid = one(release(APPROVED, GRANT, None, "c"), Disbursement)
    command = arrivals.ConfirmDisbursement(disbursement="x")
    refused("disbursement-state", lambda: disbursements.approve(act("z"), APPROVED, G))
    refused("disbursement-state", lambda: release(REQUESTED, GRANT, None, "z"))
    refused("disbursement-state", lambda: release(paid, GRANT, None, "z"))
    refused("disbursement-state", lambda: arrivals.confirm(act(), command, APPROVED, None))
    confirmed = arrivals.confirm(act(), command, paid, None)
    assert (confirmed.postings, confirmed.funds) == ((), ("g",))
    done = one(confirmed, Disbursement)
    refused("disbursement-state", lambda: arrivals.confirm(act(), command, done, None))


# Reports and refunds -----------------------------------------------------------------------------


def report(direct: str, support: str | None = None, of: Commitment = PAID) -> Draft:
    command = reports.AcceptReport(
        commitment="w", direct=usd(direct), support_cost=usd(support) if support else None
    )
    return reports.accept(act(), command, ("r", "f"), (of, None), G)


def test_accepted_expenditure_settles_the_advance() -> None:
    draft = report("3.00", "0.21")
    assert told(draft) == [("g:5100/w", "g:1300/w", 300, ""), ("g:5500/w", "g:1300/w", 21, "")]
    assert one(draft, Commitment).accepted_minor == 321
    assert len(report("4.00").postings) == 1


def test_more_than_was_paid_is_not_accepted() -> None:
    refused("advance-exceeded", lambda: report("4.01"))
    refused("advance-exceeded", lambda: report("3.80", "0.21"))
    refused("advance-exceeded", lambda: report("0.01", of=GRANT))
    invalid("commitment-kind", lambda: report("1.00", of=TRANSFER))
    claimed = structs.replace(PAID, claimed_minor=100)
    refused("advance-exceeded", lambda: report("3.01", of=claimed))


def claim(amount: str, of: Commitment = PAID) -> Draft:
    command = refunds.ClaimRefund(commitment="w", amount=usd(amount))
    return refunds.claim(act(), command, "f", of, G)


def test_a_refund_is_claimed_and_comes_back_to_its_contributions() -> None:
    claimed = claim("3.00")
    assert told(claimed) == [("g:1500/w", "g:1300/w", 300, "")]
    command = refunds.ReceiveRefund(refund="f")
    due, commitment = one(claimed, Refund), one(claimed, Commitment)
    draft = refunds.receive(act(), command, (due, commitment, ENVELOPE), G)
    assert told(draft) == [
        ("g:1100/main", "g:1500/w", 300, "-3"),
        ("g:9340/w", "g:9300/c", 200, ""),
        ("g:9340/w", "g:9300/d", 100, ""),
    ]
    assert one(draft, Allocation).shares == (Share("c", 400), Share("d", 200))
    received = one(draft, Refund)
    refused(
        "refund-state",
        lambda: refunds.receive(act(), command, (received, commitment, ENVELOPE), G),
    )


def test_no_more_is_claimed_than_is_open() -> None:
    refused("advance-exceeded", lambda: claim("4.01"))
    refused("advance-exceeded", lambda: claim("0.01", structs.replace(PAID, accepted_minor=400)))
    invalid("commitment-kind", lambda: claim("1.00", CONTRIBUTION))


# Keys --------------------------------------------------------------------------------------------


def test_a_key_is_revoked_once() -> None:
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    command = keys.CreateKey(party="donor", role="donor", fund="g")
    made = one(keys.create(act(), command, "k", keys.digest_of("s"), expires), keys.ApiKey)
    assert made.actor == Actor("donor", "donor", "k", "g")
    assert len(made.digest) == 64
    revoked = one(keys.revoke(act(), made), keys.ApiKey)
    assert revoked.status == "revoked"
    refused("key-revoked", lambda: keys.revoke(act(), revoked))


# Vouchers and reversals --------------------------------------------------------------------------


def voucher(*lines: tuple[str, str, str], fund: Fund = G) -> Draft:
    """Lines as (account/subject, side, amount)."""
    told_lines = []
    for name, side, amount in lines:
        code, _, subject = name.partition("/")
        value, _, currency = amount.partition(" ")
        money = {"amount": value, "currency": currency or "USD"}
        told_lines.append({"account": code, "subject": subject, side: money})
    plain = {"fund": fund.id, "lines": told_lines}
    return entries.post(act(), msgspec.convert(plain, PostEntry), fund)


def test_lines_are_paired_within_their_book() -> None:
    draft = voucher(
        ("1100/main", "debit", "5.00"),
        ("9399", "debit", "5.00"),
        ("4500", "credit", "3.00"),
        ("4510", "credit", "2.00"),
        ("9300/c", "credit", "5.00"),
    )
    assert told(draft) == [
        ("g:1100/main", "g:4500", 300, ""),
        ("g:1100/main", "g:4510", 200, ""),
        ("g:9399", "g:9300/c", 500, ""),
    ]
    check(draft.postings)


def test_what_is_no_voucher() -> None:
    cash, bank = ("1100/main", "debit", "5.00"), ("1100/b", "credit", "5.00")
    invalid("entry-unbalanced", lambda: voucher(cash, ("1100/b", "credit", "4.99")))
    invalid("entry-unbalanced", lambda: voucher(cash, ("1100/b", "debit", "5.00")))
    invalid("entry-unbalanced", lambda: voucher(cash, ("9300/c", "credit", "5.00")))
    invalid("entry-cross-currency", lambda: voucher(cash, ("1100/b", "credit", "5.00 EUR")))
    invalid("entry-circular", lambda: voucher(cash, ("1100/main", "credit", "5.00")))
    invalid("account-unknown", lambda: voucher(cash, ("1101", "credit", "5.00")))
    invalid("account-controlled", lambda: voucher(cash, ("1200/c", "credit", "5.00")))
    invalid(
        "account-controlled",
        lambda: voucher(("9300/c", "debit", "1.00"), ("9340/w", "credit", "1.00")),
    )
    invalid("amount-precision", lambda: voucher(cash, ("1100/b", "credit", "5.001")))
    invalid("amount-zero", lambda: voucher(cash, bank, ("5700", "debit", "0.00")))
    reports_of_others = structs.replace(G, reported=True)
    invalid("fund-reported", lambda: voucher(cash, bank, fund=reports_of_others))
    invalid("currency-not-fund", lambda: voucher(cash, bank, fund=YEN))


@pytest.mark.parametrize("sides", [{}, {"debit": usd("1.00"), "credit": usd("1.00")}])
def test_a_line_has_one_side(sides: dict[str, Money]) -> None:
    lines = (entries.EntryLine("1100", **sides), entries.EntryLine("1100", credit=usd("1.00")))
    invalid("line-sides", lambda: entries.post(act(), PostEntry(fund="g", lines=lines), G))


def test_a_reversal_is_the_exact_mirror_in_reverse_order() -> None:
    made = deposit(rate="1.10", settles={"amount": "10.00", "currency": "USD"})
    made = structs.replace(made, sets=tuple(structs.replace(row, seq=7) for row in made.sets))
    pairs = tuple(
        (row, structs.replace(CONTRIBUTION, seq=3) if isinstance(row, Commitment) else None)
        for row in made.sets
    )
    draft = entries.reverse(act(), 7, made.postings, pairs)
    assert told(draft) == [
        ("g:9300/c", "g:9399", 990, ""),
        ("g:1200/c", "g:5900", 10, ""),
        ("g:1200/c", "g:1100/main", 990, "-1"),
    ]
    assert draft.reverses == 7
    assert one(draft, Deposit).status == "reversed"
    assert one(draft, Commitment).paid_minor == 0
    mirrored = [entries.mirror(entries.mirror(posting)) for posting in made.postings]
    assert tuple(mirrored) == made.postings


def test_a_record_is_not_taken_back_from_under_another() -> None:
    now = structs.replace(PLEDGE, seq=9)
    refused("record-superseded", lambda: entries.reverse(act(), 7, (), ((now, None),)))
    refused("record-empty", lambda: entries.reverse(act(), 7, (), ()))


# Reported books ----------------------------------------------------------------------------------


def reported_transaction(iati_type: str, amount: int) -> tuple[Posting, ...]:
    return reported.postings(
        ReportedTransaction(
            id="x",
            status="reported",
            fund="r",
            iati_type=iati_type,
            currency="EUR",
            amount_minor=amount,
            digest="",
        )
    )


@pytest.mark.parametrize("iati_type", [*map(str, range(1, 14)), "99"])
def test_every_iati_type_has_its_posting_of_either_sign(iati_type: str) -> None:
    (posting,) = reported_transaction(iati_type, 5)
    (negative,) = reported_transaction(iati_type, -5)
    assert (posting.debit, posting.credit) == (negative.credit, negative.debit)
    assert (posting.iati_type, posting.iati_sign, negative.iati_sign) == (iati_type, 1, -1)
    assert posting.debit.book == CHART[posting.debit.code].book == CHART[posting.credit.code].book
    assert reported_transaction(iati_type, 0) == ()


# Permissions -------------------------------------------------------------------------------------


def test_the_table_names_roles_and_scopes_that_there_are() -> None:
    for action, grants in permissions.TABLE.items():
        assert action.count(".") == 1
        assert set(grants) <= set(permissions.ROLES)
        assert set(grants.values()) <= {"any", "fund", "own"}


def test_scopes_hold() -> None:
    def may(role: str, action: str, *, fund: str = "", **on: tuple[str, ...]) -> None:
        permissions.require(Actor("me", role, "k", fund), action, **on)

    may("preparer", "pledge.announce", funds=("g",))
    may("preparer", "pledge.announce", fund="g", funds=("g", "n"))
    may("donor", "pledge.announce", funds=("g",), parties=("me",))
    may("operator", "key.create")
    invalid("role-not-allowed", lambda: may("auditor", "pledge.announce", funds=("g",)))
    invalid("fund-not-allowed", lambda: may("preparer", "pledge.announce", fund="n", funds=("g",)))
    invalid("fund-not-allowed", lambda: may("preparer", "pledge.announce", fund="n"))
    invalid("party-not-allowed", lambda: may("donor", "pledge.announce", parties=("you",)))
    invalid("party-not-allowed", lambda: may("donor", "pledge.announce"))


# Commands ----------------------------------------------------------------------------------------


def commands(of: type[Command]) -> set[type[Command]]:
    return {of, *(each for sub in of.__subclasses__() for each in commands(sub))}


@pytest.mark.parametrize("command", sorted(commands(Command) - {Command}, key=str))
def test_a_command_takes_no_field_that_it_does_not_know(command: type[Command]) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"no_such_field": 1}, command)


@pytest.mark.parametrize("bad", ["", "A", "-a", "a b", "a/b", "a\n", "é", "a" * 64])
def test_an_id_is_plain(bad: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"fund": bad, "open_from": "2026-01-01"}, funds.SetPeriod)


@pytest.mark.parametrize("number", [1.5, 1, "1.00", None, True])
def test_money_is_an_object_of_two_strings(number: object) -> None:
    for money in (number, {"amount": number, "currency": "USD"}):
        if money == {"amount": "1.00", "currency": "USD"}:
            continue
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"fund": "g", "donor": "d", "amount": money}, pledges.AnnouncePledge)
