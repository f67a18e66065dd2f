"""Applications: drafted with partners, submitted, withdrawn, classified, decided on."""

from mfm.app.context import Context
from mfm.app.gates import passed
from mfm.app.known import at_application
from mfm.app.perform import Verb
from mfm.app.policies import Gate
from mfm.core import applications as rules
from mfm.core import classifications, submissions
from mfm.core.applications import (
    Application,
    ConsentApplication,
    DraftApplication,
    ReviseApplication,
)
from mfm.core.calls import Call
from mfm.core.classifications import ClassifyApplication
from mfm.core.errors import Invalid
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.core.permissions import OPERATOR
from mfm.core.record import Draft
from mfm.core.submissions import DecideApplication, SubmitApplication, WithdrawApplication
from mfm.core.terms import Act


async def draft(context: Context, command: DraftApplication) -> Draft:
    """Draft an application to a call."""
    call = await context.get(Call, command.call, "/call")
    context.require((call.fund,), (command.lead,))
    await context.get(Party, command.lead, "/lead")
    await _partners(context, command.partners)
    fund = await context.get(Fund, call.fund)
    made = (await context.new_id(Application, command.id), context.unit.next_seq)
    return rules.draft(context.act(None, fund), command, made, call, fund)


async def _partners(context: Context, names: tuple[str, ...]) -> None:
    await context.unit.load(Party, names)
    for at, name in enumerate(names):
        await context.get(Party, name, f"/partners/{at}")


async def revise(context: Context, command: ReviseApplication) -> Draft:
    """Revise an application that is not submitted."""
    application, act = await _found(context, command.application)
    await _partners(context, command.partners)
    fund = await context.get(Fund, application.fund)
    return rules.revise(act, command, application, fund, context.unit.next_seq)


async def consent(context: Context, command: ConsentApplication) -> Draft:
    """Consent, as a partner, to take part in an application; or decline."""
    application = await context.get(Application, command.application, "/application")
    context.require((application.fund,), (command.partner,))
    if context.actor.role not in ("grantee", OPERATOR):
        detail = f"Only {command.partner} itself may do this, with a key of its own."
        raise Invalid("receiver-only", detail, "/partner")
    act = context.act(None, await context.get(Fund, application.fund))
    return rules.consent(act, command, application)


async def submit(context: Context, command: SubmitApplication) -> Draft:
    """Submit an application."""
    application, act = await _found(context, command.application)
    call = await context.get(Call, application.call)
    draft = submissions.submit(act, application, call)
    told = await at_application(context, application, call, act.on)
    gate = Gate("application", call.fund, act.on, call.funding_window, act.on)
    return await passed(context, gate, f"application:{application.id}", told, draft)


async def withdraw(context: Context, command: WithdrawApplication) -> Draft:
    """Withdraw an application."""
    application, act = await _found(context, command.application)
    return submissions.withdraw(act, application)


async def classify(context: Context, command: ClassifyApplication) -> Draft:
    """Give an application its score in a scheme."""
    application, act = await _found(context, command.application)
    return classifications.classify(act, command, application, (application.fund,))


async def decide(context: Context, command: DecideApplication) -> Draft:
    """Approve or decline an application."""
    application, act = await _found(context, command.application)
    return submissions.decide(act, command, application, context.unit.next_seq)


async def _found(context: Context, application_id: str) -> tuple[Application, Act]:
    """Return an application and who acts, for its fund or its lead."""
    application = await context.get(Application, application_id, "/application")
    context.require((application.fund,), (application.lead,))
    return application, context.act(None, await context.get(Fund, application.fund))


VERBS = (
    Verb("application.draft", DraftApplication, draft, "/applications"),
    *(
        Verb(
            f"application.{step}",
            command,
            run,
            f"/applications/{{application}}/{step}",
            (Application, "application"),
        )
        for step, command, run in (
            ("revise", ReviseApplication, revise),
            ("consent", ConsentApplication, consent),
            ("submit", SubmitApplication, submit),
            ("withdraw", WithdrawApplication, withdraw),
            ("classify", ClassifyApplication, classify),
            ("decide", DecideApplication, decide),
        )
    ),
)
