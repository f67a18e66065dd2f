"""Status links: an address that shows one grant to whoever holds it, until it is revoked."""

from msgspec import structs

from mfm.core.commitments import Commitment
from mfm.core.errors import Invalid, Refused
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id


class StatusLink(Noun, frozen=True, kw_only=True):
    """A link, without its token.

    Attributes:
        commitment: the grant that it shows.
        from_fund: the fund that pays it.
        to_party: the grantee.
        digest: SHA-256 of the token, hex. Tokens are 256 random bits, so a plain hash is enough.
    """

    commitment: str
    from_fund: str
    to_party: str
    digest: str


class CreateLink(Command, frozen=True, kw_only=True):
    """Make a link to a grant's status page; its token is told once."""

    id: Id | None = None
    commitment: Id


class RevokeLink(Command, frozen=True, kw_only=True):
    """Revoke a link, for good."""

    link: Id


def create(act: Act, link_id: str, commitment: Commitment, digest: str) -> Draft:
    """Record a new link.

    Raises:
        Invalid: `commitment-kind` where the commitment is not a grant.
    """
    if commitment.kind != "grant":
        detail = f"Commitment {commitment.id} is a {commitment.kind}; status pages are of grants."
        raise Invalid("commitment-kind", detail, "/commitment")
    link = StatusLink(
        id=link_id,
        status="active",
        commitment=commitment.id,
        from_fund=commitment.from_fund,
        to_party=commitment.to_party,
        digest=digest,
    )
    return Draft(effective_on=act.on, sets=(link,), funds=(link.from_fund,))


def revoke(act: Act, link: StatusLink) -> Draft:
    """Record a revocation.

    Raises:
        Refused: `link-revoked` when it is revoked already.
    """
    if link.status != "active":
        raise Refused("link-revoked", f"Link {link.id} is {link.status} already.", "/link")
    revoked = structs.replace(link, status="revoked")
    return Draft(effective_on=act.on, sets=(revoked,), funds=(link.from_fund,))
