"""Who stands how to a case of overlap, over HTTP: nobody of one side is staff to the other."""

from typing import Any

import pytest

from mfm.core.record import parse
from tests.calling import APPLICATION, TODAY, accepted, called, grantee
from tests.support import Books, operator
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
SAME = {"detector": "same-organisation", "score": 900, "band": "strong"}


async def asks(books: Books, name: str, call: str, lead: str) -> None:
    """Have an organisation submit an application."""
    told = {**APPLICATION, "call": call, "lead": lead, "title": f"Work of {lead}"}
    await accepted(books, "application.draft", grantee(lead), id=name, **told)
    await accepted(books, "application.submit", grantee(lead), application=name)


async def case_of(books: Books, **told: Any) -> tuple[str, int]:  # noqa: ANN401  # any field
    """Open a case; return its id and its record."""
    asked = {**SAME, "reasons": "for: both say x", **told}
    made = await accepted(books, "overlap.open", operator(), **asked)
    return str(parse(made.content)[1].sets["overlap_case"][0]["id"]), made.seq


async def ids(site: Site, who: str, query: str = "") -> set[str]:
    """Return the cases that somebody lists."""
    return {each["id"] for each in (await site.get(f"/v1/overlaps{query}", who)).json()["items"]}


async def not_there(site: Site, case: str, who: str) -> None:
    """Hold that for somebody there is no such case of an intermediary, wherever it looks."""
    path = f"/v1/overlaps/{case}"
    listed = await site.get("/v1/overlaps", who)
    assert listed.status_code == 403 or case not in await ids(site, who)
    assert (await site.get(path, who)).status_code in (403, 404)
    for step, body in (
        ("explanations", {"party": "group", "text": "Nothing."}),
        ("decisions", {"outcome": "coordinated", "reason": "R"}),
        ("reopen", {"reason": "R"}),
    ):
        answer = await site.post(f"{path}/{step}", body, who)
        assert answer.json()["code"] in ("not-found", "role-not-allowed")
    assert "intermediary" not in (await site.get("/v1/overlap-counts", who)).text


@pytest.fixture(scope="module")
async def x(site: Site) -> str:
    """Another steward's fund x, with calls of fund n's, g's and its own."""
    await accepted(site.books, "party.register", id="other", name="Foundation of the Lakes")
    told: dict[str, Any] = {"tier": "global", "currency": "USD", "steward": "other"}
    await accepted(site.books, "fund.open", id="x", name="Fund X", **told)
    await called(site.books)
    for fund in ("g", "x"):
        await called(site.books, id=f"k{fund}", fund=fund, levels=[], types=[])
    return "x"


async def test_an_intermediary_learns_nothing_of_its_grantees_own_ask(site: Site, x: str) -> None:
    """Fund n is kept by agent and gives to group; both ask fund x (D5)."""
    books = site.books
    await asks(books, "of-agent", "kx", "agent")
    await asks(books, "of-group", "kx", "group")
    told = {"detector": "intermediary", "first": "agent", "second": "group"}
    case, seq = await case_of(books, **told, reasons="for: both turn to x")
    path = f"/v1/overlaps/{case}"

    source = await site.key("preparer", "other", fund=x)
    for who in (source, "auditor", await site.key("approver", "donor")):
        seen = (await site.get(path, who)).json()
        assert [(side["party"], side["funds"]) for side in seen["sides"]] == [
            ("agent", ["x"]),
            ("group", ["x"]),
        ]
    words = {"party": "group", "text": "We asked on our own."}
    noted = await site.post(f"{path}/explanations", words, source)
    assert noted.status_code == 201

    roles = ("preparer", "approver", "payer", "board")
    of_agent = [await site.key(role, "agent", fund="n") for role in roles]
    of_agent += [await site.key(role, "agent") for role in roles]
    # Seconded to agent's fund; its donor, grantee; who audits that fund alone.
    of_agent += [await site.key("preparer", "other", fund="n"), await site.key("donor", "agent")]
    of_agent += [await site.key("auditor", "agent", fund="n"), await site.key("grantee", "agent")]
    await site.sealed()
    for who in (*of_agent, await site.key("grantee", "group")):
        await not_there(site, case, who)
    for who in of_agent[:-2]:
        for leaf in (seq, noted.json()["seq"]):
            for where in (f"/v1/records/{leaf}", f"/v1/records/{leaf}/receipt"):
                assert (await site.get(where, who)).status_code in (403, 404), where
        assert (await site.get("/v1/overlap-answers", who)).status_code == 403
        records = await site.get("/v1/records?verb=overlap.open", who)
        assert records.status_code == 403 or records.json()["items"] == []
    its_auditor = of_agent[-2]
    for leaf in (seq, noted.json()["seq"]):
        for where in (f"/v1/records/{leaf}", f"/v1/records/{leaf}/receipt"):
            assert (await site.get(where, its_auditor)).status_code == 404, where
    assert "intermediary" in (await site.get("/v1/overlap-counts", "auditor")).text


