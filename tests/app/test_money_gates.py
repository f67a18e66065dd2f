"""Gates: what policies are asked, what they hear, and that nobody slips past them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert, json

from mfm.app import previews
from mfm.app.perform import Ask, refusal_of, submit
from mfm.app.previews import PreviewDecision
from mfm.app.registry import VERBS
from mfm.core.allocations import Allocation
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.store.facts import portfolio
from mfm.store.policies import file_of
from mfm.store.unit import Unit
from tests import ruling
from tests.app.playing import sound
from tests.app.test_gates import code_of, head
from tests.calling import FAR, accepted, called
from tests.support import CHAIN, PERMIT, Books, operator, permit, usd

pytestmark = pytest.mark.anyio

FLOOR = ruling.standing(
    "floor",
    "spending",
    "allocation",
    """[[rule]]
id = "women"
severity = "refuse"
require = [{share_of = ["portfolio.women_rights_amount", "portfolio.amount"], at_least = {fact = "fund.women_rights_floor"}}]
message = {en = "Too little.", fr = "Trop peu.", es = "Demasiado poco.", ar = "قليل جداً."}
fix = {en = "Allocate to them first.", fr = "Allouez-leur.", es = "Asigne antes.", ar = "خصصوا أولاً."}
[[rule]]
id = "named"
severity = "require-approval"
approver = "board"
require = [{fact = "allocation.phase", equals = "any"}]
message = {en = "Has a phase.", fr = "A une phase.", es = "Tiene fase.", ar = "له مرحلة."}
fix = {en = "Ask the board.", fr = "Demandez.", es = "Pida.", ar = "اطلبوا."}
""",  # noqa: E501  # a file of policies
    of='fund = "n"',
)
CLIENTS = 64
FEES = Path(__file__).parents[2] / "policies" / "shared" / "spending" / "fees.toml"


async def floored(books: Books) -> None:
    """Have a floor of 30 per cent for women's organisations, and 40 allocated to them."""
    await books.chain()
    await permit(books.writer, operator(), FLOOR.encode())
    await called(books)
    await accepted(books, "allocation.approve", fund="n", amount=usd("40000.00"), call="k")
    told = {"fund": "n", "women_rights_percent": 30}
    await accepted(books, "fund.set-standards", **told)


async def test_two_that_each_keep_a_floor_do_not_break_it_together(books: Books) -> None:
    """Each would leave more than 30 per cent to women's organisations; any two would not."""
    await floored(books)
    verb = VERBS["allocation.approve"]

    async def client(number: int) -> str:
        await asyncio.sleep(number % 8 / 100)  # so that several batches are on their way
        command = convert({"fund": "n", "amount": usd("45000.00")}, verb.command)
        ask = Ask(operator(f"c{number}"), verb, command, f"client-{number}")
        return code_of(await submit(books.writer, ask))

    codes = await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    assert sorted(codes) == ["", *["policy-refuses"] * (CLIENTS - 1)]
    await sound(books)


async def test_a_decision_is_kept_with_what_it_let_through(books: Books) -> None:
    await floored(books)
    made = await accepted(books, "allocation.approve", id="x", fund="n", amount=usd("1.00"))
    _, body = parse(made.content)
    (decision,) = body.sets["decision"]
    assert (decision["gate"], decision["subject"], decision["outcome"]) == (
        "allocation",
        "allocation:x",
        "allow",
    )

    async def read(unit: Unit) -> dict[str, Any]:
        return json.decode(await file_of(unit, decision["content"]))

    content = await books.writer.run(read)
    assert content["facts"]["portfolio.women_rights_amount"] == "4000000"
    assert content["facts"]["fund.women_rights_floor"] == "3000"
    assert content["sources"]["fund.women_rights_floor"] == {"source": "standards n"}
    assert {each["rule"]: each["result"] for each in content["rules"]} == {
        "currency": "satisfied",
        "named": "satisfied",
        "women": "satisfied",
    }


async def test_a_hold_is_lifted_by_the_role_that_its_rule_names(books: Books) -> None:
    await floored(books)
    phased = {"id": "x", "fund": "n", "amount": usd("1.00"), "earmark": {"phase": ["development"]}}
    held = await books.do("allocation.approve", operator("a"), **phased)
    assert code_of(held) == "policy-approval"
    lifted = "waiver.sign gate=allocation subject=allocation:x role=board"
    assert f"Ask the board. [tests.floor@1/named; {lifted}]" in refusal_of(held)[1]
    leave = {
        "fund": "n",
        "gate": "allocation",
        "subject": "allocation:x",
        "rules": ["tests.floor@1/named"],
        "valid_until": str(FAR),
        "reason": "The plan is being written.",
    }
    for role, key in (("approver", "c"), ("board", "b")):
        by = Actor("agent", role, key)
        await accepted(books, "waiver.sign", by, id=f"by-{role}", **leave)
        taken = await books.do("allocation.approve", operator("a"), **phased)
        assert code_of(taken) == ("policy-approval" if role == "approver" else "")
    assert parse(taken.content)[1].sets["decision"][0]["waivers"] == ["by-board"]
    own = await books.do("allocation.approve", operator("b"), **{**phased, "id": "y"})
    assert code_of(own) == "policy-approval"  # for another step, and by who signed it
    await accepted(books, "waiver.revoke", waiver="by-board", reason="Written.")
    await sound(books)


