"""Cases of overlap over HTTP: a list and a single address, as far as who asks may see."""

from litestar import Response
from msgspec import UNSET, Struct, UnsetType

from mfm.app import overlap_reads
from mfm.app.overlap_reads import OverlapCount, SeenOverlap
from mfm.core.permissions import Actor
from mfm.web.endpoints import Ask, Endpoint, Query, actor_of, ok, part, tell
from mfm.web.languages import LANG, language_of
from mfm.web.lists import PAGING, listed, page_asked
from mfm.web.services import Services

_FILTERS = ("detector", "status", "band")


class OverlapList(Struct, frozen=True):
    """A page of cases."""

    items: list[SeenOverlap]
    next: str | UnsetType = UNSET


class OverlapCounts(Struct, frozen=True):
    """How many cases there are."""

    counts: list[OverlapCount]


async def _list(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    page, listing = page_asked(services, ask, _FILTERS, (LANG.name,))
    language = language_of(ask)
    found = await overlap_reads.page_of(services.engine, actor_of(actor), page, language)
    place = (found[-1].seq, found[-1].id) if found else (0, "")
    return listed(services, ask, found, (page, listing, place))


async def _one(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    case, language = part(ask, "id"), language_of(ask)
    found = await overlap_reads.one(services.engine, actor_of(actor), case, language)
    # Answers come while the case stays: there is no "unchanged" here, the tag serves If-Match.
    return ok(found, headers={"ETag": f'"{found.seq}"'})


async def _counts(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    found = await overlap_reads.counts(services.engine, actor_of(actor))
    tell(ask, len(found))
    return ok(OverlapCounts(found))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/overlaps",
        action="overlap_case.read",
        handle=_list,
        text="List cases of overlap, as far as who asks may see each.",
        answer="OverlapList",
        also=(OverlapList,),
        queries=(*(Query(each, f"only with this {each}") for each in _FILTERS), *PAGING, LANG),
    ),
    Endpoint(
        method="GET",
        path="/v1/overlaps/{id}",
        action="overlap_case.read",
        handle=_one,
        text="Read one case of overlap, with its texts, as far as who asks may see it.",
        answer="SeenOverlap",
        also=(SeenOverlap,),
        queries=(LANG,),
    ),
    Endpoint(
        method="GET",
        path="/v1/overlap-counts",
        action="overlap.count",
        handle=_counts,
        text="Count the cases of overlap, by detector and status.",
        answer="OverlapCounts",
        also=(OverlapCounts,),
    ),
)
