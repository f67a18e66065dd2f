"""Receipts over HTTP: waited for, in each form, and a page that checks itself in a browser."""

import hashlib
import html
import re
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mfm.app import receipt_files
from mfm.web.languages import LANGUAGES
from tests.web.browser import CHROMIUM, Browser
from tests.web.site import Site, problem, usd

pytestmark = pytest.mark.anyio
PAGE_MAX_BYTES = 20_000


async def announced(site: Site, description: str = "", **headers: str) -> dict[str, object]:
    """Announce a pledge; return the answer."""
    body = {"fund": "g", "donor": "donor", "amount": usd("5.00"), "effective_on": "2026-03-02"}
    response = await site.post("/v1/pledges", body | {"description": description}, **headers)
    assert response.status_code == 201, response.text
    told: dict[str, object] = response.json()
    assert told["receipt"] == f"/v1/records/{told['seq']}/receipt"
    assert response.headers["link"] == f'<{told["receipt"]}>; rel="receipt"'
    assert ("sealed" in told) == ("preference-applied" in response.headers)
    return told


def policy_of(site: Site) -> str:
    return f"log {site.services.verifier_key()}\nquorum none\n"


async def test_a_verb_tells_where_its_receipt_is_and_waits_for_it_if_asked(
    site: Site, tmp_path: Path
) -> None:
    told = await announced(site)
    assert "sealed" not in told
    waited = await announced(site, "why", Prefer="respond-async, wait=5")
    sealed = waited["sealed"]
    assert isinstance(sealed, dict)
    assert sealed["seq"] == waited["seq"]
    assert sealed["disclosures"]["description"]["value"] == "why"
    (tmp_path / "r.entry").write_bytes(b64decode(sealed["entry"]))
    (tmp_path / "r.tlog-proof").write_text(sealed["proof"], "utf-8")
    code, verdict = receipt_files.verify(tmp_path / "r", policy_of(site))
    assert (code, verdict["root"]) == (0, sealed["root"])


async def test_a_repeated_request_gets_its_answer_and_its_receipt(site: Site) -> None:
    first = await announced(site, Idempotency_Key="twice")
    again = await announced(site, Idempotency_Key="twice", Prefer="wait=5")
    assert again.pop("sealed")
    assert again == first


async def test_a_refusal_leads_to_its_receipt(site: Site) -> None:
    response = await site.post("/v1/pledges/p/lapse", {"amount": usd("999999999.00")})
    seq = problem(response, "pledge-ended", 409)["record"]
    links = f'</v1/records/{seq}>; rel="describedby", </v1/records/{seq}/receipt>; rel="receipt"'
    assert response.headers["link"] == links
    receipt = await site.get(f"/v1/records/{seq}/receipt", Prefer="wait=5")
    assert b'"outcome":"refused"' in b64decode(receipt.json()["entry"])


async def test_a_receipt_is_waited_for_within_bounds(site: Site) -> None:
    sealer, site.services.sealer = site.services.sealer, None
    try:  # as in a process that does not know when others seal
        seq = (await announced(site))["seq"]
        early = await site.get(f"/v1/records/{seq}/receipt", Prefer="wait=5")
        if early.status_code != 200:
            problem(early, "not-sealed", 409)
            assert early.headers["retry-after"] == "1"
    finally:
        site.services.sealer = sealer
    response = await site.get(f"/v1/records/{seq}/receipt", Prefer='wait="600"; x=1')
    assert response.status_code == 200
    assert response.headers["preference-applied"] == "wait"
    problem(await site.get("/v1/records/999999/receipt", Prefer="wait=10"), "not-found", 404)
    for nonsense in ("wait", "wait=", "wait=x", "wait=-1", "wait=" + "9" * 40, "await=5"):
        told = await site.get(f"/v1/records/{seq}/receipt", Prefer=nonsense)
        assert "preference-applied" not in told.headers, nonsense


async def test_it_comes_in_three_forms_by_accept_or_by_name(site: Site) -> None:
    await site.sealed()
    path = "/v1/records/7/receipt"
    whole = (await site.get(path)).json()
    for form, accept, kind in (
        ("json", "*/*", "application/json"),
        ("tlog-proof", "text/plain", "text/plain; charset=utf-8"),
        ("html", "text/html,application/xhtml+xml", "text/html; charset=utf-8"),
    ):
        named = await site.get(f"{path}?format={form}")
        accepted = await site.get(path, Accept=accept)
        for response in (named, accepted):
            assert response.headers["content-type"] == kind
            assert response.headers["cache-control"] == "no-store"
    assert (await site.get(path, Accept="text/plain")).text == whole["proof"]
    problem(await site.get(f"{path}?format=pdf"), "query-invalid", 400)
    problem(await site.get("/v1/records/x/receipt"), "not-found", 404)


async def test_a_party_gets_its_own_over_http_too(site: Site) -> None:
    await site.sealed()
    mine = (await site.get("/v1/disbursements/dw", who="grantee")).json()["seq"]
    assert (await site.get(f"/v1/records/{mine}/receipt", who="grantee")).status_code == 200
    problem(await site.get(f"/v1/records/{mine}/receipt", who="donor"), "not-found", 404)
    problem(await site.get(f"/v1/records/{mine}", who="grantee"), "role-not-allowed", 403)


# The page -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; where there is none, what needs one is skipped."""
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed: the page was not tried in a browser")
    folder = Path(tempfile.mkdtemp(prefix="mfm-chromium-"))
    with Browser(folder) as made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)


async def page(site: Site, seq: int, query: str = "") -> str:
    await site.sealed()
    response = await site.get(f"/v1/records/{seq}/receipt?format=html{query}")
    assert response.status_code == 200, response.text
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', response.text)
    assert policy is not None
    assert policy[1] == response.headers["content-security-policy"]
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert len(response.content) < PAGE_MAX_BYTES, len(response.content)
    return response.text


