"""Cases of overlap over HTTP: who sees what of another's side, role by role."""

from typing import Any, get_args

import asyncpg
import httpx
import pytest
from msgspec import Struct

from mfm.core.merkle import leaf_hash
from mfm.core.overlap_effects import Effect
from mfm.core.overlap_words import LANGUAGES, effect, evidence, notice
from mfm.core.overlaps import KINDS
from mfm.core.record import parse
from mfm.store.database import connect
from tests.calling import APPLICATION, FAR, TODAY, accepted, applied, called, grantee
from tests.support import operator
from tests.web.site import Site, problem

pytestmark = pytest.mark.anyio
SECRETS = ("theirs", "rival", "Rival Radio", "Radio of the lake", "quoted", "Rival answers")
"""What only the rival, its fund g and those who see the whole may read."""


class Case(Struct, frozen=True):
    """A case of two applications to two funds, and who looks at it."""

    id: str
    seq: int
    keys: dict[str, str]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/overlaps/{self.id}"


@pytest.fixture(scope="module")
async def case(site: Site) -> Case:
    """Two groups' applications with much the same text, `ap` to fund n and `theirs` to fund g."""
    books = site.books
    await called(books)
    await called(books, id="kg", fund="g")
    await applied(books)
    await accepted(books, "party.register", id="rival", name="Rival Radio")
    told = {**APPLICATION, "call": "kg", "lead": "rival", "title": "Radio of the lake"}
    await accepted(books, "application.draft", grantee("rival"), id="theirs", **told)
    await accepted(books, "application.submit", grantee("rival"), application="theirs")
    made = await accepted(
        books,
        "overlap.open",
        operator(),
        detector="same-text",
        first="ap",
        second="theirs",
        score=940,
        band="strong",
        reasons="for: group and rival hand in one text (94 %)\nagainst: quoted",
    )
    keys = {
        "n": await site.key("approver", fund="n"),
        "n2": await site.key("preparer", fund="n"),
        "g": await site.key("approver", fund="g"),
        "group": await site.key("grantee", "group"),
        "rival": await site.key("grantee", "rival"),
        "stranger": await site.key("grantee", "donor"),
    }
    name = parse(made.content)[1].sets["overlap_case"][0]["id"]
    answer = await site.post(
        f"/v1/overlaps/{name}/explanations", {"text": "Rival answers"}, keys["rival"]
    )
    assert answer.status_code == 201
    return Case(name, made.seq, keys)


async def seen(site: Site, case: Case, who: str, **headers: str) -> dict[str, Any]:
    """What somebody sees of the case, which the list shows too."""
    secret = case.keys.get(who, who)
    answer = await site.get(case.path, secret, **headers)
    assert answer.status_code == 200, answer.text
    listed = (await site.get("/v1/overlaps", secret)).json()["items"]
    assert [each["id"] for each in listed] == [case.id]
    assert listed[0].keys() == answer.json().keys()
    return dict(answer.json())