async def test_who_is_one_of_the_two_is_no_staff_to_the_other(site: Site, x: str) -> None:
    """The case that agent, who keeps fund n, may be group, which asks fund x too."""
    case, _ = await case_of(site.books, first="agent", second="group")
    path = f"/v1/overlaps/{case}"
    for fund in ({"fund": "n"}, {}):
        who = await site.key("preparer", "agent", **fund)
        seen = (await site.get(path, who)).json()
        assert [side["party"] for side in seen["sides"]] == ["agent", ""]
        assert (seen["sides"][1]["funds"], seen["reasons"]) == ([], [])
        # Who the other is, is not to be found out by trying names either.
        for name in ("group", "other"):
            words = {"party": name, "text": "Who?"}
            problem(await site.post(f"{path}/explanations", words, who), "overlap-party", 422)
            ends = {"outcome": "merged", "survivor": name, "reason": "R"}
            answer = await site.post(f"{path}/decisions", ends, who)
            assert answer.json()["code"] == "conflict-of-interest"
        said = {"outcome": "affiliate", "reason": "R"}
        problem(await site.post(f"{path}/decisions", said, who), "conflict-of-interest", 409)
        assert (await site.post(f"{path}/explanations", {"text": "We."}, who)).status_code == 201
    # Whom it does not concern is told neither that it is there nor whose it is.
    stranger = await site.key("approver", "donor", fund="g")
    if case not in await ids(site, stranger):
        problem(await site.get(path, stranger), "not-found", 404)
        said = {"outcome": "affiliate", "reason": "R"}
        problem(await site.post(f"{path}/decisions", said, stranger), "not-found", 404)


async def test_an_organisations_words_stay_and_notes_are_no_answer(site: Site, x: str) -> None:
    books = site.books
    for name in ("phone", "sister"):
        await accepted(books, "party.register", id=name, name=f"Women of {name}")
        await asks(books, f"of-{name}", "k", name)
    case, _ = await case_of(books, first="phone", second="sister")
    path = f"/v1/overlaps/{case}"
    sister = await site.key("grantee", "sister")
    said = await site.post(f"{path}/explanations", {"text": "We are NOT phone."}, sister)
    assert said.status_code == 201

    writer = await site.key("preparer", "other", fund="n")
    for party, text in (("sister", "Yes it is us."), ("phone", "On the phone: two boards.")):
        body = {"party": party, "text": text}
        assert (await site.post(f"{path}/explanations", body, writer)).status_code == 201
    sides = (await site.get(path, "auditor")).json()["sides"]
    assert [(side["answer"], side["noted"]) for side in sides] == [
        ("", "On the phone: two boards."),
        ("We are NOT phone.", "Yes it is us."),
    ]
    assert (await site.get(path, sister)).json()["sides"][1]["noted"] == "Yes it is us."
    assert (await site.get(path, "auditor")).json()["status"] == "open"  # phone has not answered

    merge = {"outcome": "merged", "survivor": "sister", "reason": "R"}
    one, two = [await site.key("approver", "other", fund="n") for _ in range(2)]
    problem(await site.post(f"{path}/decisions", merge, one), "overlap-unheard", 409)
    other = {"outcome": "affiliate", "reason": "R"}
    problem(await site.post(f"{path}/decisions", other, writer), "four-eyes", 409)
    proposer = await site.key("preparer", "other", fund="n")
    assert (await site.post(f"{path}/decisions", other, proposer)).status_code == 201
    late = {"party": "phone", "text": "They agree."}
    problem(await site.post(f"{path}/explanations", late, proposer), "four-eyes", 409)

    phone = await site.key("grantee", "phone")
    assert (
        await site.post(f"{path}/explanations", {"text": "As I said."}, phone)
    ).status_code == 201
    assert (await site.get(path, "auditor")).json()["status"] == "explained"
    for who in (one, two):
        assert (await site.post(f"{path}/decisions", merge, who)).status_code == 201


