"""Simulating a policy over decisions that were made; nothing is written."""

from collections.abc import Callable
from datetime import date

from mfm.app import policy_files
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor, scope_of
from mfm.core.policy_format import PolicyFile
from mfm.core.simulations import Simulated, Simulation
from mfm.store import simulations as store
from mfm.store.database import Engine, snapshot

_TICK = 100


async def simulate(
    engine: Engine,
    actor: Actor,
    candidate: PolicyFile,
    days: tuple[date, date],
    progress: Callable[[int, int], None],
) -> Simulated:
    """Hold the facts of decisions against a candidate for a policy.

    Args:
        engine: the mechanism's readers.
        actor: who asks; who reads one fund's decisions simulates over those.
        candidate: the file, loaded with this release's catalogue of facts.
        days: the first and the last day that the decisions were for.
        progress: told how many decisions are done, and of how many.

    Raises:
        Invalid: `role-not-allowed`; `request-refused` where the last day is before the first.
    """
    fund = actor.fund if scope_of(actor, "decision.simulate") == "fund" else ""
    if days[1] < days[0]:
        raise Invalid("request-refused", f"{days[1]} is before {days[0]}.", "/to")
    simulation = Simulation(candidate, policy_files.catalogue())
    async with snapshot(engine) as connection:
        total = await store.count(connection, *days, fund)
        done = 0
        async for past in store.decisions(connection, *days, fund):
            simulation.feed(past)
            done += 1
            if done % _TICK == 0:
                progress(done, total)
    progress(total, total)
    return simulation.told()
