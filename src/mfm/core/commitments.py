"""Commitments: signed, from donor to fund, fund to fund, or fund to grantee (IATI 11 and 2)."""

from datetime import date
from typing import Literal

from msgspec import structs

from mfm.core.allocations import Allocation, give_back
from mfm.core.countries import check_places
from mfm.core.earmarks import OPEN, Earmark, must_be_inside, narrowed
from mfm.core.errors import Invalid, Refused
from mfm.core.funds import Fund
from mfm.core.markers import Marker
from mfm.core.money import Money, decimal_text
from mfm.core.parties import Identifier
from mfm.core.record import Draft, Noun, Posting
from mfm.core.schedules import (
    ConditionTerms,
    Tranche,
    TrancheTerms,
    check_room,
    free_minor,
    schedule,
    shrunk,
)
from mfm.core.terms import Act, Command, Id, Text

Kind = Literal["contribution", "transfer", "grant"]
Contribution = Literal["unearmarked", "earmarked", "public-budget", "private"]
Recognition = Literal["immediate", "on_compliance"]
SourceKind = Literal[
    "public-budget",
    "bilateral",
    "multilateral",
    "private-sector",
    "foundation",
    "civil-society",
    "individuals",
    "pooled-fund",
]
"""Whose money a contribution is; public-budget is the fund's own country's or council's."""
Halted = Literal["suspended", "terminated"]


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
        lost_minor: of what was paid, written off or taken by banks on the way (grants).
        allocation: the envelope it draws on, or "".
        income: the income account's code (contributions), or "".
        tranches: its schedule; the amounts sum to `amount_minor` (transfers and grants).
        recognition: when a contribution is income: immediate or on_compliance, or "".
        conditional_minor: of a contribution's amount, still conditional: nobody owes it yet.
        deferred_minor: of what is owed or paid, not income yet (on_compliance).
        reduced_minor: taken off a contribution since it was signed.
        written_off_minor: of a contribution's amount, given up as uncollectible.
        from_balance_minor: of the reductions, borne by the fund balance instead of income.
        earmark: what it may be used for; it never changes.
        source_kind: whose money a contribution is, or "" where nobody said.
        starts_on: the first day of the agreement, or None.
        ends_on: its last day, or None.
        halted: suspended or terminated, or "".
        markers: how it was classified, the latest of each scheme; none means unscreened.
        activity: IATI identifier of the other side's own activity for it, or "".
        application: the application that it grants, or "".
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
    lost_minor: int = 0
    allocation: str = ""
    income: str = ""
    tranches: tuple[Tranche, ...] = ()
    recognition: str = ""
    conditional_minor: int = 0
    deferred_minor: int = 0
    reduced_minor: int = 0
    written_off_minor: int = 0
    from_balance_minor: int = 0
    earmark: Earmark = OPEN
    source_kind: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    halted: str = ""
    markers: tuple[Marker, ...] = ()
    activity: str = ""
    application: str = ""

    @property
    def funds(self) -> tuple[str, ...]:
        """The funds on its two sides."""
        return tuple(fund for fund in (self.from_fund, self.to_fund) if fund)

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties on its two sides."""
        return tuple(party for party in (self.from_party, self.to_party) if party)


class SignCommitment(Command, frozen=True, kw_only=True):
    """Sign a commitment: from one party or fund, to one fund or party.

    A contribution may be `conditional` (the donor may still refuse: a memo until its conditions
    are met), and is income at once or, `on_compliance`, as the fund meets its obligations.
    """

    id: Id | None = None
    from_party: Id | None = None
    from_fund: Id | None = None
    to_fund: Id | None = None
    to_party: Id | None = None
    amount: Money
    contribution: Contribution = "unearmarked"
    recognition: Recognition = "immediate"
    conditional: bool = False
    pledge: Id | None = None
    allocation: Id | None = None
    application: Id | None = None
    tranches: TrancheTerms = ()
    earmark: Earmark = OPEN
    source_kind: SourceKind | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    conditions: ConditionTerms = ()
    activity: Identifier = ""
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


def check_terms(made: Commitment) -> None:
    """Hold what the terms of every commitment must hold.

    Raises:
        Invalid: `dates-backwards`, `schedule-too-large`.
    """
    if made.starts_on and made.ends_on and made.ends_on < made.starts_on:
        detail = f"{made.ends_on} is before {made.starts_on}."
        raise Invalid("dates-backwards", detail, "/ends_on")
    check_room(made)


def must_go_on(commitment: Commitment) -> None:
    """Hold that a commitment is neither suspended nor terminated.

    Raises:
        Refused: `commitment-halted`.
    """
    if commitment.halted:
        detail = f"Commitment {commitment.id} is {commitment.halted}."
        raise Refused("commitment-halted", detail, "/commitment")


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
        Invalid: `allocation-other`, `country-unknown`, `tranches-differ`, `currency-not-fund`,
            and as `check_terms`.
        Refused: `earmark-not-met`; `balance-floor` (by the journal) when the envelope does not
            hold the amount.
    """
    giver, receiver = funds
    _check_outgoing(command)
    check_places(command.earmark.place, "/earmark/place")
    amount_minor = giver.amount(command.amount, "/amount")
    if allocation.fund != giver.id:
        detail = f"Allocation {allocation.id} is of fund {allocation.fund}."
        raise Invalid("allocation-other", detail, "/allocation")
    earmark = narrowed(command.earmark, allocation.earmark)
    must_be_inside(earmark, allocation.earmark, f"allocation {allocation.id}", "/earmark")
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
        tranches=(Tranche(1, amount_minor),),
        earmark=earmark,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        activity=command.activity,
        application=command.application or "",
    )
    if command.tranches:
        made = structs.replace(made, tranches=schedule(command.tranches, giver, amount_minor))
    check_terms(made)
    postings = [giver.move(("9310", allocation.id), ("9320", made.id), amount_minor, 2)]
    if receiver is not None:
        receiver.amount(command.amount, "/amount")
        postings += mirror(giver, receiver, made.id, amount_minor)
    return Draft(effective_on=act.on, sets=(made,), postings=tuple(postings))


