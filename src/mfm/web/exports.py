"""Exports over HTTP: files of any length, made aside before the first byte is sent."""

from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from litestar import Response

from mfm.app import export, export_lists
from mfm.app.export import Export, Source
from mfm.core.permissions import Actor
from mfm.formats.listing import FORMS, MEDIA, Form
from mfm.web.endpoints import Ask, Endpoint, Query, Spooled, actor_of, queries_of, tell
from mfm.web.services import Services

_IN_MEMORY_BYTES = 4 * 2**20
_FUND = (Query("fund", "only this fund: its id, or its activity's IATI identifier"),)


def _aside() -> BinaryIO:
    """Return a file that is gone once it is closed.

    A slow reader holds it, not a snapshot of the database; and a fault still has its status.
    """
    return cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))


def _handler(make: Export, media_type: str, name: str) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        told = queries_of(ask, ("fund",))
        source = Source(services.writer.mechanism.name, told.get("fund", ""))
        file = _aside()
        try:
            done = await make(services.engine, actor_of(actor), source, file)
        except BaseException:
            file.close()
            raise
        tell(ask, done.transactions)
        return Spooled(file, media_type, name)

    return handle


def _list(what: str, form: Form) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        queries_of(ask, ())
        file = _aside()
        try:
            done = await export_lists.export_list(
                services.engine, actor_of(actor), what, form, file
            )
        except BaseException:
            file.close()
            raise
        tell(ask, done.rows)
        return Spooled(file, MEDIA[form], f"{what}.{form}")

    return handle


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/exports/iati",
        action="export.iati",
        handle=_handler(export.iati, "application/xml", "activities.xml"),
        text="Write the books as an IATI 2.03 activity file.",
        media=("application/xml",),
        queries=_FUND,
    ),
    Endpoint(
        method="GET",
        path="/v1/exports/hledger",
        action="export.hledger",
        handle=_handler(export.journal, "text/plain", "books.journal"),
        text="Write the books as a journal for hledger.",
        media=("text/plain",),
        queries=_FUND,
    ),
    *(
        Endpoint(
            method="GET",
            path=f"/v1/exports/{what}.{form}",
            action=export_lists.action(what),
            handle=_list(what, cast("Form", form)),
            text=f"Write all {what} that the key may see as {form.upper()}.",
            media=(MEDIA[form],),
        )
        for what in export_lists.LISTS
        for form in FORMS
    ),
)
