"""Reading: a list and a single address for every noun, and the records behind them."""

from typing import Any

from litestar import Response
from msgspec import json

from mfm.app import reads
from mfm.app.reads import Page
from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.bank import BankStatement
from mfm.core.boards import Board, Seat
from mfm.core.calls import Call
from mfm.core.chart_accounts import ChartAccount
from mfm.core.comments import Comment
from mfm.core.commitments import Commitment
from mfm.core.conditions import Condition
from mfm.core.contests import Contest
from mfm.core.conversions import Conversion
from mfm.core.costs import Cost
from mfm.core.deposits import Deposit
from mfm.core.disbursements import Disbursement
from mfm.core.donor_refunds import DonorRefund
from mfm.core.errors import Invalid
from mfm.core.foreign_payments import ForeignPayment
from mfm.core.funds import Fund
from mfm.core.in_kind import InKind
from mfm.core.interest import Interest
from mfm.core.judgements import Decision, Waiver
from mfm.core.keys import ApiKey
from mfm.core.links import StatusLink
from mfm.core.motions import Motion
from mfm.core.nouns import KINDS
from mfm.core.openings import OpeningBalance
from mfm.core.overlap_cases import OverlapAnswer
from mfm.core.parties import Party
from mfm.core.periods import Period
from mfm.core.permissions import Actor
from mfm.core.pledges import Pledge
from mfm.core.policies import Policy
from mfm.core.rates import Rate
from mfm.core.record import Noun
from mfm.core.refunds import Refund
from mfm.core.reports import Report
from mfm.core.revaluations import Revaluation
from mfm.core.sharing import SharingAgreement
from mfm.core.standards import Standards
from mfm.core.unidentified_receipts import UnidentifiedReceipt
from mfm.core.write_offs import WriteOff
from mfm.web import cursors
from mfm.web.endpoints import (
    Ask,
    Endpoint,
    Query,
    actor_of,
    header,
    next_link,
    ok,
    part,
    queries_of,
    query_day,
    query_int,
    tell,
    whole,
)
from mfm.web.languages import LANG, language_of
from mfm.web.progress import MORE, More
from mfm.web.render import PLURALS, noun_json, record_json
from mfm.web.services import Services

_SEQ_MAX = 2**53
PAGING = (
    Query("limit", "at most so many, 1 to 500", "integer"),
    Query("cursor", "continues the list where the page before ended"),
    Query("updated_since_seq", "only what changed after this record", "integer"),
)
FILTERS: dict[type[Noun], tuple[str, ...]] = {
    Party: ("identifier", "kind", "country", "merged_into"),
    Fund: ("tier", "parent", "steward", "identifier"),
    Rate: ("base", "quote", "source"),
    Period: ("fund",),
    ChartAccount: ("fund",),
    OpeningBalance: ("fund",),
    Conversion: ("fund",),
    ForeignPayment: ("fund",),
    Revaluation: ("fund",),
    Pledge: ("fund", "donor", "status"),
    Commitment: ("kind", "from_party", "from_fund", "to_fund", "to_party", "allocation", "status"),
    Condition: (
        "commitment",
        "from_fund",
        "to_fund",
        "type",
        "status",
        "assessment",
        "contest",
        "due_before",
    ),
    Deposit: ("fund", "commitment"),
    DonorRefund: ("fund", "commitment", "party", "status"),
    UnidentifiedReceipt: ("fund", "status"),
    Interest: ("fund",),
    Cost: ("fund", "kind"),
    InKind: ("fund", "donor"),
    Allocation: ("fund", "status", "donor", "call"),
    Board: ("fund",),
    Seat: ("fund", "constituency", "party", "status"),
    Policy: ("name", "fund", "kind", "status"),
    Motion: ("fund", "status", "disbursement", "used_by"),
    Attestation: ("party", "kind", "status"),
    Standards: ("fund",),
    Decision: ("fund", "gate", "subject", "outcome", "status", "party"),
    Contest: ("fund", "party", "subject", "status", "owner", "owner_key", "due_before"),
    Waiver: ("fund", "gate", "subject", "status"),
    Call: ("fund", "funding_window", "status"),
    Comment: ("call", "fund", "party", "status"),
    Application: ("call", "fund", "lead", "status", "commitment"),
    OverlapAnswer: ("overlap", "party"),
    SharingAgreement: ("from_fund", "to_fund", "status"),
    Disbursement: ("commitment", "from_fund", "to_fund", "to_party", "status"),
    Report: ("fund", "commitment", "party", "disbursement", "status"),
    Refund: ("fund", "commitment", "party", "status"),
    WriteOff: ("fund", "commitment", "party", "status"),
    BankStatement: ("fund", "bank_account", "status", "file"),
    ApiKey: ("party", "role", "fund", "status"),
    StatusLink: ("commitment", "from_fund", "to_party", "status"),
}
"""Which fields each list can be narrowed by; x_before: by the day x_on."""


