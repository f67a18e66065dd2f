"""How long an applicant waits for what is still missing, beside a handler that does nothing.

`POST /v1/applications:check` reads the application's facts and decides under all that a release
ships; the reference is a handler that answers without a database, in the same server and run. One
request at a time; rounds are interleaved.
"""

import statistics
from functools import partial

import msgspec

from bench.load import get, post
from bench.stage import BENCH, Clerk, Served, Stage, Told, serving, table
from mfm.app.perform import Ask, submit
from mfm.app.policies import adopt_shipped
from mfm.app.registry import VERBS
from mfm.core.permissions import OPERATOR, Actor
from tests.calling import APPLICATION, CALL

NAME = "checking"
_REQUESTS = 100
"""Of each measure in each round."""
_BODY = b'{"application":"ap"}'
_PARTIES = ("agent", "group")
_FUND = {"id": "n", "name": "N", "tier": "national", "currency": "USD", "steward": "agent"}


async def _prepare(stage: Stage) -> str:
    """Have an application to check, under the shipped policies; return a preparer's key."""
    clerk = await Clerk.of(stage, NAME)
    await adopt_shipped(clerk.writer, BENCH)
    for party in _PARTIES:
        await clerk.do("party.register", {"id": party, "name": party})
    await clerk.do("fund.open", _FUND)
    await clerk.do("call.draft", CALL)
    publish = VERBS["call.publish"]
    command = msgspec.convert({"call": CALL["id"]}, publish.command)
    other = Actor("bench", OPERATOR, "other")  # not who wrote it
    assert (await submit(clerk.writer, Ask(other, publish, command, "publish"))).accepted
    secret = await clerk.key("agent", "preparer")
    await clerk.do("application.draft", {**APPLICATION, "call": CALL["id"], "id": "ap"})
    await clerk.writer.close()
    return secret


def _check(secret: str, number: int) -> bytes:
    return post("/v1/applications:check", f"check-{number}", _BODY, secret)


def _bare(secret: str, _: int) -> bytes:
    return get("/health/live", secret)


async def _round(served: Served, secret: str, took: dict[str, list[float]]) -> None:
    for name, make in (("check", _check), ("bare", _bare)):
        asked = partial(make, secret)
        done = await served.load(asked, clients=1, seconds=60, most=_REQUESTS)
        took[name] += done.latencies


async def measure(stage: Stage) -> Told:
    """Prepare, serve, measure; the server that it starts it stops."""
    secret = await _prepare(stage)
    took: dict[str, list[float]] = {"check": [], "bare": []}
    async with serving(stage, NAME) as served:
        task = stage.progress.add_task(NAME, total=stage.args.rounds)
        for _ in range(stage.args.rounds):
            await _round(served, secret, took)
            stage.progress.advance(task)
    check, bare = (statistics.median(took[name]) * 1_000 for name in ("check", "bare"))
    told = {
        "check_p50_ms": round(check, 2),
        "bare_p50_ms": round(bare, 2),
        "p50_ratio": round(check / bare, 1),
    }
    row = [str(each) for each in told.values()]
    shown = table(
        "An application checked, beside a bare handler", "check p50 ms, bare p50 ms, ratio", [row]
    )
    return Told({NAME: told}, [shown])
