"""Status links: made for a grant, and revoked."""

import secrets

from mfm.app.context import Context
from mfm.app.perform import Ask, Verb, with_secret
from mfm.core import links as rules
from mfm.core.commitments import Commitment
from mfm.core.funds import Fund
from mfm.core.keys import digest_of
from mfm.core.links import CreateLink, RevokeLink, StatusLink
from mfm.core.record import Draft


async def _create(context: Context, command: CreateLink, digest: str) -> Draft:
    commitment = await context.get(Commitment, command.commitment, "/commitment")
    context.require(commitment.funds, commitment.parties)
    fund = await context.get(Fund, commitment.funds[0])
    link_id = await context.new_id(StatusLink, command.id)
    return rules.create(context.act(None, fund), link_id, commitment, digest)


async def create(context: Context, command: CreateLink) -> Draft:
    """Make a link to a grant's status page; its token is told once."""
    return await _create(context, command, digest_of(_token()))


async def revoke(context: Context, command: RevokeLink) -> Draft:
    """Revoke a link."""
    link = await context.get(StatusLink, command.link, "/link")
    context.require((link.from_fund,), (link.to_party,))
    fund = await context.get(Fund, link.from_fund)
    return rules.revoke(context.act(None, fund), link)


def issue(ask: Ask) -> tuple[Ask, str]:
    """Return a `link.create` with a fresh token, and the token, which is nowhere else."""
    return with_secret(ask, _token(), _create)


def _token() -> str:
    """Return 256 random bits as 43 letters that stand in an address as they are."""
    return secrets.token_urlsafe(32)


VERBS = (
    Verb("link.create", CreateLink, create, "/links", issue=issue),
    Verb("link.revoke", RevokeLink, revoke, "/links/{link}/revoke", (StatusLink, "link")),
)
