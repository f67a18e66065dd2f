"""A confirmed case over HTTP: a refusal names it and the next step, and by that one goes on."""

import httpx
import pytest

from tests.calling import TODAY, accepted
from tests.overlapping import HELD, OVERLAP, heard, opened
from tests.support import operator, permit, usd
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio


def made(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 201, answer.text
    return answer


GRANT = {"from_fund": "n", "to_party": "group", "allocation": "e", "amount": usd("10.00")}


async def test_a_confirmed_case_is_named_by_what_it_holds(site: Site) -> None:
    books = site.books
    await permit(books.writer, operator(), OVERLAP)
    await accepted(books, "allocation.approve", id="e", fund="n", amount=usd("9000.00"))
    await accepted(books, "party.register", id="twin", name="Womens group asbl")
    case = await opened(books)
    path, group = f"/v1/overlaps/{case}", await site.key("grantee", "group")
    told = (await site.get(path, group, Accept_Language="ar")).json()
    assert (told["effect"], told["reopened_by"]) == ("none", [])
    made(await site.post("/v1/commitments", GRANT, "approver"))  # open, it holds nothing
    await heard(books, case, "group", "twin")
    await _confirmed(site, path)
    told = (await site.get(path, group)).json()
    assert (told["effect"], told["decided_by"]) == ("approval", "")
    subject = await _held(site, case, group)
    waiver = {"fund": "n", "gate": "signature", "subject": subject, "rules": [HELD]}
    waiver |= {"valid_until": str(TODAY), "reason": "It is one; the merge is under way."}
    made(await site.post("/v1/waivers", waiver, "board"))
    again = {**GRANT, "id": subject.partition(":")[2]}
    made(await site.post("/v1/commitments", again, "approver"))
    problem(await site.post("/v1/commitments", GRANT, "approver"), "policy-approval", 409)
    made(await site.post(f"{path}/reopen", {"reason": "Two statutes."}, await site.key("board")))
    made(await site.post("/v1/commitments", GRANT, "approver"))


async def _confirmed(site: Site, path: str) -> None:
    """Have two people confirm a case; its answers tell what that changes."""
    yes = {"outcome": "confirmed", "reason": "One board, one statute."}
    for who, status, effect in (("approver", "open", "none"), ("board", "confirmed", "approval")):
        answer = made(await site.post(f"{path}/decisions", yes, who))
        (changed,) = answer.json()["changed"]["overlap_case"]
        assert (changed["status"], changed["effect"]) == (status, effect)
    told = (await site.get(path, "auditor")).json()
    assert (told["effect"], told["reopened_by"]) == ("approval", ["person"])
    assert "" not in (told["proposed_by"], told["decided_by"])
    assert told["proposed_by"] != told["decided_by"]


async def _held(site: Site, case: str, group: str) -> str:
    """Have a signature refused for a case, with all that is told of it; return the subject."""
    preview = {"verb": "commitment.sign", "command": GRANT}
    told = (await site.post("/v1/decisions:preview", preview, "approver")).json()
    assert told["outcome"] == "needs-approval"
    held = await site.post("/v1/commitments", GRANT, "approver")
    detail = str(problem(held, "policy-approval", 409)["detail"])
    assert f"case {case}" in detail
    link = held.headers["link"].rpartition("</v1/decisions/")[2].partition(">")[0]
    decision = (await site.get(f"/v1/decisions/{link}?lang=fr", group)).json()
    assert decision["facts"]["overlap.cases"] == [case]
    assert decision["sources"]["overlap.cases"]["source"].startswith(f"overlap {case} (record ")
    assert "recoupement" in decision["reasons"][0]["message"]
    return detail.partition("subject=")[2].split()[0]
