"""The grantee's page and what is held against it: cases of overlap, and contests of conditions."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from mfm.app import status
from mfm.app.context import utc_now
from mfm.core.overlap_words import effect, evidence, notice
from mfm.core.record import parse
from mfm.web.languages import LANGUAGES
from tests.calling import APPLICATION, accepted, applied, called, grantee
from tests.overlapping import staff
from tests.support import TERMS, operator, usd
from tests.web.site import Site
from tests.web.test_status import FIRST_ROUND_TRIP, Outline, link, page

pytestmark = pytest.mark.anyio
SECRETS = ("theirs", "rival", "Radio", "quoted", "Global fund")
"""What only the rival, its fund g and those who see the whole may read."""


@pytest.fixture(scope="module")
async def cases(site: Site) -> dict[str, str]:
    """Cases of the group's, who has grant w of fund n: name -> id."""
    books = site.books
    for name, fund in (("k", "n"), ("kg", "g")):
        await called(books, id=name, fund=fund)
    await applied(books)
    await applied(books, "elsewhere", call="kg", title="Mediators of the hills")
    await accepted(books, "party.register", id="rival", name="Radio")
    told = {**APPLICATION, "call": "kg", "lead": "rival", "title": "Radio of the lake"}
    await accepted(books, "application.draft", grantee("rival"), id="theirs", **told)
    await accepted(books, "application.submit", grantee("rival"), application="theirs")
    made = {}
    for name, detector, first, second in (
        ("text", "same-text", "ap", "theirs"),
        ("party", "shared-control", "group", "rival"),
        ("other", "same-text", "elsewhere", "theirs"),
        ("untold", "intermediary", "agent", "group"),
    ):
        reasons = "for: group and rival hand in one text (94 %)\nagainst: quoted"
        found = {"detector": detector, "first": first, "second": second, "reasons": reasons}
        record = await accepted(
            books, "overlap.open", operator(), score=940, band="strong", **found
        )
        made[name] = parse(record.content)[1].sets["overlap_case"][0]["id"]
    return made


async def told(site: Site, query: str = "") -> str:
    """The page of grant w, its words alone."""
    response = await page(site, (await link(site, "w"))[1], query)
    assert response.status_code == 200
    Outline(response.text)
    assert len(response.content) < FIRST_ROUND_TRIP
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text)))


@pytest.mark.parametrize("code", LANGUAGES)
async def test_who_is_concerned_reads_what_was_noticed_and_how_to_answer(
    site: Site, cases: dict[str, str], code: str
) -> None:
    text = await told(site, f"?lang={code}")
    for detector in ("same-text", "shared-control"):
        assert text.count(notice(detector, code)) == 1  # not the one that is another fund's
    for said in evidence(("for:titles", "against:other"), code):
        assert said in text
    assert [each for each in SECRETS if each in text] == []
    assert [name for name, case in cases.items() if case in text] == ["text", "party"]
    assert notice("intermediary", code) not in text
    words = LANGUAGES[code].texts["overlap"]
    assert text.count(words["open"]) == text.count(effect("none", "open", code)) == 2
    assert words["until"].partition("{")[0] in text


async def test_it_reads_its_answer_and_what_became_of_the_case(
    site: Site, cases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, said = cases["text"], "Sisi ni <b>kundi</b> moja. "
    answer = {"overlap": case, "text": said + "x" * 400}
    made = await accepted(site.books, "overlap.explain", grantee(), **answer)
    theirs = {"overlap": case, "text": "We are Radio."}
    await accepted(site.books, "overlap.explain", grantee("rival"), **theirs)
    text = await told(site)
    assert "You said: Sisi ni <b>kundi</b> moja. xxx" in text
    assert "x" * 201 not in text
    assert [each for each in SECRETS if each in text] == []
    await accepted(site.books, "payload.erase", record=made.seq, fields=["text"], legal_basis="L")
    assert "kundi" not in await told(site)

    later = utc_now() + timedelta(days=60)
    with monkeypatch.context() as patch:
        patch.setattr(status, "utc_now", lambda: later)
        assert "You may still give it: tell National fund" in await told(site)
    for outcome in ("not-a-duplicate", "sequel", "confirmed"):
        for key in ("one", "two"):
            decision = {"overlap": case, "outcome": outcome, "reason": "Both were heard."}
            await accepted(site.books, "overlap.decide", staff(key), **decision)
        text = await told(site)
        words = LANGUAGES["en"].texts["overlap"][outcome].partition("{day}")[2]
        assert words in text
        assert ("waits for approval" in text) == (outcome == "confirmed")
        assert "Both were heard" not in text
        back = {"overlap": case, "reason": "Once more."}
        await accepted(site.books, "overlap.reopen", staff("three"), **back)


async def test_contests_of_conditions_are_shown_with_their_day(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for verb, key, fields in TERMS:
        await accepted(site.books, verb, operator(key), **fields)
    assert "Proposed: it binds you once you accept it." in await told(site)
    await accepted(site.books, "condition.accept", grantee(), condition="k2")
    assert "Conditions in question" not in await told(site)
    why: dict[str, Any] = {"condition": "k2", "reason": "It is none of theirs."}
    await accepted(site.books, "condition.contest", grantee(), **why)
    text = await told(site)
    assert "Conditions in question T Contested; the answer is due by" in text
    later = utc_now() + timedelta(days=60)
    with monkeypatch.context() as patch:
        patch.setattr(status, "utc_now", lambda: later)
        assert "remind the fund" in await told(site)
    lifted = {**why, "outcome": "upheld"}
    await accepted(site.books, "condition.answer", staff("judge"), **lifted)
    assert "Your contest was upheld: the condition is lifted." in await told(site)


async def test_a_condition_before_a_payment_says_that_it_may_be_contested(site: Site) -> None:
    books, amount = site.books, usd("900.00")
    await accepted(books, "allocation.approve", id="alc", fund="n", amount=amount)
    condition = {"id": "before", "title": "A plan", "type": "performance", "tranche": 1}
    terms = {"tranches": [{"amount": amount}], "conditions": [condition]}
    grant = {"id": "held", "from_fund": "n", "to_party": "group", "allocation": "alc"}
    await accepted(books, "commitment.sign", **grant, amount=amount, **terms)
    _, token = await link(site, "held")
    text = (await page(site, token)).text
    assert "<bdi>A plan</bdi><br>You may contest it: condition <bdi>before</bdi>." in text
    why = {"condition": "before", "reason": "We have one."}
    await accepted(books, "condition.contest", grantee(), **why)
    assert "You may contest it" not in (await page(site, token)).text
