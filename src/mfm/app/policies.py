"""Policies: their life, and the decisions that gates ask for."""

from datetime import date
from hashlib import sha256

from msgspec import Struct, structs, to_builtins

from mfm.app import policy_files
from mfm.app.context import Context
from mfm.app.perform import Ask, Made, Verb, submit
from mfm.core import policies as rules
from mfm.core import policy_cases
from mfm.core.decisions import Found, evaluate
from mfm.core.errors import Invalid
from mfm.core.facts import Facts
from mfm.core.funds import Fund
from mfm.core.permissions import Actor
from mfm.core.policies import (
    ActivatePolicy,
    AdoptPolicies,
    ApprovePolicy,
    DraftPolicy,
    Policy,
    SimulatePolicy,
    TestPolicy,
)
from mfm.core.policy_format import PolicyFile, load
from mfm.core.record import Draft, canonical, plain
from mfm.core.simulations import Simulation
from mfm.core.terms import Act
from mfm.store.migrate import shipped
from mfm.store.policies import file_of, newest, once_in_force
from mfm.store.writer import Writer

_LOADED: dict[str, PolicyFile] = {}
"""Loaded files by their SHA-256: what a name stands for never changes."""
_LOADED_MAX = 1_000
SIMULATED_MAX = 5_000
"""So many decisions are simulated within the ledger, while others wait; `mfm policies simulate` and
`POST /v1/policies:simulate` take all of a span."""


class Gate(Struct, frozen=True):
    """Where policies are asked.

    Attributes:
        name: one of `policy_format.GATES`.
        fund: whose gate.
        on: the day of the decision, where the fund is.
        window: the funding window, or "".
        submitted_on: the day of what is decided on, or None where that is the decision's.
    """

    name: str
    fund: str
    on: date
    window: str = ""
    submitted_on: date | None = None


# Deciding -----------------------------------------------------------------------------------------


async def decide(context: Context, gate: Gate, facts: Facts) -> Found:
    """Hold facts against the policies that are in force at a gate.

    Raises:
        Invalid: `policy-faulty` when one was written for a catalogue that had other facts.
    """
    chosen = [
        await _file(context, policy.content)
        for policy in sorted(await once_in_force(context.unit), key=lambda each: each.id)
        if policy.asked_at(gate.name, gate.fund, gate.window)
        and policy.judges(gate.on, gate.submitted_on)
    ]
    return evaluate(chosen, facts, gate.on, policy_files.catalogue(), gate.submitted_on)


async def _file(context: Context, name: str) -> PolicyFile:
    if name not in _LOADED:
        if len(_LOADED) >= _LOADED_MAX:
            _LOADED.clear()
        content = await file_of(context.unit, name)
        _LOADED[name] = load(content, policy_files.catalogue(), f"policy {name[:12]}")
    return _LOADED[name]


# The life of a policy -----------------------------------------------------------------------------


async def draft(context: Context, command: DraftPolicy) -> Draft:
    """Write a version of a policy."""
    catalogue = policy_files.catalogue()
    file = load(command.content.encode(), catalogue, "content")
    context.require(_funds(file.fund))
    act = await _act(context, file.fund)
    before = await context.unit.find(Policy, rules.id_of(file))
    made = rules.draft(act, file, catalogue, before)
    return _with(context, made, file.content, catalogue.content)


async def test(context: Context, command: TestPolicy) -> Draft:
    """Try a policy with its cases."""
    policy = await _read(context, command.policy)
    catalogue = policy_files.catalogue()
    file, content = await _file(context, policy.content), command.cases.encode()
    cases = policy_cases.cases_in(content, file, catalogue, "cases")
    tested = policy_cases.run(file, cases, catalogue)
    act = await _act(context, policy.fund)
    made = rules.test(act, policy, sha256(content).hexdigest(), tested)
    return _with(context, made, content)


async def simulate(context: Context, command: SimulatePolicy) -> Draft:
    """Hold what was decided against a policy: the newest decisions, so many as take no time."""
    policy = await _read(context, command.policy)
    if command.until < command.since:
        detail = f"{command.until} is before {command.since}."
        raise Invalid("request-refused", detail, "/until")
    file = await _file(context, policy.content)
    simulation = Simulation(file, policy_files.catalogue())
    days = (command.since, command.until)
    for past in await newest(context.unit, days, policy.fund, SIMULATED_MAX):
        simulation.feed(past)
    found = simulation.told()
    content = canonical(plain(to_builtins(found)))
    counts = {name: str(getattr(found, name)) for name in ("decisions", "simulated", "excluded")}
    act = await _act(context, policy.fund)
    made = rules.simulate(act, policy, sha256(content).hexdigest(), counts)
    return _with(context, made, content)


async def approve(context: Context, command: ApprovePolicy) -> Draft:
    """Approve a policy for the board."""
    policy = await _read(context, command.policy)
    return rules.approve(await _act(context, policy.fund), policy)


async def activate(context: Context, command: ActivatePolicy) -> Draft:
    """Activate an approved policy."""
    policy = await _read(context, command.policy)
    file = await _file(context, policy.content)
    others = await context.unit.find_all(Policy, "name", [policy.name])
    return rules.activate(await _act(context, policy.fund), policy, file, others)


async def adopt(context: Context, _: AdoptPolicies) -> Draft:
    """Activate the policies that the release ships for every fund."""
    context.require()
    catalogue = policy_files.catalogue()
    files = policy_files.policies([shipped("policies") / "shared"])
    known = await context.unit.find_all(Policy, "name", [file.id for file in files])
    names = {policy.name for policy in known if policy.status != "reversed"}
    fresh = [file for file in files if file.id not in names]
    made = rules.adopt(await _act(context, ""), fresh, catalogue)
    return _with(context, made, *(file.content for file in fresh), catalogue.content)


async def adopt_shipped(writer: Writer, actor: Actor) -> Made:
    """Have a new mechanism adopt what the release ships, once."""
    verb = next(each for each in VERBS if each.name == "policy.adopt")
    return await submit(writer, Ask(actor, verb, AdoptPolicies(), "adopt-shipped-policies"))


def _with(context: Context, draft: Draft, *files: bytes) -> Draft:
    """Return a draft whose files are kept with its record, and may be asked for before that."""
    for content in files:
        context.unit.memory.keep(content)
    return structs.replace(draft, blobs=files)


async def _read(context: Context, name: str) -> Policy:
    policy = await context.get(Policy, name, "/policy")
    context.require(_funds(policy.fund))
    return policy


async def _act(context: Context, fund: str) -> Act:
    return context.act(None, await context.get(Fund, fund, "/fund") if fund else None)


def _funds(fund: str) -> tuple[str, ...]:
    return (fund,) if fund else ()


_SUBJECT = (Policy, "policy")
VERBS = (
    Verb("policy.draft", DraftPolicy, draft, "/policies"),
    Verb("policy.adopt", AdoptPolicies, adopt, "/policies/adopt"),
    Verb("policy.test", TestPolicy, test, "/policies/{policy}/test", _SUBJECT),
    Verb("policy.simulate", SimulatePolicy, simulate, "/policies/{policy}/simulate", _SUBJECT),
    Verb("policy.approve", ApprovePolicy, approve, "/policies/{policy}/approve", _SUBJECT),
    Verb("policy.activate", ActivatePolicy, activate, "/policies/{policy}/activate", _SUBJECT),
)
