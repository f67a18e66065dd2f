"""Commitments: signed, from donor to fund, fund to fund, or fund to grantee (IATI 11 and 2)."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from mfm.core.allocations import Allocation, give_back
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.money import Money, decimal_text
from mfm.core.pledges import Pledge, take
from mfm.core.record import Draft, Noun, Posting
from mfm.core.terms import Act, Command, Id, Text

Kind = Literal["contribution", "transfer", "grant"]
Contribution = Literal["unearmarked", "earmarked", "public-budget", "private"]
INCOME: dict[str, str] = {
    "unearmarked": "4100",
    "earmarked": "4110",
    "public-budget": "4120",
    "private": "4130",
}
"""The income account of each kind of contribution."""


class Tranche(Struct, frozen=True):
    """A dated part of a commitment.

    Attributes:
        number: from 1.
        amount_minor: what it is for, after de-obligations.
        due_on: when it is expected, or None.
        disbursement: the disbursement that took it, or "".
    """

    number: int
    amount_minor: int
    due_on: date | None = None
    disbursement: str = ""


class Commitment(Noun, frozen=True, kw_only=True):
    """A signed obligation.

    Attributes:
        kind: contribution (party to fund), transfer (fund to fund) or grant (fund to party).
        from_party: the donor of a contribution, or "".
        from_fund: the fund that gives a transfer or grant, or "".
        to_fund: the fund that gets a contribution or transfer, or "".
        to_party: the grantee, or "".
        currency: the giver fund's; of a contribution, the receiver fund's.
        amount_minor: agreed, after de-obligations.
        paid_minor: received (contribution) or released (transfer, grant) so far.
        accepted_minor: expenditure accepted so far (grants).
        claimed_minor: refunds claimed so far (grants).
        refunded_minor: refunds received so far (grants).
        allocation: the envelope it draws on, or "".
        income: the income account's code (contributions), or "".
        tranches: its schedule; the amounts sum to `amount_minor` (transfers and grants).
    """

    kind: str
    from_party: str = ""
    from_fund: str = ""
    to_fund: str = ""
    to_party: str = ""
    currency: str
    amount_minor: int
    paid_minor: int = 0
    accepted_minor: int = 0
    claimed_minor: int = 0
    refunded_minor: int = 0
    allocation: str = ""
    income: str = ""
    tranches: tuple[Tranche, ...] = ()

    @property
    def funds(self) -> tuple[str, ...]:
        """The funds on its two sides."""
        return tuple(fund for fund in (self.from_fund, self.to_fund) if fund)

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties on its two sides."""
        return tuple(party for party in (self.from_party, self.to_party) if party)


class TrancheTerm(Struct, frozen=True, forbid_unknown_fields=True):
    """A tranche as agreed."""

    amount: Money
    due_on: date | None = None


class SignCommitment(Command, frozen=True, kw_only=True):
    """Sign a commitment: from one party or fund, to one fund or party."""

    id: Id | None = None
    from_party: Id | None = None
    from_fund: Id | None = None
    to_fund: Id | None = None
    to_party: Id | None = None
    amount: Money
    contribution: Contribution = "unearmarked"
    pledge: Id | None = None
    allocation: Id | None = None
    tranches: Annotated[tuple[TrancheTerm, ...], Meta(max_length=120)] = ()
    effective_on: date | None = None
    description: Text = ""


class DeobligateCommitment(Command, frozen=True, kw_only=True):
    """Release what a grant or transfer has not used; without `amount`, all of it."""

    commitment: Id
    amount: Money | None = None
    effective_on: date | None = None
    reason: Text = ""


def kind_of(command: SignCommitment) -> Kind:
    """Tell a commitment's kind from its two sides.

    Raises:
        Invalid: `commitment-sides` unless it is party to fund, fund to fund or fund to party.
    """
    named = tuple(
        side
        for side in ("from_party", "from_fund", "to_fund", "to_party")
        if getattr(command, side) is not None
    )
    kinds: dict[tuple[str, ...], Kind] = {
        ("from_party", "to_fund"): "contribution",
        ("from_fund", "to_fund"): "transfer",
        ("from_fund", "to_party"): "grant",
    }
    if named not in kinds or command.from_fund == command.to_fund:
        detail = "A commitment goes from_party to_fund, from_fund to_fund, or from_fund to_party."
        raise Invalid("commitment-sides", detail)
    return kinds[named]


def sign_contribution(
    act: Act, command: SignCommitment, commitment_id: str, fund: Fund, pledge: Pledge | None
) -> Draft:
    """Record a donor's firm obligation: 1200 / 41xx, IATI 11; a pledge converts with it.

    Raises:
        Invalid: `commitment-allocation` (contributions draw on none), `pledge-other`.
        Refused: `pledge-exceeded`.
    """
    if command.allocation is not None or command.tranches:
        detail = "A contribution draws on no allocation and has no tranches yet."
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
        income=INCOME[command.contribution],
    )
    sets: tuple[Noun, ...] = (made,)
    postings = [fund.move(("1200", made.id), (made.income, made.id), amount_minor, 11)]
    if pledge is not None:
        if (pledge.fund, pledge.donor) != (fund.id, command.from_party):
            detail = f"Pledge {pledge.id} is by {pledge.donor} to fund {pledge.fund}."
            raise Invalid("pledge-other", detail, "/pledge")
        converted, posting = take(pledge, fund, amount_minor, "converted")
        sets, postings = (made, converted), [*postings, posting]
    return Draft(effective_on=act.on, sets=sets, postings=tuple(postings))