def page_asked(
    services: Services, ask: Ask, names: tuple[str, ...], beside: tuple[str, ...] = ()
) -> tuple[Page, str]:
    """Return the part of the list that is asked for, and the list's own name for its cursors.

    Args:
        services: what signs cursors.
        ask: the request.
        names: the parameters that narrow the list.
        beside: those that say how it is told.
    """
    told = queries_of(ask, {*names, *beside, *(query.name for query in PAGING)})
    filters = {name: told[name] for name in names if name in told}
    for name in filters:
        if name.endswith(reads.BEFORE):
            query_day(told, name)
    since_seq = query_int(told, "updated_since_seq", 0, (0, _SEQ_MAX))
    listing = f"{ask.scope['path']}?{json.encode(sorted(filters.items())).decode()}{since_seq}"
    cursor = told.get("cursor")
    after = cursors.read(services.cursor_key, listing, cursor) if cursor else (0, "")
    limit = query_int(told, "limit", 100, (1, reads.LIMIT_MAX))
    return Page(limit, after, since_seq, filters), listing


def listed(
    services: Services, ask: Ask, items: list[Any], last: tuple[Page, str, tuple[int, str]]
) -> Response[bytes]:
    """Return a page with the link to the next one, if there may be one."""
    page, listing, place = last
    tell(ask, len(items))
    told: dict[str, Any] = {"items": items}
    headers = {}
    if len(items) == page.limit:
        told["next"] = cursors.sign(services.cursor_key, listing, place)
        own = {query.name for query in PAGING}
        kept = {name: told for name, told in ask.query_params.items() if name not in own}
        again = {**kept, "updated_since_seq": page.since_seq, "limit": page.limit}
        headers["Link"] = next_link(ask, again | {"cursor": told["next"]})
    return ok(told, headers=headers)


def _list(noun: type[Noun]) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        page, listing = page_asked(services, ask, FILTERS[noun])
        found = await reads.page_of(services.engine, actor_of(actor), noun, page)
        place = (found[-1].seq, found[-1].id) if found else (0, "")
        items = [noun_json(each) for each in found]
        return listed(services, ask, items, (page, listing, place))

    return handle


def _one(noun: type[Noun]) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        found = await reads.one(services.engine, actor_of(actor), noun, part(ask, "id"))
        etag = f'"{found.seq}"'
        seen = (header(ask, b"if-none-match") or "").split(",")
        if etag in {tag.strip().removeprefix("W/") for tag in seen}:  # proxies weaken tags
            return Response(b"", status_code=304, headers={"ETag": etag})
        return ok(noun_json(found), headers={"ETag": etag})

    return handle


def _with_more(noun: type[Noun], more: More) -> Any:  # noqa: ANN401  # a handler, see Endpoint.handle
    async def handle(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
        found = await reads.one(services.engine, actor_of(actor), noun, part(ask, "id"))
        # Days pass while the noun stays: there is no "unchanged" here, the tag serves If-Match.
        told = noun_json(found) | await more.read(services, found, language_of(ask))
        return ok(told, headers={"ETag": f'"{found.seq}"'})

    return handle


async def _records(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    page, listing = page_asked(services, ask, ("fund", "verb"))
    found = await reads.records(services.engine, actor_of(actor), page)
    place = (found[-1][0], "") if found else (0, "")
    items = [record_json(content) for _, content in found]
    return listed(services, ask, items, (page, listing, place))


async def _record(services: Services, ask: Ask, actor: Actor | None) -> Response[bytes]:
    seq = whole(part(ask, "seq"))
    if seq is None:
        raise Invalid("not-found", "Records have whole numbers.")
    content = await reads.record(services.engine, actor_of(actor), seq)
    return ok(record_json(content), headers={"ETag": f'"{seq}"'})


def _narrows(name: str) -> str:
    stem = name.removesuffix(reads.BEFORE)
    return f"only with this {name}" if stem == name else f"only what is {stem} before this day"


def _reading(noun: type[Noun], filters: tuple[str, ...]) -> tuple[Endpoint, Endpoint]:
    path, name = f"/v1/{PLURALS[KINDS[noun]]}", noun.__name__
    return (
        Endpoint(
            method="GET",
            path=path,
            action=reads.action_of(noun),
            handle=_list(noun),
            text=f"List {PLURALS[KINDS[noun]]}, in the order in which they last changed.",
            answer=f"{name}List",
            queries=(*(Query(each, _narrows(each)) for each in filters), *PAGING),
        ),
        Endpoint(
            method="GET",
            path=path + "/{id}",
            action=reads.action_of(noun),
            handle=_with_more(noun, MORE[noun]) if noun in MORE else _one(noun),
            text=f"Read one {KINDS[noun].replace('_', ' ')}.",
            answer=f"{name}Read" if noun in MORE else name,
            queries=(LANG,) if noun is Decision else (),
        ),
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    *(endpoint for noun, filters in FILTERS.items() for endpoint in _reading(noun, filters)),
    Endpoint(
        method="GET",
        path="/v1/records",
        action="record.read",
        handle=_records,
        text="List records; for a fund, those that moved its money.",
        answer="RecordList",
        queries=(
            Query("fund", "only records that moved this fund's money"),
            Query("verb", "only records of this verb, such as entry.post"),
            *PAGING,
        ),
    ),
    Endpoint(
        method="GET",
        path="/v1/records/{seq}",
        action="record.read",
        handle=_record,
        text="Read one record, as its bytes say.",
        answer="Record",
    ),
)
