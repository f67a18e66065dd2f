"""Chains of money, the donor's view, and the log of reads over HTTP."""

from typing import TypeVar

from litestar import Response
from msgspec import UNSET, Struct, UnsetType, ValidationError, convert, json, structs

from mfm.app import lineage, read_log, reads
from mfm.app.lineage import ChainQuery, DonorQuery
from mfm.app.read_log import Read
from mfm.app.reads import Page
from mfm.core.chains import Chain
from mfm.core.donors import DonorView
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.web import cursors
from mfm.web.bodies import query_fault
from mfm.web.endpoints import (
    Ask,
    Endpoint,
    Query,
    actor_of,
    next_link,
    ok,
    part,
    queries_of,
    query_int,
    tell,
)
from mfm.web.services import Services

_PAGING = (
    Query("limit", "at most so many, 1 to 500", "integer"),
    Query("cursor", "continues the list where the page before ended"),
)
_CHAIN = (
    Query("id", "a fund, party or commitment; fund:x, party:x, commitment:x where several are x"),
    Query("direction", "up to where the money came from, or down to what became of it (down)"),
    Query("currency", "for a party's money in several"),
    *_PAGING,
)
_READS = ("party", "role", "key", "action", "subject")


class ChainPage(Chain, frozen=True):
    """A page of a chain's edges; the boundary is that of the whole chain."""

    next: str | UnsetType = UNSET


class DonorPage(DonorView, frozen=True):
    """The donor's view with a page of its receivers; the sums are of all of them."""

    next: str | UnsetType = UNSET


class ReadPage(Struct, frozen=True):
    """A page of the log of reads."""

    items: list[Read]
    next: str | UnsetType = UNSET


P = TypeVar("P", ChainPage, DonorPage, ReadPage)


class _Part:
    """Which part of a list is asked for: told queries, its own name for cursors, and how many."""

    def __init__(self, services: Services, ask: Ask, names: tuple[str, ...]) -> None:
        self._ask, self._key = ask, services.cursor_key
        self.told = queries_of(ask, {*names, "limit", "cursor"})
        cursor = self.told.pop("cursor", "")
        self.limit = query_int(self.told, "limit", 100, (1, reads.LIMIT_MAX))
        self.told.pop("limit", "")
        self._listing = f"{ask.scope['path']}?{json.encode(sorted(self.told.items())).decode()}"
        self.after = cursors.read(self._key, self._listing, cursor) if cursor else None

    def answer(self, page: P, items: int, last: tuple[int, str] | None) -> Response[bytes]:
        """Return a page, with the link to the next one where more follows."""
        tell(self._ask, items)
        if last is None:
            return ok(page)
        following = cursors.sign(self._key, self._listing, last)
        again = {**self.told, "limit": self.limit, "cursor": following}
        page = structs.replace(page, next=following)
        return ok(page, headers={"Link": next_link(self._ask, again)})


async def _chain(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    page = _Part(services, ask, tuple(query.name for query in _CHAIN))
    if "id" not in page.told:
        raise Invalid("query-invalid", "id names a fund, party or commitment.")
    try:
        asked = {**page.told, "limit": page.limit, "after": page.after}
        query = convert(asked, ChainQuery, strict=False)
    except ValidationError as error:
        raise query_fault(error, ChainQuery) from None
    made, _, last = await lineage.chain(services.engine, actor_of(actor), query)
    return page.answer(ChainPage(**structs.asdict(made)), len(made.edges), last)


async def _donor(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    page = _Part(services, ask, ())
    after = page.after[1] if page.after else ""
    query = DonorQuery(donor=part(ask, "party"), limit=page.limit, after=after)
    made, last = await lineage.donor(services.engine, actor_of(actor), query)
    place = None if last is None else (0, last)
    return page.answer(DonorPage(**structs.asdict(made)), len(made.receivers), place)


async def _reads(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    page = _Part(services, ask, _READS)
    wanted = Page(page.limit, page.after or (0, ""), filters=page.told)
    found = await read_log.page_of(services.engine, actor_of(actor), wanted)
    last = (0, found[-1].id) if len(found) == page.limit else None
    return page.answer(ReadPage(found), len(found), last)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/chain",
        action="chain.read",
        handle=_chain,
        text="Where money came from, or what became of it: hop by hop, with fee, stage and days.",
        answer="ChainPage",
        also=(ChainPage,),
        queries=_CHAIN,
    ),
    Endpoint(
        method="GET",
        path="/v1/donors/{party}/money",
        action="donor.read",
        handle=_donor,
        text="What became of a donor's money, by fund and down to the receivers.",
        answer="DonorPage",
        also=(DonorPage,),
        queries=_PAGING,
    ),
    Endpoint(
        method="GET",
        path="/v1/reads",
        action="read.read",
        handle=_reads,
        text="List who read or exported what is not public, in the order in which it was noted.",
        answer="ReadPage",
        also=(ReadPage,),
        queries=(*(Query(name, f"only with this {name}") for name in _READS), *_PAGING),
    ),
)
