"""Statements, balances, account histories and totals over HTTP."""

from typing import TypeVar

from litestar import Response
from msgspec import Struct, ValidationError, convert, json

from mfm.app import statements
from mfm.core.errors import Invalid
from mfm.core.histories import AccountBalance, AccountQuery, History, HistoryQuery
from mfm.core.permissions import Actor
from mfm.core.statements import Statement, StatementQuery
from mfm.core.totals import DIMENSIONS, Total, dimensions
from mfm.formats import csv
from mfm.web import cursors
from mfm.web.bodies import query_fault
from mfm.web.endpoints import (
    JSON,
    Ask,
    Endpoint,
    Query,
    actor_of,
    header,
    next_link,
    ok,
    part,
    queries_of,
    query_int,
    tell,
)
from mfm.web.services import Services

Q = TypeVar("Q", bound=Struct)

_LIMIT_MAX = 500
_TABLES = (JSON, "text/csv")
_SCOPE = (
    Query("as_of", "count only what is effective on or before this day"),
    Query("known_at", "count only records up to this one", "integer"),
    Query("currency", "for reported books, which keep several"),
)
_ACCOUNT = (Query("subject", "of this subject only"), *_SCOPE)
_HISTORY = (
    Query("limit", "about so many, 1 to 500; a record's rows stay together", "integer"),
    Query("cursor", "continues the list where the page before ended"),
    *_ACCOUNT,
)
_TOTALS = (Query("by", "any of activity, iati_type, currency, with commas between"),)


class Totals(Struct, frozen=True):
    """Totals of IATI transactions, computed from the ledger."""

    items: list[Total]


def query_of(told: dict[str, str], kind: type[Q], **fields: str) -> Q:
    """Return the query parameters and parts of the path as what the app takes.

    Raises:
        Invalid: `query-invalid`.
    """
    try:
        return convert({**told, **fields}, kind, strict=False)
    except ValidationError as error:
        raise query_fault(error, kind) from None


def _names(queries: tuple[Query, ...]) -> set[str]:
    return {query.name for query in queries}


def _as_csv(ask: Ask) -> bool:
    return "text/csv" in (header(ask, b"accept") or "")


def _csv(text: str, more: dict[str, str] | None = None) -> Response[bytes]:
    headers = {"Cache-Control": "no-store", **(more or {})}
    return Response(text.encode(), media_type="text/csv", headers=headers)


async def _statement(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    told = queries_of(ask, _names(_SCOPE))
    query = query_of(told, StatementQuery, fund=part(ask, "fund"))
    made = await statements.statement(services.engine, actor_of(actor), query)
    return _csv(csv.sources_and_uses(made)) if _as_csv(ask) else ok(made)


async def _balance(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    told = queries_of(ask, _names(_ACCOUNT))
    query = query_of(told, AccountQuery, fund=part(ask, "fund"), code=part(ask, "code"))
    return ok(await statements.balance(services.engine, actor_of(actor), query))


async def _history(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    told = queries_of(ask, _names(_HISTORY))
    fields = {"fund": part(ask, "fund"), "code": part(ask, "code")}
    # The page's size may change between pages; `known_at` is in the link to the next one.
    same = {name: value for name, value in told.items() if name in {"subject", "as_of", "currency"}}
    listing = f"{ask.scope['path']}?{json.encode(sorted(same.items())).decode()}"
    if cursor := told.pop("cursor", ""):
        fields["after"] = str(cursors.read(services.cursor_key, listing, cursor)[0])
    limit = query_int(told, "limit", 100, (1, _LIMIT_MAX))
    query = query_of(told, HistoryQuery, **fields)
    made = await statements.history(services.engine, actor_of(actor), query)
    tell(ask, len(made.rows))
    headers = {}
    if made.next is not None:
        following = cursors.sign(services.cursor_key, listing, (made.next, ""))
        again = {**same, "limit": limit, "known_at": made.known_at, "cursor": following}
        headers["Link"] = next_link(ask, again)
    return _csv(csv.history(made), headers) if _as_csv(ask) else ok(made, headers=headers)


async def _totals(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    told = queries_of(ask, _names(_TOTALS))
    try:
        by = dimensions(told.get("by", ",".join(DIMENSIONS)))
    except Invalid as invalid:
        raise Invalid("query-invalid", invalid.detail) from None
    made = await statements.totals(services.engine, actor_of(actor), by)
    return _csv(csv.totals(made, by)) if _as_csv(ask) else ok(Totals(made))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/funds/{fund}/statement",
        action="statement.read",
        handle=_statement,
        text="A fund's Sources and Uses with its trial balances; JSON, or CSV by Accept.",
        answer="Statement",
        media=_TABLES,
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
        queries=_ACCOUNT,
    ),
    Endpoint(
        method="GET",
        path="/v1/funds/{fund}/accounts/{code}/history",
        action="statement.read",
        handle=_history,
        text="An account's postings with the running balance; JSON, or CSV by Accept.",
        answer="History",
        media=_TABLES,
        also=(History,),
        queries=_HISTORY,
    ),
    Endpoint(
        method="GET",
        path="/v1/totals",
        action="totals.read",
        handle=_totals,
        text="Totals of IATI transactions, computed from the ledger; JSON, or CSV by Accept.",
        answer="Totals",
        media=_TABLES,
        also=(Totals,),
        queries=_TOTALS,
    ),
)
