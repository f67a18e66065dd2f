"""Policies: from a draft to what is in force, and from there to what comes after.

Who edits a policy does not activate it, and the board approves it in between. A policy that was in
force stays as it was: the next version ends it on the day before its own first.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Any

from msgspec import Meta, structs

from mfm.core.errors import Refused
from mfm.core.facts import Catalogue
from mfm.core.policy_cases import Tested
from mfm.core.policy_format import PolicyFile
from mfm.core.policy_source import MAX_BYTES
from mfm.core.record import Draft, Noun
from mfm.core.terms import NO_NUL, Act, Command, Id

RELEASE = "release"
"""Who edited and approved what a release ships; whoever adopts it is another."""
_FAILURES_SHOWN = 10

File = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_BYTES,
        pattern=NO_NUL,
        description="A file, as it is",
        extra={"untold": True},
    ),
]
"""A file's text: a blob, which the record names by its SHA-256."""


class Policy(Noun, frozen=True, kw_only=True):
    """A version of a policy: draft, tested, simulated, approved, active, superseded.

    Attributes:
        name: the policy's, over all versions.
        version: counts up from 1.
        kind: eligibility, conditionality or spending.
        gates: where it is asked for.
        fund: the fund it is for, or "" for all.
        windows: the funding windows it is for; empty for all.
        judged_on: whether the version of the day of submission or of the decision counts.
        effective_from: the first day.
        effective_until: the last day, None while open; the next version sets it.
        content: SHA-256 (hex) of the file.
        logic: SHA-256 of what decides in it.
        catalogue: SHA-256 of the catalogue of facts that it was written for.
        cases: SHA-256 of the cases that passed, or "".
        simulation: SHA-256 of what it would have changed, or "".
        edited_by: the key that wrote it; likewise approved_by and activated_by, or "".
        activated_on: the day it was activated, or None.
    """

    name: str
    version: int
    kind: str
    gates: tuple[str, ...]
    fund: str = ""
    windows: tuple[str, ...] = ()
    judged_on: str
    effective_from: date
    effective_until: date | None = None
    content: str
    logic: str
    catalogue: str
    cases: str = ""
    simulation: str = ""
    edited_by: str
    approved_by: str = ""
    activated_by: str = ""
    activated_on: date | None = None

    @property
    def once_in_force(self) -> bool:
        """Tell whether it is, or was, in force."""
        return self.status in ("active", "superseded")

    def in_force(self, on: date) -> bool:
        """Tell whether it is, or was, in force on a day."""
        until = self.effective_until
        return self.once_in_force and self.effective_from <= on and (until is None or on <= until)

    def asked_at(self, gate: str, fund: str, window: str) -> bool:
        """Tell whether it is asked at a fund's gate, for a funding window or none."""
        placed = self.fund in ("", fund) and (not self.windows or window in self.windows)
        return gate in self.gates and placed

    def judges(self, on: date, submitted_on: date | None) -> bool:
        """Tell whether it is in force for what is decided on a day, submitted on another or not."""
        return self.in_force(submitted_on or on if self.judged_on == "submission" else on)


class DraftPolicy(Command, frozen=True, kw_only=True):
    """Write a version of a policy, or write it anew before it is approved."""

    content: File


class TestPolicy(Command, frozen=True, kw_only=True):
    """Try a policy with its cases; all of them must come out."""

    policy: Id
    cases: File


class SimulatePolicy(Command, frozen=True, kw_only=True):
    """Hold decisions of a span of days against a policy whose cases passed, and keep what comes."""

    policy: Id
    since: date
    until: date


class ApprovePolicy(Command, frozen=True, kw_only=True):
    """Approve a policy for the board."""

    policy: Id


class ActivatePolicy(Command, frozen=True, kw_only=True):
    """Activate an approved policy; the version before it ends."""

    policy: Id


class AdoptPolicies(Command, frozen=True, kw_only=True):
    """Activate the policies that the release ships for every fund, with one record."""


def id_of(file: PolicyFile) -> str:
    """Return the id of a version of a policy."""
    return f"{file.id}.v{file.version}"


def _stated(file: PolicyFile, catalogue: Catalogue, edited_by: str) -> Policy:
    return Policy(
        id=id_of(file),
        status="draft",
        name=file.id,
        version=file.version,
        kind=file.kind,
        gates=file.gates,
        fund=file.fund,
        windows=file.windows,
        judged_on=file.judged_on,
        effective_from=file.effective_from,
        effective_until=file.effective_until,
        content=file.sha256,
        logic=file.logic_sha256,
        catalogue=catalogue.sha256,
        edited_by=edited_by,
    )


