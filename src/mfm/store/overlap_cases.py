"""Cases of overlap, as readers see them: through one function that knows who may see what."""

from datetime import date

from msgspec import Raw, Struct, json, to_builtins
from sqlalchemy import BigInteger, Text, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlap_standing import Standing
from mfm.store.database import Snapshot
from mfm.store.reads import Page
from mfm.store.unit import Unit


class Viewer(Struct, frozen=True):
    """Who looks at cases.

    Attributes:
        scope: any, fund or own, as the table of permissions says.
        fund: the fund that it is bound to, or "".
        party: the organisation that it speaks for; "" for who oversees the whole.
        on: the day, for agreements between funds.
    """

    scope: str
    fund: str
    party: str
    on: date


async def seen(
    connection: Snapshot, viewer: Viewer, page: Page, case: str = ""
) -> list[tuple[int, str, Raw]]:
    """Return a page of cases as (seq, id, what is told as JSON), or one with its texts.

    Args:
        connection: a reader's.
        viewer: who looks.
        page: which part of the list; filters by detector, status and band.
        case: the one that is asked for, or "".
    """
    seq, after = max((page.since_seq, "\U0010ffff"), page.after)
    asked = {**page.filters, "seq": seq, "after": after, "rows": page.limit}
    if case:
        asked["id"] = case
    found = func.overlaps_seen(
        literal(to_builtins(viewer), JSONB), literal(asked, JSONB)
    ).table_valued(column("seq", BigInteger), column("id", Text), column("told"))
    query = select(found.c.seq, found.c.id, cast(found.c.told, Text))
    rows = await connection.execute(query.order_by(found.c.seq, found.c.id))
    return [(row[0], row[1], Raw(row[2].encode())) for row in rows]


async def standing(unit: Unit, viewer: Viewer, case: OverlapCase) -> Standing:
    """Return how somebody stands to a case, who is about to take a step in it."""
    query = "SELECT overlap_standing($1, $2, $3, $4)::text"
    asked = json.encode(viewer).decode(), case.detector, json.encode(case.sides).decode()
    told = await unit.connection.fetchval(query, unit.mechanism.id, *asked)
    return json.decode(told, type=Standing)


async def counts(connection: Snapshot, viewer: Viewer) -> list[tuple[str, str, int]]:
    """Return how many cases there are, as (detector, status, cases), as far as somebody may know.

    A count of intermediaries' cases would tell one of the two that there is one of it.
    """
    asked = literal(to_builtins(viewer), JSONB)
    found = func.overlap_counts(asked).table_valued("detector", "status", "cases")
    rows = await connection.execute(select(found.c.detector, found.c.status, found.c.cases))
    return [(row[0], row[1], row[2]) for row in rows]
