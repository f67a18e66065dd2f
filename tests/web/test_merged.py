"""Two identities of one organisation: what the key of each sees, until the merge is taken back."""

import pytest

from mfm.core.record import parse
from tests.calling import APPLICATION, accepted, called, grantee
from tests.overlapping import FOUND, heard, staff
from tests.support import operator
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio


async def seen(site: Site, key: str) -> dict[str, list[str]]:
    """What a key sees of what is its own."""
    told = {}
    for kind in ("applications", "commitments", "disbursements"):
        items = (await site.get(f"/v1/{kind}", key)).json()["items"]
        told[kind] = sorted(each["id"] for each in items)
    return told


async def test_each_key_of_a_merged_organisation_sees_both_until_it_is_two_again(
    site: Site,
) -> None:
    books = site.books
    await called(books)
    for party, name in (("twin", "of-twin"), ("other", "of-other")):
        await accepted(books, "party.register", id=party, name=f"Womens group {party}")
        asked = {**APPLICATION, "lead": party, "partners": ["donor"] if party == "twin" else []}
        await accepted(books, "application.draft", grantee(party), id=name, **asked)
    keys = {party: await site.key("grantee", party) for party in ("group", "twin", "other")}
    before = {party: await seen(site, keys[party]) for party in keys}
    assert before["twin"] == {"applications": ["of-twin"], "commitments": [], "disbursements": []}
    assert "w" in before["group"]["commitments"]
    problem(await site.get("/v1/commitments/w", keys["twin"]), "not-found", 404)

    made = await accepted(books, "overlap.open", operator(), **FOUND)
    case = parse(made.content)[1].sets["overlap_case"][0]["id"]
    await heard(books, case, "group", "twin")
    merged = {"overlap": case, "outcome": "merged", "survivor": "twin", "reason": "One board."}
    for key in ("one", "two"):
        await accepted(books, "overlap.decide", staff(key), **merged)
    both = {kind: sorted(before["group"][kind] + before["twin"][kind]) for kind in before["group"]}
    for party in ("group", "twin"):
        assert await seen(site, keys[party]) == both, party
    assert (await site.get("/v1/commitments/w", keys["twin"])).json()["to_party"] == "group"
    assert await seen(site, keys["other"]) == before["other"]
    # A key acts for the identity that it is of: what the other has signed stays the other's to do.
    told = await site.post("/v1/applications/of-twin/submit", None, keys["group"])
    problem(told, "party-not-allowed", 403)

    await accepted(books, "overlap.reopen", staff("three"), overlap=case, reason="Two boards.")
    assert {party: await seen(site, keys[party]) for party in keys} == before
    problem(await site.get("/v1/commitments/w", keys["twin"]), "not-found", 404)
