"""Reading what lineage needs: some funds' commitments, envelopes, payments and open authority.

A handful of queries on one snapshot, however long the chain is; what comes back is bounded.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    TableClause,
    Text,
    any_,
    case,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.chains import Dates
from mfm.core.errors import Invalid
from mfm.core.interest import SOURCE as INTEREST
from mfm.core.lineage import Envelope, Given, Obligation, Payments, Pool
from mfm.store.statements import ACCOUNT

ROWS_MAX = 50_000
"""The most rows of one kind that lineage is found from."""

_FIELDS = (
    "id kind currency from_party from_fund to_fund to_party allocation amount_minor paid_minor"
    " accepted_minor claimed_minor refunded_minor lost_minor"
).split()


def _table(name: str, names: str) -> TableClause:
    return table(name, column("status"), *map(column, names.split()))


_COMMITMENT = _table("commitment", " ".join([*_FIELDS, "written_off_minor"]))
_ALLOCATION = _table("allocation", "id fund shares")
_DISBURSEMENT = _table(
    "disbursement",
    "commitment from_fund amount_minor short_minor charged_minor requested_on confirmed_on",
)
_DEPOSIT = _table("deposit", "commitment fund amount_minor fee_minor")
_RETURN = _table("donor_refund", "commitment fund amount_minor")
_INTEREST = _table("interest", "fund amount_minor")
_BALANCE = table("balance", *map(column, ("account_id", "debit_minor", "credit_minor")))


_STAGES = {
    **dict.fromkeys(("requested", "reviewed", "returned"), "requested"),
    **dict.fromkeys(("approved", "instructed"), "approved"),
    "released": "released",
    **dict.fromkeys(("confirmed", "reported"), "confirmed"),
}
"""A disbursement's status -> the stage of lineage that it is at; the others left no trace."""


def _among(names: Iterable[str]) -> Any:  # noqa: ANN401  # what SQLAlchemy compares a column with
    """Return what a text is compared with to be one of these: one parameter, however many."""
    return any_(literal(sorted(names), ARRAY(Text)))


def _live(source: TableClause) -> ColumnElement[bool]:
    return source.c.status != "reversed"


async def _rows(connection: AsyncConnection, query: Select[Any] | CompoundSelect[Any]) -> list[Any]:
    """Return a query's rows.

    Raises:
        Invalid: `chain-too-large`.
    """
    rows: list[Any] = list(await connection.execute(query.limit(ROWS_MAX + 1)))
    if len(rows) > ROWS_MAX:
        detail = f"It would be made from more than {ROWS_MAX} rows."
        raise Invalid("chain-too-large", detail)
    return rows


# Which funds --------------------------------------------------------------------------------------


async def funds_with(connection: AsyncConnection, party: str, *, gave: bool) -> set[str]:
    """Return the funds that a party gave to, or got from."""
    fund, side = ("to_fund", "from_party") if gave else ("from_fund", "to_party")
    query = select(_COMMITMENT.c[fund]).where(_COMMITMENT.c[side] == party, _live(_COMMITMENT))
    return {row[0] for row in await _rows(connection, query.distinct())}


async def funds_along(connection: AsyncConnection, begin: set[str], *, down: bool) -> set[str]:
    """Return the funds that are reached from some along transfers, and these themselves."""
    here, there = ("from_fund", "to_fund") if down else ("to_fund", "from_fund")
    begun = func.unnest(literal(sorted(begin), ARRAY(Text))).column_valued("fund")
    reached = select(begun.label("fund")).cte("reached", recursive=True)
    further = (
        select(_COMMITMENT.c[there])
        .join(reached, _COMMITMENT.c[here] == reached.c.fund)
        .where(_COMMITMENT.c.kind == "transfer", _live(_COMMITMENT))
    )
    query = select(reached.union(further).c.fund)
    return {row[0] for row in await _rows(connection, query)}


