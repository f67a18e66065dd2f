"""Statements, balances, account histories and totals over HTTP."""

from typing import TypeVar

from litestar import Response
from msgspec import Struct, ValidationError, convert

from mfm.app import statements
from mfm.core.errors import Invalid
from mfm.core.histories import AccountBalance, AccountQuery, History, HistoryQuery
from mfm.core.permissions import Actor
from mfm.core.statements import Statement, StatementQuery
from mfm.core.totals import Total, dimensions
from mfm.formats import csv
from mfm.web import cursors
from mfm.web.bodies import fault
from mfm.web.endpoints import Ask, Endpoint, Query, actor_of, header, ok, part
from mfm.web.services import Services

Q = TypeVar("Q", bound=Struct)

_LIMIT_MAX = 500
_SCOPE = (
    Query("as_of", "count only what is effective on or before this day"),
    Query("known_at", "count only records up to this one", "integer"),
    Query("currency", "for reported books, which keep several"),
)


class Totals(Struct, frozen=True):
    """Totals of IATI transactions, computed from the ledger."""

    items: list[Total]


def _query(ask: Ask, kind: type[Q], **fields: str) -> Q:
    """Return the query parameters and parts of the path as what the app takes.

    Raises:
        Invalid: `query-invalid`.
    """
    told = {name: str(value) for name, value in ask.query_params.items() if name != "cursor"}
    try:
        return convert({**told, **fields}, kind, strict=False)
    except ValidationError as error:
        raise Invalid("query-invalid", fault(error).detail) from None


def _as_csv(ask: Ask) -> bool:
    return "text/csv" in (header(ask, b"accept") or "")


def _csv(text: str) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


async def _statement(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    query = _query(ask, StatementQuery, fund=part(ask, "fund"))
    told = await statements.statement(services.engine, actor_of(actor), query)
    return _csv(csv.sources_and_uses(told)) if _as_csv(ask) else ok(told)


async def _balance(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    query = _query(ask, AccountQuery, fund=part(ask, "fund"), code=part(ask, "code"))
    return ok(await statements.balance(services.engine, actor_of(actor), query))


async def _history(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    fields = {"fund": part(ask, "fund"), "code": part(ask, "code")}
    listing = f"{ask.scope['path']}?{ask.query_params.get('subject', '')}"
    if cursor := ask.query_params.get("cursor"):
        fields["after"] = str(cursors.read(services.cursor_key, listing, cursor)[0])
    query = _query(ask, HistoryQuery, **fields)
    if query.limit > _LIMIT_MAX:
        raise Invalid("query-invalid", f"limit is a whole number from 1 to {_LIMIT_MAX}.")
    told = await statements.history(services.engine, actor_of(actor), query)
    if _as_csv(ask):
        return _csv(csv.history(told))
    headers = {}
    if told.next is not None:
        following = cursors.sign(services.cursor_key, listing, (told.next, ""))
        again = f"{ask.scope['path']}?limit={query.limit}&known_at={told.known_at}"
        headers["Link"] = f'<{again}&cursor={following}>; rel="next"'
    return ok(told, headers=headers)


async def _totals(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    by = dimensions(ask.query_params.get("by", "activity,iati_type,currency"))
    told = await statements.totals(services.engine, actor_of(actor), by)
    return _csv(csv.totals(told, by)) if _as_csv(ask) else ok(Totals(told))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/funds/{fund}/statement",
        action="statement.read",
        handle=_statement,
        text="A fund's Sources and Uses with its trial balances; JSON, or CSV by Accept.",
        answer="Statement",
        also=(Statement,),
        queries=_SCOPE,
    ),
    Endpoint(
        method="GET",
        path="/v1/funds/{fund}/accounts/{code}",
        action="statement.read",
        handle=_balance,
        text="An account's balance, as of any day, as known at any record.",
        answer="AccountBalance",
        also=(AccountBalance,),
        queries=(Query("subject", "of this subject only"), *_SCOPE),
    ),
    Endpoint(
        method="GET",
        path="/v1/funds/{fund}/accounts/{code}/history",
        action="statement.read",
        handle=_history,
        text="An account's postings with the running balance; JSON, or CSV by Accept.",
        answer="History",
        also=(History,),
        queries=(
            Query("subject", "of this subject only"),
            Query("limit", "at most so many, 1 to 500", "integer"),
            Query("cursor", "continues the list where the page before ended"),
            *_SCOPE,
        ),
    ),
    Endpoint(
        method="GET",
        path="/v1/totals",
        action="totals.read",
        handle=_totals,
        text="Totals of IATI transactions, computed from the ledger; JSON, or CSV by Accept.",
        answer="Totals",
        also=(Totals,),
        queries=(Query("by", "any of activity, iati_type, currency, with commas between"),),
    ),
)