@pytest.mark.parametrize(("basis_points", "code"), [(100, ""), (101, "policy-refuses")])
async def test_the_agents_fee_is_held_against_the_deposits(
    books: Books, basis_points: int, code: str
) -> None:
    """FIN-04 as shipped: of the money that a grant is made from, 1 per cent at most is the fee."""
    await books.do(PERMIT)
    await permit(books.writer, operator(), FEES.read_bytes())
    for party in ("donor", "group"):
        await accepted(books, "party.register", id=party, name=party)
    fund = {"id": "f", "name": "F", "tier": "local", "currency": "USD", "steward": "group"}
    await accepted(books, "fund.open", **fund, fee_basis_points=basis_points)
    money = {"from_party": "donor", "to_fund": "f", "amount": usd("100.00")}
    await accepted(books, "commitment.sign", id="c", **money)
    await accepted(books, "deposit.receive", id="d", commitment="c", amount=usd("100.00"))
    await accepted(books, "deposit.charge-fee", deposit="d")
    await accepted(books, "allocation.approve", id="a", fund="f", amount=usd("90.00"))
    grant = {"from_fund": "f", "to_party": "group", "allocation": "a", "amount": usd("90.00")}
    assert code_of(await books.do("commitment.sign", id="w", **grant)) == code


async def test_a_refusal_is_lifted_by_no_waiver(books: Books) -> None:
    await floored(books)
    leave = {
        "fund": "n",
        "gate": "allocation",
        "subject": "allocation:x",
        "rules": ["tests.floor@1/women"],
        "valid_until": str(FAR),
        "reason": "Please.",
    }
    await accepted(books, "waiver.sign", Actor("agent", "board", "b"), **leave)
    made = await books.do("allocation.approve", id="x", fund="n", amount=usd("400000.00"))
    assert code_of(made) == "policy-refuses"


async def test_without_policies_nothing_passes_a_gate(books: Books) -> None:
    for verb, key, fields in CHAIN[1:]:
        made = await books.do(verb, operator(key), **fields)
        if not made.accepted:
            break
    assert (verb, code_of(made)) == ("commitment.sign", "policy-refuses")


async def test_a_preview_of_a_verb_writes_nothing(books: Books) -> None:
    await floored(books)
    much = {"fund": "n", "amount": usd("300000.00")}
    asked = PreviewDecision(verb="allocation.approve", command=much)
    before = await books.writer.run(head)
    found = await previews.preview(books.writer, operator(), asked, "es")
    assert found.outcome == "refuse"
    assert [each.message for each in found.reasons] == ["Demasiado poco."]
    few = PreviewDecision(verb="allocation.approve", command={"fund": "n", "amount": usd("1.00")})
    assert (await previews.preview(books.writer, operator(), few, "en")).outcome == "allow"
    more = PreviewDecision(
        verb="allocation.approve", command={"fund": "n", "amount": usd("99999999.00")}
    )
    found = await previews.preview(books.writer, operator(), more, "en")
    assert [each.code for each in found.lacking] == ["authority-exceeded"]
    assert await books.writer.run(head) == before


async def test_sums_see_what_is_on_its_way(books: Books) -> None:
    """The same sums, whether an allocation is stored, in the batch before, or in this one."""
    await floored(books)
    told = {"id": "x", "fund": "n", "amount": usd("10.00"), "earmark": {"pillar": ["prevention"]}}
    await accepted(books, "allocation.approve", **told)

    async def sums(unit: Unit) -> tuple[int, int]:
        stored = await unit.find(Allocation, "x")
        assert stored is not None
        more = Allocation(
            id="y",
            status="approved",
            fund="n",
            currency="USD",
            amount_minor=5,
            shares=stored.shares,
        )
        first = await portfolio(unit, more)
        unit.batch.set(stored)  # as if it were set here too
        unit.memory.closed.setdefault("allocation", {})["x"] = stored
        second = await portfolio(unit, more)
        unit.batch.nouns.clear()
        unit.memory.closed.clear()
        assert first == second
        return first.prevention_minor, first.amount_minor

    prevention, whole = await books.writer.run(sums)
    assert prevention == 1000
    assert whole == 4_000_000 + 3_959_000 + 2 * 1000
