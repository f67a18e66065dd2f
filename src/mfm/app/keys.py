"""API keys: made, revoked, and looked up."""

import secrets
from datetime import timedelta

from mfm.app.context import Context
from mfm.app.perform import Ask, Verb, with_secret
from mfm.core import keys as rules
from mfm.core.funds import Fund
from mfm.core.keys import PREFIX, ApiKey, CreateKey, RevokeKey, digest_of
from mfm.core.parties import Party
from mfm.core.permissions import Actor
from mfm.core.record import Draft
from mfm.store.unit import Unit


def new_secret() -> str:
    """Return a fresh key: 256 random bits behind a prefix that leak scanners can search for."""
    return PREFIX + secrets.token_urlsafe(32)


async def _create(context: Context, command: CreateKey, digest: str) -> Draft:
    context.require()
    await context.get(Party, command.party, "/party")
    if command.fund is not None:
        await context.get(Fund, command.fund, "/fund")
    key_id = await context.new_id(ApiKey, command.id)
    expires_at = context.now + timedelta(days=command.days)
    return rules.create(context.act(None), command, key_id, digest, expires_at)


async def create(context: Context, command: CreateKey) -> Draft:
    """Make a key whose secret nobody learns; `issue` makes one that somebody does."""
    return await _create(context, command, digest_of(new_secret()))


async def revoke(context: Context, command: RevokeKey) -> Draft:
    """Revoke a key."""
    context.require()
    return rules.revoke(context.act(None), await context.get(ApiKey, command.key, "/key"))


def issue(ask: Ask) -> tuple[Ask, str]:
    """Return a `key.create` that makes a fresh secret's key, and the secret."""
    return with_secret(ask, new_secret(), _create)


async def actor_of(unit: Unit, secret: str) -> Actor:
    """Return who a key speaks for.

    Raises:
        Invalid: `key-unknown` when it is unknown, expired or revoked.
    """
    found = await unit.find_by(ApiKey, "digest", digest_of(secret))
    return rules.speaker(found, unit.now)


VERBS = (
    Verb("key.create", CreateKey, create, "/keys", issue=issue),
    Verb("key.revoke", RevokeKey, revoke, "/keys/{key}/revoke", (ApiKey, "key")),
)
