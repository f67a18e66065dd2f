"""Writing: an endpoint for every verb, and the batch of vouchers."""

import re
from typing import Any

from litestar import Response
from msgspec import ValidationError, convert

from mfm.app import call_views
from mfm.app.entries import submit_batch
from mfm.app.perform import Ask as VerbAsk
from mfm.app.perform import Made, Verb, refusal_of, submit
from mfm.app.receipts import Receipt
from mfm.app.registry import VERBS
from mfm.core.entries import EntryBatch
from mfm.core.errors import Invalid, Problem, Refused
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.core.terms import Key
from mfm.web import problems, receipts, refusals
from mfm.web.bodies import decode, decode_with_path
from mfm.web.endpoints import JSON, Ask, Endpoint, actor_of, body_of, header, ok
from mfm.web.languages import language_of
from mfm.web.render import outcome_json
from mfm.web.services import Services

_PART = re.compile(r"\{(\w+)\}")
_ETAG = re.compile(r'"([0-9]{1,18})"')


def _key(ask: Ask) -> str:
    key = header(ask, b"idempotency-key")
    if key is None:
        detail = "Requests that write carry an Idempotency-Key header."
        raise Invalid("key-missing", detail)
    try:
        return convert(key.strip('"'), Key)  # the draft standard quotes it, most clients do not
    except ValidationError:
        raise Invalid("key-malformed", "1 to 200 visible ASCII characters.") from None


def _if_match(ask: Ask) -> int | None:
    text = header(ask, b"if-match")
    if text is None or text.strip() == "*":
        return None
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise Invalid("if-match-malformed", f"{text[:40]!r} is not an ETag of ours.")
    return int(found[1])


async def read_body(ask: Ask) -> bytes:
    """Return the body of a JSON request.

    Raises:
        Invalid: `media-type-unsupported`.
    """
    kind = (header(ask, b"content-type") or JSON).partition(";")[0].strip().lower()
    if kind != JSON and not kind.endswith("+json"):
        raise Invalid("media-type-unsupported", f"{kind[:60]} is not JSON.")
    return await body_of(ask)


def answer(
    services: Services, actor: Actor, made: Made, path: str, beside: dict[str, Any] | None = None
) -> Response[bytes]:
    """Return the answer to a verb: 201 with what it made, or the recorded refusal as a problem.

    Args:
        services: what counts refusals.
        actor: who asked.
        made: what came of it.
        path: where it was asked.
        beside: what is told beside that, such as its receipt.
    """
    if not made.accepted:
        if not made.replayed:
            services.count_refusal(actor)
        refusal = refusals.response(Refused(*refusal_of(made)), path, made.seq)
        refusal.headers.update(_replayed(made))
        for decision in parse(made.content)[1].sets.get("decision", ()):
            refusal.headers["Link"] += f', </v1/decisions/{decision["id"]}>; rel="related"'
        return refusal
    told, location = outcome_json(made.content)
    headers = {"ETag": f'"{made.seq}"', "Location": location, "Link": receipts.link(made.seq)}
    headers |= _replayed(made)
    if beside and "sealed" in beside:
        headers["Preference-Applied"] = "wait"
    return ok(told | (beside or {}), status=201, headers=headers)


def _replayed(made: Made) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if made.replayed else {}


def _write(verb: Verb) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    parts = tuple(_PART.findall(verb.path))

    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        who = actor_of(actor)
        services.check_refusals(who)
        key, if_match = _key(ask), _if_match(ask)
        body = await read_body(ask)
        if parts:
            path = {name: str(ask.path_params[name]) for name in parts}
            command = decode_with_path(body, verb.command, path)
        else:
            command = decode(body, verb.command)
        asked = VerbAsk(who, verb, command, key, if_match, language_of(ask))
        if verb.name.startswith("key.") or verb.issue is not None:
            return await _secret_verb(services, asked, ask.scope["path"])
        made = await submit(services.writer, asked)
        beside = await _beside(services, asked, made, receipts.wait_of(ask))
        return answer(services, who, made, ask.scope["path"], beside)

    return handle


async def _beside(services: Services, asked: VerbAsk, made: Made, wait: int) -> dict[str, Any]:
    """Return what is told beside what was done: its receipt, if asked for; what a call overlaps."""
    told: dict[str, Any] = {}
    if not made.accepted:
        return told
    if wait and (sealed := await _sealed(services, asked.actor, made, wait)) is not None:
        told["sealed"] = sealed
    if asked.verb.name in call_views.WRITES:
        found = await call_views.rivals_beside(services.engine, made.content)
        told |= {} if found is None else {"overlaps": found}
    return told


async def _sealed(services: Services, who: Actor, made: Made, seconds: int) -> Receipt | None:
    """Return the receipt of what was done, if it came in time."""
    try:
        return await receipts.within(services, who, made.seq, seconds)
    except Invalid:
        return None  # it is done all the same: its receipt is at the address that the answer tells


async def _secret_verb(services: Services, asked: VerbAsk, path: str) -> Response[bytes]:
    """Make a key or link, or revoke a key; a secret is told once, here, and never again."""
    secret = ""
    if asked.verb.issue is not None:
        asked, secret = asked.verb.issue(asked)
    made = await submit(services.writer, asked)
    services.forget_keys()
    if secret and made.accepted and not made.replayed:
        told, location = outcome_json(made.content)
        headers = {"ETag": f'"{made.seq}"', "Location": location, "Link": receipts.link(made.seq)}
        return ok(told | {"secret": secret}, status=201, headers=headers)
    return answer(services, asked.actor, made, path)


async def _batch(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    """Post up to 8,192 vouchers; the answer has an outcome for each, in their order."""
    who = actor_of(actor)
    services.check_refusals(who)
    items = decode(await read_body(ask), EntryBatch).entries
    outcomes = await submit_batch(services.writer, who, items)
    for outcome in outcomes:
        if isinstance(outcome, Made) and not outcome.accepted and not outcome.replayed:
            services.count_refusal(who)
    told = [
        {"key": item.key, **_outcome(outcome)}
        for item, outcome in zip(items, outcomes, strict=True)
    ]
    return ok({"outcomes": told})


def _outcome(outcome: Made | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        return {"outcome": "invalid", "problem": problems.document(outcome)}
    if outcome.accepted:
        return {"outcome": "accepted", "seq": outcome.seq}
    refusal = Refused(*refusal_of(outcome))
    told = problems.document(refusal, record=outcome.seq)
    return {"outcome": "refused", "seq": outcome.seq, "problem": told}


def _first_sentence(verb: Verb) -> str:
    return (verb.run.__doc__ or "").strip().splitlines()[0]


ENDPOINTS: tuple[Endpoint, ...] = (
    *(
        Endpoint(
            method="POST",
            path="/v1" + verb.path,
            action=verb.name,
            handle=_write(verb),
            text=_first_sentence(verb),
            request=verb.command,
            answer="Outcome",
        )
        for verb in VERBS.values()
    ),
    Endpoint(
        method="POST",
        path="/v1/entries:batch",
        action="entry.post",
        handle=_batch,
        text="Post up to 8,192 vouchers, each with an outcome of its own.",
        request=EntryBatch,
        answer="Outcomes",
    ),
)