def _check_outgoing(command: SignCommitment) -> None:
    unlike = {
        "/conditional": command.conditional,
        "/recognition": command.recognition != "immediate",
        "/source_kind": command.source_kind is not None,
    }
    for where, told in unlike.items():
        if told:
            detail = "A transfer or grant is not income here, and has its conditions by tranche."
            raise Invalid("contribution-only", detail, where)


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
    unasked_minor = free_minor(commitment.tranches)
    amount_minor = unasked_minor
    if command.amount is not None:
        amount_minor = giver.amount(command.amount, "/amount")
    if amount_minor > unasked_minor or not amount_minor:
        free = decimal_text(unasked_minor, giver.currency)
        detail = f"The free tranches of commitment {commitment.id} hold {free} {giver.currency}."
        raise Refused("tranche-taken", detail, "/amount")
    changed, postings = give_back(allocation, giver, amount_minor, ("9320", commitment.id), iati=-2)
    if receiver is not None:
        postings += unmirror(giver, receiver, commitment.id, amount_minor)
    left = structs.replace(
        commitment,
        amount_minor=commitment.amount_minor - amount_minor,
        tranches=shrunk(commitment.tranches, amount_minor),
    )
    left = structs.replace(left, status=standing(left))
    return Draft(effective_on=act.on, sets=(left, changed), postings=postings)


def must_be_grant(commitment: Commitment) -> None:
    """Hold that only grants are reported on, refunded and written off.

    Raises:
        Invalid: `commitment-kind`.
    """
    if commitment.kind != "grant":
        detail = f"Commitment {commitment.id} is a {commitment.kind}, not a grant."
        raise Invalid("commitment-kind", detail, "/commitment")


def unsettled_minor(commitment: Commitment) -> int:
    """Return what a grantee still has to account for: its advance, in minor units."""
    settled_minor = commitment.accepted_minor + commitment.claimed_minor + commitment.lost_minor
    return commitment.paid_minor - settled_minor


def must_be_open(commitment: Commitment, amount_minor: int, pointer: str) -> None:
    """Hold that so much of an advance is still to be accounted for.

    Raises:
        Refused: `advance-exceeded`.
    """
    open_minor = unsettled_minor(commitment)
    if amount_minor > open_minor:
        left = decimal_text(open_minor, commitment.currency)
        detail = f"Of what was paid under {commitment.id}, {left} {commitment.currency} is open."
        raise Refused("advance-exceeded", detail, pointer)


def moved(commitment: Commitment, **by_minor: int) -> Commitment:
    """Return a transfer or grant with amounts changed by so many minor units, and its standing.

    Args:
        commitment: as it stands.
        by_minor: name of an amount without `_minor` -> by how much it grows.
    """
    fields = {f"{name}_minor": minor for name, minor in by_minor.items()}
    grown = {name: getattr(commitment, name) + minor for name, minor in fields.items()}
    changed = structs.replace(commitment, **grown)
    return structs.replace(changed, status=standing(changed))


def standing(commitment: Commitment) -> str:
    """Tell the status of a transfer or grant from its amounts.

    It is suspended or terminated where it was halted. Else it is signed, active once money went
    out, and closed once all that was agreed is paid, and for a grant accounted for, refunded or
    written off too.
    """
    paid_minor = commitment.paid_minor
    settled_minor = commitment.accepted_minor + commitment.refunded_minor + commitment.lost_minor
    done = paid_minor == commitment.amount_minor
    if commitment.kind == "grant":
        done = done and settled_minor == paid_minor
    if done or commitment.halted:
        return commitment.halted or "closed"
    return "active" if paid_minor else "signed"
