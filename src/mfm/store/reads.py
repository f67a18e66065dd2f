"""Reading: pages of nouns and records, in the order in which they last changed."""

from datetime import date
from typing import Any

from msgspec import Struct, convert
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Text,
    and_,
    any_,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.nouns import KINDS
from mfm.core.record import Noun
from mfm.store.lineage import allocations_of


class Reach(Struct, frozen=True):
    """How far a reader sees.

    Attributes:
        fund: only what concerns this fund, or "".
        party: only what concerns this party, or one that was found to be the same, or "".
    """

    fund: str = ""
    party: str = ""


class Page(Struct, frozen=True):
    """Which part of a list.

    Attributes:
        limit: how many at the most.
        after: (seq, id) of the last one seen; (0, "") at the start.
        since_seq: only what changed after this record.
        filters: field -> value.
    """

    limit: int = 100
    after: tuple[int, str] = (0, "")
    since_seq: int = 0
    filters: dict[str, str] = {}


FUND_FIELDS = ("fund", "from_fund", "to_fund")
PARTY_FIELDS = ("donor", "party", "from_party", "to_party", "lead")


BEFORE = "_before"
"""How the name of a filter ends that asks for days before one, such as due_before for due_on."""


def _columns(noun: type[Noun]) -> tuple[str, ...]:
    return noun.__struct_fields__


def _where(noun: type[Noun], reach: Reach) -> list[ColumnElement[bool]]:
    fields, clauses = _columns(noun), []
    if reach.fund:
        names = [name for name in FUND_FIELDS if name in fields]
        if names:
            clauses.append(or_(*(column(name) == reach.fund for name in names)))
    if reach.party:
        names = [name for name in PARTY_FIELDS if name in fields]
        one = _names_of(reach.party)
        owned = [column(name) == any_(func.array(one)) for name in names]
        if "commitment" in fields:
            through = table("commitment", column("id"), column("from_party"), column("to_party"))
            owned.append(
                column("commitment").in_(
                    select(through.c.id).where(
                        or_(
                            through.c.from_party == any_(func.array(one)),
                            through.c.to_party == any_(func.array(one)),
                        )
                    )
                )
            )
        if noun is Application:
            path = literal_column("'$[*].party'", Text)
            members = func.jsonb_path_query_array(column("partners", JSONB), path)
            owned.append(members.op("?|", is_comparison=True)(func.array(one)))
        if noun is Allocation:
            owned.append(column("id").in_(allocations_of(reach.party)))
        if owned:
            clauses.append(or_(*owned))
    return clauses


def _filter(noun: type[Noun], name: str, value: str) -> ColumnElement[bool]:
    if noun is Allocation and name == "donor":
        return column("id").in_(allocations_of(value))
    if name.endswith(BEFORE):
        return column(f"{name.removesuffix(BEFORE)}_on") < date.fromisoformat(value)
    if name in PARTY_FIELDS:
        return column(name) == any_(func.array(_names_of(value)))
    return column(name) == value


def _names_of(party: str) -> ScalarSelect[str]:
    """Select the ids that mean a party: its own, whom it is an alias of, and its aliases."""
    asked, known = (
        table("party", column("id"), column("merged_into")).alias(name) for name in ("asked", "one")
    )
    stays = (
        select(func.coalesce(func.nullif(asked.c.merged_into, ""), asked.c.id))
        .where(asked.c.id == party)
        .scalar_subquery()
    )
    alias = and_(known.c.merged_into == stays, known.c.merged_into != "")
    return select(known.c.id).where(or_(known.c.id == stays, alias)).scalar_subquery()


