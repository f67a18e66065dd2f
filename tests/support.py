"""What tests share: a mechanism of their own with a writer, and verbs by name."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from mfm.app import policy_files
from mfm.app.context import Context
from mfm.app.perform import Ask, submit
from mfm.app.registry import VERBS
from mfm.core import policies
from mfm.core.permissions import OPERATOR, Actor
from mfm.core.policy_format import load
from mfm.core.record import Draft
from mfm.core.terms import Command
from mfm.store.database import Mechanism
from mfm.store.journal import Made
from mfm.store.writer import Writer


def usd(amount: str) -> dict[str, str]:
    """Return US dollars on the wire."""
    return {"amount": amount, "currency": "USD"}


def operator(key: str = "operator") -> Actor:
    """Return an actor who may do anything; another key is another person."""
    return Actor("operator", OPERATOR, key)


PERMIT = "tests.permit"
"""No verb, but what tests do first: adopt their own policies, which let every step through."""


async def permit(writer: Writer, actor: Actor, *files: bytes) -> Made:
    """Adopt files, or those that let every step through, with one record, as a release's are."""
    told, texts = VERBS["policy.adopt"], files or _PERMISSIVE

    async def adopt(context: Context, _: Command) -> Draft:
        catalogue = policy_files.catalogue()
        loaded = [load(text, catalogue, "tests") for text in texts]
        for content in (*texts, catalogue.content):
            context.unit.keep_blob(content)
        return policies.adopt(context.act(None), loaded, catalogue)

    verb = msgspec.structs.replace(told, run=adopt)
    return await submit(
        writer, Ask(actor, verb, told.command(), f"permit-{sha256(texts[0]).hexdigest()}")
    )


_ONE = (Path(__file__).parent / "permissive.toml").read_bytes()
_PERMISSIVE = tuple(
    _ONE.replace(b'"tests.permissive"', f'"tests.{kind}"'.encode())
    .replace(b'"spending"', f'"{kind}"'.encode())
    .replace(b'["signature", "allocation", "approval", "payment"]', gates)
    for kind, gates in (
        ("spending", b'["signature", "allocation", "approval", "payment"]'),
        ("eligibility", b'["application"]'),
        ("conditionality", b'["activation", "amendment"]'),
    )
)


class Books:
    """A fresh mechanism's books, written through the real writer.

    Attributes:
        url: the database.
        mechanism: whose books.
        writer: its writer.
    """

    def __init__(self, url: str, mechanism: Mechanism, writer: Writer) -> None:
        self.url = url
        self.mechanism = mechanism
        self.writer = writer
        self._count = 0

    async def do(
        self,
        verb: str,
        actor: Actor | None = None,
        *,
        key: str = "",
        if_match: int | None = None,
        **fields: Any,  # noqa: ANN401  # any verb's fields
    ) -> Made:
        """Perform a verb; each call has an idempotency key of its own unless one is given."""
        self._count += 1
        if verb == PERMIT:
            return await permit(self.writer, actor or operator())
        told = VERBS[verb]
        command = msgspec.convert(fields, told.command)
        ask = Ask(actor or operator(), told, command, key or f"test-{self._count}", if_match)
        return await submit(self.writer, ask)

    async def chain(self) -> None:
        """Play the worked example of the accounting rules, in US dollars.

        Parties donor, agent, group; funds g (global) and n (national); pledge p, contribution c,
        deposit d, allocations ag and an, transfer t, grant w, disbursements dt and dw, report r,
        refund f.
        """
        for step in CHAIN:
            verb, key, fields = step
            made = await self.do(verb, operator(key), **fields)
            assert made.accepted, made.content


