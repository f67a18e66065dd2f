"""Links to status pages: made once, known by their hash alone, and revoked for good."""

import pytest
from msgspec import convert

from mfm.app.links import issue
from mfm.app.perform import Ask, perform, refusal_of
from mfm.app.registry import VERBS
from mfm.app.verify import verify_database
from mfm.core.errors import Invalid
from mfm.core.keys import digest_of
from mfm.core.permissions import Actor
from mfm.core.record import parse
from mfm.store.journal import Made
from tests.support import Books, operator

pytestmark = pytest.mark.anyio


async def made(books: Books, key: str, actor: Actor | None = None) -> tuple[Made, str]:
    """Make a link to the worked example's grant; return its record and its token."""
    command = convert({"commitment": "w"}, VERBS["link.create"].command)
    asked, token = issue(Ask(actor or operator(), VERBS["link.create"], command, key))
    return await books.writer.run(lambda unit: perform(unit, asked)), token


async def test_a_token_is_nowhere_but_with_its_holder(books: Books) -> None:
    await books.chain()
    one, token = await made(books, "one")
    two, other = await made(books, "two")
    assert one.accepted
    assert two.accepted
    assert token != other
    assert len(token) == 43  # 256 bits
    assert token.encode() not in one.content
    (link,) = parse(one.content)[1].sets["status_link"]
    assert link["digest"] == digest_of(token)
    again, unknown = await made(books, "one")
    assert again.replayed
    assert unknown != token  # it is not told again


async def test_links_are_of_grants_by_their_fund_or_their_grantee(books: Books) -> None:
    await books.chain()
    for commitment in ("c", "t"):
        with pytest.raises(Invalid, match="commitment-kind"):
            await books.do("link.create", commitment=commitment)
    with pytest.raises(Invalid, match="not-found"):
        await books.do("link.create", commitment="none")
    with pytest.raises(Invalid, match="party-not-allowed"):
        await books.do("link.create", Actor("donor", "grantee", "k"), commitment="w")
    with pytest.raises(Invalid, match="fund-not-allowed"):
        await books.do("link.create", Actor("agent", "preparer", "k", "g"), commitment="w")
    with pytest.raises(Invalid, match="role-not-allowed"):
        await books.do("link.create", Actor("donor", "donor", "k"), commitment="w")
    group = Actor("group", "grantee", "k")
    assert (await books.do("link.create", group, id="l", commitment="w")).accepted
    assert (await books.do("link.revoke", group, link="l")).accepted


async def test_a_revoked_link_stays_revoked(books: Books) -> None:
    await books.chain()
    link = await books.do("link.create", id="l", commitment="w")
    ended = await books.do("link.revoke", link="l")
    assert ended.accepted
    refused = await books.do("link.revoke", link="l")
    assert refusal_of(refused)[0] == "link-revoked"
    for record in (link, ended):
        back = await books.do("record.reverse", record=record.seq)
        assert refusal_of(back)[0] == "record-final"
    found = await verify_database(books.url, books.mechanism, operator(), lambda *_: None)
    assert found.difference is None
