"""Verification, the terms: earmarks that nothing leaves, conditions, classifications, schedules."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mfm.core.allocations import Allocation
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.costs import Cost
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.earmarks import Earmark
from mfm.core.markers import SCHEMES
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.verify_form import Differs, Told

Rows = Mapping[str, Mapping[str, Noun]]
Changes = Iterable[tuple[Noun | None, Noun]]

_SOURCES = {
    "public-budget",
    "bilateral",
    "multilateral",
    "private-sector",
    "foundation",
    "civil-society",
    "individuals",
    "pooled-fund",
}
# verb -> who signs the step it takes.
_STEPS = {
    "condition.add": "added_by",
    "commitment.sign": "added_by",
    "condition.accept": "accepted_by",
    "condition.meet": "settled_by",
    "condition.waive": "settled_by",
    "condition.assess": "assessed_by",
    "condition.contest": "contested_by",
    "condition.answer": "answered_by",
}
_WITHDRAWS = "contest.withdraw"
# Who may not be one person: two who judge what a third has added, and who contests it.
_APART = (
    ("added_by", "accepted_by"),
    ("added_by", "assessed_by"),
    ("added_by", "answered_by"),
    ("contested_by", "answered_by"),
)


def check(rows: Rows, told: Told, changes: Changes) -> None:
    """Hold the terms of what a record sets, once all of it is set.

    Args:
        rows: kind -> id -> state, as the record leaves them.
        told: the record; not a reversal.
        changes: (state before, state) of each noun that it sets.

    Raises:
        Differs: `earmark`, `state-terms`, `state-machine`, `state-reference`, `four-eyes`,
            `condition-unmet`.
    """
    for before, state in changes:
        rule = _RULES.get(type(state))
        if rule is not None and state.status != "reversed":
            rule(rows, told, state, before)
    if told.verb == "entry.post":
        for side in told.postings:
            if side.debit.code == "9300" and _bounds(rows, side.debit.subject) != Earmark():
                detail = f"A voucher spends {side.debit.subject}, which is earmarked."
                raise Differs("earmark", told.seq, detail)


def _bounds(rows: Rows, source: str) -> Earmark:
    """Return the earmark of a contribution or transfer; what is neither has none."""
    made = rows["commitment"].get(source)
    return made.earmark if isinstance(made, Commitment) else Earmark()


def leaks(inner: Earmark, outer: Earmark) -> bool:
    """Tell whether what is for `inner` might be used outside `outer`."""
    for name in ("phase", "track", "pillar", "place", "line", "theme"):
        bounds, values = set(getattr(outer, name)), getattr(inner, name)
        if bounds and (not values or any(bounds.isdisjoint(_wider(name, v)) for v in values)):
            return True
    return False


def _wider(dimension: str, value: str) -> Iterator[str]:
    """Return a value and, of a place, the places that it lies in: KE-30 lies in KE."""
    yield value
    while dimension == "place" and "-" in value:
        value = value.rpartition("-")[0]
        yield value


def _draw(rows: Rows, told: Told, state: Any, _: Noun | None) -> None:  # noqa: ANN401  # an Allocation or a Cost
    for share in state.shares:
        if leaks(state.earmark, _bounds(rows, share.contribution)):
            detail = f"{state.id} takes money of {share.contribution} out of its earmark."
            raise Differs("earmark", told.seq, detail)
    _markers(told, getattr(state, "markers", ()))


def _markers(told: Told, markers: Iterable[Any]) -> None:
    found = [(each.scheme, each.score in SCHEMES.get(each.scheme, ())) for each in markers]
    if not all(known for _, known in found) or len({name for name, _ in found}) != len(found):
        raise Differs("state-terms", told.seq, f"{found} are no scores, or more than one a scheme.")


def _commitment(rows: Rows, told: Told, state: Commitment, _: Noun | None) -> None:
    envelope = rows["allocation"].get(state.allocation)
    if isinstance(envelope, Allocation) and leaks(state.earmark, envelope.earmark):
        detail = f"{state.id} takes money of {envelope.id} out of its earmark."
        raise Differs("earmark", told.seq, detail)
    backwards = state.starts_on and state.ends_on and state.ends_on < state.starts_on
    source = {state.source_kind} - {""}
    if (
        backwards
        or state.halted not in ("", "suspended", "terminated")
        or not source <= _SOURCES
        or (source and state.kind != "contribution")
    ):
        raise Differs("state-terms", told.seq, f"The terms of {state.id} are none.")
    _markers(told, state.markers)
    for tranche in state.tranches:
        for name in tranche.conditions:
            made = rows["condition"].get(name)
            if not isinstance(made, Condition) or (made.commitment, made.tranche) != (
                state.id,
                tranche.number,
            ):
                detail = f"Tranche {tranche.number} of {state.id} names the condition {name}."
                raise Differs("state-reference", told.seq, detail)


def _condition(rows: Rows, told: Told, state: Condition, before: Noun | None) -> None:
    by = _STEPS.get(told.verb, "")
    keys = {name for name in _STEPS.values() if getattr(state, name) != getattr(before, name, "")}
    if told.verb == _WITHDRAWS and not (state.contest or state.contested_by):
        return  # who may is held with the contest; nothing else of it may change
    if keys - {by} or getattr(state, by, "") != told.actor["key"]:
        detail = f"{by} of condition {state.id} is not who made the record."
        raise Differs("state-machine", told.seq, detail)
    settled = state.status in ("met", "waived")
    if settled != (state.settled_on is not None) or settled != bool(state.settled_by):
        detail = f"Condition {state.id} is {state.status}, settled on {state.settled_on}."
        raise Differs("state-machine", told.seq, detail)
    moved = before is not None and before.status != state.status
    if (told.verb in ("condition.assess", "condition.contest") and moved) or (
        (state.status == "lifted") != (state.contest == "upheld")
    ):
        detail = f"Condition {state.id} is {state.status}, its contest {state.contest or 'none'}."
        raise Differs("state-machine", told.seq, detail)
    apart = [(getattr(state, one), getattr(state, other)) for one, other in _APART]
    if by == "settled_by":
        apart.append((state.settled_by, _requester(rows, state)))
    if any(one and one == other for one, other in apart):
        raise Differs("four-eyes", told.seq, f"One person took two steps of {state.id}.")
    made: Any = rows["commitment"].get(state.commitment)
    if made.source_kind == "private-sector" and state.type != "fiduciary":
        raise Differs("state-terms", told.seq, f"Private money has the condition {state.id}.")


def _requester(rows: Rows, state: Condition) -> str:
    made: Any = rows["commitment"].get(state.commitment)
    tranche = made.tranches[state.tranche - 1] if state.tranche else None
    asked: Any = rows["disbursement"].get(tranche.disbursement if tranche else "")
    return asked.requested_by if asked is not None else ""


def _payment(rows: Rows, told: Told, state: Disbursement, _: Noun | None) -> None:
    if told.verb != "disbursement.approve":
        return
    made: Any = rows["commitment"].get(state.commitment)
    found: list[Any] = [
        rows["condition"].get(name) for name in made.tranches[state.tranche - 1].conditions
    ]
    unmet = [each.id for each in found if each.status == "open" and each.assessment != "forbidden"]
    if unmet or made.halted:
        detail = f"{state.id} is approved; unmet: {', '.join(unmet) or made.halted}."
        raise Differs("condition-unmet", told.seq, detail)


def _received(rows: Rows, told: Told, state: Any, before: Noun | None) -> None:  # noqa: ANN401  # a Deposit or a Refund
    """Hold that it names the record of another trail that was told, and nothing else names it."""
    named = told.command.get("counterpart")
    record = f"{named['origin']} {named['seq']}" if named else getattr(before, "counterpart", "")
    if state.counterpart != record:
        detail = f"{state.id} was received by {record!r}, not {state.counterpart!r}."
        raise Differs("state-terms", told.seq, detail)
    for each in (*rows["deposit"].values(), *rows["refund"].values()) if record else ():
        same = getattr(each, "counterpart", "") == record and each.status != "reversed"
        if same and (type(each), each.id) != (type(state), state.id):
            detail = f"{state.id} and {each.id} were received by one record, {record}."
            raise Differs("counterpart-twice", told.seq, detail)


_RULES: dict[type[Noun], Callable[[Rows, Told, Any, Noun | None], None]] = {
    Allocation: _draw,
    Cost: _draw,
    Commitment: _commitment,
    Condition: _condition,
    Deposit: _received,
    Disbursement: _payment,
    Refund: _received,
}
