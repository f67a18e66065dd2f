"""What gates ask of the books beyond the nouns at hand, with one query each.

A unit decides while the batch before it is still on its way, so each query reads the tables as they
will stand: rows that are in the unit, or on their way, take the place of those that are stored. The
sums are thus written once, and two decisions of one batch see each other.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from msgspec import json, to_builtins

from mfm.core.allocations import Allocation
from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.boards import Board
from mfm.core.calls import Call
from mfm.core.circumstances import Around, Portfolio
from mfm.core.disbursements import Disbursement
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlap_effects import Confirmed
from mfm.core.parties import Party
from mfm.core.record import Noun
from mfm.core.standards import Standards
from mfm.store.nouns import KINDS
from mfm.store.unit import Unit


def _seen(found: re.Match[str]) -> str:
    """Return a noun's table as a unit sees it: $1 is the mechanism, $2 what is on its way."""
    kind = found[1]
    return (
        f"(SELECT t.* FROM mfm.{kind} t WHERE t.mechanism_id = $1 AND t.id NOT IN"  # noqa: S608  # names are ours
        f" (SELECT jsonb_array_elements_text($2::jsonb -> 'ids' -> '{kind}'))"
        f" UNION ALL SELECT t.* FROM jsonb_populate_recordset(NULL::mfm.{kind},"
        f" $2::jsonb -> 'rows' -> '{kind}') t)"
    )


_TABLE = re.compile(r"@(\w+)")
_AROUND = """
WITH hosts AS (SELECT h.value AS party FROM @attestation h
                WHERE h.party = ANY ($3) AND h.kind = 'host' AND h.status = 'in-force')
SELECT jsonb_build_object(
  'attested', (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM @attestation a
     WHERE a.status = 'in-force' AND a.party = ANY ($3 || ARRAY(SELECT party FROM hosts))),
  'overdue_on', (SELECT min(d.report_by) FROM @disbursement d
     WHERE d.to_party = $3[1] AND d.status IN ('released', 'confirmed') AND d.report_by < $5),
  'leads', (SELECT count(*) FROM @application p
     WHERE p.lead = $3[1] AND p.call = $6 AND p.status IN ('submitted', 'approved', 'awarded')),
  'standards', (SELECT to_jsonb(s) FROM @standards s
     WHERE s.id = $4 AND s.status = 'set'),
  'board', (SELECT to_jsonb(b) FROM @board b WHERE b.id = $4 AND b.status = 'set'))::text"""
_AROUND = _TABLE.sub(_seen, _AROUND)

_PORTFOLIO = """
WITH held AS (
  SELECT (SELECT coalesce(sum((s ->> 'amount_minor')::bigint), 0)
            FROM jsonb_array_elements(a.shares) s) AS minor,
         a.earmark -> 'theme' = '["15170"]'
           OR (c.types <> '[]' AND c.types <@ '["women-rights", "women-led", "young-women-led"]')
           AS women,
         c.small_grants AS small,
         a.earmark -> 'pillar' = '["prevention"]' AS prevention,
         c.levels <> '[]' AND c.levels <@ '["grassroots", "local", "national"]' AS local
    FROM @allocation a
    LEFT JOIN @call c ON c.id = a.call
   WHERE a.fund = $3 AND a.status = 'approved')
SELECT jsonb_build_object(
  'amount_minor', coalesce(sum(minor), 0),
  'women_rights_minor', coalesce(sum(minor) FILTER (WHERE women), 0),
  'small_groups_minor', coalesce(sum(minor) FILTER (WHERE small), 0),
  'prevention_minor', coalesce(sum(minor) FILTER (WHERE prevention), 0),
  'local_minor', coalesce(sum(minor) FILTER (WHERE local), 0),
  'standards', (SELECT to_jsonb(s) FROM @standards s
     WHERE s.id = $3 AND s.status = 'set'))::text
  FROM held"""
_PORTFOLIO = _TABLE.sub(_seen, _PORTFOLIO)

