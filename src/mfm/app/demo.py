"""The demonstration: one chain of money, from a donor to grassroots organisations.

The first part is the worked example of the accounting rules, from a pledge to the last
de-obligation; `continued` takes the chain on to a local fund and two grassroots grantees. Both go
through the same verbs as everybody else's requests, with API keys of the roles that may.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, convert

from mfm.app.keys import issue
from mfm.app.perform import Ask, refusal_of, submit
from mfm.app.registry import VERBS
from mfm.core.errors import Refused
from mfm.core.keys import ApiKey
from mfm.core.money import decimal_text
from mfm.core.permissions import OPERATOR, ROLES, Actor
from mfm.core.record import parse, restore
from mfm.store.writer import Writer

Step = tuple[str, str, dict[str, Any]]
"""Who (a role), which verb, with which fields."""

PARTIES = (
    ("donor", "Ministry for Foreign Affairs", "10"),
    ("agent", "Trust Fund Office", "40"),
    ("council", "National Women's Peace Council", "22"),
    ("union", "District Women's Union", "22"),
    ("weavers", "Weavers for Peace", "22"),
    ("radio", "Village Women's Radio", "22"),
    ("auditor", "Court of Auditors", "10"),
)
_HOLDERS = {"donor": "donor", "grantee": "weavers", "auditor": "auditor"}
_ON = "2026-03-02"


class DemoKey(Struct, frozen=True):
    """A key of the demonstration: its role, its party, and the secret that is shown once."""

    role: str
    party: str
    secret: str


class Demo:
    """Plays the demonstration into a mechanism.

    Attributes:
        scale: every amount of the worked example times this whole number.
        keys: the keys made, one a role.
    """

    def __init__(self, writer: Writer, scale: int = 1) -> None:
        """Prepare to play into the writer's mechanism."""
        self._writer = writer
        self.scale = scale
        self.keys: list[DemoKey] = []
        self._actors: dict[str, Actor] = {}
        self._count = 0

    async def worked_example(self) -> None:
        """Play the worked example: a global fund `global`, a national fund `national`."""
        await self._people()
        await self._play(_worked_example(self.scale))

    async def continued(self) -> None:
        """Take the chain on: a local fund `local`, and grants to two grassroots organisations."""
        await self._play(_continued(self.scale))

    async def _people(self) -> None:
        operator = Actor(self._writer.mechanism.name, OPERATOR, OPERATOR)
        for party, name, kind in PARTIES:
            await self._do(operator, "party.register", {"id": party, "name": name, "kind": kind})
        for role in ROLES:
            fields = {"party": _HOLDERS.get(role, "agent"), "role": role}
            self._actors[role] = await self._key(operator, fields)

    async def _key(self, operator: Actor, fields: dict[str, str]) -> Actor:
        verb = VERBS["key.create"]
        ask, secret = issue(self._ask(operator, "key.create", fields))
        made = await submit(self._writer, ask)
        key = restore(parse(made.content)[1].sets["api_key"][0], ApiKey)
        assert isinstance(key, ApiKey), verb.name
        self.keys.append(DemoKey(key.role, key.party, secret))
        return key.actor

    async def _play(self, steps: Iterator[Step]) -> None:
        for role, verb, fields in steps:
            await self._do(self._actors[role], verb, fields)

    def _ask(self, actor: Actor, name: str, fields: dict[str, Any]) -> Ask:
        self._count += 1
        verb = VERBS[name]
        return Ask(actor, verb, convert(fields, verb.command), f"demo-{self._count}")

    async def _do(self, actor: Actor, name: str, fields: dict[str, Any]) -> None:
        ask = self._ask(actor, name, fields)
        made = await submit(self._writer, ask)
        if not made.accepted:
            raise Refused(*refusal_of(made))


