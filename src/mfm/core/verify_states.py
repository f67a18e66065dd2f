"""Verification, the nouns: every state follows from the one before, by a verb that may do so."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from mfm.core import (
    verify_attestations,
    verify_calls,
    verify_contributions,
    verify_judgements,
    verify_overlaps,
    verify_payments,
    verify_periods,
    verify_policies,
    verify_terms,
    verify_votes,
)
from mfm.core.commitments import Commitment
from mfm.core.deposits import Deposit
from mfm.core.funds import Fund
from mfm.core.nouns import KINDS, NOUNS
from mfm.core.record import Noun
from mfm.core.verify_form import Differs, Side, Told
from mfm.core.verify_verbs import (
    EVENTS,
    IMPORT,
    REPORT,
    REVERSAL,
    WITHDRAWAL,
    Change,
    move_of,
)

# kind.field -> the kind of noun that it names.
_REFERENCES = {
    "fund": {"parent": "fund", "steward": "party"},
    "pledge": {"fund": "fund", "donor": "party"},
    "commitment": {
        "from_party": "party",
        "from_fund": "fund",
        "to_fund": "fund",
        "to_party": "party",
        "allocation": "allocation",
        "application": "application",
    },
    "condition": {"commitment": "commitment"},
    "deposit": {"commitment": "commitment"},
    "donor_refund": {"commitment": "commitment"},
    "unidentified_receipt": {"fund": "fund"},
    "period": {"fund": "fund"},
    "chart_account": {"fund": "fund"},
    "opening_balance": {"fund": "fund"},
    "conversion": {"fund": "fund"},
    "foreign_payment": {"id": "disbursement", "fund": "fund"},
    "revaluation": {"fund": "fund"},
    "interest": {"fund": "fund"},
    "cost": {"fund": "fund"},
    "in_kind": {"fund": "fund", "donor": "party"},
    "allocation": {"fund": "fund", "call": "call"},
    "board": {"fund": "fund"},
    "seat": {"fund": "board", "party": "party", "holder": "api_key"},
    "motion": {"fund": "board", "disbursement": "disbursement"},
    "attestation": {"party": "party"},
    "standards": {"fund": "fund"},
    "policy": {"fund": "fund"},
    "decision": {"fund": "fund"},
    "waiver": {"fund": "fund"},
    "call": {"fund": "fund"},
    "comment": {"call": "call", "fund": "fund", "party": "party"},
    "application": {"call": "call", "fund": "fund", "lead": "party"},
    "sharing_agreement": {"from_fund": "fund", "to_fund": "fund"},
    "overlap_answer": {"overlap": "overlap_case", "party": "party", "fund": "fund"},
    "disbursement": {"commitment": "commitment"},
    "report": {"commitment": "commitment", "disbursement": "disbursement"},
    "write_off": {"commitment": "commitment", "refund": "refund"},
    "refund": {"commitment": "commitment"},
    "bank_statement": {"fund": "fund"},
    "api_key": {"party": "party", "fund": "fund"},
    "status_link": {"commitment": "commitment"},
    "reported_activity": {"fund": "fund"},
    "reported_transaction": {"fund": "fund"},
}
_DONORS = {"fund": "to_fund", "party": "from_party", "currency": "currency"}
# kind -> (kinds of commitment it belongs to, its field -> the commitment's field that it repeats).
_UNDER: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "condition": (
        ("contribution", "transfer", "grant"),
        {"from_fund": "from_fund", "to_fund": "to_fund"},
    ),
    "deposit": (("contribution",), {"fund": "to_fund", "currency": "currency"}),
    "donor_refund": (("contribution",), _DONORS),
    "disbursement": (
        ("grant", "transfer"),
        {name: name for name in ("from_fund", "to_fund", "to_party", "currency")},
    ),
    "status_link": (("grant",), {name: name for name in ("from_fund", "to_party")}),
    "report": (("grant",), {"fund": "from_fund", "party": "to_party", "currency": "currency"}),
    "refund": (("grant",), {"fund": "from_fund", "party": "to_party", "currency": "currency"}),
    "write_off": (("grant",), {"fund": "from_fund", "party": "to_party", "currency": "currency"}),
    "receivable": (("contribution",), _DONORS),
}
# kind of commitment -> (the sides it has, the accounts its income may be on).
_SIDES: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "contribution": ({"from_party", "to_fund"}, ("4100", "4110", "4120", "4130")),
    "transfer": ({"from_fund", "to_fund", "allocation"}, ("",)),
    "grant": ({"from_fund", "to_party", "allocation"}, ("",)),
}


class Kept(Struct, frozen=True):
    """What a record that will be taken back did.

    Attributes:
        verb: its verb.
        postings: what it moved.
        funds: the funds in whose chains it is.
        before: (kind, id) -> the state it replaced, None where it made the noun.
        after: (kind, id) -> the state it set.
    """

    verb: str
    postings: tuple[Side, ...]
    funds: frozenset[str]
    before: dict[tuple[str, str], Noun | None]
    after: dict[tuple[str, str], Noun]


class States:
    """Every noun as it stands."""

    def __init__(self) -> None:
        """Start with none."""
        self.rows: dict[str, dict[str, Noun]] = {kind: {} for kind in NOUNS}
        self.kept: dict[int, Kept] = {}
        self.overlaps = verify_overlaps.Overlaps()

    @property
    def funds(self) -> dict[str, Fund]:
        """The funds as they stand."""
        return self.rows["fund"]  # type: ignore[return-value]  # a kind holds its own type

    def apply(self, told: Told) -> list[tuple[Noun | None, Noun]]:
        """Set what a record sets, if it may; return (state before, state) of each noun.

        Raises:
            Differs: `verb-unknown`, `state-verb`, `state-machine`, `state-link`, `state-field`,
                `state-reference`, `state-amounts`, `four-eyes`, `posting-verb`, `reversal`, and by
                the votes.
        """
        changes = [self._follow(kind, state, told) for kind, state in told.sets]
        if told.verb != REVERSAL:
            _check_verb(told, changes)
        if told.verb in (REVERSAL, WITHDRAWAL):
            self._check_reversal(told, changes)
        elif told.reverses:
            raise Differs("reversal", told.seq, f"{told.verb} takes no record back.")
        elif told.verb == REPORT:
            _check_report(told)
        else:
            _check_moves(told, self.rows["chart_account"])
        self._check_books(told)
        for before, state in changes:
            self.rows[KINDS[type(state)]][state.id] = state
            self._check_state(before, state, told)
        if told.verb != REVERSAL:
            verify_terms.check(self.rows, told, changes)
            verify_attestations.check(self.rows, told, changes)
            verify_judgements.check(self.rows, told, changes)
            verify_calls.check(self.rows, told, changes)
            self.overlaps.check(self.rows, told, changes)
            verify_policies.check(self.rows, told, changes)
        verify_votes.check(self.rows, told, {state.id: before for before, state in changes})
        return changes

    def heed(self, told: Told) -> None:
        """Set the decision that a refusal keeps; raise Differs: `gate`, `state-link`."""
        verify_judgements.check_refused(told)
        for kind, state in told.sets:
            self._follow(kind, state, told)
            self.rows[kind][state.id] = state

    def keep(self, told: Told, changes: list[tuple[Noun | None, Noun]]) -> None:
        """Remember a record until another takes it back."""
        self.kept[told.seq] = Kept(
            told.verb,
            told.postings,
            frozenset(fund for fund, _, _ in told.chain),
            {(KINDS[type(state)], state.id): before for before, state in changes},
            {(KINDS[type(state)], state.id): state for _, state in changes},
        )

    def _follow(self, kind: str, state: Noun, told: Told) -> tuple[Noun | None, Noun]:
        before = self.rows[kind].get(state.id)
        wanted = (told.seq, before.seq if before else 0)
        if (state.seq, state.prev) != wanted:
            detail = (
                f"{kind} {state.id} says set by and before {state.seq}, {state.prev}: {wanted}."
            )
            raise Differs("state-link", told.seq, detail)
        return before, state

    def _check_reversal(self, told: Told, changes: list[tuple[Noun | None, Noun]]) -> None:
        """Hold that a record takes an earlier one back exactly, and only once."""
        kept = self.kept.pop(told.reverses, None)
        if kept is None or kept.verb == REVERSAL:
            detail = f"Record {told.reverses} is not there to be taken back, or was taken back."
            raise Differs("reversal", told.seq, detail)
        if [_turned(side) for side in reversed(kept.postings)] != list(told.postings):
            detail = f"Its postings are not the mirror of record {told.reverses}'s."
            raise Differs("reversal", told.seq, detail)
        if {fund for fund, _, _ in told.chain} != kept.funds:
            raise Differs("reversal", told.seq, "It is not in the same funds' chains.")
        if {(KINDS[type(state)], state.id) for _, state in changes} != kept.before.keys():
            raise Differs("reversal", told.seq, "It does not set the same nouns.")
        for now, state in changes:
            name = (KINDS[type(state)], state.id)
            before = kept.before[name]
            if told.verb == WITHDRAWAL or before is None:
                ended = "withdrawn" if told.verb == WITHDRAWAL else "reversed"
                before = structs.replace(now or state, status=ended)
            # What came after may have been taken back, and the record's own state with it.
            if now is None or _changed(kept.after[name], now) or _changed(before, state):
                detail = f"{state.id} does not stand again as before record {told.reverses}."
                raise Differs("reversal", told.seq, detail)

    def _check_books(self, told: Told) -> None:
        """Hold that imports stay within reported books, and everything else out of them."""
        made = {state.id: state for _, state in told.sets if isinstance(state, Fund)}
        imported = told.verb.startswith(IMPORT)
        for name in {*made, *(side.debit.fund for side in told.postings)}:
            fund = made.get(name) or self.funds.get(name)
            strange = fund is None or fund.reported != imported
            if strange and (imported or told.verb != REVERSAL):
                detail = f"{told.verb} writes in the books of {name}."
                raise Differs("state-verb", told.seq, detail)

    def _check_state(self, before: Noun | None, state: Noun, told: Told) -> None:
        kind = KINDS[type(state)]
        if before is None:
            self._check_references(kind, state, told)
        verify_periods.check_fund(before, state, told)
        if state.status == "reversed" or told.verb == REVERSAL:
            return
        verify_periods.check(self.rows, state, told)
        verify_payments.check(self.rows, state, told)
        if isinstance(state, Deposit):
            self._check_deposit(before, state, told)
        elif isinstance(state, Commitment):
            _check_commitment(state, told)
            if state.kind == "contribution":
                verify_contributions.check(before, state, told)
        elif any(share.amount_minor < 0 for share in getattr(state, "shares", ())):
            raise Differs("invariant-7", told.seq, f"A share of {state.id} is below zero.")
        else:
            verify_contributions.check(before, state, told)

    def _check_references(self, kind: str, state: Noun, told: Told) -> None:
        for field, other in _REFERENCES.get(kind, {}).items():
            name = getattr(state, field)
            if name and name not in self.rows[other]:
                detail = f"{kind} {state.id} names {other} {name}, which no record made."
                raise Differs("state-reference", told.seq, detail)
        if isinstance(state, Commitment):
            _check_sides(state, told)
        under = "receivable" if getattr(state, "receivable", False) else kind
        if under in _UNDER:
            kinds, fields = _UNDER[under]
            made: Any = self.rows["commitment"].get(getattr(state, "commitment", ""))
            if made is None or made.kind not in kinds:
                detail = f"{kind} {state.id} belongs to no {' or '.join(kinds)}."
                raise Differs("state-reference", told.seq, detail)
            for field, same in fields.items():
                if getattr(state, field) != getattr(made, same):
                    detail = f"{field} of {kind} {state.id} is not {same} of commitment {made.id}."
                    raise Differs("state-reference", told.seq, detail)

    def _check_deposit(self, before: Noun | None, state: Deposit, told: Told) -> None:
        """Hold a deposit's worth by its rate, and invariant 8: the fee within the fund's rate."""
        verify_contributions.check_worth(state, told)
        if before is None and state.fee_minor:
            raise Differs("state-machine", told.seq, f"Deposit {state.id} begins with a fee.")
        fund = self.funds[state.fund]
        if 10_000 * state.fee_minor > state.amount_minor * fund.fee_basis_points + 5_000:
            detail = f"The fee {state.fee_minor} on {state.amount_minor} is above the fund's rate."
            raise Differs("invariant-8", told.seq, detail)


def _turned(side: Side) -> Side:
    sign = -side.iati_sign if side.iati_type else 1
    return Side(side.credit, side.debit, side.amount_minor, side.iati_type, sign)


def _changed(before: Noun, after: Noun) -> set[str]:
    """Return the fields in which two states differ, their place in the journal apart."""
    return {
        name
        for name in before.__struct_fields__
        if name not in ("seq", "prev") and getattr(before, name) != getattr(after, name)
    }


def _check_verb(told: Told, changes: list[tuple[Noun | None, Noun]]) -> None:
    """Hold that a verb sets the nouns that it may, from and to the states that it may."""
    if told.verb not in EVENTS:
        raise Differs("verb-unknown", told.seq, f"{told.verb} is no verb that is known here.")
    may = {change.kind: change for change in EVENTS[told.verb].changes}
    kinds = [kind for kind, _ in told.sets]
    needed = {change.kind for change in may.values() if not change.optional}
    single = [kind for kind in kinds if kind not in may or not may[kind].many]
    if len(set(single)) != len(single) or not needed <= set(kinds) <= may.keys():
        raise Differs("state-verb", told.seq, f"{told.verb} sets {', '.join(kinds) or 'nothing'}.")
    for before, state in changes:
        _check_change(may[KINDS[type(state)]], before, state, told)


def _check_change(may: Change, before: Noun | None, state: Noun, told: Told) -> None:
    was = before.status if before else "new"
    known = was in may.before or ("any" in may.before and was not in ("new", "reversed"))
    if not known or not may.after & {state.status, "any"}:
        detail = f"{told.verb} brings {may.kind} {state.id} from {was} to {state.status}."
        raise Differs("state-machine", told.seq, detail)
    if before is not None and "*" not in may.fields:
        wrong = _changed(before, state) - may.fields - {"status"}
        if wrong:
            detail = f"{told.verb} changes {', '.join(sorted(wrong))} of {may.kind} {state.id}."
            raise Differs("state-field", told.seq, detail)


def _check_moves(told: Told, added: Mapping[str, Noun]) -> None:
    """Hold that a verb moves money only where it may; `added` are the funds' own accounts."""
    allowed = EVENTS[told.verb].moves
    for side in told.postings:
        free = verify_periods.freely(told.verb, side, added)
        if not (move_of(side) in allowed if free is None else free):
            detail = f"{told.verb} moves {side.debit.code} / {side.credit.code} {side.iati_type}."
            raise Differs("posting-verb", told.seq, detail)