def draft(act: Act, file: PolicyFile, catalogue: Catalogue, before: Policy | None) -> Draft:
    """Record a draft.

    Args:
        act: who writes it, and the day.
        file: what it says.
        catalogue: the facts it was loaded with.
        before: the same version as it stands, or None.

    Raises:
        Refused: `policy-state` once it is approved.
    """
    if before is not None:
        _must_be(before, "draft", "tested", "simulated")
    return _set(act, _stated(file, catalogue, act.actor.key))


def test(act: Act, policy: Policy, cases: str, tested: Tested) -> Draft:
    """Record that a policy's cases pass.

    Raises:
        Refused: `policy-state`, `policy-cases-fail`.
    """
    _must_be(policy, "draft", "tested", "simulated")
    if tested.failures:
        raise Refused("policy-cases-fail", " ".join(tested.failures[:_FAILURES_SHOWN]), "/cases")
    made = structs.replace(policy, status="tested", cases=cases)
    return _set(act, made, {"cases": str(tested.cases), "boundaries": str(tested.boundaries)})


def simulate(act: Act, policy: Policy, simulation: str, counts: dict[str, str]) -> Draft:
    """Record what a policy would have changed.

    Args:
        act: who simulated it, and the day.
        policy: which.
        simulation: SHA-256 of all that came out.
        counts: the first of its figures.

    Raises:
        Refused: `policy-state`.
    """
    _must_be(policy, "tested", "simulated")
    return _set(act, structs.replace(policy, status="simulated", simulation=simulation), counts)


def approve(act: Act, policy: Policy) -> Draft:
    """Record that the board approves a policy.

    Raises:
        Refused: `policy-state`, `four-eyes`.
    """
    _must_be(policy, "simulated")
    _must_be_another(act, policy)
    return _set(act, structs.replace(policy, status="approved", approved_by=act.actor.key))


def activate(act: Act, policy: Policy, file: PolicyFile, others: Iterable[Policy]) -> Draft:
    """Record that a policy is in force, and until when the version before it was.

    Args:
        act: who activates it, and the day.
        policy: which.
        file: what it says.
        others: the other versions of the same policy.

    Raises:
        Refused: `policy-state`, `four-eyes`, `policy-retroactive`, `policy-overlap`.
    """
    _must_be(policy, "approved")
    _must_be_another(act, policy)
    if policy.effective_from < act.on and not file.retroactive:
        detail = f"{policy.id} begins on {policy.effective_from}, before today, {act.on}."
        raise Refused("policy-retroactive", detail, "/policy")
    ended = tuple(_ended(each, policy) for each in others if _overlap(each, policy))
    made = structs.replace(policy, status="active", activated_by=act.actor.key, activated_on=act.on)
    return Draft(effective_on=act.on, sets=(*ended, made), funds=_funds(policy))


def adopt(act: Act, files: Iterable[PolicyFile], catalogue: Catalogue) -> Draft:
    """Record that what a release ships is in force; its cases were tried before it was shipped.

    Raises:
        Refused: `policies-adopted` when there is nothing to adopt.
    """
    made = tuple(
        structs.replace(
            _stated(file, catalogue, RELEASE),
            status="active",
            approved_by=RELEASE,
            activated_by=act.actor.key,
            activated_on=act.on,
        )
        for file in files
    )
    if not made:
        raise Refused("policies-adopted", "All that this release ships is adopted already.")
    return Draft(effective_on=act.on, sets=made)


def _overlap(each: Policy, policy: Policy) -> bool:
    if each.status not in ("active", "superseded") or each.id == policy.id:
        return False
    return (each.effective_until is None or policy.effective_from <= each.effective_until) and (
        policy.effective_until is None or each.effective_from <= policy.effective_until
    )


def _ended(each: Policy, policy: Policy) -> Policy:
    if each.status != "active" or each.effective_from >= policy.effective_from:
        until = each.effective_until or "further notice"
        detail = f"{each.id} is in force from {each.effective_from} to {until}."
        raise Refused("policy-overlap", detail, "/policy")
    last = policy.effective_from - timedelta(days=1)
    return structs.replace(each, status="superseded", effective_until=last)


def _set(act: Act, policy: Policy, facts: dict[str, Any] | None = None) -> Draft:
    return Draft(effective_on=act.on, sets=(policy,), funds=_funds(policy), facts=facts or {})


def _funds(policy: Policy) -> tuple[str, ...]:
    return (policy.fund,) if policy.fund else ()


def _must_be(policy: Policy, *states: str) -> None:
    if policy.status not in states:
        wanted = " or ".join(states)
        detail = f"Policy {policy.id} is {policy.status}; it must be {wanted}."
        raise Refused("policy-state", detail, "/policy")


def _must_be_another(act: Act, policy: Policy) -> None:
    if act.actor.key == policy.edited_by:
        raise Refused("four-eyes", "This step is not for who edited the policy: use another key.")
