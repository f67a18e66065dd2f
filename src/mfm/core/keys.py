"""API keys: who may speak for a party in a role. The key itself is never stored, only its hash."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated

from msgspec import Meta, structs

from mfm.core.errors import Invalid, Refused
from mfm.core.permissions import Actor, Role
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id

PREFIX = "mfm_"
"""Every key begins with this, so that leaked ones can be searched for."""


class ApiKey(Noun, frozen=True, kw_only=True):
    """A key, without the secret.

    Attributes:
        party: for whom it speaks.
        role: in which role.
        fund: the fund it is bound to, or "".
        digest: SHA-256 of the key, hex. Keys are 256 random bits, so a plain hash is enough.
        expires_at: RFC 3339 instant after which it is no longer accepted.
    """

    party: str
    role: str
    fund: str = ""
    digest: str
    expires_at: datetime

    @property
    def actor(self) -> Actor:
        """The actor this key makes."""
        return Actor(self.party, self.role, self.id, self.fund)


class CreateKey(Command, frozen=True, kw_only=True):
    """Make a key for a party in a role, perhaps for one fund only."""

    id: Id | None = None
    party: Id
    role: Role
    fund: Id | None = None
    days: Annotated[int, Meta(ge=1, le=3_660, description="until it expires")] = 365


class RevokeKey(Command, frozen=True, kw_only=True):
    """Revoke a key, for good."""

    key: Id


def speaker(key: ApiKey | None, now: datetime) -> Actor:
    """Return who a key speaks for, if it is in force.

    Raises:
        Invalid: `key-unknown` when it is unknown, expired or revoked.
    """
    if key is None or key.status != "active" or key.expires_at <= now:
        raise Invalid("key-unknown", "This API key is unknown, expired or revoked.")
    return key.actor


def digest_of(secret: str) -> str:
    """Return the hash under which a key is looked up."""
    return sha256(secret.encode()).hexdigest()


def create(act: Act, command: CreateKey, key_id: str, digest: str, expires_at: datetime) -> Draft:
    """Record a new key."""
    made = ApiKey(
        id=key_id,
        status="active",
        party=command.party,
        role=command.role,
        fund=command.fund or "",
        digest=digest,
        expires_at=expires_at,
    )
    return Draft(effective_on=act.on, sets=(made,))


def revoke(act: Act, key: ApiKey) -> Draft:
    """Record a revocation.

    Raises:
        Refused: `key-revoked` when it is revoked already.
    """
    if key.status != "active":
        raise Refused("key-revoked", f"Key {key.id} is {key.status} already.")
    return Draft(effective_on=act.on, sets=(structs.replace(key, status="revoked"),))