def allocations_of(donor: str) -> Select[Any]:
    """Return the ids of the allocations that drew on a donor's money, in whatever fund it is.

    They draw on one of its contributions, or on a transfer out of an allocation that does.
    """
    allocation, transfer = _ALLOCATION.c, _COMMITMENT.alias("transfer").c
    share = func.jsonb_array_elements(allocation.shares, type_=JSONB).column_valued("share")
    given = select(_COMMITMENT.c.to_fund.label("fund"), _COMMITMENT.c.id.label("source")).where(
        _COMMITMENT.c.kind == "contribution", _COMMITMENT.c.from_party == donor, _live(_COMMITMENT)
    )
    source = given.cte(recursive=True)  # without a name: a query may ask for two donors
    draws = (
        allocation.fund == source.c.fund,
        share["contribution"].astext == source.c.source,
        _live(_ALLOCATION),
    )
    further = select(transfer.to_fund, transfer.id).where(
        *draws,
        transfer.allocation == allocation.id,
        transfer.kind == "transfer",
        transfer.status != "reversed",
    )
    source = source.union(further)
    return select(allocation.id).where(
        allocation.fund == source.c.fund,
        share["contribution"].astext == source.c.source,
        _live(_ALLOCATION),
    )


async def masks(connection: AsyncConnection, parties: Iterable[str]) -> dict[str, str]:
    """Return the masks of those of some parties that are at risk."""
    party = table("party", *map(column, ("id", "at_risk", "mask")))
    query = select(party.c.id, party.c.mask).where(
        party.c.id == _among(parties), party.c.at_risk.is_(other=True)
    )
    return dict(await _rows(connection, query))


# What is in them ----------------------------------------------------------------------------------


async def given(connection: AsyncConnection, funds: set[str]) -> Given:
    """Return all of some funds' nouns that lineage is found from.

    Raises:
        Invalid: `chain-too-large`.
    """
    mine = _among(funds)
    received, returned, payments = (
        await _received(connection, mine),
        await _returned(connection, mine),
        await _payments(connection, mine),
    )
    query = select(*(_COMMITMENT.c[name] for name in _FIELDS), _COMMITMENT.c.written_off_minor)
    query = query.where(
        _live(_COMMITMENT), or_(_COMMITMENT.c.from_fund == mine, _COMMITMENT.c.to_fund == mine)
    )
    obligations = {}
    for row in await _rows(connection, query):
        told = dict(zip(_FIELDS, row, strict=False))
        told["amount_minor"] -= row.written_off_minor
        worth, fee = received.get(row.id, (0, 0))
        obligations[row.id] = Obligation(
            **told,
            received_minor=worth,
            fee_minor=fee,
            returned_minor=returned.get(row.id, 0),
            payments=payments.get(row.id, {}),
        )
    return Given(
        obligations,
        await _envelopes(connection, mine),
        await _unallocated(connection, mine),
        await _earned(connection, mine),
    )


async def _received(connection: AsyncConnection, mine: Any) -> dict[str, tuple[int, int]]:  # noqa: ANN401  # as _among
    sums = func.sum(_DEPOSIT.c.amount_minor), func.sum(_DEPOSIT.c.fee_minor)
    query = select(_DEPOSIT.c.commitment, *sums).where(_DEPOSIT.c.fund == mine, _live(_DEPOSIT))
    rows = await _rows(connection, query.group_by(_DEPOSIT.c.commitment))
    return {name: (int(worth), int(fee)) for name, worth, fee in rows}


async def _returned(connection: AsyncConnection, mine: Any) -> dict[str, int]:  # noqa: ANN401  # as _among
    query = select(_RETURN.c.commitment, func.sum(_RETURN.c.amount_minor))
    query = query.where(_RETURN.c.fund == mine, _live(_RETURN)).group_by(_RETURN.c.commitment)
    return {name: int(amount) for name, amount in await _rows(connection, query)}


