"""Files in: tables and bank statements as the body of a request, and what came of their rows."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from litestar import Response

from mfm.app import bank
from mfm.app.import_bank import ImportedStatement, Place, import_bank
from mfm.app.import_rows import TABLES, ImportedTable, Manner, import_table
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.core.reconciliation import Reconciliation, ReconciliationQuery
from mfm.web.endpoints import (
    Ask,
    Endpoint,
    Query,
    actor_of,
    body_of,
    header,
    ok,
    part,
    queries_of,
    tell,
)
from mfm.web.services import Services
from mfm.web.statements import query_of

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLE_MEDIA = ("text/csv", _XLSX)
STATEMENT_MEDIA = ("application/xml", *TABLE_MEDIA)
_DRY_RUN = (Query("dry_run", "true: tell all problems, write nothing", "boolean"),)
_ACCOUNT = "/v1/funds/{fund}/bank-accounts/{account}"

Take = Callable[[Path, Manner], Awaitable[object]]
"""Imports a file, in a manner."""


def _silent(_what: str, _done: int) -> None:
    """Tell nobody: a request is answered once."""


async def _imported(services: Services, ask: Ask, actor: Actor, take: Take) -> Response[bytes]:
    """Put a request's body aside as a file, and answer what came of it.

    Raises:
        Invalid: `query-invalid`, `body-too-large`; as the import.
    """
    services.check_refusals(actor)
    dry_run = queries_of(ask, ("dry_run",)).get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise Invalid("query-invalid", "dry_run is true or false.")
    content = await body_of(ask)
    suffix = ".xlsx" if (header(ask, b"content-type") or "").startswith(_XLSX) else ""
    with NamedTemporaryFile(prefix="mfm-", suffix=suffix) as file:
        file.write(content)
        file.flush()
        return ok(await take(Path(file.name), Manner(dry_run == "true", _silent)))


def _table(what: str) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        who = actor_of(actor)
        return await _imported(
            services,
            ask,
            who,
            lambda path, manner: import_table(services.writer, who, what, path, manner),
        )

    return handle


async def _statement(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    who, place = actor_of(actor), Place(part(ask, "fund"), part(ask, "account"))
    return await _imported(
        services,
        ask,
        who,
        lambda path, manner: import_bank(services.writer, who, place, path, manner),
    )


async def _reconciliation(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    told = queries_of(ask, ("as_of",))
    fields = {"fund": part(ask, "fund"), "bank_account": part(ask, "account")}
    query = query_of(told, ReconciliationQuery, **fields)
    made = await bank.reconciliation(services.engine, actor_of(actor), query)
    tell(ask, len(made.not_in_bank) + len(made.not_in_books))
    return ok(made)


ENDPOINTS: tuple[Endpoint, ...] = (
    *(
        Endpoint(
            method="POST",
            path=f"/v1/imports/{what}",
            action=verb,
            handle=_table(what),
            text=f"Import {what} from a CSV or XLSX file: all rows, or none and every problem.",
            takes=TABLE_MEDIA,
            answer="ImportedTable",
            also=(ImportedTable,),
            queries=_DRY_RUN,
        )
        for what, verb in TABLES.items()
    ),
    Endpoint(
        method="POST",
        path=f"{_ACCOUNT}/statements",
        action="bank.import",
        handle=_statement,
        text="Import a bank statement (camt.053, CSV or XLSX) and match it with the books.",
        takes=STATEMENT_MEDIA,
        answer="ImportedStatement",
        also=(ImportedStatement,),
        queries=_DRY_RUN,
    ),
    Endpoint(
        method="GET",
        path=f"{_ACCOUNT}/reconciliation",
        action="bank_statement.read",
        handle=_reconciliation,
        text="From the books' balance at a bank account to the bank's, with every difference.",
        answer="Reconciliation",
        also=(Reconciliation,),
        queries=(Query("as_of", "the last statement's last day, if left out"),),
    ),
)
