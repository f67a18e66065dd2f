"""The demonstration: one chain of money, from a donor to grassroots organisations.

The first part is the worked example of the accounting rules, from a pledge to the last
de-obligation; `continued` takes the chain on to a local fund and two grassroots grantees. Both go
through the same verbs as everybody else's requests, with API keys of the roles that may.
"""

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from secrets import token_hex
from typing import Any

from msgspec import Struct, convert, structs

from mfm.app.keys import issue
from mfm.app.perform import Ask, refusal_of, submit
from mfm.app.policies import adopt_shipped
from mfm.app.registry import VERBS
from mfm.core.disbursements import Disbursement
from mfm.core.errors import Refused
from mfm.core.keys import ApiKey
from mfm.core.money import MAX_MINOR, decimal_text
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
SCALE_MAX = MAX_MINOR // 120_000_000
"""The most that the pledge of 1,200,000.00, the largest amount, can be multiplied by."""
_LAST = "small-radio-1"
"""The disbursement that the last step asks for."""
_HOLDERS = {"donor": "donor", "grantee": "weavers", "auditor": "auditor"}


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

    async def is_whole(self) -> bool:
        """Tell whether it has been played to its end."""
        return bool(await self._writer.run(lambda unit: unit.find(Disbursement, _LAST)))

    async def worked_example(self) -> None:
        """Play the worked example: a global fund `global`, a national fund `national`."""
        await self._people()
        await self._play(_worked_example(self.scale))

    async def continued(self) -> None:
        """Take the chain on: a local fund `local`, and grants to two grassroots organisations."""
        await self._play(_continued(self.scale))

    async def _people(self) -> None:
        operator = Actor(self._writer.mechanism.name, OPERATOR, OPERATOR)
        await adopt_shipped(self._writer, operator)
        for party, name, kind in PARTIES:
            await self._do(operator, "party.register", {"id": party, "name": name, "kind": kind})
        for role in ROLES:
            fields = {"party": _HOLDERS.get(role, "agent"), "role": role}
            self._actors[role] = await self._key(operator, fields)

    async def _key(self, operator: Actor, fields: dict[str, str]) -> Actor:
        verb = VERBS["key.create"]
        # Under a key that no run before has used: its secret, shown once, would be lost.
        asked = structs.replace(self._ask(operator, "key.create", fields), key=token_hex(16))
        ask, secret = issue(asked)
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


def _step(role: str, verb: str, **fields: object) -> Step:
    return role, verb, fields


def _scaled(units: int, scale: int, currency: str = "USD") -> dict[str, str]:
    return {"amount": decimal_text(units * 100 * scale, currency), "currency": currency}


def evidence(party: str, seen_on: date) -> Iterator[Step]:
    """What policies ask of who signs with a fund and is paid: all of it verified by others."""
    account = sha256(f"account of {party}".encode()).hexdigest()
    until = date(2036, 12, 31)
    for kind, fields in (
        ("due-diligence", {"value": "passed", "valid_until": until}),
        ("sanctions-screening", {"value": "clear"}),
        ("bank-account", {"value": account}),
    ):
        told = {"party": party, "kind": kind, "source": "Checked for the demonstration"}
        yield _step("preparer", "party.attest", verified_on=seen_on, **told, **fields)


def _marked(author: str) -> dict[str, object]:
    """An allocation's gender marker: given by who will use the money, reviewed by the board."""
    marker = {"scheme": "un-gem", "score": "3"}
    why = "Women's peace and security is what it is for."
    return {"marker": marker, "marker_author": author, "marker_justification": why}


def _worked_example(scale: int) -> Iterator[Step]:
    on = date(2026, 3, 2)
    for party in ("council", "weavers"):
        yield from evidence(party, date(2026, 2, 20))
    yield _step(
        "administrator",
        "fund.open",
        id="global",
        name="Global Women, Peace and Security Fund",
        tier="global",
        currency="USD",
        steward="agent",
    )
    yield _step(
        "administrator",
        "fund.open",
        id="national",
        name="National Action Plan Fund",
        tier="national",
        currency="USD",
        steward="council",
        parent="global",
    )
    yield from _contribution(scale, on)
    yield from _transfer(("global", "national"), _scaled(535_000, scale), on)
    yield from _grant(scale, on)