async def _payments(
    connection: AsyncConnection,
    mine: Any,  # noqa: ANN401  # as _among
) -> dict[str, dict[str, Payments]]:
    """Return each commitment's disbursements by stage."""
    paid = _DISBURSEMENT.c
    stage = case(_STAGES, value=paid.status)
    query = (
        select(
            *(paid.commitment, stage, func.sum(paid.amount_minor), func.sum(paid.short_minor)),
            *(func.sum(paid.charged_minor), func.min(paid.requested_on)),
            func.max(paid.confirmed_on - paid.requested_on),
        )
        .where(paid.from_fund == mine, paid.status.in_(_STAGES))
        .group_by(paid.commitment, stage)
    )
    found: dict[str, dict[str, Payments]] = {}
    for name, at, amount, short, charged, asked_on, days in await _rows(connection, query):
        sums = int(amount), int(short), int(charged)
        found.setdefault(name, {})[at] = Payments(*sums, asked_on, days or 0)
    return found


async def _envelopes(connection: AsyncConnection, mine: Any) -> dict[str, Envelope]:  # noqa: ANN401  # as _among
    query = select(_ALLOCATION.c.id, _ALLOCATION.c.fund, _ALLOCATION.c.shares)
    query = query.where(_ALLOCATION.c.fund == mine, _live(_ALLOCATION))
    found = {}
    for name, fund, shares in await _rows(connection, query):
        drawn: dict[str, int] = {}
        for share in shares:
            source = share["contribution"]
            drawn[source] = drawn.get(source, 0) + share["amount_minor"]
        found[name] = Envelope(name, fund, drawn)
    return found


async def _unallocated(connection: AsyncConnection, mine: Any) -> dict[Pool, int]:  # noqa: ANN401  # as _among
    query = (
        select(ACCOUNT.c.fund, ACCOUNT.c.subject, _BALANCE.c.credit_minor - _BALANCE.c.debit_minor)
        .join(_BALANCE, _BALANCE.c.account_id == ACCOUNT.c.account_id)
        .where(ACCOUNT.c.fund == mine, ACCOUNT.c.code == "9300")
    )
    rows = await _rows(connection, query)
    return {Pool(fund, source): amount for fund, source, amount in rows}


async def _earned(connection: AsyncConnection, mine: Any) -> dict[Pool, int]:  # noqa: ANN401  # as _among
    query = select(_INTEREST.c.fund, func.sum(_INTEREST.c.amount_minor))
    query = query.where(_INTEREST.c.fund == mine, _live(_INTEREST)).group_by(_INTEREST.c.fund)
    return {Pool(fund, INTEREST): int(amount) for fund, amount in await _rows(connection, query)}


# Days ---------------------------------------------------------------------------------------------


async def dates(
    connection: AsyncConnection, funds: Iterable[str], names: Iterable[str]
) -> dict[str, Dates]:
    """Return when some funds' commitments were signed and first paid, by their first postings.

    A signature opens 1200 (9200 while it is conditional) or 9320, a first deposit opens 9300.
    """
    signing = ACCOUNT.c.code.in_(["1200", "9200", "9320"])
    opened = (
        ACCOUNT.c.fund == _among(funds),
        ACCOUNT.c.subject == _among(names),
        or_(signing, ACCOUNT.c.code == "9300"),
    )
    posting = table(
        "posting",
        *map(column, "debit_id debit_version credit_id credit_version effective_on".split()),
    )
    first = union_all(
        *(
            select(ACCOUNT.c.subject, signing.label("signing"), posting.c.effective_on)
            .join(posting, posting.c[f"{side}_id"] == ACCOUNT.c.account_id)
            .where(posting.c[f"{side}_version"] == 1, *opened)
            for side in ("debit", "credit")
        )
    ).subquery("first")
    day = func.min(first.c.effective_on)
    query = select(
        first.c.subject, day.filter(first.c.signing), day.filter(not_(first.c.signing))
    ).group_by(first.c.subject)
    return {row[0]: Dates(row[1], row[2]) for row in await _rows(connection, query)}