async def test_the_page_says_in_words_what_the_record_says(site: Site) -> None:
    seq = (await site.get("/v1/disbursements/dw")).json()["seq"]
    released = await page(site, seq)
    for words in ("A payment was sent", "42,800.00", "March 2, 2026", "disbursement dw: released"):
        assert words in released
    text = "<script>alert(1)</script> & \u0623\u0647\u0644\u0627\r\nsecond line"
    told = await announced(site, text)
    shown = await page(site, int(str(told["seq"])))
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \u0623\u0647\u0644\u0627\nsecond" in shown
    other = await site.get(f"/v1/records/{told['seq']}/receipt?format=html", who="approver")
    assert "does not open" not in other.text  # the same organisation's
    donor = await site.get(f"/v1/records/{told['seq']}/receipt?format=html", who="donor")
    assert "does not open: <bdi>description</bdi>" in donor.text
    assert "second line" not in donor.text


@pytest.mark.parametrize("code", LANGUAGES)
async def test_each_language_has_a_small_page_that_verifies_itself(
    site: Site, browser: Browser, tmp_path: Path, code: str
) -> None:
    seq = (await site.get("/v1/disbursements/dw")).json()["seq"]
    shown = await page(site, seq, f"&lang={code}")
    language = LANGUAGES[code]
    assert f'<html lang="{code}" dir="{language.direction}">' in shown
    assert language.texts["did"]["disbursement.release"] in shown
    path = tmp_path / "receipt.html"
    path.write_text(shown, "utf-8")
    assert browser.state_of(path) == "verified"
    assert browser.state_of(path, script=False) == ""


async def test_every_kind_of_record_verifies_in_a_browser(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    text = "<b> & \u0623\u0647\u0644\u0627 \u202e \"quoted\" 'so' \r\n\r\nlast"
    seqs = [int(str((await announced(site, text))["seq"]))]
    tranches = [{"amount": usd("1.00")} for _ in range(100)]  # a large record
    allocation = {"id": "al", "fund": "n", "amount": usd("100.00"), "effective_on": "2026-03-02"}
    await site.post("/v1/allocations", allocation, who="board")
    grant = {"from_fund": "n", "to_party": "group", "allocation": "al", "tranches": tranches}
    made = await site.post(
        "/v1/commitments",
        grant | {"amount": usd("100.00"), "effective_on": "2026-03-02"},
        who="approver",
    )
    assert made.status_code == 201, made.text
    seqs.append(made.json()["seq"])
    path = tmp_path / "receipt.html"
    for seq in [*range(1, await site.head() + 1, 9), *seqs]:
        path.write_text(await page(site, seq), "utf-8")
        assert browser.state_of(path) == "verified", seq
    assert 'data-packed="1"' in path.read_text("utf-8")


async def test_a_page_with_a_changed_byte_is_never_verified(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    told = await announced(site, "as said")
    shown = (await page(site, int(str(told["seq"])))).encode()
    path = tmp_path / "receipt.html"
    first, last = shown.index(b"<main>"), shown.index(b"</main>")
    draw = Random(9)  # noqa: S311  # changes are drawn, not kept secret
    within = [at for at in range(first, last) if in_text(shown, at)]
    for at in draw.sample(within, 15):
        changed = bytearray(shown)
        changed[at] = ord("8") if changed[at] != ord("8") else ord("3")
        path.write_bytes(changed)
        assert browser.state_of(path) == "failed", shown[at - 20 : at + 20]
    script = shown.index(b"const check")
    path.write_bytes(shown[:script] + b"Const" + shown[script + 5 :])
    assert browser.state_of(path) == ""  # the policy lets no other script run
    policy = shown.index(b"script-src 'sha256-") + 25
    path.write_bytes(shown[:policy] + b"0000" + shown[policy + 4 :])
    assert browser.state_of(path) == ""


def in_text(content: bytes, at: int) -> bool:
    """Tell whether a byte is of what is read, not of a tag or an entity."""
    opened, closed = content.rfind(b"<", 0, at + 1), content.rfind(b">", 0, at)
    begun, ended = content.rfind(b"&", 0, at + 1), content.rfind(b";", 0, at)
    return closed > opened and (begun < 0 or ended > begun) and content[at] not in b"<>"


async def test_a_forged_record_under_a_right_sum_is_not_verified(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    """A forger who mends the page's own sum still meets the tree and the signature."""
    told = await announced(site, "as said")
    shown = await page(site, int(str(told["seq"])))
    path = tmp_path / "receipt.html"
    key = site.services.verifier_key()
    for old, new in (
        ('"amount_minor":"500"', '"amount_minor":"900"'),
        ("v1\nindex ", "v1\nindex 1"),
        (key[-8:], "AAAAAAA="),
        ('"value":"as said"', '"value":"not said"'),
        ("\u2014 ", "\u2014 x"),
    ):
        assert old in shown
        path.write_text(with_sum(shown.replace(old, new)), "utf-8")
        assert browser.state_of(path) == "failed", old
    path.write_text(with_sum(shown.replace(key, "")), "utf-8")
    assert browser.state_of(path) == "unsigned"
    path.write_text(with_sum(shown), "utf-8")
    assert browser.state_of(path) == "verified"


def with_sum(shown: str) -> str:
    """Return a page whose own sum is right for what it says now."""
    main = shown[shown.index("<main>") : shown.index("</main>") + 7]
    seen = html.unescape(re.sub(r"<[^>]*>", "", main)).encode()
    right = hashlib.sha256(seen).hexdigest()
    return re.sub(r'data-sum="\w+"', f'data-sum="{right}"', shown)
