"""The grantee's page: small, without script or account, in four languages, and never logged."""

import gzip
import logging
import re
import string
from collections.abc import AsyncIterator
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
import structlog
from msgspec import convert

from mfm.app.context import utc_now
from mfm.app.links import issue
from mfm.app.perform import Ask, perform
from mfm.app.registry import VERBS
from mfm.core import next_steps
from mfm.store import database
from mfm.store.writer import Writer
from mfm.web.languages import LANGUAGES, chosen
from tests.conftest import Database
from tests.support import Books, operator
from tests.web.site import Site, usd

pytestmark = pytest.mark.anyio

FIRST_ROUND_TRIP = 14 * 1024
RTL = {"ar"}
VOID = {"meta", "link", "br"}


class Outline(HTMLParser):
    """A page's elements; closing what is not open, or leaving something open, is a fault."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture(scope="module")
async def site(db: Database) -> AsyncIterator[Site]:
    """The worked example, and a second grant with a payment at every step of its way."""
    mechanism = await database.create_mechanism(db.app_url, f"s-{uuid4().hex[:12]}")
    writer = Writer(db.app_url, mechanism)
    await writer.start()
    engine = database.reader_engine(db.app_url, mechanism.id)
    try:
        made = Site(Books(db.app_url, mechanism, writer), engine)
        await made.books.chain()
        await grants(made.books)
        async with made.client:
            yield made
    finally:
        await writer.close()
        await engine.dispose()


async def do(books: Books, verb: str, who: str = "a", **fields: Any) -> None:  # noqa: ANN401  # any verb's
    made = await books.do(verb, operator(who), **fields)
    assert made.accepted, made.content


async def grants(books: Books) -> None:
    """Sign a grant in five payments, four of them under way, and one in 100."""
    await do(books, "party.register", id="coop", name="Coop <b>& friends</b>")
    await do(books, "allocation.approve", id="al", fund="n", amount=usd("50000.00"))
    told = {"from_fund": "n", "to_party": "coop", "allocation": "al"}
    tranches = [{"amount": usd("1000.00"), "due_on": "2027-02-0" + str(n)} for n in range(1, 6)]
    await do(books, "commitment.sign", id="five", amount=usd("5000.00"), tranches=tranches, **told)
    many = [
        {"amount": usd("100.00"), "due_on": f"{2027 + n // 12}-{n % 12 + 1:02}-01"}
        for n in range(100)
    ]
    await do(books, "commitment.sign", id="many", amount=usd("10000.00"), tranches=many, **told)
    for number in range(1, 5):
        await do(books, "disbursement.request", id=f"f{number}", commitment="five", tranche=number)
    await do(
        books, "disbursement.return", "b", disbursement="f4", needs="budget", answer_by="2020-01-02"
    )
    for number in (1, 2):
        await do(books, "disbursement.approve", "b", disbursement=f"f{number}")
    await do(books, "disbursement.release", "c", disbursement="f1")
    await do(books, "disbursement.release", "c", disbursement="f2")
    await do(books, "disbursement.confirm", disbursement="f2")


async def link(site: Site, commitment: str = "five") -> tuple[str, str]:
    """Make a link; return its id and its token."""
    verb = VERBS["link.create"]
    link_id = f"l{uuid4().hex[:8]}"
    command = convert({"id": link_id, "commitment": commitment}, verb.command)
    asked, token = issue(Ask(operator(), verb, command, link_id))
    assert (await site.books.writer.run(lambda unit: perform(unit, asked))).accepted
    return link_id, token


async def page(site: Site, token: str, query: str = "", **headers: str) -> httpx.Response:
    given = {"accept-encoding": "identity"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await site.client.get(f"/s/{token}{query}", headers=given)


# What it says ------------------------------------------------------------------------------------


async def test_a_grantee_sees_where_its_money_is_and_whose_turn_it_is(site: Site) -> None:
    _, token = await link(site)
    response = await page(site, token)
    assert response.status_code == 200
    text = re.sub(r"<[^>]+>|\s+", " ", response.text)
    text = re.sub(r"\s+", " ", text).replace("\u00a0", " ")
    for said in (
        "5,000.00 USD",
        "Coop &lt;b&gt;&amp; friends&lt;/b&gt;",
        "National fund",
        "Say whether the money has arrived",
        "Report what you spent.",
        "Send a budget, then ask again. Payment 4 of 5 This was due on January 2, 2020",
        "Ask for this payment. Payment 5 of 5 Expected on February 5, 2027",
        "Your request is to be decided on. Whose turn The fund: who decides By February 3, 2027",
        "0 days so far",
    ):
        assert said in text, (said, text)
    assert "<b>" not in response.text
    assert "Coop" not in (await page(site, (await link(site, "w"))[1])).text


async def test_what_the_grantee_owes_comes_first(site: Site) -> None:
    fields = {"id": f"r{uuid4().hex[:6]}", "commitment": "five", "amount": usd("12.50")}
    await do(site.books, "refund.claim", **fields)
    _, token = await link(site)
    tasks = (await page(site, token)).text.split("</section>")[0]
    assert tasks.index("Pay back <bdi>12.50\u00a0USD</bdi>") < tasks.index("Report what you spent")


async def test_days_are_counted_in_the_funds_time_zone(site: Site) -> None:
    _, token = await link(site)
    today = utc_now().date()
    days = {today + timedelta(days=n) for n in (-1, 0, 1)}
    (said,) = re.findall(r'<small>As of <time datetime="([^"]+)"', (await page(site, token)).text)
    assert date.fromisoformat(said) in days


# How it comes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
async def test_each_language_has_a_small_whole_page_without_script(site: Site, code: str) -> None:
    for commitment in ("five", "many", "w"):
        _, token = await link(site, commitment)
        response = await page(site, token, f"?lang={code}")
        assert response.status_code == 200
        assert len(response.content) < FIRST_ROUND_TRIP, (commitment, len(response.content))
        outline = Outline(response.text)
        (html,) = outline.all("html")
        assert html == {"lang": code, "dir": "rtl" if code in RTL else "ltr"}
        assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("nav")) == 1
        heads = [int(tag[1]) for tag, _ in outline.seen if re.fullmatch(r"h[1-6]", tag)]
        assert all(deeper <= above + 1 for above, deeper in pairwise(heads))
        ids = [attrs["id"] for _, attrs in outline.seen if "id" in attrs]
        named = [
            attrs["aria-labelledby"] for _, attrs in outline.seen if "aria-labelledby" in attrs
        ]
        assert len(set(ids)) == len(ids)
        assert set(named) <= set(ids)
        assert not outline.all("script")
        for tag, attrs in outline.seen:  # nothing else is fetched, and nothing runs
            assert not any(name.startswith("on") for name in attrs), (tag, attrs)
            for name in ("href", "src", "action"):
                told = attrs.get(name) or "?"
                assert told.startswith("?") or told == "data:,", (tag, told)
        assert "{" not in re.sub(r"<style>.*?</style>", "", response.text, flags=re.DOTALL)


async def test_amounts_stand_apart_from_the_text_around_them(site: Site) -> None:
    _, token = await link(site)
    wanted = {"en": "5,000.00", "fr": "5\u202f000,00", "es": "5.000,00", "ar": "5,000.00"}
    for code, amount in wanted.items():
        text = (await page(site, token, f"?lang={code}")).text
        assert f"<bdi>{amount}\u00a0USD</bdi>" in text, code


async def test_it_is_kept_by_nobody_and_sends_nothing_on(site: Site) -> None:
    _, token = await link(site)
    for told, status in ((token, 200), ("x" * 43, 404)):
        response = await page(site, told)
        assert response.status_code == status
        headers = response.headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "script-src" not in policy


async def test_it_comes_packed_to_who_can_unpack(site: Site) -> None:
    _, token = await link(site, "many")
    plain = await page(site, token)
    async with site.client.stream(
        "GET", f"/s/{token}", headers={"accept-encoding": "br, gzip"}
    ) as response:
        packed = b"".join([piece async for piece in response.aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) // 2
    refused = await page(site, token, accept_encoding="gzip;q=0, identity")
    assert "content-encoding" not in refused.headers


async def test_the_style_leaves_colours_to_the_reader_and_sides_to_the_language(
    site: Site,
) -> None:
    _, token = await link(site)
    (style,) = re.findall(r"<style>(.*?)</style>", (await page(site, token)).text, re.DOTALL)
    assert re.findall(r"(?<![-\w])(?:color|background(?:-color)?):\s*([^;}]+)", style) == [
        "inherit"
    ]
    assert not re.search(r"(?:margin|padding|border|text-align)[-:]\s*(?:left|right)", style)


@pytest.mark.parametrize(
    ("query", "accepted", "code"),
    [
        ("", "", "en"),
        ("?lang=ar", "fr", "ar"),
        ("?lang=xx", "fr", "fr"),
        ("?lang=", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "de, fr;q=0.3, ar;q=0.7", "ar"),
        ("", "fr;q=0, es;q=0.001", "es"),
        ("", "FR-ca", "fr"),
        ("", "fr;q=2, ;;;, es;q=x", "en"),
        ("", "*", "en"),
        ("?fbclid=abc&lang=fr", "", "fr"),
    ],
)
async def test_the_language_is_asked_for_or_accepted_or_english(
    site: Site, query: str, accepted: str, code: str
) -> None:
    _, token = await link(site)
    response = await page(site, token, query, accept_language=accepted)
    assert response.headers["content-language"] == code
    assert f'<html lang="{code}"' in response.text
    current = re.findall(r'\?lang=(\w+)"[^>]*aria-current', response.text)
    assert current == [code]


# Who may not see it ------------------------------------------------------------------------------


async def test_a_revoked_link_and_one_that_never_was_are_the_same(site: Site) -> None:
    link_id, token = await link(site)
    assert (await page(site, token)).status_code == 200
    await do(site.books, "link.revoke", link=link_id)
    revoked, unknown = await page(site, token), await page(site, "y" * 43)
    assert revoked.status_code == unknown.status_code == 404
    assert revoked.text == unknown.text
    for response in (revoked, unknown):
        del response.headers["x-request-id"]
    assert revoked.headers == unknown.headers
    for language in LANGUAGES.values():
        assert language.texts["gone"]["title"] in revoked.text
    assert Outline(revoked.text).all("section")[-1] == {"lang": "ar", "dir": "rtl"}


@pytest.mark.parametrize("token", ["x", "%00", "%ff%fe", "x" * 4_000, "..%2f..%2fetc", "' OR 1=1"])
async def test_what_is_no_token_is_not_here(site: Site, token: str) -> None:
    response = await page(site, token)
    assert response.status_code == 404
    assert "Traceback" not in response.text


async def test_a_token_is_in_no_log(
    site: Site,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)  # the client's own
    seen = structlog.testing.CapturingLogger()
    verbose = structlog.make_filtering_bound_logger(logging.DEBUG)
    told = structlog.wrap_logger(seen, [structlog.processors.KeyValueRenderer()], verbose)
    monkeypatch.setattr(site.app, "_log", told)
    link_id, token = await link(site)
    with caplog.at_level(logging.DEBUG):
        await page(site, token)
        await do(site.books, "link.revoke", link=link_id)
        await page(site, token)
    printed = capsys.readouterr()
    assert "path='/s/{token" in str(seen.calls)  # answers are logged, by their template
    assert token not in f"{seen.calls} {caplog.text} {printed.out} {printed.err}"
    metrics = (await site.client.get("/metrics")).text
    assert "/s/{token" in metrics
    assert token not in metrics


async def test_a_link_is_made_over_http_and_its_token_told_once(site: Site) -> None:
    await site.make_keys()
    body = {"id": "over-http", "commitment": "w"}
    made = await site.post("/v1/links", body, "grantee", Idempotency_Key="one")
    assert made.status_code == 201
    token = made.json()["secret"]
    assert (await page(site, token)).status_code == 200
    again = await site.post("/v1/links", body, "grantee", Idempotency_Key="one")
    assert again.status_code == 201
    assert "secret" not in again.json()
    for who in ("grantee", "preparer", "auditor"):
        listed = await site.get("/v1/links?commitment=w", who)
        assert "over-http" in {each["id"] for each in listed.json()["items"]}
        assert "digest" not in listed.text
    ended = await site.post("/v1/links/over-http/revoke", who="grantee")
    assert ended.status_code == 201
    assert (await page(site, token)).status_code == 404


# The texts ---------------------------------------------------------------------------------------


def flat(texts: dict[str, Any]) -> dict[str, str]:
    return {f"{group}.{key}": text for group, keys in texts.items() for key, text in keys.items()}


def named(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


COUNTED = ("days", "more")


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_everything(code: str) -> None:
    english, own = flat(LANGUAGES["en"].texts), flat(LANGUAGES[code].texts)
    for counted in COUNTED:
        forms = set(LANGUAGES[code].texts[counted])
        assert forms == {*LANGUAGES[code].locale.plural_form.tags, "other"}
        for form, text in LANGUAGES[code].texts[counted].items():
            assert named(text) <= {"n", "amount"}, form
            assert ("amount" in named(text)) == (counted == "more"), form
    for texts in (english, own):
        for key in [key for key in texts if key.partition(".")[0] in COUNTED]:
            del texts[key]
    assert own.keys() == english.keys()
    for key, text in own.items():
        assert named(text) == named(english[key]), key
        assert text.strip() == text != "", key
        assert code == "en" or text != english[key], f"{key} is not translated"


def test_every_code_of_the_rules_has_its_words() -> None:
    texts = LANGUAGES["en"].texts
    ours = {"refund-due"}
    assert set(texts["why"]) == {*get_args(next_steps.Why), *ours}
    assert set(texts["state"]) == {
        *next_steps._RULES,
        "scheduled",
        "empty",
        "rejected",
        "cancelled",
    }
    assert set(texts["who"]) == {"grantee", "preparer", "approver", "payer", "board"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_are_counted_as_the_language_counts(code: str) -> None:
    language = LANGUAGES[code]
    for number in (*range(200), 1_000_000):
        assert language.count("days", number)
    assert chosen(code, "") is language


def test_arabic_counts_in_six_forms() -> None:
    arabic = LANGUAGES["ar"]
    told = [str(arabic.count("days", number)) for number in (1, 2, 3, 11)]
    assert told == ["يوم واحد", "يومان", "<bdi>3</bdi> أيام", "<bdi>11</bdi> يومًا"]