def _contribution(scale: int, on: date) -> Iterator[Step]:
    """A pledge, a part of it signed, the rest lapsing, paid in euros, and the agent's fee."""
    signed = _scaled(1_000_000, scale)
    yield _step(
        "preparer",
        "pledge.announce",
        id="pledge-1",
        fund="global",
        donor="donor",
        amount=_scaled(1_200_000, scale),
        effective_on=on,
    )
    yield _step(
        "approver",
        "commitment.sign",
        id="contribution-1",
        from_party="donor",
        to_fund="global",
        amount=signed,
        pledge="pledge-1",
        contribution="earmarked",
        effective_on=on,
    )
    yield _step("preparer", "pledge.lapse", pledge="pledge-1", effective_on=on)
    yield _step(
        "preparer",
        "deposit.receive",
        id="deposit-1",
        commitment="contribution-1",
        amount=_scaled(900_000, scale, "EUR"),
        rate="1.10",
        rate_source="agreed for the demonstration",
        settles=signed,
        effective_on=on,
    )
    yield _step("preparer", "deposit.charge-fee", deposit="deposit-1", effective_on=on)


def _grant(scale: int, on: date) -> Iterator[Step]:
    """A grant in three tranches: one paid, reported and refunded in part, two de-obligated."""
    amount = _scaled(107_000, scale)
    tranches = [{"amount": _scaled(units, scale)} for units in (42_800, 42_800, 21_400)]
    yield _step(
        "board",
        "allocation.approve",
        id="window-1",
        fund="national",
        amount=amount,
        **_marked("weavers"),
        effective_on=on,
    )
    yield _step(
        "approver",
        "commitment.sign",
        id="grant-1",
        from_fund="national",
        to_party="weavers",
        amount=amount,
        allocation="window-1",
        tranches=tranches,
        effective_on=on,
    )
    yield from _payment("grant-1", "grantee", on)
    yield _step(
        "approver",
        "report.accept",
        id="report-1",
        commitment="grant-1",
        direct=_scaled(37_000, scale),
        support_cost=_scaled(2_590, scale),
        effective_on=on,
    )
    yield _step(
        "approver",
        "refund.claim",
        id="refund-1",
        commitment="grant-1",
        amount=_scaled(3_210, scale),
        effective_on=on,
    )
    yield _step("payer", "refund.receive", refund="refund-1", effective_on=on)
    yield _step("approver", "commitment.deobligate", commitment="grant-1", effective_on=on)


def _payment(commitment: str, receiver: str, on: date) -> Iterator[Step]:
    """The first tranche of a commitment, from request to confirmation."""
    name = f"{commitment}-1"
    yield _step(
        "preparer",
        "disbursement.request",
        id=name,
        commitment=commitment,
        tranche=1,
        effective_on=on,
    )
    yield _step("approver", "disbursement.approve", disbursement=name, effective_on=on)
    yield _step("payer", "disbursement.release", disbursement=name, effective_on=on)
    yield _step(receiver, "disbursement.confirm", disbursement=name, effective_on=on)


def _transfer(funds: tuple[str, str], amount: dict[str, str], on: date) -> Iterator[Step]:
    """Move money one tier down: allocated, agreed, paid and confirmed."""
    giver, receiver = funds
    name = f"{giver}-to-{receiver}"
    yield _step(
        "board",
        "allocation.approve",
        id=f"for-{receiver}",
        fund=giver,
        amount=amount,
        **_marked("council"),
        effective_on=on,
    )
    yield _step(
        "approver",
        "commitment.sign",
        id=name,
        from_fund=giver,
        to_fund=receiver,
        amount=amount,
        allocation=f"for-{receiver}",
        effective_on=on,
    )
    yield from _payment(name, "preparer", on)


def _continued(scale: int) -> Iterator[Step]:
    on = date(2026, 4, 13)
    for party in ("union", "weavers", "radio"):
        yield from evidence(party, date(2026, 4, 1))
    yield _step(
        "administrator",
        "fund.open",
        id="local",
        name="District Peace Fund",
        tier="local",
        currency="USD",
        steward="union",
        parent="national",
    )
    yield from _transfer(("national", "local"), _scaled(60_000, scale), on)
    yield _step(
        "board",
        "allocation.approve",
        id="small-grants",
        fund="local",
        amount=_scaled(24_000, scale),
        **_marked("union"),
        effective_on=on,
    )
    for party, units in (("weavers", 8_000), ("radio", 6_500)):
        tranches = [{"amount": _scaled(part, scale)} for part in (units - 2_000, 2_000)]
        yield _step(
            "approver",
            "commitment.sign",
            id=f"small-{party}",
            from_fund="local",
            to_party=party,
            amount=_scaled(units, scale),
            allocation="small-grants",
            tranches=tranches,
            effective_on=on,
        )
    yield from _payment("small-weavers", "grantee", on)
    yield _step(
        "preparer",
        "disbursement.request",
        id="small-radio-1",
        commitment="small-radio",
        tranche=1,
        effective_on=on,
    )
