"""A receipt as one page: readable without a script, and with one it checks itself, offline.

Everything that it says is out of the record and the proof that it carries. The check is the page's
own, so it shows a slip or a change in what is told, not a forgery of the whole; it says so.
"""

import html
import io
import re
import zlib
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any

import segno
from markupsafe import Markup
from msgspec import Struct, json

from mfm.app.receipts import Receipt
from mfm.app.registry import VERBS
from mfm.core.accounts import CHART
from mfm.core.merkle import leaf_hash
from mfm.core.record import Body, Record, parse, posting_of
from mfm.web.languages import Language, isolated
from mfm.web.reference import PAGES

_ROWS_MAX = 10
_PLAIN_MAX_BYTES = 4_000
"""A record larger than this is packed, so that the page stays below 20 KB."""
_SHORT = 16
_TAG = re.compile(r"<[^>]*>")


class View(Struct, frozen=True):
    """What a receipt says in words.

    Attributes:
        facts: names and what they are.
        moves: money moved: from where, to where, how much.
        more: how many more there are in the record, or "".
    """

    facts: list[tuple[Markup, Markup]]
    moves: list[tuple[Markup, Markup, Markup]]
    more: Markup


def page(found: Receipt, language: Language, address: str, key: str) -> tuple[bytes, str]:
    """Return a receipt's page, and its content security policy.

    Args:
        found: the receipt.
        language: the page's.
        address: where the receipt is, for the QR code; a short hash of the record is added.
        key: the log's verifier key, or "" where it is not known.
    """
    style, script = _asset("receipt.css"), _asset("receipt.js")
    policy = (
        f"default-src 'none'; style-src '{_source(style)}'; script-src '{_source(script)}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    short = f"{address}#{leaf_hash(found.entry).hex()[:_SHORT]}"
    packed = len(found.entry) > _PLAIN_MAX_BYTES
    entry = b64encode(zlib.compress(found.entry, 9)) if packed else found.entry
    main = _render(
        "receipt_main.html",
        language=language,
        receipt=found,
        view=_view(found, language),
        key=key,
        address=short,
        qr=_qr(short),
        packed=packed,
        entry=_text(entry.decode()),
        proof=_text(found.proof),
        openings=_text(json.encode(found.disclosures).decode()),
    )
    seen = html.unescape(_TAG.sub("", main))
    whole = _render(
        "receipt.html",
        language=language,
        title=_TAG.sub("", language.say("receipt", "title", seq=found.seq)),
        policy=Markup(policy),  # noqa: S704  # made above
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        main=Markup(main),  # noqa: S704  # rendered above
        sum=sha256(seen.encode()).hexdigest(),
    )
    return whole.encode(), policy


def _view(found: Receipt, language: Language) -> View:
    record, body = parse(found.entry)
    moves = [posting for posting in map(posting_of, body.postings) if posting.debit.book == "FIN"]
    rows = [
        (
            _account(each.credit),
            _account(each.debit),
            language.money(each.amount_minor, each.debit.currency),
        )
        for each in moves[:_ROWS_MAX]
    ]
    hidden = len(body.postings) - len(rows)
    more = language.say("receipt", "more", n=hidden) if hidden else Markup("")
    return View(list(_facts(found, record, body, language)), rows, more)


def _facts(
    found: Receipt, record: Record, body: Body, language: Language
) -> Iterator[tuple[Markup, Markup]]:
    """Yield what the record says, as names and values."""
    told: dict[str, Any] = {"what": _deed(body.verb, language)}
    actor = body.actor
    told["who"] = language.say("receipt", "by", party=actor["party"], role=actor["role"])
    if amount := _amount(body):
        told["amount"] = language.money(*amount)
    if body.effective_on is not None:
        told["day"] = language.day(body.effective_on)
    told["written"] = record.at
    told["about"] = Markup("<br>").join(_about(body)[:_ROWS_MAX])
    told["funds"] = ", ".join(link.fund for link in record.chain)
    if body.refusal:
        refusal = f"{body.refusal['code']}: {body.refusal['detail']}"
        told["refused"] = Markup('<bdi lang="en">{}</bdi>').format(refusal)
    told["takes_back"] = body.reverses or ""
    for name, value in told.items():
        if value:
            yield language.say("receipt", name), isolated(value)
    for field, opening in found.disclosures.items():
        text = re.sub("\r\n?", "\n", opening.value)  # as pages are read
        yield language.say("receipt", "text", field=field), isolated(text)


def _deed(verb: str, language: Language) -> Markup:
    """Return what was done, in the page's language where we have the words, else in English."""
    if verb in language.texts["did"]:
        return language.say("did", verb)
    known = VERBS[verb].command.__doc__ or verb if verb in VERBS else verb
    return Markup('<bdi lang="en">{}</bdi>').format(known.strip().splitlines()[0])


def _amount(body: Body) -> tuple[int, str] | None:
    """Return the amount (minor units) and currency of the noun that the verb is about, if any."""
    kind = body.verb.partition(".")[0].replace("-", "_")
    for state in body.sets.get(kind, []):
        if "amount_minor" in state and "currency" in state:
            return int(state["amount_minor"]), state["currency"]
    return None


def _about(body: Body) -> list[Markup]:
    """Return the nouns that the record set: what, which, and how it stands since."""
    return [
        Markup('<bdi lang="en">{} {}: {}</bdi>').format(
            kind.replace("_", " "), state["id"], state["status"]
        )
        for kind, states in body.sets.items()
        for state in states
    ]


def _account(told: Any) -> Markup:  # noqa: ANN401  # an Account
    known = CHART.get(told.code[:4])
    name = f"{told.code} {known.name}" if known else told.code
    parts = [part for part in (told.fund, name, told.subject) if part]
    return Markup('<bdi lang="en">{}</bdi>').format(" · ".join(parts))


def _text(text: str) -> Markup:
    """Return a text for an element: quotes stay as they are, which saves much of the page."""
    return Markup(html.escape(text, quote=False))  # noqa: S704  # escaped here


def _qr(text: str) -> Markup:
    """Return a QR code as a drawing within the page."""
    made = io.BytesIO()
    segno.make_qr(text, error="m").save(
        made,
        kind="svg",
        xmldecl=False,
        svgns=False,
        omitsize=True,
        nl=False,
        svgclass=None,
        lineclass=None,
    )
    drawing = made.getvalue().decode().replace("<svg ", '<svg role="img" aria-label="QR" ', 1)
    return Markup(drawing)  # noqa: S704  # made here


def _render(template: str, **facts: Any) -> str:  # noqa: ANN401  # what templates take
    return PAGES.get_template(template).render(**facts)


@cache
def _asset(name: str) -> str:
    assert PAGES.loader is not None  # it has one
    return PAGES.loader.get_source(PAGES, name)[0].strip()


def _source(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