_ON = {"effective_on": "2026-03-02"}
CHAIN: list[tuple[str, str, dict[str, Any]]] = [
    (PERMIT, "a", {}),
    ("party.register", "a", {"id": "donor", "name": "Donor"}),
    ("party.register", "a", {"id": "agent", "name": "Administrative agent"}),
    ("party.register", "a", {"id": "group", "name": "Women's group"}),
    (
        "fund.open",
        "a",
        {"id": "g", "name": "Global fund", "tier": "global", "currency": "USD", "steward": "agent"},
    ),
    (
        "fund.open",
        "a",
        {
            "id": "n",
            "name": "National fund",
            "tier": "national",
            "currency": "USD",
            "steward": "agent",
            "parent": "g",
        },
    ),
    (
        "pledge.announce",
        "a",
        {"id": "p", "fund": "g", "donor": "donor", "amount": usd("1200000.00"), **_ON},
    ),
    (
        "commitment.sign",
        "a",
        {
            "id": "c",
            "from_party": "donor",
            "to_fund": "g",
            "amount": usd("1000000.00"),
            "pledge": "p",
            "contribution": "earmarked",
            **_ON,
        },
    ),
    ("pledge.lapse", "a", {"pledge": "p", **_ON}),
    (
        "deposit.receive",
        "a",
        {
            "id": "d",
            "commitment": "c",
            "amount": {"amount": "900000.00", "currency": "EUR"},
            "rate": "1.10",
            "settles": usd("1000000.00"),
            **_ON,
        },
    ),
    ("deposit.charge-fee", "a", {"deposit": "d", **_ON}),
    ("allocation.approve", "a", {"id": "ag", "fund": "g", "amount": usd("535000.00"), **_ON}),
    (
        "commitment.sign",
        "a",
        {
            "id": "t",
            "from_fund": "g",
            "to_fund": "n",
            "amount": usd("535000.00"),
            "allocation": "ag",
            **_ON,
        },
    ),
    ("disbursement.request", "a", {"id": "dt", "commitment": "t", "tranche": 1, **_ON}),
    ("disbursement.approve", "b", {"disbursement": "dt", **_ON}),
    ("disbursement.release", "c", {"disbursement": "dt", **_ON}),
    ("disbursement.confirm", "a", {"disbursement": "dt", **_ON}),
    ("allocation.approve", "a", {"id": "an", "fund": "n", "amount": usd("107000.00"), **_ON}),
    (
        "commitment.sign",
        "a",
        {
            "id": "w",
            "from_fund": "n",
            "to_party": "group",
            "amount": usd("107000.00"),
            "allocation": "an",
            "tranches": [
                {"amount": usd("42800.00")},
                {"amount": usd("42800.00")},
                {"amount": usd("21400.00")},
            ],
            **_ON,
        },
    ),
    ("disbursement.request", "a", {"id": "dw", "commitment": "w", "tranche": 1, **_ON}),
    ("disbursement.approve", "b", {"disbursement": "dw", **_ON}),
    ("disbursement.release", "c", {"disbursement": "dw", **_ON}),
    (
        "report.accept",
        "a",
        {
            "id": "r",
            "commitment": "w",
            "direct": usd("37000.00"),
            "support_cost": usd("2590.00"),
            **_ON,
        },
    ),
    ("refund.claim", "a", {"id": "f", "commitment": "w", "amount": usd("3210.00"), **_ON}),
    ("refund.receive", "a", {"refund": "f", **_ON}),
    ("commitment.deobligate", "a", {"commitment": "w", **_ON}),
]
"""The worked example as (verb, who, fields)."""

ADVANCE: list[tuple[str, str, dict[str, Any]]] = [
    ("allocation.approve", "a", {"id": "small", "fund": "n", "amount": usd("1.00")}),
    (
        "commitment.sign",
        "a",
        {
            "id": "w1",
            "from_fund": "n",
            "to_party": "group",
            "amount": usd("1.00"),
            "allocation": "small",
        },
    ),
    ("disbursement.request", "a", {"id": "d1", "commitment": "w1", "tranche": 1}),
    ("disbursement.approve", "b", {"disbursement": "d1"}),
    ("disbursement.release", "c", {"disbursement": "d1"}),
    ("write-off.propose", "a", {"id": "wo", "commitment": "w1", "amount": usd("1.00")}),
]
"""After the worked example: a grant that is paid and not accounted for, proposed to be given up."""

MONEY_IN: list[tuple[str, str, dict[str, Any]]] = [
    (
        "unidentified-receipt.record",
        "a",
        {"id": "u", "fund": "g", "amount": usd("1.00"), "bank_account": "second"},
    ),
    ("donor-refund.decide", "a", {"id": "z", "commitment": "c", "amount": usd("1.00")}),
]
"""After the worked example: money that nobody can place, and a refund that waits to be paid."""