def _schedule(command: SignCommitment, fund: Fund, amount_minor: int) -> tuple[Tranche, ...]:
    if not command.tranches:
        return (Tranche(1, amount_minor),)
    made = tuple(
        Tranche(i, fund.amount(term.amount, f"/tranches/{i - 1}/amount"), term.due_on)
        for i, term in enumerate(command.tranches, 1)
    )
    if sum(tranche.amount_minor for tranche in made) != amount_minor:
        raise Invalid("tranches-differ", "The tranches must sum to the amount.", "/tranches")
    return made


def sign_outgoing(
    act: Act,
    command: SignCommitment,
    commitment_id: str,
    allocation: Allocation,
    funds: tuple[Fund, Fund | None],
) -> Draft:
    """Record a grant or transfer agreement: 9310 / 9320, IATI 2.

    A transfer stands in both funds at once: 5300 / 2300 in the giver's books and 1400 / 4600,
    IATI 11, in the receiver's, in the giver's currency on both sides.

    Raises:
        Invalid: `allocation-other`, `tranches-differ`, `currency-not-fund`.
        Refused: `balance-floor` (by the journal) when the envelope does not hold the amount.
    """
    giver, receiver = funds
    amount_minor = giver.amount(command.amount, "/amount")
    if allocation.fund != giver.id:
        detail = f"Allocation {allocation.id} is of fund {allocation.fund}."
        raise Invalid("allocation-other", detail, "/allocation")
    made = Commitment(
        id=commitment_id,
        status="signed",
        kind="transfer" if receiver else "grant",
        from_fund=giver.id,
        to_fund=command.to_fund or "",
        to_party=command.to_party or "",
        currency=giver.currency,
        amount_minor=amount_minor,
        allocation=allocation.id,
        tranches=_schedule(command, giver, amount_minor),
    )
    postings = [giver.move(("9310", allocation.id), ("9320", made.id), amount_minor, 2)]
    if receiver is not None:
        receiver.amount(command.amount, "/amount")
        postings += mirror(giver, receiver, made.id, amount_minor)
    return Draft(effective_on=act.on, sets=(made,), postings=tuple(postings))


def mirror(giver: Fund, receiver: Fund, subject: str, amount_minor: int) -> tuple[Posting, ...]:
    """Return both sides of an agreed transfer: due to the one, due from the other."""
    return (
        giver.move(("5300", subject), ("2300", subject), amount_minor),
        receiver.move(("1400", subject), ("4600", subject), amount_minor, 11),
    )


def unmirror(giver: Fund, receiver: Fund, subject: str, amount_minor: int) -> tuple[Posting, ...]:
    """Return what takes a part of an agreed transfer back, on both sides."""
    return (
        giver.move(("2300", subject), ("5300", subject), amount_minor),
        receiver.move(("4600", subject), ("1400", subject), amount_minor, -11),
    )


def deobligate(
    act: Act,
    command: DeobligateCommitment,
    commitment: Commitment,
    allocation: Allocation,
    funds: tuple[Fund, Fund | None],
) -> Draft:
    """Record that an unspent encumbrance is free again: 9320 / 9300, a negative IATI 2.

    Tranches that nobody asked for yet shrink from the last backwards, so that they keep
    summing to the agreed amount.

    Raises:
        Refused: `tranche-taken` when more is asked than the free tranches hold.
    """
    giver, receiver = funds
    free_minor = sum(part.amount_minor for part in commitment.tranches if not part.disbursement)
    amount_minor = free_minor
    if command.amount is not None:
        amount_minor = giver.amount(command.amount, "/amount")
    if amount_minor > free_minor or not amount_minor:
        free = decimal_text(free_minor, giver.currency)
        detail = f"The free tranches of commitment {commitment.id} hold {free} {giver.currency}."
        raise Refused("tranche-taken", detail, "/amount")
    changed, postings = give_back(allocation, giver, amount_minor, ("9320", commitment.id), iati=-2)
    if receiver is not None:
        postings += unmirror(giver, receiver, commitment.id, amount_minor)
    left = structs.replace(
        commitment,
        amount_minor=commitment.amount_minor - amount_minor,
        tranches=_shrunk(commitment.tranches, amount_minor),
    )
    left = structs.replace(left, status=standing(left))
    return Draft(effective_on=act.on, sets=(left, changed), postings=postings)


def _shrunk(tranches: tuple[Tranche, ...], amount_minor: int) -> tuple[Tranche, ...]:
    kept: list[Tranche] = []
    for tranche in reversed(tranches):
        part_minor = 0 if tranche.disbursement else min(amount_minor, tranche.amount_minor)
        amount_minor -= part_minor
        kept.append(structs.replace(tranche, amount_minor=tranche.amount_minor - part_minor))
    return tuple(reversed(kept))


def standing(commitment: Commitment) -> str:
    """Tell a commitment's status from its amounts.

    A contribution is signed, partly_received or received. A transfer or grant is signed,
    active once money went out, and closed once all that was agreed is paid, and for a grant
    accounted for or refunded too.
    """
    agreed_minor, paid_minor = commitment.amount_minor, commitment.paid_minor
    if commitment.kind == "contribution":
        partly = "partly_received" if paid_minor else "signed"
        return "received" if paid_minor >= agreed_minor else partly
    settled_minor = commitment.accepted_minor + commitment.refunded_minor
    done = paid_minor == agreed_minor
    if commitment.kind == "grant":
        done = done and settled_minor == paid_minor
    if done:
        return "closed"
    return "active" if paid_minor else "signed"