async def page_of(
    connection: AsyncConnection, noun: type[Noun], page: Page, reach: Reach
) -> list[Noun]:
    """Return a page of nouns, by (seq, id) upwards."""
    source = table(KINDS[noun], *(column(name) for name in _columns(noun)))
    clauses = _where(noun, reach)
    clauses += [_filter(noun, name, value) for name, value in page.filters.items()]
    after = max((page.since_seq, "\U0010ffff"), page.after)
    place = tuple_(source.c.seq, source.c.id)
    clauses.append(place > tuple_(literal(after[0], BigInteger), literal(after[1], Text)))
    query = (
        select(*source.c)
        .where(and_(*clauses))
        .order_by(source.c.seq, source.c.id)
        .limit(page.limit)
    )
    rows = await connection.execute(query)
    return [_noun(row._mapping, noun) for row in rows]  # noqa: SLF001  # SQLAlchemy's own name


async def one(
    connection: AsyncConnection, noun: type[Noun], noun_id: str, reach: Reach
) -> Noun | None:
    """Return a noun, or None where there is none within reach."""
    source = table(KINDS[noun], *(column(name) for name in _columns(noun)))
    query = select(*source.c).where(source.c.id == noun_id, *_where(noun, reach))
    row = (await connection.execute(query)).first()
    return None if row is None else _noun(row._mapping, noun)  # noqa: SLF001  # as above


async def by_digest(connection: AsyncConnection, noun: type[Noun], digest: str) -> Noun | None:
    """Return the API key with this hash, or None."""
    source = table(KINDS[noun], *(column(name) for name in _columns(noun)))
    row = (await connection.execute(select(*source.c).where(source.c.digest == digest))).first()
    return None if row is None else _noun(row._mapping, noun)  # noqa: SLF001  # as above


def _noun(row: Any, noun: type[Noun]) -> Noun:  # noqa: ANN401  # a row mapping
    return convert(dict(row), noun, strict=False)


async def records(
    connection: AsyncConnection, page: Page, reach: Reach, but: str = ""
) -> list[tuple[int, bytes]]:
    """Return a page of records as (seq, bytes); for a fund, those that moved its money.

    Args:
        connection: a reader's.
        page: which part of the list.
        reach: how far the reader sees.
        but: how the verbs begin whose records are left out, or "".
    """
    record = table("record", column("seq"), column("content"), column("verb"))
    query = select(record.c.seq, record.c.content)
    query = query.where(record.c.seq > literal(max(page.after[0], page.since_seq), BigInteger))
    fund = page.filters.get("fund", "")
    for name in {fund, reach.fund} - {""}:
        posting = table("posting", column("seq"), column("debit_id"))
        account = table("account", column("account_id"), column("fund"))
        query = query.where(
            record.c.seq.in_(
                select(posting.c.seq)
                .join(account, account.c.account_id == posting.c.debit_id)
                .where(account.c.fund == name)
            )
        )
    if but:
        query = query.where(record.c.verb.not_like(but + "%"))
    if "verb" in page.filters:
        query = query.where(record.c.verb == page.filters["verb"])
    rows = await connection.execute(query.order_by(record.c.seq).limit(page.limit))
    return [(row[0], bytes(row[1])) for row in rows]


async def record(connection: AsyncConnection, seq: int) -> bytes | None:
    """Return a record's bytes, or None."""
    source = table("record", column("seq"), column("content"))
    query = select(source.c.content).where(source.c.seq == literal(seq, BigInteger))
    found = (await connection.execute(query)).scalar()
    return None if found is None else bytes(found)


async def texts(connection: AsyncConnection, seqs: list[int]) -> dict[str, str]:
    """Return the words beside records of calls, comments and applications, less what was erased."""
    words = func.words_beside(literal(seqs, ARRAY(BigInteger))).table_valued("field", "value")
    rows = await connection.execute(select(words.c.field, words.c.value))
    return {row[0]: row[1] for row in rows}


async def head_seq(connection: AsyncConnection) -> int:
    """Return the last record's number."""
    found = (await connection.execute(select(column("seq")).select_from(table("head")))).scalar()
    return int(found or 0)


async def revision(connection: AsyncConnection) -> str:
    """Return the migration that the database is at."""
    source = table("alembic_version", column("version_num"), schema="public")
    return str((await connection.execute(select(source.c.version_num))).scalar())
