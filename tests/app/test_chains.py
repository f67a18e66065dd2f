"""Chains over real books: what became of the worked example's money, and where it came from."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import msgspec
import pytest
from msgspec import Struct

from mfm.app.context import utc_now
from mfm.app.lineage import Chained, ChainQuery, DonorQuery, chain, donor
from mfm.core.chains import Chain
from mfm.core.errors import Invalid
from mfm.core.permissions import Actor
from mfm.store import database
from mfm.store.database import Engine
from tests.support import CHAIN, Books, operator, usd

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(books: Books) -> AsyncIterator[Engine]:
    made = database.reader_engine(books.url, books.mechanism.id)
    yield made
    await made.dispose()


Ask = Callable[..., Awaitable[Chained]]


@pytest.fixture
def ask(engine: Engine) -> Ask:
    async def asked(
        name: str, direction: str = "down", actor: Actor | None = None, **more: object
    ) -> Chained:
        query = msgspec.convert({"id": name, "direction": direction, **more}, ChainQuery)
        return await chain(engine, actor or operator(), query)

    return asked


def hops(made: Chain) -> list[tuple[str, ...]]:
    return [
        (e.from_, e.to, e.commitment, e.stage, e.amount.amount, e.fee.amount) for e in made.edges
    ]


def boundary(made: Chain) -> tuple[str, ...]:
    told = made.boundary
    return told.incoming.amount, told.internal.amount, told.outgoing.amount


C = ("donor", "g", "c", "received", "990000.00", "9900.00")
T = ("g", "n", "t", "confirmed", "535000.00", "0.00")
W = ("n", "group", "w", "reported", "39590.00", "0.00")


async def test_the_worked_example_down(books: Books, ask: Ask) -> None:
    await books.chain()
    for root, wanted, across in (
        ("donor", [C, T, W], ("990000.00", "535000.00", "39590.00")),
        ("c", [C, T, W], ("990000.00", "535000.00", "39590.00")),
        ("g", [T, W], ("990000.00", "535000.00", "39590.00")),
        ("t", [T, W], ("535000.00", "535000.00", "39590.00")),
        ("n", [W], ("535000.00", "0.00", "39590.00")),
        ("w", [W], ("39590.00", "0.00", "39590.00")),
        ("group", [], ("0", "0", "0")),
    ):
        made, depths, last = await ask(root)
        assert (hops(made), last) == (wanted, None), root
        assert depths == tuple(range(len(wanted)))
        if wanted:
            assert boundary(made) == across, root
    assert made.boundary.incoming.currency == "XXX"


async def test_the_worked_example_up(books: Books, ask: Ask) -> None:
    await books.chain()
    # Of 980,100 that the fee left, 39,590 is in the grant: with its part of the fee, 39,989.90.
    given = ("donor", "g", "c", "received", "39989.90", "399.90")
    passed = ("g", "n", "t", "confirmed", "39590.00", "0.00")
    for root in ("w", "group"):
        made = (await ask(root, "up")).chain
        assert hops(made) == [W, passed, given]
        assert boundary(made) == ("39989.90", "39590.00", "39590.00")
    made = (await ask("n", "up")).chain
    assert hops(made) == [T, ("donor", "g", "c", "received", "540404.04", "5404.04")]
    assert boundary(made) == ("540404.04", "535000.00", "0.00")
    for root in ("g", "c"):
        made = (await ask(root, "up")).chain
        assert hops(made) == [C]
        assert boundary(made) == ("990000.00", "0.00", "0.00")


async def test_each_step_shows_where_the_money_stands(books: Books, ask: Ask) -> None:
    seen = []
    for verb, key, fields in CHAIN:
        assert (await books.do(verb, operator(key), **fields)).accepted
        if verb.startswith(("commitment", "deposit", "disbursement", "re")):
            told = [(e.commitment, e.stage, e.amount.amount) for e in (await ask("c")).chain.edges]
            seen.append(told[-1])
    assert seen == [
        ("c", "signed", "1000000.00"),
        ("c", "received", "990000.00"),
        ("c", "received", "990000.00"),
        ("t", "signed", "535000.00"),
        ("t", "requested", "535000.00"),
        ("t", "approved", "535000.00"),
        ("t", "released", "535000.00"),
        ("t", "confirmed", "535000.00"),
        ("w", "signed", "107000.00"),
        ("w", "signed", "64200.00"),
        ("w", "signed", "64200.00"),
        ("w", "signed", "64200.00"),
        ("w", "signed", "64200.00"),
        ("w", "signed", "64200.00"),
        ("w", "signed", "64200.00"),
        ("w", "reported", "39590.00"),
    ]


async def test_days_are_told_by_hop(books: Books, ask: Ask) -> None:
    days = {"deposit.receive": "2026-03-12", "disbursement.confirm": "2026-03-19"}
    day = None
    for verb, key, fields in CHAIN[:18]:
        day = days.get(verb, day) or fields.get("effective_on")
        told = {**fields, "effective_on": day} if day else fields
        assert (await books.do(verb, operator(key), **told)).accepted
    asked = utc_now().date() - timedelta(days=3)
    late = {"effective_on": asked.isoformat()}
    for verb, _, fields in CHAIN[18:20]:
        assert (await books.do(verb, **fields | late)).accepted
    made = (await ask("donor")).chain
    assert [(e.commitment, e.stage, e.days) for e in made.edges] == [
        ("c", "received", 10),
        ("t", "confirmed", 7),
        ("w", "requested", 3),
        ("w", "signed", 3),
    ]


async def test_a_chain_comes_in_pages(books: Books, ask: Ask) -> None:
    await books.chain()
    found, last = [], None
    for _ in range(3):
        page = await ask("donor", limit=1, after=last)
        found += hops(page.chain)
        assert boundary(page.chain) == ("990000.00", "535000.00", "39590.00")
        last = page.last
    assert (found, last) == ([C, T, W], None)


# Who may ask --------------------------------------------------------------------------------------

DONOR, GROUP = Actor("donor", "donor", "k1"), Actor("group", "grantee", "k2")


async def refused(code: str, asked: Awaitable[object]) -> None:
    with pytest.raises(Invalid) as caught:
        await asked
    assert caught.value.code == code


async def test_everybody_traces_their_own(books: Books, ask: Ask) -> None:
    await books.chain()
    await books.do("party.register", id="other", name="Other")
    assert hops((await ask("donor", "down", DONOR)).chain) == [C, T, W]
    assert hops((await ask("c", "down", DONOR)).chain) == [C, T, W]
    assert len((await ask("w", "up", GROUP)).chain.edges) == 3
    for name in ("g", "t", "w", "group", "nowhere", "fund:c"):
        await refused("not-found", ask(name, "down", DONOR))
    for name in ("c", "t", "g", "donor"):
        await refused("not-found", ask(name, "up", GROUP))
    stranger = Actor("other", "donor", "k3")
    for name in ("donor", "c", "g", "w"):
        await refused("not-found", ask(name, "down", stranger))


async def test_a_key_of_one_fund_traces_what_touches_it(books: Books, ask: Ask) -> None:
    await books.chain()
    local = Actor("agent", "preparer", "k", "n")
    for name in ("n", "t", "w"):
        assert (await ask(name, "up", local)).chain.edges
    for name in ("g", "c", "donor"):
        await refused("fund-not-allowed", ask(name, "up", local))
    auditor = Actor("agent", "auditor", "k")
    assert (await ask("g", "down", auditor)).chain.edges


async def test_an_id_that_is_several_things_is_told_apart(books: Books, ask: Ask) -> None:
    await books.chain()
    await books.do("party.register", id="n", name="N")
    with pytest.raises(Invalid, match=r"chain-ambiguous.*fund:n or party:n"):
        await ask("n")
    assert hops((await ask("fund:n")).chain) == [W]
    assert hops((await ask("party:n")).chain) == []
    assert hops((await ask("n", "down", Actor("agent", "preparer", "k", "n"))).chain) == [W]
    await refused("not-found", ask("account:n"))


async def test_a_grantee_at_risk_is_named_by_its_mask(books: Books, ask: Ask) -> None:
    await books.chain()
    assert (await books.do("party.set-risk", party="group", at_risk=True)).accepted
    assert hops((await ask("c")).chain)[-1] == W
    masked = hops((await ask("c", "down", DONOR)).chain)[-1]
    assert masked[3:] == W[3:]
    assert {"group", "w"}.isdisjoint(masked)
    assert hops((await ask("w", "up", GROUP)).chain)[0] == W


async def test_each_currency_is_a_chain(books: Books, ask: Ask) -> None:
    await books.chain()
    await books.do("fund.open", id="e", name="E", tier="global", currency="EUR", steward="agent")
    euros = {"amount": "70.00", "currency": "EUR"}
    await books.do("commitment.sign", id="ce", from_party="donor", to_fund="e", amount=euros)
    with pytest.raises(Invalid, match=r"chain-currencies.*EUR and USD"):
        await ask("donor")
    made = (await ask("donor", currency="EUR")).chain
    assert hops(made) == [("donor", "e", "ce", "signed", "70.00", "0.00")]
    assert boundary(made) == ("0.00", "0.00", "0.00")
    assert hops((await ask("donor", currency="USD")).chain) == [C, T, W]
    await refused("chain-currencies", ask("g", currency="EUR"))


# The donor's view ---------------------------------------------------------------------------------


def amounts(told: Struct) -> dict[str, str]:
    """Return what is not zero, by name, with the parts of it."""
    found = {}
    for name, value in msgspec.to_builtins(told).items():
        if isinstance(value, dict) and "amount" in value and value["amount"].strip("0."):
            found[name] = value["amount"]
        elif isinstance(value, dict) and "amount" not in value:
            found |= {
                f"{name}.{key}": each["amount"]
                for key, each in value.items()
                if each["amount"].strip("0.")
            }
    return found


async def test_what_became_of_the_worked_examples_money(books: Books, engine: Engine) -> None:
    await books.chain()
    seen, last = await donor(engine, DONOR, DonorQuery(donor="donor"))
    assert (seen.donor, seen.known_at, last) == ("donor", len(CHAIN), None)
    (total,) = seen.totals
    assert amounts(total) == {
        "contributed": "1000000.00",
        "received": "990000.00",
        "exchange": "-10000.00",
        "became.fees": "9900.00",
        "became.unallocated": "940510.00",
        "became.reported": "39590.00",
        "refunded": "3210.00",
    }
    assert [(each.fund, amounts(each)) for each in seen.funds] == [
        (
            "g",
            {
                "received": "990000.00",
                "to_funds": "535000.00",
                "became.fees": "9900.00",
                "became.unallocated": "445100.00",
            },
        ),
        (
            "n",
            {
                "from_funds": "535000.00",
                "became.unallocated": "495410.00",
                "became.reported": "39590.00",
            },
        ),
    ]
    (receiver,) = seen.receivers
    assert (receiver.party, receiver.fund) == ("group", "n")
    assert amounts(receiver) == {"reported": "39590.00", "refunded": "3210.00"}


async def test_the_donors_view_is_the_donors(books: Books, engine: Engine) -> None:
    await books.chain()
    query = DonorQuery(donor="donor")
    await refused("not-found", donor(engine, Actor("group", "donor", "k"), query))
    await refused("role-not-allowed", donor(engine, GROUP, query))
    await refused("fund-not-allowed", donor(engine, Actor("agent", "payer", "k", "n"), query))
    await refused("not-found", donor(engine, operator(), DonorQuery(donor="nobody")))
    assert (await donor(engine, Actor("agent", "payer", "k"), query))[0].totals
    nothing = (await donor(engine, operator(), DonorQuery(donor="group")))[0]
    assert (nothing.totals, nothing.funds, nothing.receivers) == ((), (), ())


async def test_receivers_come_in_pages(books: Books, engine: Engine) -> None:
    await books.chain()
    on = {"effective_on": "2026-03-03"}
    for name in ("g1", "g2", "g3"):
        await books.do("party.register", id=name, name=name)
    await books.do("allocation.approve", id="a9", fund="n", amount=usd("9.00"), **on)
    for name in ("g1", "g2", "g3"):
        fields = {"from_fund": "n", "to_party": name, "allocation": "a9", "amount": usd("3.00")}
        assert (await books.do("commitment.sign", **fields, **on)).accepted
    whole = (await donor(engine, operator(), DonorQuery(donor="donor")))[0]
    found, last = [], ""
    for _ in range(2):
        page, more = await donor(engine, operator(), DonorQuery(donor="donor", limit=2, after=last))
        assert (page.totals, page.funds) == (whole.totals, whole.funds)
        found += page.receivers
        last = more or ""
    assert (tuple(found), last) == (whole.receivers, "")
    assert [each.party for each in found] == ["g1", "g2", "g3", "group"]
