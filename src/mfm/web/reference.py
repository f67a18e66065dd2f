"""The reference: the OpenAPI document, and pages that people can read, from the same source."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response

from mfm.core.errors import Invalid
from mfm.core.permissions import TABLE, Actor
from mfm.web import openapi
from mfm.web.endpoints import Ask, Endpoint, ok, part
from mfm.web.problems import KINDS
from mfm.web.services import Services

PAGES = Environment(
    loader=PackageLoader("mfm.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_KEPT = {"Cache-Control": "public, max-age=300"}


def page(template: str, **facts: Any) -> Response[bytes]:  # noqa: ANN401  # what templates take
    """Return a page."""
    content = PAGES.get_template(template).render(**facts).encode()
    headers = {
        **_KEPT,
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:",
    }
    return Response(content, media_type="text/html", headers=headers)


async def _problems(_: Services, __: Ask, ___: Actor | None) -> Response[bytes]:
    return page("problems.html", kinds=KINDS)


async def _problem(_: Services, ask: Ask, __: Actor | None) -> Response[bytes]:
    code = part(ask, "code")
    if code not in KINDS:
        raise Invalid("not-found", f"There is no kind of problem {code[:60]!r}.")
    return page("problems.html", kinds={code: KINDS[code]})


@cache
def _style() -> bytes:
    return PAGES.loader.get_source(PAGES, "site.css")[0].encode()  # type: ignore[union-attr]  # it has one


async def _css(_: Services, __: Ask, ___: Actor | None) -> Response[bytes]:
    return Response(_style(), media_type="text/css", headers=_KEPT)


_PAGES_OF_PROBLEMS = (
    Endpoint(
        method="GET",
        path="/problems",
        action="",
        handle=_problems,
        media=("text/html",),
        text="Every kind of problem, and what to do about it.",
    ),
    Endpoint(
        method="GET",
        path="/problems/{code}",
        action="",
        handle=_problem,
        media=("text/html",),
        text="One kind of problem, and what to do about it.",
    ),
    Endpoint(
        method="GET",
        path="/static/site.css",
        action="",
        handle=_css,
        media=("text/css",),
        text="The pages' style.",
    ),
)


def endpoints(others: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Return the endpoints that describe these others, and themselves."""

    @cache
    def described() -> dict[str, Any]:
        return openapi.document((*others, *own))

    async def as_json(_: Services, __: Ask, ___: Actor | None) -> Response[bytes]:
        """Answer with the document."""
        return ok(described(), headers=_KEPT)

    async def as_page(_: Services, __: Ask, ___: Actor | None) -> Response[bytes]:
        """Answer with the page."""
        return page("docs.html", api=described(), table=TABLE)

    own = (
        Endpoint(
            method="GET",
            path="/openapi.json",
            action="",
            handle=as_json,
            text="This API, as an OpenAPI 3.1 document.",
        ),
        Endpoint(
            method="GET",
            path="/docs",
            action="",
            handle=as_page,
            media=("text/html",),
            text="This API, as a page.",
        ),
        *_PAGES_OF_PROBLEMS,
    )
    return own