def _check_report(told: Told) -> None:
    """Hold that a reported transaction is posted once, for its amount and with its sign."""
    row: Any = told.sets[0][1]
    wanted = []
    if row.amount_minor:
        sign = 1 if row.amount_minor > 0 else -1
        wanted = [(row.fund, row.currency, abs(row.amount_minor), row.iati_type, sign)]
    posted = [(side.debit.fund, side.debit.currency, *side[2:]) for side in told.postings]
    if posted != wanted:
        detail = f"Transaction {row.id} is {row.amount_minor}, and not posted as that."
        raise Differs("posting-verb", told.seq, detail)


def _check_sides(state: Commitment, told: Told) -> None:
    """Hold that a commitment has the sides of its kind and no others."""
    sides, incomes = _SIDES.get(state.kind, (set(), ()))
    named = ("from_party", "from_fund", "to_fund", "to_party", "allocation")
    if {name for name in named if getattr(state, name)} != sides or state.income not in incomes:
        detail = f"Commitment {state.id} does not have the sides or the income of a {state.kind}."
        raise Differs("state-reference", told.seq, detail)


def _check_commitment(state: Commitment, told: Told) -> None:
    """Hold a commitment's amounts among themselves, its status by them, and invariant 9."""
    amount_minor, paid_minor = state.amount_minor, state.paid_minor
    outgoing = state.kind != "contribution"
    if not (
        0 <= paid_minor <= amount_minor
        and 0 <= state.refunded_minor <= state.claimed_minor
        and state.lost_minor >= 0
        and 0 <= state.accepted_minor <= paid_minor - state.claimed_minor - state.lost_minor
    ):
        detail = f"The amounts of commitment {state.id} contradict each other."
        raise Differs("invariant-5", told.seq, detail)
    numbers = [tranche.number for tranche in state.tranches]
    parts = [tranche.amount_minor for tranche in state.tranches]
    if outgoing and (
        sum(parts) != amount_minor
        or min(parts, default=0) < 0
        or numbers != list(range(1, len(parts) + 1))
    ):
        detail = f"The tranches of commitment {state.id} are not its {amount_minor}."
        raise Differs("invariant-9", told.seq, detail)
    if state.status != _standing(state):
        detail = f"Commitment {state.id} is {state.status}; its amounts say {_standing(state)}."
        raise Differs("state-machine", told.seq, detail)


def _standing(state: Commitment) -> str:
    """Return the status that a commitment's amounts mean, unless it was halted."""
    if state.halted:
        return state.halted
    if state.kind == "contribution":
        return verify_contributions.standing(state)
    names = ("signed", "active", "closed")
    settled_minor = state.accepted_minor + state.refunded_minor + state.lost_minor
    whole = state.paid_minor == state.amount_minor
    if whole and (state.kind != "grant" or settled_minor == state.paid_minor):
        return names[2]
    return names[1] if state.paid_minor else names[0]
