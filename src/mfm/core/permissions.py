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


OVERSEERS = ("auditor", "administrator")
"""Roles that see the whole mechanism."""
# Words of the table that stand for several roles.
_TOGETHER: dict[str, tuple[str, ...]] = {
    "staff": ("preparer", "approver", "payer", "board"),
    "overseers": OVERSEERS,
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
party.set-risk          preparer:any administrator:any
party.attest            preparer:any approver:any auditor:any administrator:any
attestation.withdraw    approver:any auditor:any administrator:any
fund.open               administrator:any
fund.set-standards      board:fund administrator:any
fund.set-period         administrator:any
fund.set-disbursing     administrator:any
rate.record             preparer:any administrator:any
period.close            approver:fund
account.open            approver:fund administrator:any
fund.open-balances      approver:fund
fund.convert            payer:fund
fund.revalue            approver:fund
pledge.announce         preparer:fund donor:own
pledge.lapse            preparer:fund
commitment.sign         approver:fund
commitment.deobligate   approver:fund
commitment.amend        approver:fund
commitment.extend       approver:fund
commitment.suspend      approver:fund
commitment.resume       approver:fund
commitment.terminate    approver:fund
commitment.classify     preparer:fund approver:fund
condition.add           preparer:fund approver:fund donor:own
condition.accept        approver:fund grantee:own
condition.meet          approver:fund
condition.waive         approver:fund board:fund donor:own
condition.assess        approver:fund board:fund
condition.contest       approver:fund grantee:own
condition.answer        approver:fund board:fund donor:own
commitment.meet-conditions approver:fund
commitment.recognise    approver:fund
commitment.reduce       approver:fund
deposit.receive         preparer:fund
deposit.charge-fee      preparer:fund
donor-refund.decide     approver:fund
donor-refund.pay        payer:fund
unidentified-receipt.record preparer:fund
unidentified-receipt.identify preparer:fund
unidentified-receipt.return payer:fund
interest.earn           preparer:fund
cost.pay                payer:fund
in-kind.record          approver:fund
allocation.approve      board:fund
allocation.return       board:fund
allocation.classify     preparer:fund approver:fund
board.set               administrator:any
board.seat              administrator:any
board.vacate            administrator:any
policy.draft            preparer:fund approver:fund
policy.test             preparer:fund approver:fund
policy.simulate         preparer:fund approver:fund board:fund
policy.approve          board:fund
policy.activate         approver:fund administrator:any
policy.adopt            administrator:any
motion.propose          preparer:fund board:fund
motion.close            preparer:fund board:fund
vote.cast               board:fund
conflict.declare        board:fund
contest.open            donor:own grantee:own
contest.withdraw        approver:fund donor:own grantee:own
contest.assign          approver:fund board:fund
contest.answer          approver:fund board:fund
waiver.sign             approver:fund board:fund
waiver.revoke           approver:fund board:fund
call.draft              preparer:fund
call.revise             preparer:fund
call.consult            preparer:fund
call.publish            approver:fund
call.close              approver:fund
call.cancel             approver:fund
comment.make            all:any
comment.answer          preparer:fund approver:fund
application.draft       preparer:fund grantee:own
application.revise      preparer:fund grantee:own
application.consent     grantee:own
application.submit      preparer:fund grantee:own
application.withdraw    preparer:fund grantee:own
application.classify    preparer:fund approver:fund
application.decide      approver:fund board:fund
application.check       preparer:fund approver:fund board:fund grantee:own
overlap.open            administrator:any
overlap.explain         preparer:fund grantee:own
overlap.decide          preparer:fund approver:fund board:fund
overlap.reopen          approver:fund board:fund
sharing.propose         approver:fund
sharing.agree           approver:fund
sharing.end             approver:fund
decision.simulate       staff:fund overseers:any
decision.preview        preparer:fund approver:fund board:fund grantee:own
disbursement.request    preparer:fund grantee:own
disbursement.resubmit   preparer:fund grantee:own
disbursement.review     preparer:fund
disbursement.return     preparer:fund approver:fund payer:fund
disbursement.reject     approver:fund
disbursement.cancel     preparer:fund approver:fund grantee:own
disbursement.approve    approver:fund
disbursement.instruct   payer:fund
disbursement.settle     payer:fund
disbursement.release    payer:fund
disbursement.bounce     payer:fund
disbursement.confirm    preparer:fund grantee:own
disbursement.resolve    approver:fund
report.submit           preparer:fund grantee:own
report.question         preparer:fund approver:fund
report.answer           preparer:fund grantee:own
report.decide           approver:fund
report.accept           approver:fund
write-off.propose       preparer:fund
write-off.approve       approver:fund
write-off.reject        approver:fund
refund.claim            approver:fund
refund.receive          payer:fund
entry.post              preparer:fund
record.reverse          approver:fund
payload.erase           administrator:any
trail.rotate-key        administrator:any
trail.note-heads        administrator:any
key.create              administrator:any
key.revoke              administrator:any
link.create             preparer:fund approver:fund grantee:own
link.revoke             preparer:fund approver:fund grantee:own administrator:any
bank.import             preparer:fund
bank.match              preparer:fund
bank.unmatch            preparer:fund
import.iati             preparer:any administrator:any
party.read              all:any
fund.read               all:any
rate.read               all:any
period.read             staff:fund overseers:any
chart_account.read      all:any
opening_balance.read    staff:fund overseers:any
conversion.read         staff:fund overseers:any
foreign_payment.read    staff:fund overseers:any
revaluation.read        staff:fund overseers:any
pledge.read             staff:fund overseers:any donor:own
commitment.read         staff:fund overseers:any donor:own grantee:own
condition.read          staff:fund overseers:any donor:own grantee:own
deposit.read            staff:fund overseers:any donor:own
donor_refund.read       staff:fund overseers:any donor:own
unidentified_receipt.read staff:fund overseers:any
interest.read           staff:fund overseers:any
cost.read               staff:fund overseers:any
in_kind.read            staff:fund overseers:any donor:own
allocation.read         staff:fund overseers:any donor:own
chain.read              staff:fund overseers:any donor:own grantee:own
donor.read              staff:fund overseers:any donor:own
read.read               auditor:any
board.read              all:any
seat.read               all:any
motion.read             all:any
attestation.read        staff:any overseers:any grantee:own
standards.read          all:any
policy.read             all:any
decision.read           staff:fund overseers:any donor:own grantee:own
contest.read            staff:fund overseers:any donor:own grantee:own
waiver.read             staff:fund overseers:any
call.read               all:any
competition.read        all:any
comment.read            all:any
application.read        staff:fund overseers:any grantee:own
disbursement.read       staff:fund overseers:any grantee:own
report.read             staff:fund overseers:any grantee:own
write_off.read          staff:fund overseers:any
refund.read             staff:fund overseers:any grantee:own
bank_statement.read     staff:fund overseers:any
record.read             staff:fund overseers:any
receipt.read            staff:fund overseers:any donor:own grantee:own
statement.read          staff:fund overseers:any donor:any
export.iati             staff:fund overseers:any donor:any
export.hledger          staff:fund overseers:any
overlap.read            overseers:any
overlap_case.read       staff:fund overseers:any grantee:own
overlap.count           staff:any overseers:any donor:any
sharing_agreement.read  staff:fund overseers:any
overlap_answer.read     overseers:any
totals.read             staff:any overseers:any donor:any
key.read                overseers:any
status_link.read        staff:fund overseers:any grantee:own
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


def oversees(actor: Actor) -> bool:
    """Tell whether an actor oversees the whole mechanism: by its role, and bound to no fund."""
    return actor.role in (*OVERSEERS, OPERATOR) and not actor.fund


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