def leaks(text: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """The secrets that a text tells."""
    return [each for each in SECRETS if each not in allowed and each in text]


async def test_overseers_and_the_mechanisms_own_staff_see_the_whole(site: Site, case: Case) -> None:
    for who in ("auditor", "administrator", "approver", "preparer"):
        told = await seen(site, case, who)
        assert [side["id"] for side in told["sides"]] == ["ap", "theirs"]
        assert told["sides"][1]["answer"] == "Rival answers"
        assert told["reasons"][1] == "against: quoted"
        assert (told["told_in"], len(told["evidence_sha256"])) == (case.seq, 64)
        for side in told["sides"]:  # what was looked at: the record, and its leaf in the trail
            record = int(side["record"])
            content = (await site.books.writer.run(lambda unit, at=record: unit.records([at])))[
                record
            ]
            assert side["leaf"] == leaf_hash(content).hex()
            (looked,) = parse(content)[1].sets["application"]
            assert (looked["id"], looked["status"]) == (side["id"], "submitted")


async def test_another_funds_secretariat_sees_that_it_exists_and_whom_to_ask(
    site: Site, case: Case
) -> None:
    told = await seen(site, case, "n")
    mine, other = told["sides"]
    assert (mine["id"], mine["party"], mine["funds"]) == ("ap", "group", ["n"])
    assert (other["id"], other["party"], other["answer"], other["answered_in"]) == ("", "", "", 0)
    assert other["funds"] == ["g"]
    assert other["contacts"] == ["agent"]
    assert (other["starts_on"], other["ends_on"]) == (str(TODAY), str(FAR))
    assert (other["places"], other["themes"], other["stage"]) == (["KE-30"], ["15170"], "submitted")
    assert (told["reasons"], told["survivor"], told["band"]) == ([], "", "strong")
    whole = (await site.get(case.path, case.keys["n"])).text
    assert leaks(whole) == []
    assert leaks((await site.get("/v1/overlaps", case.keys["n"])).text) == []


async def test_a_competitor_sees_its_own_side_and_the_kind_of_evidence(
    site: Site, case: Case
) -> None:
    told = await seen(site, case, "group", Accept_Language="fr")
    asked = await site.get(f"{case.path}?lang=fr", case.keys["group"], Accept_Language="es")
    assert asked.json() == told
    mine, other = told["sides"]
    assert (mine["id"], mine["party"]) == ("ap", "group")
    assert other == {**dict.fromkeys(other, ""), "kind": "application", **_nothing(other)}
    assert told["notice"] == notice("same-text", "fr")
    assert told["evidence"] == ["Concorde : titres et textes.", "Diffère : autres faits."]
    assert (told["reasons"], told["said"], told["score"], told["band"]) == ([], [], 0, "")
    assert (told["evidence_sha256"], told["told_in"], told["proposed_by"]) == ("", 0, "")
    assert (told["effect"], told["effect_notice"]) == ("none", effect("none", "open", "fr"))
    text = (await site.get(case.path, case.keys["group"])).text
    assert leaks(text) == []
    assert '"g"' not in text
    theirs = await seen(site, case, "rival")
    assert theirs["sides"][1]["answer"] == "Rival answers"
    assert theirs["sides"][0]["id"] == ""


def _nothing(side: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "answered_in": 0,
        "noted_in": 0,
        "record": 0,
        "starts_on": None,
        "ends_on": None,
    }
    lists = ("funds", "contacts", "places", "themes")
    return {name: empty[name] for name in empty if name in side} | {name: [] for name in lists}


async def test_to_others_it_is_not_there(site: Site, case: Case) -> None:
    problem(await site.get(case.path, case.keys["stranger"]), "not-found", 404)
    assert (await site.get("/v1/overlaps", case.keys["stranger"])).json()["items"] == []
    problem(await site.get(case.path, "donor"), "role-not-allowed", 403)
    for who in ("donor", "board", "auditor"):
        told = (await site.get("/v1/overlap-counts", who)).json()["counts"]
        assert told == [{"detector": "same-text", "status": "open", "cases": 1}]
        assert leaks(str(told)) == []
    problem(await site.get("/v1/overlap-counts", "grantee"), "role-not-allowed", 403)
    connection = await connect(site.books.url, "mfm_reader", site.books.mechanism.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT * FROM overlap_case")
    await connection.close()


async def test_records_receipts_answers_and_other_lists_tell_no_more(
    site: Site, case: Case
) -> None:
    said = await site.post(f"{case.path}/explanations", {"text": "Not us."}, case.keys["group"])
    assert said.status_code == 201
    assert leaks(said.text) == []
    await site.sealed()
    receipt = await site.get(f"/v1/records/{said.json()['seq']}/receipt", case.keys["group"])
    assert receipt.status_code == 200
    assert leaks(receipt.text + str(receipt.json())) == []
    for who in ("group", "n", "stranger"):
        secret = case.keys[who]
        for path in (f"/v1/records/{case.seq}", f"/v1/records/{case.seq}/receipt"):
            answer = await site.get(path, secret)
            assert answer.status_code in (403, 404), path
        for path in ("/v1/overlap-answers", "/v1/sharing-agreements", "/v1/records"):
            assert leaks((await site.get(path, secret)).text) == [], (who, path)
    proposed = await site.post(
        f"{case.path}/decisions", {"outcome": "sequel", "reason": "quoted"}, case.keys["n"]
    )
    (changed,) = proposed.json()["changed"]["overlap_case"]
    assert changed == {"id": case.id, "seq": changed["seq"], "status": "open", "effect": "none"}
    assert leaks(proposed.text) == []
    told = await seen(site, case, "n")
    assert (told["proposed"], told["said"]) == ("sequel", [])
    assert (await seen(site, case, "auditor"))["said"] == ["quoted"]
    assert (await seen(site, case, "group"))["proposed"] == ""


async def test_an_agreement_between_two_funds_opens_both_sides(site: Site, case: Case) -> None:
    asked = {"id": "s", "from_fund": "n", "to_fund": "g", "valid_from": str(TODAY)}
    n, g = case.keys["n"], case.keys["g"]
    against = {"outcome": "confirmed", "reason": "R"}
    problem(await site.post(f"{case.path}/decisions", against, n), "overlap-half-seen", 409)
    problem(
        await site.post("/v1/sharing-agreements", {**asked, "to_fund": "n"}, n), "sharing-funds"
    )
    late = {**asked, "valid_until": "2001-01-01"}
    problem(await site.post("/v1/sharing-agreements", late, n), "dates-backwards")
    problem(await site.post("/v1/sharing-agreements", asked, g), "fund-not-allowed")
    await _made(await site.post("/v1/sharing-agreements", asked, n))
    assert leaks((await site.get(case.path, n)).text) == []  # proposed is not agreed
    path = "/v1/sharing-agreements/s"
    problem(await site.post(f"{path}/agree", None, n), "fund-not-allowed")
    await _made(await site.post(f"{path}/agree", None, g))
    problem(await site.post(f"{path}/agree", None, g), "sharing-state", 409)
    for who in ("n", "g"):
        told = await seen(site, case, who)
        assert [side["id"] for side in told["sides"]] == ["ap", "theirs"]
        assert told["reasons"]
    assert leaks((await site.get(case.path, case.keys["group"])).text) == []
    await _made(await site.post(f"{case.path}/decisions", against, n))
    await _made(await site.post(f"{path}/end", {"reason": "Over."}, g))
    assert leaks((await site.get(case.path, n)).text) == []
    # One that is agreed, and not yet begun, or over, opens nothing.
    later = {**asked, "id": "later", "valid_from": str(FAR)}
    past = {**asked, "id": "past", "valid_from": "2001-01-01", "valid_until": "2001-01-02"}
    for each in (later, past):
        await _made(await site.post("/v1/sharing-agreements", each, n))
        await _made(await site.post(f"/v1/sharing-agreements/{each['id']}/agree", None, g))
    assert leaks((await site.get(case.path, n)).text) == []
    own = {**asked, "id": "own"}
    both = await site.key("approver")
    await _made(await site.post("/v1/sharing-agreements", own, both))
    problem(await site.post("/v1/sharing-agreements/own/agree", None, both), "four-eyes", 409)


async def _made(answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text


async def test_cases_come_in_pages_and_by_what_they_are(site: Site, case: Case) -> None:
    more = {"score": 600, "band": "possible", "reasons": "for: one bank account"}
    for other in ("agent", "donor"):
        told = {"detector": "shared-control", "first": other, "second": "group", **more}
        await accepted(site.books, "overlap.open", operator(), **told)
    read: list[str] = []
    said: set[str] = set()
    path = "/v1/overlaps?limit=1&lang=ar"
    while path:
        answer = await site.get(path)
        read += [each["id"] for each in answer.json()["items"]]
        said |= {each["notice"] for each in answer.json()["items"]}
        link = answer.headers.get("link", "")
        path = link[1 : link.index(">")] if link else ""
    assert len(read) == len(set(read)) == 3
    assert said == {notice(detector, "ar") for detector in ("same-text", "shared-control")}
    for query, count in (
        ("band=possible", 2),
        ("detector=same-text", 1),
        ("status=explained", 1),
        ("status=open", 2),
        ("status=merged", 0),
    ):
        assert len((await site.get(f"/v1/overlaps?{query}")).json()["items"]) == count, query
    problem(await site.get("/v1/overlaps?party=rival"), "query-invalid", 400)
    stale = await site.post(
        f"{case.path}/decisions", {"outcome": "sequel", "reason": "R"}, If_Match='"1"'
    )
    problem(stale, "stale", 412)


def test_every_detector_is_told_in_every_language() -> None:
    topics = ("for:names", "against:other", "for:unheard-of")
    for language in LANGUAGES:
        said = [notice(detector, language) for detector in (*KINDS, "unheard-of")]
        assert all(said)
        assert len(evidence(topics, language)) == 2
        codes = (*get_args(Effect), "none")
        told = [effect(code, "confirmed", language) for code in codes]
        assert len({*told, effect("none", "open", language)}) == len(codes)
