"""Verification, overlap: two people decide, those concerned are heard, an alias has one step."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from mfm.core.overlap_cases import (
    FACTS_MAX,
    OverlapAnswer,
    OverlapCase,
    answer_id,
    evidence_of,
)
from mfm.core.permissions import OPERATOR
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.core.scoring import FULL
from mfm.core.sharing import SharingAgreement
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
Changes = Iterable[tuple[Noun | None, Noun]]


class Overlaps:
    """Cases of overlap as they stand, and the reports that they found charged twice."""

    def __init__(self) -> None:
        """Start before the first case."""
        self._cases: defaultdict[str, set[str]] = defaultdict(set)  # by either report

    def check(self, rows: Rows, told: Told, changes: Changes) -> None:
        """Hold what `check` does; and that a cost is not borne twice unless that was answered.

        Raises:
            Differs: `report-overlap`, and as `check`.
        """
        check(rows, told, changes)
        for before, state in changes:
            if isinstance(state, OverlapCase) and state.detector == "same-cost":
                for name in (state.first, state.second):
                    self._cases[name].add(state.id)
            elif isinstance(state, Report) and isinstance(before, Report) and _bears(state):
                for name in sorted(self._cases.get(state.id, ())):
                    _questioned(rows, told, before, rows["overlap_case"][name])


def _questioned(rows: Rows, told: Told, before: Report, case: Any) -> None:  # noqa: ANN401  # an OverlapCase
    other = case.second if case.first == before.id else case.first
    twice = case.status == "confirmed" and _bears(rows["report"].get(other))
    answered = before.status == "submitted" and before.questioned_by
    if twice and not (answered and before.seq > case.decided_in):
        detail = f"Report {before.id} is accepted, and {other} with the same cost: case {case.id}."
        raise Differs("report-overlap", told.seq, detail)


def _bears(report: Any) -> bool:  # noqa: ANN401  # a Report, or None
    return (
        report is not None
        and report.status == "accepted"
        and report.direct_minor + report.support_minor > 0
    )


def check(rows: Rows, told: Told, changes: Changes) -> None:
    """Hold what a record says of cases of overlap, their answers and merged parties.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `overlap-form`, `overlap-unheard`, `four-eyes`, `state-reference`.
    """
    for _, state in changes:
        if isinstance(state, SharingAgreement):
            _sharing(told, state)
    if not told.verb.startswith("overlap."):
        return
    if told.postings or told.chain:
        raise Differs("overlap-form", told.seq, f"{told.verb} moves money or is a fund's.")
    for before, state in changes:
        if isinstance(state, OverlapCase):
            _form(rows, told, state)
            _STEPS[told.verb](rows, told, state, before)
        elif isinstance(state, OverlapAnswer):
            _answer(rows, told, state)


def _form(rows: Rows, told: Told, state: OverlapCase) -> None:
    there = [side.id in rows.get(side.kind, {}) for side in state.sides]
    sound = (
        [side.id for side in state.sides] == [state.first, state.second]
        and (state.sides[0].kind != state.sides[1].kind or state.first <= state.second)
        and 0 <= state.score <= FULL
        and state.band in ("strong", "possible")
        and (state.proposed == "merged") == bool(state.survivor)
        and state.survivor in ("", state.first, state.second)
        and bool(state.proposed) == bool(state.proposed_by) == bool(state.proposed_in)
    )
    if not sound or not all(there):
        raise Differs("overlap-form", told.seq, f"Case {state.id} does not hold together.")


def _opened(rows: Rows, told: Told, state: OverlapCase, before: Any) -> None:  # noqa: ANN401  # an OverlapCase or None
    same = ("detector", "first", "second")
    if before is not None and (
        not {*before.facts} < {*state.facts}
        or any(getattr(before, name) != getattr(state, name) for name in same)
    ):
        raise Differs("overlap-form", told.seq, f"Case {state.id} came back without news.")
    pair = (state.detector, state.first, state.second)
    if not 0 < len(state.facts) <= FACTS_MAX or state.evidence != evidence_of(pair, state.facts):
        raise Differs("overlap-form", told.seq, f"Case {state.id} has other evidence.")
    kept = before is not None and before.status == "open"
    opened = before.opened_in if kept else told.seq
    for side in state.sides:
        there = rows.get(side.kind, {}).get(side.id)
        if side.seq and (there is None or side.seq != there.seq):
            raise Differs("overlap-form", told.seq, f"Case {state.id} looked at another {side.id}.")
    if state.told_in != told.seq or state.opened_in != opened or state.proposed:
        raise Differs("overlap-form", told.seq, f"Case {state.id} does not begin anew.")
    if not kept and state.opened_on != told.effective_on:
        raise Differs("overlap-form", told.seq, f"Case {state.id} was opened on another day.")


def _decided(rows: Rows, told: Told, state: OverlapCase, _: Any) -> None:  # noqa: ANN401  # an OverlapCase
    key = told.actor["key"]
    _impartial(rows, told, state)
    notes: Any = (
        rows["overlap_answer"].get(answer_id(state.id, party, noted=True))
        for party in state.parties
    )
    if any(n and n.given_by == key and n.written_in > state.opened_in for n in notes):
        raise Differs("four-eyes", told.seq, f"Who decides case {state.id} wrote an answer down.")
    if state.status == "open":
        if (state.proposed_by, state.proposed_in) != (key, told.seq) or state.decided_by:
            raise Differs("overlap-form", told.seq, f"Case {state.id} is proposed by another.")
    elif (
        state.proposed_by == state.decided_by
        or state.status != state.proposed
        or (state.decided_by, state.decided_in, state.decided_on)
        != (key, told.seq, told.effective_on)
    ):
        raise Differs("four-eyes", told.seq, f"Case {state.id} is not decided by two people.")
    if state.status != "open":
        _of_several(rows, told, state)
    _heard(rows, told, state)
    if state.status == "merged":
        _merged(rows, told, state)


def _impartial(rows: Rows, told: Told, state: OverlapCase) -> None:
    for party in sorted(_stands_for(rows, told) & {*state.parties}):
        raise Differs("four-eyes", told.seq, f"{party} decides on case {state.id} of its own.")


def _stands_for(rows: Rows, told: Told) -> set[str]:
    """Return for whom who made a record stands: its organisation, and the steward of its fund."""
    key: Any = rows.get("api_key", {}).get(told.actor["key"])
    fund: Any = rows.get("fund", {}).get(key.fund) if key and key.fund else None
    return _one(rows, told) | (_names(rows, fund.steward) if fund else set())


def _one(rows: Rows, told: Told) -> set[str]:
    """Return the ids of the organisation of who made a record; the server's own has none."""
    return set() if told.actor["role"] == OPERATOR else _names(rows, told.actor["party"])


