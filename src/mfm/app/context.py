"""What a verb is given: who asks, when, and the unit of writing it reads from."""

import secrets
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mfm.core import permissions
from mfm.core.accounts import EXCHANGE, OPENING
from mfm.core.decisions import Found
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.permissions import Actor
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act
from mfm.store.nouns import KINDS
from mfm.store.unit import Unit

N = TypeVar("N", bound=Noun)


@lru_cache(maxsize=1_024)
def today_in(time_zone: str, now: datetime) -> date:
    """Return the day that an instant is in a time zone.

    Raises:
        Invalid: `time-zone-unknown`.
    """
    try:
        return now.astimezone(ZoneInfo(time_zone)).date()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        detail = f"{time_zone!r} is not an IANA time zone such as Africa/Nairobi."
        raise Invalid("time-zone-unknown", detail, "/time_zone") from None


class Context:
    """One verb's view of the ledger.

    Attributes:
        unit: the unit of writing.
        actor: who asks.
        now: the instant of the record it will make, UTC.
        verb: the verb's name, which is also the action that permission is asked for.
        language: which of the policies' languages reasons are told in.
        found: what policies said so far.
    """

    def __init__(self, unit: Unit, actor: Actor, verb: str, language: str = "en") -> None:
        """Give a verb its surroundings."""
        self.unit = unit
        self.actor = actor
        self.now = unit.now
        self.verb = verb
        self._new: set[str] = set()
        self.language = language
        self.found: list[Found] = []

    def require(self, funds: tuple[str, ...] = (), parties: tuple[str, ...] = ()) -> None:
        """Let the actor go on, where this touches one of the funds or is for one of the parties.

        Raises:
            Invalid: `role-not-allowed`, `fund-not-allowed`, `party-not-allowed`.
        """
        permissions.require(self.actor, self.verb, funds, parties)

    async def get(self, noun: type[N], noun_id: str, pointer: str = "") -> N:
        """Return a noun that must exist.

        Raises:
            Invalid: `not-found`.
        """
        found = await self.unit.find(noun, noun_id)
        if found is None or found.status == "reversed":
            detail = f"There is no {KINDS[noun].replace('_', ' ')} {noun_id}."
            raise Invalid("not-found", detail, pointer)
        return found

    async def kept(self, fund_id: str, pointer: str = "/fund") -> Fund:
        """Return a fund that must exist and whose books are kept here.

        Raises:
            Invalid: `not-found`, `fund-reported`.
        """
        fund = await self.get(Fund, fund_id, pointer)
        fund.must_be_kept(pointer)
        return fund

    async def new_id(self, noun: type[Noun], given: str | None, pointer: str = "/id") -> str:
        """Return the id for a new noun: the one given, if it is free, or a fresh one.

        Raises:
            Invalid: `id-taken`.
        """
        if given is None:
            # Time first, so that later ids sort later; 80 random bits, so that none is guessed.
            given = f"{int(self.now.timestamp() * 1000):012x}{secrets.token_hex(10)}"
            self._new.add(given)
            return given
        if given in (OPENING, EXCHANGE):
            detail = f"{given} is what authority is kept under that nobody gave."
            raise Invalid("id-taken", detail, pointer)
        if await self.unit.find(noun, given) is not None:
            detail = f"There is a {KINDS[noun].replace('_', ' ')} {given} already."
            raise Invalid("id-taken", detail, pointer)
        return given

    async def recall(self, draft: Draft) -> None:
        """Bring into memory what a draft's nouns were before: each record names the one before it.

        A noun that is named after another, as a board is after its fund, may have been set or
        taken back long ago, and no rule has asked for it.
        """
        for row in draft.sets:
            if not row.seq and row.id not in self._new:
                await self.unit.find(type(row), row.id)

    def new_mask(self) -> str:
        """Return fresh random bits for a party's mask: 128 of them, in hex."""
        return secrets.token_hex(16)

    def act(self, on: date | None, fund: Fund | None = None) -> Act:
        """Return who acts and the day it counts from: as given, or today where the fund is."""
        return Act(self.actor, on or today_in(fund.time_zone if fund else "UTC", self.now))


def utc_now() -> datetime:
    """Return the present instant; the one place outside the writer that reads the clock."""
    return datetime.now(UTC)
