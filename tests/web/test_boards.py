"""A board over HTTP: members vote with keys of their own, and everybody sees the tally."""

import pytest

from tests.support import operator
from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio


MATTER = {"fund": "g", "amount": usd("60.00"), "effective_on": "2026-04-01"}


async def board_of_two(site: Site) -> dict[str, str]:
    """Give fund g a board of two; return party -> the secret of its key."""
    rule = {"limit": usd("50.00"), "quorum_seats": 2, "quorum_constituencies": 2}
    assert (await site.post("/v1/funds/g/board", rule, "administrator")).status_code == 201
    keys = {}
    for party, constituency in (("donor", "donor"), ("group", "civil-society")):
        keys[party] = await site.key("board", party)
        seat = {"id": party, "fund": "g", "constituency": constituency, "party": party}
        made = await site.post("/v1/seats", seat, "administrator")
        assert made.headers["location"] == f"/v1/seats/{party}"
    return keys


async def test_a_motion_over_http_from_proposal_to_its_use(site: Site) -> None:
    keys = await board_of_two(site)
    told = problem(await site.post("/v1/allocations", MATTER, "board"), "vote-missing", 409)
    assert told["errors"][0]["pointer"] == "/motion"
    motion = {"id": "m", "fund": "g", "amount": usd("60.00"), "description": "a reason"}
    assert (await site.post("/v1/motions", motion)).status_code == 201
    vote = {"seat": "donor", "choice": "for"}
    problem(await site.post("/v1/motions/m/votes", vote, keys["group"]), "party-not-allowed", 403)
    problem(await site.post("/v1/motions/m/votes", {**vote, "choice": "yes"}), "role-not-allowed")
    problem(
        await site.post("/v1/motions/m/votes", {**vote, "choice": "yes"}, keys["donor"]),
        "field-invalid",
    )
    assert (await site.post("/v1/motions/m/votes", vote, keys["donor"])).status_code == 201
    told = problem(await site.post("/v1/motions/m/close"), "quorum-missing", 409)
    assert told["record"]  # the board's failure to come together is on record
    vote = {"seat": "group", "choice": "abstain"}
    assert (await site.post("/v1/motions/m/votes", vote, keys["group"])).status_code == 201
    closed = await site.post("/v1/motions/m/close", who="board")
    assert closed.json()["changed"]["motion"][0]["status"] == "carried"
    for who in ("grantee", "donor", "auditor"):
        found = (await site.get("/v1/motions/m", who)).json()
        assert found["tally"]["donor"] == {"for": 1, "against": 0, "abstain": 0, "recused": 0}
        assert found["tally"]["civil-society"]["abstain"] == 1
        assert found["amount"] == usd("60.00")
        assert {vote["seat"] for vote in found["votes"]} == {"donor", "group"}
    listed = (await site.get("/v1/motions?fund=g&status=carried", "grantee")).json()["items"]
    assert [each["id"] for each in listed] == ["m"]
    seats = (await site.get("/v1/seats?fund=g&constituency=donor", "grantee")).json()["items"]
    assert [each["party"] for each in seats] == ["donor"]
    made = await site.post("/v1/allocations", {**MATTER, "motion": "m"}, "board")
    assert made.status_code == 201
    problem(await site.post("/v1/allocations", {**MATTER, "motion": "m"}, "board"), "vote-used")


async def test_a_stale_vote_and_bad_rules_are_problems(site: Site) -> None:
    bad = {"majority_numerator": 1, "majority_denominator": 3}
    problem(await site.post("/v1/funds/n/board", bad, "administrator"), "majority-malformed", 422)
    for field, value in (("quorum_seats", 0), ("quorum_constituencies", 6), ("limit", 5)):
        answer = await site.post("/v1/funds/n/board", {field: value}, "administrator")
        assert answer.status_code == 422, field
    problem(await site.post("/v1/funds/none/board", {}, "administrator"), "not-found", 404)
    seat = {"fund": "n", "constituency": "un", "party": "agent"}
    problem(await site.post("/v1/seats", seat, "administrator"), "not-found", 404)
    assert (await site.post("/v1/funds/n/board", {}, "administrator")).status_code == 201
    past = {**seat, "id": "past", "since": "2026-02-01", "until": "2026-01-01"}
    problem(await site.post("/v1/seats", past, "administrator"), "term-backwards", 422)
    past = {**past, "since": "2026-01-01", "until": "2026-02-01"}
    assert (await site.post("/v1/seats", past, "administrator")).status_code == 201
    motion = {"id": "stale", "fund": "n", "amount": usd("1.00")}
    made = await site.post("/v1/motions", motion)
    etag = made.headers["etag"]
    problem(await site.post("/v1/motions/stale/close", who="board", If_Match='"1"'), "stale", 412)
    vote = {"seat": "past", "choice": "for"}
    problem(await site.post("/v1/motions/stale/votes", vote, "board"), "seat-expired", 409)
    answer = await site.post("/v1/motions/stale/close", who="board", If_Match=etag)
    problem(answer, "quorum-missing", 409)
    problem(await site.post("/v1/motions", {"fund": "n"}), "motion-matter", 422)


async def test_whose_turn_it_is_tells_of_the_vote(site: Site) -> None:
    do, books = operator, site.books
    assert (await books.do("board.set", do(), fund="n", limit=usd("90.00"))).accepted
    envelope = {"id": "env", "fund": "n", "amount": usd("90.00")}
    assert (await books.do("allocation.approve", do(), **envelope)).accepted
    told = {"from_fund": "n", "to_party": "group", "allocation": "env", "amount": usd("90.00")}
    assert (await books.do("commitment.sign", do(), id="wb", **told)).accepted
    ask = {"id": "xb", "commitment": "wb", "tranche": 1}
    assert (await books.do("disbursement.request", do("a"), **ask)).accepted

    async def turn() -> tuple[str, str]:
        step = (await site.get("/v1/disbursements/xb")).json()["next_step"]
        return step["who"], step["why"]

    assert await turn() == ("approver", "awaits-approval")
    assert (await books.do("board.set", do(), fund="n", limit=usd("50.00"))).accepted
    assert await turn() == ("board", "awaits-vote")
    seat = {"id": "nb", "fund": "n", "constituency": "un", "party": "agent", "since": "2020-01-01"}
    assert (await books.do("board.seat", do(), **seat)).accepted
    assert (await books.do("motion.propose", do(), id="mb", fund="n", disbursement="xb")).accepted
    vote = {"motion": "mb", "seat": "nb", "choice": "for"}
    assert (await books.do("vote.cast", do(), **vote)).accepted
    assert await turn() == ("board", "awaits-vote")
    assert (await books.do("motion.close", do(), motion="mb")).accepted
    assert await turn() == ("approver", "awaits-approval")