def _worked_example(scale: int) -> Iterator[Step]:
    def usd(units: int) -> dict[str, str]:
        return {"amount": decimal_text(units * 100 * scale, "USD"), "currency": "USD"}

    def eur(units: int) -> dict[str, str]:
        return {"amount": decimal_text(units * 100 * scale, "EUR"), "currency": "EUR"}

    on = {"effective_on": _ON}
    yield "administrator", "fund.open", {
        "id": "global", "name": "Global Women, Peace and Security Fund", "tier": "global",
        "currency": "USD", "steward": "agent",
    }  # fmt: skip
    yield "administrator", "fund.open", {
        "id": "national", "name": "National Action Plan Fund", "tier": "national",
        "currency": "USD", "steward": "council", "parent": "global",
    }  # fmt: skip
    yield "preparer", "pledge.announce", {
        "id": "pledge-1", "fund": "global", "donor": "donor", "amount": usd(1_200_000), **on,
    }  # fmt: skip
    yield "approver", "commitment.sign", {
        "id": "contribution-1", "from_party": "donor", "to_fund": "global",
        "amount": usd(1_000_000), "pledge": "pledge-1", "contribution": "earmarked", **on,
    }  # fmt: skip
    yield "preparer", "pledge.lapse", {"pledge": "pledge-1", **on}
    yield "preparer", "deposit.receive", {
        "id": "deposit-1", "commitment": "contribution-1", "amount": eur(900_000),
        "rate": "1.10", "rate_source": "agreed for the demonstration",
        "settles": usd(1_000_000), **on,
    }  # fmt: skip
    yield "preparer", "deposit.charge-fee", {"deposit": "deposit-1", **on}
    yield from _transfer(("global", "national"), usd(535_000), on)
    yield "board", "allocation.approve", {
        "id": "window-1", "fund": "national", "amount": usd(107_000), **on,
    }  # fmt: skip
    yield "approver", "commitment.sign", {
        "id": "grant-1", "from_fund": "national", "to_party": "weavers",
        "amount": usd(107_000), "allocation": "window-1",
        "tranches": [
            {"amount": usd(42_800)}, {"amount": usd(42_800)}, {"amount": usd(21_400)},
        ], **on,
    }  # fmt: skip
    yield "preparer", "disbursement.request", {
        "id": "grant-1-1", "commitment": "grant-1", "tranche": 1, **on,
    }  # fmt: skip
    yield "approver", "disbursement.approve", {"disbursement": "grant-1-1", **on}
    yield "payer", "disbursement.release", {"disbursement": "grant-1-1", **on}
    yield "grantee", "disbursement.confirm", {"disbursement": "grant-1-1", **on}
    yield "approver", "report.accept", {
        "id": "report-1", "commitment": "grant-1", "direct": usd(37_000),
        "support_cost": usd(2_590), **on,
    }  # fmt: skip
    yield "approver", "refund.claim", {
        "id": "refund-1", "commitment": "grant-1", "amount": usd(3_210), **on,
    }  # fmt: skip
    yield "payer", "refund.receive", {"refund": "refund-1", **on}
    yield "approver", "commitment.deobligate", {"commitment": "grant-1", **on}


def _transfer(funds: tuple[str, str], amount: dict[str, str], on: dict[str, str]) -> Iterator[Step]:
    """Move money one tier down: allocated, agreed, paid and confirmed."""
    giver, receiver = funds
    name = f"{giver}-to-{receiver}"
    yield "board", "allocation.approve", {
        "id": f"for-{receiver}", "fund": giver, "amount": amount, **on,
    }  # fmt: skip
    yield "approver", "commitment.sign", {
        "id": name, "from_fund": giver, "to_fund": receiver, "amount": amount,
        "allocation": f"for-{receiver}", **on,
    }  # fmt: skip
    payment = {"disbursement": f"{name}-1", **on}
    yield "preparer", "disbursement.request", {
        "id": f"{name}-1", "commitment": name, "tranche": 1, **on,
    }  # fmt: skip
    yield "approver", "disbursement.approve", payment
    yield "payer", "disbursement.release", payment
    yield "preparer", "disbursement.confirm", payment


def _continued(scale: int) -> Iterator[Step]:
    def usd(units: int) -> dict[str, str]:
        return {"amount": decimal_text(units * 100 * scale, "USD"), "currency": "USD"}

    on = {"effective_on": "2026-04-13"}
    yield "administrator", "fund.open", {
        "id": "local", "name": "District Peace Fund", "tier": "local", "currency": "USD",
        "steward": "union", "parent": "national",
    }  # fmt: skip
    yield from _transfer(("national", "local"), usd(60_000), on)
    yield "board", "allocation.approve", {
        "id": "small-grants", "fund": "local", "amount": usd(24_000), **on,
    }  # fmt: skip
    for party, units in (("weavers", 8_000), ("radio", 6_500)):
        yield "approver", "commitment.sign", {
            "id": f"small-{party}", "from_fund": "local", "to_party": party,
            "amount": usd(units), "allocation": "small-grants",
            "tranches": [{"amount": usd(units - 2_000)}, {"amount": usd(2_000)}], **on,
        }  # fmt: skip
        yield "preparer", "disbursement.request", {
            "id": f"small-{party}-1", "commitment": f"small-{party}", "tranche": 1, **on,
        }  # fmt: skip
    paid = {"disbursement": "small-weavers-1", **on}
    yield "approver", "disbursement.approve", paid
    yield "payer", "disbursement.release", paid
    yield "grantee", "disbursement.confirm", paid
