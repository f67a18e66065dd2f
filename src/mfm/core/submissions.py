"""Submissions: an application handed in, withdrawn, decided on, and turned into a grant.

Whether it is eligible is for the fund's policies; what is held here is that it is whole, in time
and agreed on, and that nobody decides on an application of their own.
"""

from typing import Literal

from msgspec import structs

from mfm.core.applications import Application, must_be, step
from mfm.core.calls import Call, must_take_submissions
from mfm.core.commitments import Commitment
from mfm.core.errors import Invalid, Refused
from mfm.core.money import decimal_text
from mfm.core.record import Draft
from mfm.core.terms import Act, Command, Id, Text, Why

Outcome = Literal["approved", "declined"]


class SubmitApplication(Command, frozen=True, kw_only=True):
    """Submit an application; from now on it stands as it is."""

    application: Id


class WithdrawApplication(Command, frozen=True, kw_only=True):
    """Withdraw an application that is not decided."""

    application: Id
    reason: Text = ""


class DecideApplication(Command, frozen=True, kw_only=True):
    """Approve or decline an application, for a reason."""

    application: Id
    outcome: Outcome
    reason: Why


def lacking(application: Application) -> list[tuple[str, str]]:
    """Return what a draft still lacks before it can be submitted, as (code, sentence)."""
    found = []
    budget_minor = sum(line.amount_minor for line in application.budget)
    if budget_minor != application.amount_minor:
        budget = decimal_text(budget_minor, application.currency)
        asked = decimal_text(application.amount_minor, application.currency)
        detail = f"The budget comes to {budget} {application.currency}; {asked} is asked for."
        found.append(("budget-differs", detail))
    if application.starts_on is None or application.ends_on is None:
        found.append(("dates-missing", "It says on which day it starts and on which it ends."))
    found += [
        ("consent-missing", f"Partner {each.party} has not consented.")
        for each in application.partners
        if each.consent != "given"
    ]
    return found


def submit(act: Act, application: Application, call: Call) -> Draft:
    """Record that an application is submitted.

    Raises:
        Refused: `application-state`, `call-state`, `call-closed`; `budget-differs`,
            `dates-missing` and `consent-missing`, with all that is missing in the detail.
    """
    must_be(application, "draft")
    must_take_submissions(call, act.on)
    missing = lacking(application)
    if missing:
        detail = " ".join(sentence for _, sentence in missing)
        raise Refused(missing[0][0], detail, "/application")
    submitted = structs.replace(
        application, status="submitted", submitted_by=act.actor.key, submitted_on=act.on
    )
    return step(act, submitted)


def withdraw(act: Act, application: Application) -> Draft:
    """Record that an application is withdrawn.

    Raises:
        Refused: `application-state`.
    """
    must_be(application, "draft", "submitted")
    return step(act, structs.replace(application, status="withdrawn"))


def decide(act: Act, command: DecideApplication, application: Application, seq: int) -> Draft:
    """Record the decision on an application, in the record `seq`.

    Raises:
        Refused: `application-state`, `four-eyes` for who submitted it, `conflict-of-interest` for
            its lead and partners.
    """
    must_be(application, "submitted")
    if act.actor.key == application.submitted_by:
        detail = "This step is not for who submitted it: use another key."
        raise Refused("four-eyes", detail)
    if act.actor.party in application.parties:
        detail = f"{act.actor.party} does not decide on an application of its own."
        raise Refused("conflict-of-interest", detail, "/application")
    decided = structs.replace(
        application,
        status=command.outcome,
        decided_by=act.actor.key,
        decided_on=act.on,
        decided_in=seq,
    )
    return step(act, decided)


def award(application: Application, made: Commitment) -> Application:
    """Return an application that became a grant.

    Raises:
        Invalid: `application-other` unless it is a grant of the same fund to its lead.
        Refused: `application-state`, `application-exceeded`.
    """
    if (made.kind, made.from_fund, made.to_party) != ("grant", application.fund, application.lead):
        detail = (
            f"Application {application.id} is of {application.lead} to fund {application.fund};"
            " this is no grant of that fund to it."
        )
        raise Invalid("application-other", detail, "/application")
    must_be(application, "approved")
    if made.amount_minor > application.amount_minor:
        asked = decimal_text(application.amount_minor, application.currency)
        detail = f"Application {application.id} asks for {asked} {application.currency}."
        raise Refused("application-exceeded", detail, "/amount")
    return structs.replace(application, status="awarded", commitment=made.id)