TERMS: list[tuple[str, str, dict[str, Any]]] = [
    ("condition.add", "a", {"id": "k1", "commitment": "c", "title": "T", "type": "policy"}),
    ("condition.add", "a", {"id": "k2", "commitment": "w", "title": "T", "type": "fiduciary"}),
]
"""After the worked example: conditions that nobody has accepted, of a contribution and a grant."""

_EARLIER = {"effective_on": "2024-03-01"}
_ADOPTED = {"name": "Adopted", "tier": "local", "currency": "USD", "steward": "agent"}
_EUROS = {"amount": "60.00", "currency": "EUR"}
_BROUGHT = [
    {"account": "1100", "subject": "main", "debit": usd("50.00")},
    {"account": "3100", "credit": usd("50.00")},
    {"account": "9399", "debit": usd("50.00")},
    {"account": "9300", "credit": usd("50.00")},
]
_TRAVEL = [
    {"account": "5600-10", "debit": usd("2.00")},
    {"account": "1100", "subject": "main", "credit": usd("2.00")},
    {"account": "9300", "subject": "opening", "debit": usd("2.00")},
    {"account": "9340", "credit": usd("2.00")},
]
_RATED = {"base": "EUR", "quote": "USD", "source": "ecb"}
_GRANT = {"id": "wx", "from_fund": "x", "to_party": "group", "allocation": "ax"}
EXCHANGE: list[tuple[str, str, dict[str, Any]]] = [
    ("fund.open", "a", {"id": "x", "open_from": "2024-01-01", **_ADOPTED}),
    ("fund.open-balances", "a", {"fund": "x", "lines": _BROUGHT, **_EARLIER}),
    ("account.open", "a", {"fund": "x", "code": "5600-10", "name": "Travel"}),
    ("entry.post", "a", {"fund": "x", "lines": _TRAVEL, **_EARLIER}),
    ("rate.record", "a", {"rated_on": "2024-03-01", "rate": "1.05", **_RATED}),
    ("rate.record", "a", {"rated_on": "2024-03-31", "rate": "1.111111111111111", **_RATED}),
    (
        "commitment.sign",
        "a",
        {
            "id": "cx",
            "from_party": "donor",
            "to_fund": "x",
            "amount": usd("100.00"),
            "contribution": "earmarked",
            **_EARLIER,
        },
    ),
    (
        "deposit.receive",
        "a",
        {
            "id": "dx",
            "commitment": "cx",
            "amount": _EUROS,
            "bank_account": "euros",
            "keep": True,
            "rate_on": "2024-03-01",
            **_EARLIER,
        },
    ),
    ("deposit.charge-fee", "a", {"deposit": "dx", **_EARLIER}),
    (
        "fund.convert",
        "a",
        {
            "fund": "x",
            "sold": {"amount": "10.00", "currency": "EUR"},
            "sold_from": "euros",
            "bought": usd("9.00"),
            "bought_to": "main",
            **_EARLIER,
        },
    ),
    ("allocation.approve", "a", {"id": "ax", "fund": "x", "amount": usd("21.00"), **_EARLIER}),
    ("commitment.sign", "a", {"amount": usd("21.00"), **_GRANT, **_EARLIER}),
    ("disbursement.request", "a", {"id": "px", "commitment": "wx", "tranche": 1, **_EARLIER}),
    ("disbursement.approve", "b", {"disbursement": "px", **_EARLIER}),
    (
        "disbursement.release",
        "c",
        {
            "disbursement": "px",
            "bank_account": "euros",
            "paid": {"amount": "20.00", "currency": "EUR"},
            "rate": "1.05",
            **_EARLIER,
        },
    ),
    ("fund.revalue", "a", {"fund": "x", "rate_on": "2024-03-31"}),
    ("period.close", "a", {"fund": "x", "last_day": "2024-12-31", "decision": "minutes 7"}),
]
"""A fund that is adopted, keeps euros, changes, pays and revalues some, and closes its year."""