async def test_a_case_is_the_funds_with_which_its_two_deal_by_now(site: Site, x: str) -> None:
    books = site.books
    for name in ("early", "earlier"):
        await accepted(books, "party.register", id=name, name=f"Synergy {name}")
    case, _ = await case_of(books, first="earlier", second="early")
    n, g = await site.key("approver", fund="n"), await site.key("approver", fund="g")
    assert case not in await ids(site, n) | await ids(site, g)
    await asks(books, "of-earlier", "k", "earlier")
    seen = (await site.get(f"/v1/overlaps/{case}", n)).json()
    assert [side["party"] for side in seen["sides"]] == ["earlier", "early"]  # still no fund's
    problem(await site.get(f"/v1/overlaps/{case}", g), "not-found", 404)
    await asks(books, "of-early", "kg", "early")
    for who, mine in ((n, 0), (g, 1)):
        sides = (await site.get(f"/v1/overlaps/{case}", who)).json()["sides"]
        assert [bool(side["party"]) for side in sides] == [mine == 0, mine == 1]
        assert (sides[0]["funds"], sides[1]["funds"]) == (["n"], ["g"])
    said = {"outcome": "affiliate", "reason": "One network."}
    for who in (n, g):
        answer = await site.post(f"/v1/overlaps/{case}/decisions", said, who)
        assert answer.status_code == 201


async def test_sharing_with_one_fund_opens_nothing_of_another(site: Site, x: str) -> None:
    books = site.books
    for name, calls in (("here", ["k"]), ("there", ["kg", "kx"])):
        await accepted(books, "party.register", id=name, name=f"Circle {name}")
        for call in calls:
            await asks(books, f"{name}-{call}", call, name)
    case, _ = await case_of(books, first="here", second="there", reasons="for: quoted")
    n, path = await site.key("approver", fund="n"), f"/v1/overlaps/{case}"

    async def shares(fund: str) -> None:
        asked = {"id": f"with-{fund}", "from_fund": "n", "to_fund": fund, "valid_from": str(TODAY)}
        assert (await site.post("/v1/sharing-agreements", asked, n)).status_code == 201
        key = await site.key("approver", fund=fund)
        agreed = await site.post(f"/v1/sharing-agreements/with-{fund}/agree", None, key)
        assert agreed.status_code == 201

    await shares("g")
    seen = (await site.get(path, n)).json()
    assert (seen["sides"][1]["party"], seen["reasons"]) == ("", [])
    against = {"outcome": "confirmed", "reason": "R"}
    problem(await site.post(f"{path}/decisions", against, n), "overlap-half-seen", 409)
    await shares(x)
    seen = (await site.get(path, n)).json()
    assert (seen["sides"][1]["party"], seen["reasons"]) == ("there", ["for: quoted"])
    # Its own applicant's side does not tell what that has to do with a fund that does not share.
    g = await site.key("approver", fund="g")
    assert (await site.get(path, g)).json()["sides"][1]["funds"] == ["g"]
