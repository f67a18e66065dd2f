"""What stands round one party, application or call, where overlap is looked for."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import TypeVar

import asyncpg
from msgspec import json

from mfm.core.applications import Application
from mfm.core.attestations import Attestation
from mfm.core.calls import Call
from mfm.core.co_funding import SHARING_MAX
from mfm.core.commitments import Commitment
from mfm.core.costs import Cost
from mfm.core.overlap_chains import Agreement
from mfm.core.overlap_keys import hashed
from mfm.core.rates import Rate
from mfm.core.record import Noun
from mfm.core.reports import Report
from mfm.store import nouns

N = TypeVar("N", bound=Noun)
ALIKE_MAX = 500
"""So many of one amount are compared with one; a scan of everything compares all."""
GIVEN_MAX = 2_000
"""So many receivers of one giver are followed; a scan of everything follows all."""
# Of an agreement: its days, its places and themes; they are its application's where it says none.
_TERMS = """c.starts_on, c.ends_on,
  coalesce(nullif(c.earmark -> 'place', '[]'), x.places, '[]')::text,
  coalesce(nullif(c.earmark -> 'theme', '[]'), x.themes, '[]')::text"""
_ASKED = """LEFT JOIN application x ON x.mechanism_id = $1 AND x.id = c.application
   AND x.commitment = c.id AND x.status IN ('submitted', 'approved', 'awarded')"""
_LIVE = "c.status <> 'reversed' AND (c.halted <> 'terminated' OR c.ends_on IS NOT NULL)"
_NAMED = "a.starts_on, a.ends_on, a.places::text, a.themes::text"
# $2 are organisations; $3 the keys by which applications are found that they take part in.
_UP = f"""
SELECT f.steward, c.to_party, {_TERMS} FROM commitment c {_ASKED}
  JOIN fund f ON f.mechanism_id = $1 AND f.id = c.from_fund AND f.steward <> '' AND NOT f.reported
 WHERE c.mechanism_id = $1 AND c.to_party = ANY ($2) AND c.to_party <> '' AND {_LIVE}
UNION
SELECT f.steward, g.steward, {_TERMS} FROM fund g
  JOIN commitment c ON c.mechanism_id = $1 AND c.to_fund = g.id AND {_LIVE} {_ASKED}
  JOIN fund f ON f.mechanism_id = $1 AND f.id = c.from_fund AND f.steward <> '' AND NOT f.reported
 WHERE g.mechanism_id = $1 AND g.steward = ANY ($2) AND g.steward <> ''
UNION
SELECT a.lead, p ->> 'party', {_NAMED} FROM overlap_key k
  JOIN overlap_keyed d ON d.mechanism_id = $1 AND d.number = k.number
  JOIN application a ON a.mechanism_id = $1 AND a.id = d.id,
  jsonb_array_elements(a.partners) p
 WHERE k.mechanism_id = $1 AND k.key = ANY ($3) AND p ->> 'party' = ANY ($2)
   AND a.status IN ('submitted', 'approved', 'awarded')
LIMIT $4"""  # noqa: S608  # constants alone
_DOWN = f"""
SELECT f.steward, coalesce(nullif(g.steward, ''), c.to_party), {_TERMS} FROM fund f
  JOIN commitment c ON c.mechanism_id = $1 AND c.from_fund = f.id AND {_LIVE} {_ASKED}
  LEFT JOIN fund g ON g.mechanism_id = $1 AND g.id = c.to_fund
 WHERE f.mechanism_id = $1 AND f.steward = ANY ($2) AND f.steward <> '' AND NOT f.reported
   AND coalesce(nullif(g.steward, ''), c.to_party) <> ''
UNION
SELECT a.lead, p ->> 'party', {_NAMED} FROM application a, jsonb_array_elements(a.partners) p
 WHERE a.mechanism_id = $1 AND a.lead = ANY ($2)
   AND a.status IN ('submitted', 'approved', 'awarded')
LIMIT $3"""  # noqa: S608  # as above
_ALIASES = """
SELECT id FROM party WHERE mechanism_id = $1 AND merged_into = $2 AND merged_into <> ''"""
_SURVIVORS = """
WITH stays AS (SELECT DISTINCT coalesce(nullif(p.merged_into, ''), p.id) AS id FROM party p
                WHERE p.mechanism_id = $1 AND p.id = ANY ($2))
