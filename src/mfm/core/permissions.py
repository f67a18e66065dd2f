"""Who may do what, where: one table of role x action x scope."""

from typing import Literal, get_args

from msgspec import Struct

from mfm.core.errors import Invalid

Role = Literal[
    "preparer", "approver", "payer", "board", "donor", "grantee", "auditor", "administrator"
]
"""Roles a key can have. The first three are the secretariat, kept apart for four eyes."""

Scope = Literal["any", "fund", "own"]
"""any: the whole mechanism; fund: the key's fund (any, for a key without one); own: its party."""

ROLES: tuple[str, ...] = get_args(Role)
OPERATOR = "operator"
"""The role of a terminal on the server itself: it may do anything, and every record says so."""


class Actor(Struct, frozen=True):
    """Who asks.

    Attributes:
        party: the organisation, by id; the mechanism's own name for the operator.
        role: one of ROLES, or OPERATOR.
        key: the id of the key used: two actors are the same person when their keys are.
        fund: the fund the key is bound to, or "".
    """

    party: str
    role: str
    key: str
    fund: str = ""

    def told(self) -> dict[str, str]:
        """Return the actor as records carry it."""
        return {"key": self.key, "party": self.party, "role": self.role}


# Words of the table that stand for several roles.
_TOGETHER: dict[str, tuple[str, ...]] = {
    "staff": ("preparer", "approver", "payer", "board"),
    "overseers": ("auditor", "administrator"),
    "all": ROLES,
}


def _rules(text: str) -> dict[str, dict[str, Scope]]:
    table: dict[str, dict[str, Scope]] = {}
    for line in text.strip().splitlines():
        action, *grants = line.split()
        scopes = table[action] = {}
        for grant in grants:
            role, _, scope = grant.partition(":")
            for each in _TOGETHER.get(role, (role,)):
                scopes[each] = scope  # type: ignore[assignment]  # a test reads the whole table
    return table


TABLE: dict[str, dict[str, Scope]] = _rules("""
party.register          preparer:any administrator:any
fund.open               administrator:any
fund.set-period         administrator:any
pledge.announce         preparer:fund donor:own
pledge.lapse            preparer:fund
commitment.sign         approver:fund
commitment.deobligate   approver:fund
deposit.receive         preparer:fund
deposit.charge-fee      preparer:fund
allocation.approve      board:fund
allocation.return       board:fund
disbursement.request    preparer:fund grantee:own
disbursement.approve    approver:fund
disbursement.release    payer:fund
disbursement.confirm    preparer:fund grantee:own
report.accept           approver:fund
refund.claim            approver:fund
refund.receive          payer:fund
entry.post              preparer:fund
record.reverse          approver:fund
key.create              administrator:any
key.revoke              administrator:any
import.iati             preparer:any administrator:any
party.read              all:any
fund.read               all:any
pledge.read             staff:fund overseers:any donor:own
commitment.read         staff:fund overseers:any donor:own grantee:own
deposit.read            staff:fund overseers:any donor:own
allocation.read         staff:fund overseers:any
disbursement.read       staff:fund overseers:any grantee:own
report.read             staff:fund overseers:any grantee:own
refund.read             staff:fund overseers:any grantee:own
record.read             staff:fund overseers:any
statement.read          staff:fund overseers:any donor:any
totals.read             staff:any overseers:any donor:any
key.read                overseers:any
database.read           auditor:any
""")
"""action -> role -> how far it reaches."""


def scope_of(actor: Actor, action: str) -> Scope:
    """Return how far the actor's role reaches for an action.

    Raises:
        Invalid: `role-not-allowed`, naming the roles that may.
    """
    if actor.role == OPERATOR:
        return "any"
    grants = TABLE[action]
    scope = grants.get(actor.role)
    if scope is None:
        allowed = ", ".join(sorted(grants))
        detail = f"{action} is for {allowed}; this key has the role {actor.role}."
        raise Invalid("role-not-allowed", detail)
    return scope


def require(
    actor: Actor, action: str, funds: tuple[str, ...] = (), parties: tuple[str, ...] = ()
) -> None:
    """Let the actor do `action` where it touches one of `funds` or is one of `parties`.

    Raises:
        Invalid: `role-not-allowed`, `fund-not-allowed`, `party-not-allowed`.
    """
    scope = scope_of(actor, action)
    if scope == "own":
        if actor.party not in parties:
            raise Invalid("party-not-allowed", f"{action} is not open to {actor.party} here.")
    elif scope == "fund" and actor.fund and actor.fund not in funds:
        detail = (
            f"This key is for fund {actor.fund}; this concerns {', '.join(funds) or 'another'}."
        )
        raise Invalid("fund-not-allowed", detail)