# $3 is who is to get the money, $4 the application that it is for. One organisation has several ids
# where some were merged. An id says little by itself: what it is of, its side says.
_CONFIRMED = """
WITH names AS (SELECT array_agg(p.id) AS ids FROM @party p,
       (SELECT coalesce(nullif(o.merged_into, ''), o.id) AS stays FROM @party o WHERE o.id = $3) one
      WHERE p.id = stays OR p.merged_into = stays),
found AS (
  SELECT c.id, c.seq, c.detector, c.second, '' AS other FROM names, @overlap_case c
   WHERE c.status = 'confirmed' AND c.first = ANY (names.ids) AND c.sides -> 0 ->> 'kind' = 'party'
  UNION ALL SELECT c.id, c.seq, c.detector, c.second, '' FROM names, @overlap_case c
   WHERE c.status = 'confirmed' AND c.second = ANY (names.ids) AND c.sides -> 1 ->> 'kind' = 'party'
  UNION ALL SELECT c.id, c.seq, c.detector, c.second, c.second FROM @overlap_case c
   WHERE c.status = 'confirmed' AND c.first = $4 AND c.sides -> 0 ->> 'kind' = 'application'
  UNION ALL SELECT c.id, c.seq, c.detector, c.second, c.first FROM @overlap_case c
   WHERE c.status = 'confirmed' AND c.second = $4 AND c.sides -> 1 ->> 'kind' = 'application')
SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('id', f.id, 'seq', f.seq,
    'detector', f.detector, 'second', f.second,
    'awarded', EXISTS (SELECT FROM @application a WHERE a.id = f.other AND a.status = 'awarded'))
  ), '[]')::text FROM found f"""
_CONFIRMED = _TABLE.sub(_seen, _CONFIRMED)
_confirmed = json.Decoder(list[Confirmed]).decode


def _flying(
    unit: Unit,
    nouns: tuple[type[Noun], ...],
    *more: Noun,
    counts: Callable[[Any], bool] = lambda _: True,
) -> str:
    """Return what of these kinds the unit has set, or is on its way, as JSON.

    Args:
        unit: the unit that decides.
        nouns: the kinds.
        more: a row that the unit is about to set.
        counts: whether a row can matter to what is asked; the others are told by their ids alone,
            in whose place nothing stands.
    """
    ids: dict[str, list[str]] = {}
    told: dict[str, list[dict[str, Any]]] = {}
    for noun in nouns:
        kind = KINDS[noun]
        rows = unit.memory.closed.get(kind, {}) | unit.batch.nouns.get(kind, {})
        rows |= {each.id: each for each in more if type(each) is noun}
        ids[kind] = list(rows)
        told[kind] = [
            to_builtins(row) | {"mechanism_id": unit.mechanism.id}
            for row in rows.values()
            if counts(row)
        ]
    return json.encode({"ids": ids, "rows": told}).decode()


async def around(
    unit: Unit, parties: tuple[str, ...], fund: str, on: date, call: str = ""
) -> Around:
    """Return what stands around a decision: read once, until something of it is set.

    Args:
        unit: the unit that decides.
        parties: the organisation that it is about, and others of whom facts are asked.
        fund: whose decision.
        on: the day.
        call: under which call, or "".
    """
    known = unit.memory.around.setdefault(parties[0], {})
    asked = (parties, fund, on, call)
    if asked not in known:
        known[asked] = await _around(unit, parties, fund, on, call)
    return known[asked]


async def _around(unit: Unit, parties: tuple[str, ...], fund: str, on: date, call: str) -> Around:
    def counts(row: Noun) -> bool:
        """Leave out most of what a busy batch has set: the query would pass it over, slowly."""
        if isinstance(row, Disbursement):
            return row.to_party == parties[0] and row.report_by is not None
        return not isinstance(row, Application) or row.call == call

    kinds = (Attestation, Disbursement, Application, Standards, Board)
    flying = _flying(unit, kinds, counts=counts)
    number = unit.mechanism.id
    told = await unit.connection.fetchval(_AROUND, number, flying, list(parties), fund, on, call)
    return json.decode(told, type=Around)


async def portfolio(unit: Unit, made: Allocation) -> Portfolio:
    """Return what a fund has allocated, as the unit sees it, with another allocation in it."""
    flying = _flying(unit, (Allocation, Call, Standards), made)
    told = await unit.connection.fetchval(_PORTFOLIO, unit.mechanism.id, flying, made.fund)
    return json.decode(told, type=Portfolio)


async def confirmed(unit: Unit, party: str, application: str) -> list[Confirmed]:
    """Return confirmed cases of overlap of an organisation, and of an application of its.

    Args:
        unit: the unit that decides.
        party: who is to get money; what was merged with it is the same organisation.
        application: what it is for, or "".
    """

    def counts(row: Noun) -> bool:
        """Leave out what the query would pass over."""
        status = {OverlapCase: "confirmed", Application: "awarded"}.get(type(row))
        return status is None or row.status == status

    flying = _flying(unit, (OverlapCase, Party, Application), counts=counts)
    number = unit.mechanism.id
    told = await unit.connection.fetchval(_CONFIRMED, number, flying, party, application)
    return sorted(_confirmed(told), key=lambda case: case.id)
