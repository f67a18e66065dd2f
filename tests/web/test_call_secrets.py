"""What asks to a call tell others over HTTP: no share, sum or difference gives one away."""

from datetime import timedelta
from typing import Any

import pytest

from mfm.core.competition import DECIDING, OPEN
from tests.calling import APPLICATION, CALL, TODAY, accepted, applied, called, grantee
from tests.support import usd
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
_ASKS = ("300.01", "485.51", "1234.56", "777.77", "912.34", "650.05")


async def asks(site: Site, name: str, lead: str, amount: str, **more: object) -> None:
    """Register an organisation, and have it submit an application."""
    books = site.books
    await accepted(books, "party.register", id=lead, name=f"Collective {lead}")
    await accepted(
        books, "party.attest", party=lead, kind="level", value="grassroots", source="a visit"
    )
    budget = [{"category": "staff", "amount": usd(amount), "gewe_percent": 100}]
    told = {**APPLICATION, "lead": lead, "title": lead, "amount": usd(amount), "budget": budget}
    await accepted(books, "application.draft", grantee(lead), id=name, **{**told, **more})
    await accepted(books, "application.submit", grantee(lead), application=name)


async def shares(site: Site, who: str) -> dict[str, Any]:
    """Return what somebody reads of co-funding, by the application that declares it."""
    found = (await site.get("/v1/co-funding", who)).json()["items"]
    return {each["declared_by"]: each for each in found}


async def test_nobody_learns_of_an_ask_by_naming_it(site: Site) -> None:
    await called(site.books)
    await called(site.books, id="kg", fund="g")
    await asks(site, "secret", "victim", "1234.56", call="kg")
    body = {"co_financing": ["secret"], "total": usd("10000000.00")}
    await asks(site, "probe", "curious", "1000.00", **body)
    key = await site.key("grantee", "curious")
    own = await shares(site, key)
    assert [each["application"] for each in own["probe"]["shares"]] == ["probe"]
    assert own["probe"]["elsewhere"] == ["secret"]
    assert (own["probe"]["covered_per_mille"], own["probe"]["over"]) == (0, False)
    n = await site.key("preparer", fund="n")
    assert (await shares(site, n))["probe"] == own["probe"]
    # Whose it is, whose fund it is asked of and who sees all see it anyhow.
    everything = (await shares(site, "auditor"))["probe"]
    assert [each["amount"] for each in everything["shares"]] == [usd("1000.00"), usd("1234.56")]
    small = {**APPLICATION, "lead": "curious", "total": usd("10.00")}
    problem(await site.post("/v1/applications", small, key), "total-below-ask", 422)


async def test_what_two_declare_of_each_other_is_told_to_both(site: Site) -> None:
    await applied(site.books, "one", total=usd("4000.00"), co_financing=["two"])
    await asks(site, "two", "ally", "500.00", call="kg", co_financing=["one"])
    told = (await shares(site, "grantee"))["one"]
    assert [(each["application"], each["per_mille"]) for each in told["shares"]] == [
        ("one", 250),
        ("two", 125),
    ]
    assert [each["amount"] for each in told["shares"]] == [usd("1000.00"), None]
    assert (told["elsewhere"], told["covered_per_mille"]) == ([], 375)


async def test_who_looks_before_and_after_each_ask_learns_none(site: Site) -> None:
    path = "/v1/calls/kc/competition"
    await called(site.books, id="kc", applications_maximum=100)
    watchers = ("donor", await site.key("grantee", "donor"), await site.key("approver", fund="g"))
    for at, amount in enumerate(_ASKS):
        await asks(site, f"c{at}", f"c{at}", amount, call="kc")
        for who in watchers:
            seen = (await site.get(path, who)).json()
            assert (seen["levels"], seen["notes"]) == ([], [OPEN])
            told = {name: value for name, value in seen["all"].items() if value is not None}
            assert told == {"level": "all", "suppressed": True}
    inside = (await site.get(path, await site.key("approver", fund="n"))).json()
    assert inside["all"]["asked"] == usd("4360.24")

    await accepted(site.books, "call.close", call="kc")
    closed = (await site.get(path, "donor")).json()
    assert closed["notes"] == [DECIDING]
    (cell,) = closed["levels"]
    assert (cell["asks"], cell["asked"], cell["awards"]) == (6, usd("4400.00"), None)
    assert cell["median_asked"] == usd("650.00")  # not 650.05, which is one's own
    await accepted(site.books, "application.withdraw", grantee("c0"), application="c0")
    decision = {"outcome": "declined", "reason": "R"}
    await accepted(site.books, "application.decide", application="c1", **decision)
    assert (await site.get(path, "donor")).json() == closed
    for at in range(2, len(_ASKS)):
        await accepted(site.books, "application.decide", application=f"c{at}", **decision)
    (cell,) = (await site.get(path, "donor")).json()["levels"]
    assert (cell["awards"], cell["success_per_mille"], cell["awarded"]) == (0, 0, usd("0.00"))


async def test_a_call_is_shifted_to_where_no_later_one_is(site: Site) -> None:
    def days(first: int, last: int) -> dict[str, object]:
        opens, closes = (str(TODAY + timedelta(days=each)) for each in (first, last))
        return {**CALL, "opens_on": opens, "closes_on": closes, "places": ["CO"]}

    for name, first, last in (("sa", 10, 40), ("sb", 45, 70)):
        await accepted(site.books, "call.draft", id=name, **_but_id(days(first, last)))
    asked = {**days(5, 30), "id": "mine"}
    (rival,) = (await site.post("/v1/calls:check", asked)).json()["overlaps"]
    assert (rival["call"], rival["shift_to"]) == ("sa", str(TODAY + timedelta(days=71)))


def _but_id(told: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in told.items() if name != "id"}


async def test_no_day_that_is_taken_keeps_a_call_from_being_read(site: Site) -> None:
    far = {**CALL, "id": "ever", "closes_on": "9999-12-31", "places": ["MM"]}
    problem(await site.post("/v1/calls", far), "date-ahead", 422)
    last = str(TODAY + timedelta(days=18_250))
    assert (await site.post("/v1/calls", {**far, "closes_on": last})).status_code == 201
    other = {**CALL, "id": "beside", "fund": "g", "places": ["MM"]}
    (told,) = (await site.post("/v1/calls:check", other)).json()["overlaps"]
    assert told["call"] == "ever"
    for path in ("/v1/calls/ever", "/v1/calls/ever/overlaps"):
        assert (await site.get(path)).status_code == 200