def _names(rows: Rows, party: str) -> set[str]:
    """Return the ids that mean one organisation: its own, and those that are one with it."""
    parties: Any = rows["party"]
    known = parties.get(party)
    stays = (known.merged_into if known else "") or party
    return {party, stays} | {each.id for each in parties.values() if each.merged_into == stays}


def _of_several(rows: Rows, told: Told, state: OverlapCase) -> None:
    """Hold that a case that concerns several funds is not decided by two keys of one."""
    keys: Any = rows.get("api_key", {})
    bound = {
        keys[name].fund if name in keys else "" for name in (state.proposed_by, state.decided_by)
    }
    concerned = {fund for side in state.sides for fund in side.funds}
    if len(bound) == 1 and "" not in bound and concerned - bound:
        raise Differs("four-eyes", told.seq, f"Case {state.id} is decided by one fund alone.")


def _heard(rows: Rows, told: Told, state: OverlapCase) -> None:
    against = state.proposed in ("confirmed", "merged")
    if not against or told.effective_on > state.answer_by:
        return
    for party in state.parties:
        answer: Any = rows["overlap_answer"].get(answer_id(state.id, party))
        if answer is None or answer.written_in < state.opened_in:
            detail = f"Case {state.id} is decided before {party} was heard."
            raise Differs("overlap-unheard", told.seq, detail)


def _merged(rows: Rows, told: Told, state: OverlapCase) -> None:
    goes = state.second if state.survivor == state.first else state.first
    parties: Any = rows["party"]
    aliases = {each.id for each in parties.values() if each.merged_into == goes}
    if (
        parties[goes].merged_into != state.survivor
        or parties[state.survivor].merged_into
        or aliases
        or {name.id for kind, name in told.sets if kind == "party"} != {goes}
    ):
        raise Differs("overlap-form", told.seq, f"Case {state.id} merges other parties.")


def _reopened(rows: Rows, told: Told, state: OverlapCase, before: Any) -> None:  # noqa: ANN401  # an OverlapCase
    _impartial(rows, told, state)
    if told.actor["key"] in (before.proposed_by, before.decided_by):
        raise Differs("four-eyes", told.seq, f"Who decided case {state.id} opened it again.")
    parties: Any = rows["party"]
    apart = {each.id for kind, each in told.sets if kind == "party"}
    goes = {before.first, before.second} - {before.survivor} if before.survivor else set()
    if apart != goes or any(parties[name].merged_into for name in apart):
        raise Differs("overlap-form", told.seq, f"Case {state.id} parts other parties.")
    if state.proposed or state.decided_by:
        raise Differs("overlap-form", told.seq, f"Case {state.id} is open and decided.")


def _answer(rows: Rows, told: Told, state: OverlapAnswer) -> None:
    case: Any = rows["overlap_case"].get(state.overlap)
    if case is None or case.status != "open" or state.party not in case.parties:
        detail = f"{state.id} answers no open case that concerns {state.party}."
        raise Differs("state-reference", told.seq, detail)
    own = state.party in _one(rows, told)
    named = answer_id(state.overlap, state.party, noted=state.noted)
    signed = (state.given_by, state.written_in) == (told.actor["key"], told.seq)
    if not signed or state.noted == own or state.id != named:
        raise Differs("overlap-form", told.seq, f"{state.id} is in another's name.")
    if state.noted and (
        case.proposed_by == state.given_by
        or _stands_for(rows, told) & ({*case.parties} - {state.party})
    ):
        raise Differs("four-eyes", told.seq, f"{state.id} is written down by the other side.")


def _sharing(told: Told, state: SharingAgreement) -> None:
    """Hold that two people of two funds agreed, each with the key that made the record."""
    signed = {
        "sharing.propose": state.proposed_by,
        "sharing.agree": state.agreed_by,
        "sharing.end": state.ended_by,
    }
    until = state.valid_until
    sound = (
        signed.get(told.verb) == told.actor["key"]
        and state.from_fund != state.to_fund
        and (until is None or until >= state.valid_from)
        and {fund for fund, _, _ in told.chain} == {state.from_fund, state.to_fund}
    )
    if not sound:
        raise Differs("overlap-form", told.seq, f"Agreement {state.id} does not hold together.")
    if state.agreed_by == state.proposed_by:
        raise Differs("four-eyes", told.seq, f"Agreement {state.id} is one person's.")


_STEPS: Any = {"overlap.open": _opened, "overlap.decide": _decided, "overlap.reopen": _reopened}
"""verb -> what it holds."""