SELECT s.id, s.id FROM stays s
UNION ALL SELECT p.id, s.id FROM stays s
  JOIN party p ON p.mechanism_id = $1 AND p.merged_into = s.id AND p.merged_into <> ''"""
_TO_FUND = """
SELECT a.id FROM unnest($2::text[]) who(lead), LATERAL (
  SELECT x.id FROM application x WHERE x.mechanism_id = $1 AND x.lead = who.lead
     AND x.fund = ANY ($3) AND x.status IN ('submitted', 'approved', 'awarded')) a"""
_DECLARING = """
SELECT id FROM application
 WHERE mechanism_id = $1 AND co_financing <> '[]' AND status IN ('submitted', 'approved', 'awarded')
   AND fund = ALL ($2) AND lead = ALL ($3) ORDER BY id LIMIT $4"""
_GRANTED = """
SELECT application FROM commitment
 WHERE mechanism_id = $1 AND id = ANY ($2) AND application <> ''"""
_CALLS = """
SELECT id FROM call WHERE mechanism_id = $1 AND closes_on >= $2 AND opens_on <= $3
   AND status NOT IN ('cancelled', 'reversed')"""
_CONTACTS = """
SELECT id FROM attestation WHERE mechanism_id = $1 AND party = ANY ($2) AND status = 'in-force'
   AND kind = ANY ($3)"""
# As many as say something, and one more: then they say nothing.
_SAYING = """
SELECT a.id FROM unnest($2::text[]) asked(value), LATERAL (
  SELECT x.id FROM attestation x WHERE x.mechanism_id = $1 AND x.value = asked.value
     AND x.kind = ANY ($3) AND x.status = 'in-force' LIMIT $4) a"""
_SPENT = """
SELECT id FROM report
 WHERE mechanism_id = $1 AND party = ANY ($2) AND currency = $3 AND status <> 'reversed'
   AND $4 = CASE WHEN asked_direct_minor + asked_support_minor = 0 THEN direct_minor + support_minor
     ELSE asked_direct_minor + asked_support_minor END
 ORDER BY seq DESC LIMIT $5"""
_PAID = """
SELECT id FROM cost WHERE mechanism_id = $1 AND currency = $2 AND amount_minor = $3
   AND kind = 'direct' AND status <> 'reversed' ORDER BY seq DESC LIMIT $4"""
_GIVEN = """
SELECT id FROM commitment
 WHERE mechanism_id = $1 AND kind = 'contribution' AND from_party = ANY ($2)
   AND (currency <> $3 OR amount_minor BETWEEN $4 AND $5) AND status <> 'reversed'
 ORDER BY seq DESC LIMIT $6"""
_RATES = """
SELECT DISTINCT ON (base, quote) id FROM rate
 WHERE mechanism_id = $1 AND base = ANY ($2) AND quote = ANY ($2) AND status <> 'reversed'
 ORDER BY base, quote, rated_on DESC, source DESC"""


class Near:
    """A reader's connection, asked for nouns by their fields."""

    def __init__(self, connection: asyncpg.Connection, mechanism_id: int) -> None:
        """Read by a connection that is within a mechanism."""
        self._connection = connection
        self._mechanism_id = mechanism_id

    async def load(self, noun: type[N], column: str, values: Iterable[str]) -> list[N]:
        """Return the nouns whose field has one of the values; none is asked for without one."""
        wanted = sorted({*values} - {""})
        if not wanted:
            return []
        return await nouns.load(self._connection, self._mechanism_id, noun, column, wanted)

    async def givers(self, parties: Collection[str]) -> set[Agreement]:
        """Return the agreements by which some parties are given to."""
        keys = [hashed("application", f"o:{party}") for party in parties]
        return await self._agreements(_UP, sorted(parties), keys, GIVEN_MAX)

    async def receivers(self, parties: Collection[str]) -> set[Agreement]:
        """Return the agreements by which some parties give."""
        return await self._agreements(_DOWN, sorted(parties), GIVEN_MAX)

    async def _agreements(self, query: str, *values: object) -> set[Agreement]:
        rows = await self._connection.fetch(query, self._mechanism_id, *values)
        return {
            Agreement(*row[:4], *(json.decode(told, type=tuple[str, ...]) for told in row[4:]))
            for row in map(tuple, rows)
            if row[0] != row[1]
        }

    async def asking(self, parties: Collection[str], funds: Collection[str]) -> list[str]:
        """Return the ids of the applications that some parties lead, to some funds."""
        return await self._ids(_TO_FUND, sorted(parties), sorted(funds))

    async def aliases(self, party: str) -> list[str]:
        """Return the ids of the parties that were found to be this one."""
        return await self._ids(_ALIASES, party)

    async def survivors(self, parties: Collection[str]) -> dict[str, str]:
        """Return all ids that mean some parties, aliases among them: id -> whom it stands for."""
        if not parties:
            return {}
        rows = await self._connection.fetch(_SURVIVORS, self._mechanism_id, sorted(parties))
        return {name: name for name in parties} | {row[0]: row[1] for row in rows}

    async def declaring(self, funds: Iterable[str], leads: Iterable[str], most: int) -> list[str]:
        """Return the ids of applications that name others who pay, of all funds and leads told."""
        told = ([each for each in some if each] for some in (funds, leads))
        return await self._ids(_DECLARING, *told, most)

    async def granted(self, commitments: Collection[str]) -> list[str]:
        """Return the ids of the applications that became some grants."""
        return await self._ids(_GRANTED, sorted(commitments))

    async def sharing(self, applications: Iterable[Application]) -> list[Application]:
        """Return what applications name as paying for the same, and what that names in turn."""
        found: dict[str, Application] = {}
        asked: set[str] = set()
        names = self._named(applications)
        while names - asked and len(found) <= SHARING_MAX:
            asked |= names
            by_grant = await self.granted(names)
            some = await self.load(Application, "id", {*names, *by_grant})
            found |= {each.id: each for each in some}
            names = self._named(some) - asked
        return list(found.values())

    @staticmethod
    def _named(applications: Iterable[Application]) -> set[str]:
        return {name for each in applications for name in each.co_financing}

    async def open_calls(self, opens_on: date, closes_on: date) -> list[Call]:
        """Return the calls, drafts among them, that are open on one of some days."""
        return await self.load(Call, "id", await self._ids(_CALLS, opens_on, closes_on))

    async def attested(self, parties: Collection[str], kinds: Collection[str]) -> list[Attestation]:
        """Return what stands attested of some parties, of some kinds."""
        return await self.load(
            Attestation, "id", await self._ids(_CONTACTS, sorted(parties), list(kinds))
        )

    async def saying(
        self, kinds: Collection[str], values: Collection[str], most: int
    ) -> list[Attestation]:
        """Return the attestations of some kinds with one of some values, so many of each value."""
        told = sorted({*values} - {""})
        return await self.load(Attestation, "id", await self._ids(_SAYING, told, list(kinds), most))

    async def spent(
        self, parties: Collection[str], currency: str, amount_minor: int
    ) -> list[Report]:
        """Return reports of some parties about one amount, the latest of them."""
        told = sorted(parties), currency, amount_minor, ALIKE_MAX
        return await self.load(Report, "id", await self._ids(_SPENT, *told))

    async def paid(self, currency: str, amount_minor: int) -> list[Cost]:
        """Return funds' direct costs of one amount, the latest of them."""
        return await self.load(
            Cost, "id", await self._ids(_PAID, currency, amount_minor, ALIKE_MAX)
        )

    async def given(
        self, parties: Collection[str], currency: str, between: tuple[int, int]
    ) -> list[Commitment]:
        """Return contributions of some donors, of much the same amount or in other currencies."""
        told = sorted(parties), currency, *between, ALIKE_MAX
        return await self.load(Commitment, "id", await self._ids(_GIVEN, *told))

    async def rates(self, currencies: Collection[str]) -> list[Rate]:
        """Return the newest rate between each two of some currencies."""
        return await self.load(Rate, "id", await self._ids(_RATES, sorted(currencies)))

    async def _ids(self, query: str, *values: object) -> list[str]:
        rows = await self._connection.fetch(query, self._mechanism_id, *values)
        return [row[0] for row in rows]
