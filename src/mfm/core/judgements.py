"""Judgements: what the policies in force said at a gate, kept with what was done, or refused.

A decision is set by the record of the verb that it let through, so that neither stands without the
other; one that lets nothing through is set by the record of the refusal, which sets nothing else.
Its content (the facts, every rule's result, the files' hashes) is a blob that the record names. A
hold that needs approval is lifted by a waiver alone: signed by the role that the rule names, for a
reason, until a day, and never by who takes the step. A refusal is lifted by nothing.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, structs

from mfm.core.decisions import Found
from mfm.core.errors import Invalid, Refused
from mfm.core.explanations import Reason
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Why

GateName = Literal[
    "application",
    "signature",
    "activation",
    "amendment",
    "allocation",
    "approval",
    "payment",
]
Subject = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_]{1,40}:[a-z0-9][a-z0-9._-]{0,62}$(?!\n)",
        description="A noun and its id, such as application:a1",
    ),
]
RuleName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9.-]{0,80}@[0-9]{1,6}/[a-z0-9-]{1,64}$(?!\n)",
        description="A policy, its version and a rule of it",
    ),
]
PASSES = ("allow", "allow-with-flags")
CODES = {
    "refuse": "policy-refuses",
    "incomplete": "policy-incomplete",
    "needs-approval": "policy-approval",
}
_DETAIL_MAX = 5_500
"""What a refusal's sentences may take: a record holds 16 KiB, in any script."""


class Decision(Noun, frozen=True, kw_only=True):
    """What policies said of a step: made, where it was taken, or refused.

    Attributes:
        gate: where they were asked.
        fund: whose gate.
        funding_window: the window, or "".
        subject: what the step was about, such as application:a1.
        judged_on: the day it was judged for, where the fund is.
        outcome: made: allow, allow-with-flags, or needs-approval where waivers lifted that;
            refused: refuse, incomplete, or needs-approval.
        content: SHA-256 (hex) of the whole decision: facts, results, files.
        waivers: what lifted it, by id; empty unless the outcome is needs-approval.
        party: whom it concerns: who applies, gets the money, or gives it; "" for nobody else.
    """

    gate: str
    fund: str
    funding_window: str = ""
    subject: str
    judged_on: date
    outcome: str
    content: str
    waivers: tuple[str, ...] = ()
    party: str = ""


class Held(Refused):
    """A step that policies do not let through.

    Attributes:
        draft: what its record keeps beside the refusal: the decision, and nothing else.
    """

    def __init__(self, code: str, detail: str, draft: Draft) -> None:
        """Keep the decision beside code and detail."""
        super().__init__(code, detail)
        self.draft = draft


class Waiver(Noun, frozen=True, kw_only=True):
    """Leave to take one step although rules hold it: signed, or revoked.

    Attributes:
        gate: at which gate.
        fund: whose gate.
        subject: what the step is about.
        rules: which rules it lifts, as policy@version/rule.
        role: the role in which it was signed, which the rules name.
        valid_until: the last day.
        signed_by: the key.
        party: its party.
    """

    gate: str
    fund: str
    subject: str
    rules: tuple[str, ...]
    role: str
    valid_until: date
    signed_by: str
    party: str


class SignWaiver(Command, frozen=True, kw_only=True):
    """Lift a hold of rules that name this role, for one step, until a day."""

    id: Id | None = None
    fund: Id
    gate: GateName
    subject: Subject
    rules: Annotated[tuple[RuleName, ...], Meta(min_length=1, max_length=20)]
    valid_until: date
    reason: Why


class RevokeWaiver(Command, frozen=True, kw_only=True):
    """Revoke a waiver that was signed."""

    waiver: Id
    reason: Why


def sign(act: Act, command: SignWaiver, waiver_id: str) -> Draft:
    """Record a waiver.

    Raises:
        Invalid: `waiver-past`.
    """
    if command.valid_until < act.on:
        raise Invalid("waiver-past", f"{command.valid_until} is past.", "/valid_until")
    waiver = Waiver(
        id=waiver_id,
        status="signed",
        gate=command.gate,
        fund=command.fund,
        subject=command.subject,
        rules=command.rules,
        role=act.actor.role,
        valid_until=command.valid_until,
        signed_by=act.actor.key,
        party=act.actor.party,
    )
    return Draft(effective_on=act.on, sets=(waiver,), funds=(command.fund,))


def revoke(act: Act, waiver: Waiver) -> Draft:
    """Record that a waiver lifts nothing any more.

    Raises:
        Refused: `waiver-state`.
    """
    if waiver.status != "signed":
        raise Refused("waiver-state", f"Waiver {waiver.id} is {waiver.status}.", "/waiver")
    revoked = structs.replace(waiver, status="revoked")
    return Draft(effective_on=act.on, sets=(revoked,), funds=(waiver.fund,))


def name_of(policy: str, rule: str) -> str:
    """Return a rule's name over all policies."""
    return f"{policy}/{rule}"


def lifting(
    found: Found, waivers: Iterable[Waiver], gate: tuple[str, str, str], act: Act
) -> tuple[str, ...]:
    """Return the waivers that lift all that holds a step, or none of them.

    Args:
        found: what policies said.
        waivers: those of the step's subject.
        gate: its name, whose, and the subject.
        act: who takes the step, and the day.
    """
    if found.outcome != "needs-approval":
        return ()
    usable = [
        each
        for each in waivers
        if (each.gate, each.fund, each.subject) == gate
        and each.status == "signed"
        and act.on <= each.valid_until
        and each.signed_by != act.actor.key
    ]
    used: set[str] = set()
    for each in found.results:
        if each.result == "violated" and each.rule.severity == "require-approval":
            name = name_of(each.policy, each.rule.id)
            by = (each.rule.approver, OPERATOR)
            lifts = [waiver.id for waiver in usable if name in waiver.rules and waiver.role in by]
            if not lifts:
                return ()
            used.add(min(lifts))
    return tuple(sorted(used))


def settled(draft: Draft, decision: Decision, content: bytes, reasons: Iterable[Reason]) -> Draft:
    """Return a step's draft with the decision that lets it through.

    Args:
        draft: the step, as its rules have it.
        decision: what policies said; with the waivers that lift it.
        content: all of it.
        reasons: why it does not pass, in the caller's language.

    Raises:
        Held: `policy-refuses`, `policy-incomplete`, `policy-approval`, with every reason and what
            to do next.
    """
    if decision.outcome in PASSES or decision.waivers:
        return structs.replace(draft, sets=(*draft.sets, decision), blobs=(*draft.blobs, content))
    refused = structs.replace(decision, status="refused")
    kept = Draft(effective_on=decision.judged_on, sets=(refused,), blobs=(content,))
    raise Held(CODES[decision.outcome], sentences(decision, reasons), kept)


def sentences(decision: Decision, reasons: Iterable[Reason]) -> str:
    """Return all reasons of a decision as one text.

    Each is what is wrong, what to do next, and in brackets the rule with what would meet or lift
    it: `party.attest kind=level`, a field of the step, or the role whose waiver it takes.
    """
    lifted = f"gate={decision.gate} subject={decision.subject}"
    told = []
    for each in reasons:
        if each.severity == "flag" and each.result != "undecided":
            continue
        names = [name_of(each.policy, each.rule), *each.remedies]
        if each.approver:
            names.append(f"waiver.sign {lifted} role={each.approver}")
        told.append(f"{each.message} {each.fix} [{'; '.join(names)}]")
    text = " ".join(told) or "No policy is in force for this; the fund's board adopts one first."
    return text[:_DETAIL_MAX]
