"""What gates ask of the books beyond the nouns at hand, with one query each.

A unit decides while the batch before it is still on its way, so each query reads the tables as they
will stand: rows that are in the unit, or on their way, take the place of those that are stored. The
sums are thus written once, and two decisions of one batch see each other.
"""

import re
from datetime import date
from typing import Any

from msgspec import json, to_builtins

from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.circumstances import Around
from mfm.core.disbursements import Disbursement
from mfm.core.record import Noun
from mfm.core.standards import Standards
from mfm.store.nouns import KINDS
from mfm.store.unit import Unit


def _seen(found: re.Match[str]) -> str:
    """Return a noun's table as a unit sees it: $1 is the mechanism, $2 what is on its way."""
    kind = found[1]
    return (
        f"(SELECT t.* FROM mfm.{kind} t WHERE t.mechanism_id = $1 AND t.id NOT IN"  # noqa: S608  # names are ours
        f" (SELECT r ->> 'id' FROM jsonb_array_elements($2::jsonb -> '{kind}') r)"
        f" UNION ALL SELECT t.* FROM jsonb_populate_recordset(NULL::mfm.{kind},"
        f" $2::jsonb -> '{kind}') t)"
    )


_TABLE = re.compile(r"@(\w+)")
_AROUND = """
WITH hosts AS (SELECT h.value AS party FROM @attestation h
                WHERE h.party = $3 AND h.kind = 'host' AND h.status = 'in-force')
SELECT jsonb_build_object(
  'attested', (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM @attestation a
     WHERE a.status = 'in-force'
       AND (a.party = $3 OR a.party IN (SELECT party FROM hosts))),
  'overdue_on', (SELECT min(d.report_by) FROM @disbursement d
     WHERE d.to_party = $3 AND d.status IN ('released', 'confirmed') AND d.report_by < $5),
  'leads', (SELECT count(*) FROM @application p
     WHERE p.lead = $3 AND p.call = $6 AND p.status IN ('submitted', 'approved', 'awarded')),
  'standards', (SELECT to_jsonb(s) FROM @standards s
     WHERE s.id = $4 AND s.status = 'set'))::text"""
_AROUND = _TABLE.sub(_seen, _AROUND)


def _flying(unit: Unit, nouns: tuple[type[Noun], ...]) -> str:
    """Return the rows of these kinds that the unit has set, or that are on their way, as JSON."""
    told: dict[str, list[dict[str, Any]]] = {}
    for noun in nouns:
        kind = KINDS[noun]
        rows = unit.memory.closed.get(kind, {}) | unit.batch.nouns.get(kind, {})
        told[kind] = [
            to_builtins(row) | {"mechanism_id": unit.mechanism.id} for row in rows.values()
        ]
    return json.encode(told).decode()


async def around(unit: Unit, party: str, call: Call, on: date) -> Around:
    """Return what stands around a party's application to a call, on a day."""
    flying = _flying(unit, (Attestation, Disbursement, Application, Standards))
    told = await unit.connection.fetchval(
        _AROUND, unit.mechanism.id, flying, party, call.fund, on, call.id
    )
    return json.decode(told, type=Around)
