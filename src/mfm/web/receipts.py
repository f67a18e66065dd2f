"""Receipts over HTTP: as JSON, as C2SP tlog-proof, or as a page that checks itself."""

import re

from litestar import Response

from mfm.app import receipts
from mfm.app.receipts import Receipt
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web import receipt_page
from mfm.web.endpoints import (
    JSON,
    Ask,
    Endpoint,
    Query,
    actor_of,
    header,
    ok,
    part,
    queries_of,
    whole,
)
from mfm.web.languages import chosen
from mfm.web.services import Services

WAIT_MAX_SECONDS = 10
"""The longest that a request waits for a record to be sealed, whatever it prefers."""
_WAIT = re.compile(r'(?:^|,)\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=;|,|$)', re.IGNORECASE)
_FORMATS = {"text/html": "html", "text/plain": "tlog-proof", JSON: "json"}


def address_of(seq: int) -> str:
    """Return where a record's receipt is."""
    return f"/v1/records/{seq}/receipt"


def link(seq: int) -> str:
    """Return the Link header's value that leads from a record to its receipt."""
    return f'<{address_of(seq)}>; rel="receipt"'


def wait_of(ask: Ask) -> int:
    """Return how many seconds a request prefers to wait (RFC 7240), within our bounds."""
    told = _WAIT.search(header(ask, b"prefer") or "")
    return min(int(told[1]), WAIT_MAX_SECONDS) if told else 0


async def within(services: Services, actor: Actor, seq: int, seconds: int) -> Receipt:
    """Return a record's receipt, waiting for it so many seconds at the most.

    Raises:
        Invalid: as `app.receipts.receipt`; `not-sealed` when the time was too short.
    """
    try:
        return await receipts.receipt(services.engine, services.writer, actor, seq)
    except Invalid as early:
        if early.code != "not-sealed" or services.sealer is None:
            raise
        if not await services.sealer.wait(seq, seconds):
            raise
    return await receipts.receipt(services.engine, services.writer, actor, seq)


async def _receipt(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    seq = whole(part(ask, "seq"))
    if seq is None:
        raise Invalid("not-found", "Records have whole numbers.")
    told = queries_of(ask, {"format", "lang"})
    form = told.get("format") or _accepted(ask)
    if form not in _FORMATS.values():
        raise Invalid("query-invalid", f"format is one of {', '.join(_FORMATS.values())}.")
    seconds = wait_of(ask)
    found = await within(services, actor_of(actor), seq, seconds)
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
    if seconds:
        headers["Preference-Applied"] = "wait"
    if form == "tlog-proof":
        return Response(found.proof.encode(), media_type="text/plain", headers=headers)
    if form == "json":
        return ok(found, headers=headers)
    language = chosen(told.get("lang", ""), header(ask, b"accept-language") or "")
    address = str(ask.base_url).rstrip("/") + address_of(seq)
    page, policy = receipt_page.page(found, language, address, services.verifier_key())
    headers |= {"Content-Security-Policy": policy, "Content-Language": language.code}
    headers["Content-Disposition"] = f'inline; filename="receipt-{seq}.html"'
    return Response(page, media_type="text/html", headers=headers)


def _accepted(ask: Ask) -> str:
    accept = header(ask, b"accept") or ""
    return next((form for media, form in _FORMATS.items() if media in accept), "json")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/records/{seq}/receipt",
        action="receipt.read",
        handle=_receipt,
        text="A record with proof that it is in the trail; JSON, tlog-proof or a page, by Accept.",
        answer="Receipt",
        media=tuple(_FORMATS),
        also=(Receipt,),
        queries=(
            Query("format", "json, tlog-proof or html, whatever Accept says"),
            Query("lang", "of the page: en, fr, es or ar; else as Accept-Language says"),
        ),
    ),
)
