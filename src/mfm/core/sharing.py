"""Data-sharing agreements: two funds let each other's secretariats see their sides of cases.

Without one, another fund's secretariat learns of a case that it exists, and fund, period, place,
theme, stage and contact of the other side.
"""

from datetime import date

from msgspec import structs

from mfm.core.errors import Invalid, Refused
from mfm.core.record import Draft, Noun
from mfm.core.terms import Act, Command, Id, Text, Why


class SharingAgreement(Noun, frozen=True, kw_only=True):
    """An agreement between two funds: proposed, in force, ended.

    Attributes:
        from_fund: whose secretariat proposed it.
        to_fund: whose secretariat agreed.
        valid_from: the first day.
        valid_until: the last one, or None.
        proposed_by: the key that proposed it.
        agreed_by: the other fund's key, or "" until it agreed.
        ended_by: the key that ended it, or "".
    """

    from_fund: str
    to_fund: str
    valid_from: date
    valid_until: date | None = None
    proposed_by: str
    agreed_by: str = ""
    ended_by: str = ""

    def covers(self, fund: str, other: str, on: date) -> bool:
        """Tell whether two funds share on a day."""
        return (
            self.status == "in-force"
            and {self.from_fund, self.to_fund} == {fund, other}
            and self.valid_from <= on
            and (self.valid_until is None or on <= self.valid_until)
        )


class ProposeSharing(Command, frozen=True, kw_only=True):
    """Propose to another fund to share what each sees of cases of overlap."""

    id: Id | None = None
    from_fund: Id
    to_fund: Id
    valid_from: date
    valid_until: date | None = None
    terms: Text = ""


class AgreeSharing(Command, frozen=True, kw_only=True):
    """Agree, for the other fund, to what was proposed."""

    agreement: Id


class EndSharing(Command, frozen=True, kw_only=True):
    """End an agreement, for a reason; either fund may."""

    agreement: Id
    reason: Why


def propose(act: Act, command: ProposeSharing, agreement_id: str) -> Draft:
    """Record a proposal.

    Raises:
        Invalid: `sharing-funds`, `dates-backwards`.
    """
    if command.from_fund == command.to_fund:
        raise Invalid("sharing-funds", "A fund shares with another fund.", "/to_fund")
    if command.valid_until is not None and command.valid_until < command.valid_from:
        detail = f"{command.valid_until} is before {command.valid_from}."
        raise Invalid("dates-backwards", detail, "/valid_until")
    made = SharingAgreement(
        id=agreement_id,
        status="proposed",
        from_fund=command.from_fund,
        to_fund=command.to_fund,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        proposed_by=act.actor.key,
    )
    return _set(act, made)


def agree(act: Act, made: SharingAgreement) -> Draft:
    """Record that the other fund agrees.

    Raises:
        Refused: `sharing-state`, `four-eyes`.
    """
    _must_be(made, "proposed")
    if act.actor.key == made.proposed_by:
        raise Refused("four-eyes", "Who proposed this does not agree for the other fund.")
    return _set(act, structs.replace(made, status="in-force", agreed_by=act.actor.key))


def end(act: Act, made: SharingAgreement) -> Draft:
    """Record that an agreement is over.

    Raises:
        Refused: `sharing-state`.
    """
    _must_be(made, "proposed", "in-force")
    return _set(act, structs.replace(made, status="ended", ended_by=act.actor.key))


def _set(act: Act, made: SharingAgreement) -> Draft:
    return Draft(effective_on=act.on, sets=(made,), funds=(made.from_fund, made.to_fund))


def _must_be(made: SharingAgreement, *states: str) -> None:
    if made.status not in states:
        detail = f"Agreement {made.id} is {made.status}; it must be {' or '.join(states)}."
        raise Refused("sharing-state", detail, "/agreement")
