"""Years in the life of a mechanism: forty funds at three tiers, three hundred events each a year.

Everything goes through the real verbs and batches, many at a time, so that they share commits.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from mfm.app.entries import submit_batch
from mfm.app.perform import Ask, submit
from mfm.app.registry import VERBS
from mfm.core.entries import EntryItem
from mfm.core.money import share
from mfm.core.permissions import OPERATOR, Actor
from mfm.store.writer import Writer

EVENTS_A_YEAR = 300
GLOBAL, NATIONAL, LOCAL = 4, 12, 24
FIRST_YEAR = 2016
DONORS = 8
GRANTEES = 60
_AT_ONCE = 512
_PERIODS = 6
_RESERVE = 1_000
"""Minor units that each source keeps for bank charges."""
_DRAWN = 6
"""An allocation draws on so many sources at the most: those that hold most."""

Verb = tuple[str, str, dict[str, Any]]
"""A verb, whose key asks for it, and its fields."""


class Agreement(NamedTuple):
    """A grant or transfer on its way: its id, its funds, and the amounts of its tranches."""

    id: str
    from_fund: str
    to_fund: str
    tranches: tuple[int, int]


def usd(minor: int) -> dict[str, str]:
    """Return cents on the wire."""
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": "USD"}


class Mechanism:
    """The funds, and what each holds of each source: enough to ask for what will be granted."""

    def __init__(self, writer: Writer, done: Callable[[int], None]) -> None:
        """Begin with nothing.

        Args:
            writer: of an empty mechanism.
            done: told how many more events there are, now and then.
        """
        self._writer = writer
        self._done = done
        self._random = random.Random(1325)
        self._asked = 0
        self._held: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._events: defaultdict[str, int] = defaultdict(int)
        self.funds: list[str] = []
        self.contributions: list[str] = []
        self.grants: list[str] = []
        self._below: dict[str, list[str]] = {}

    # Asking --------------------------------------------------------------------------------------

    async def _all(self, verbs: Iterable[tuple[str, Verb]]) -> None:
        """Perform verbs, each for the sake of a fund, many at a time."""
        wanted = list(verbs)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            await asyncio.gather(*(self._do(verb) for _, verb in some))
            for fund, _ in some:
                self._events[fund] += 1
            self._done(len(some))

    async def _do(self, asked: Verb) -> None:
        name, key, fields = asked
        self._asked += 1
        verb = VERBS[name]
        command = msgspec.convert(fields, verb.command)
        made = await submit(
            self._writer, Ask(Actor("bench", OPERATOR, key), verb, command, f"y-{self._asked}")
        )
        assert made.accepted, made.content

    # A beginning ---------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Register the parties and open the funds."""
        parties = ["agent", *(f"donor-{n}" for n in range(DONORS))]
        parties += [f"group-{n}" for n in range(GRANTEES)]
        await self._all(
            ("", ("party.register", "a", {"id": name, "name": name.title()})) for name in parties
        )
        tiers = (("global", GLOBAL), ("national", NATIONAL), ("local", LOCAL))
        for tier, count in tiers:
            names = [f"{tier}-{n}" for n in range(count)]
            fund = {"tier": tier, "currency": "USD", "steward": "agent"}
            await self._all(
                ("", ("fund.open", "a", {"id": name, "name": name.title(), **fund}))
                for name in names
            )
            self.funds += names
        self._below = {
            f"global-{n}": [f"national-{m}" for m in range(NATIONAL) if m % GLOBAL == n]
            for n in range(GLOBAL)
        }
        for n in range(NATIONAL):
            self._below[f"national-{n}"] = [f"local-{m}" for m in range(LOCAL) if m % NATIONAL == n]

    async def year(self, number: int) -> None:
        """Play a year: money in, down the tiers and out, every second month; then bank charges."""
        self._events.clear()
        for period in range(_PERIODS):
            on = {"effective_on": f"{FIRST_YEAR + number}-{2 * period + 1:02}-15"}
            place = f"{number}-{period}"
            await self._contribute(place, on)
            for tier in ("global", "national", "local"):
                await self._spend([f for f in self.funds if f.startswith(tier)], place, on)
        await self._charges(number)

    # Money in ------------------------------------------------------------------------------------

    async def _contribute(self, place: str, on: dict[str, str]) -> None:
        signed, received, charged = [], [], []
        for fund in self.funds:
            minor = self._random.randint(5_000_000, 20_000_000)
            name, donor = f"c-{fund}-{place}", f"donor-{self._random.randrange(DONORS)}"
            sides = {"from_party": donor, "to_fund": fund, "amount": usd(minor)}
            signed.append((fund, ("commitment.sign", "a", {"id": name, **sides, **on})))
            paid = {"id": f"d-{name}", "commitment": name, "amount": usd(minor)}
            received.append((fund, ("deposit.receive", "a", paid | on)))
            charged.append((fund, ("deposit.charge-fee", "a", {"deposit": f"d-{name}", **on})))
            self._held[fund][name] = minor - share(minor, 100)
            self.contributions.append(name)
        for verbs in (signed, received, charged):
            await self._all(verbs)

    # Money on ------------------------------------------------------------------------------------

    async def _spend(self, funds: list[str], place: str, on: dict[str, str]) -> None:
        """Allocate what some funds hold, sign for it, pay it and have it reported."""
        allocated, agreed = [], []
        for fund in funds:
            shares = self._shares(fund)
            total, name = sum(shares.values()), f"a-{fund}-{place}"
            told = [{"contribution": s, "amount": usd(minor)} for s, minor in shares.items()]
            fields = {"id": name, "fund": fund, "amount": usd(total), "shares": told}
            allocated.append((fund, ("allocation.approve", "a", fields | on)))
            agreed += list(self._agreements(fund, name, total))
        await self._all(allocated)
        await self._all((made.from_fund, ("commitment.sign", "a", f | on)) for made, f in agreed)
        await self._pay([made for made, _ in agreed], on)

    def _shares(self, fund: str) -> dict[str, int]:
        """Take what the richest sources hold, but for a reserve."""
        held = self._held[fund]
        rich = sorted(held, key=lambda source: -held[source])[:_DRAWN]
        shares = {s: held[s] - _RESERVE for s in rich if held[s] > _RESERVE}
        for source in shares:
            held[source] = _RESERVE
        return shares

    def _agreements(
        self, fund: str, allocation: str, total: int
    ) -> Iterator[tuple[Agreement, dict[str, Any]]]:
        """Return two agreements for nine tenths of an allocation: one down a tier, where it can."""
        below = self._below.get(fund, [])
        for number in range(2):
            to_fund = self._random.choice(below) if below and not number else ""
            to_party = "" if to_fund else f"group-{self._random.randrange(GRANTEES)}"
            minor = total * 9 // 20
            name = f"{'t' if to_fund else 'g'}-{allocation}-{number}"
            made = Agreement(name, fund, to_fund, (minor // 2, minor - minor // 2))
            fields = {
                "id": name,
                "from_fund": fund,
                "amount": usd(minor),
                "allocation": allocation,
                "tranches": [{"amount": usd(each)} for each in made.tranches],
                **({"to_fund": to_fund} if to_fund else {"to_party": to_party}),
            }
            if to_fund:
                self._held[to_fund][name] = minor
            else:
                self.grants.append(name)
            yield made, fields

    async def _pay(self, agreed: list[Agreement], on: dict[str, str]) -> None:
        paid = [(made, number) for made in agreed for number in (1, 2)]
        for verb, key in (("request", "a"), ("approve", "b"), ("release", "c"), ("confirm", "a")):
            await self._all(
                (
                    made.from_fund,
                    (f"disbursement.{verb}", key, _step(verb, made.id, number) | on),
                )
                for made, number in paid
            )
        await self._all(
            (
                made.from_fund,
                (
                    "report.accept",
                    "b",
                    {"commitment": made.id, "direct": usd(made.tranches[number - 1])} | on,
                ),
            )
            for made, number in paid
            if not made.to_fund and self._random.random() < 0.9
        )

    # The rest ------------------------------------------------------------------------------------

    async def _charges(self, number: int) -> None:
        """Post bank charges until every fund has had its events of the year."""
        items = []
        for fund in self.funds:
            sources = sorted(self._held[fund])
            for each in range(EVENTS_A_YEAR - self._events[fund]):
                source = sources[-1 - each % min(len(sources), 12)]
                self._held[fund][source] -= 1
                items.append(_charge(f"v-{number}-{fund}-{each}", fund, source, number))
        actor = Actor("bench", OPERATOR, "a")
        for start in range(0, len(items), 1_000):
            some = items[start : start + 1_000]
            outcomes = await submit_batch(self._writer, actor, some)
            assert all(getattr(each, "accepted", False) for each in outcomes)
            self._done(len(some))


def _step(verb: str, agreement: str, number: int) -> dict[str, Any]:
    name = f"{agreement}-{number}"
    if verb == "request":
        return {"id": name, "commitment": agreement, "tranche": number}
    return {"disbursement": name}


def _charge(key: str, fund: str, source: str, number: int) -> EntryItem:
    cent = usd(1)
    lines = [
        {"account": "5700", "debit": cent},
        {"account": "1100", "subject": "main", "credit": cent},
        {"account": "9300", "subject": source, "debit": cent},
        {"account": "9340", "credit": cent},
    ]
    told = {
        "key": key,
        "fund": fund,
        "lines": lines,
        "effective_on": f"{FIRST_YEAR + number}-12-20",
    }
    return msgspec.convert(told, EntryItem)
