"""Data-sharing agreements: proposed by one fund, agreed by another, ended by either."""

from mfm.app.context import Context
from mfm.app.perform import Verb
from mfm.core import sharing as rules
from mfm.core.record import Draft
from mfm.core.sharing import AgreeSharing, EndSharing, ProposeSharing, SharingAgreement


async def propose(context: Context, command: ProposeSharing) -> Draft:
    """Propose to another fund to share what each sees of cases of overlap."""
    context.require((command.from_fund,))
    fund = await context.kept(command.from_fund, "/from_fund")
    await context.kept(command.to_fund, "/to_fund")
    made_id = await context.new_id(SharingAgreement, command.id)
    return rules.propose(context.act(None, fund), command, made_id)


async def agree(context: Context, command: AgreeSharing) -> Draft:
    """Agree, for the other fund, to share."""
    made = await context.get(SharingAgreement, command.agreement, "/agreement")
    context.require((made.to_fund,))
    return rules.agree(context.act(None), made)


async def end(context: Context, command: EndSharing) -> Draft:
    """End an agreement to share."""
    made = await context.get(SharingAgreement, command.agreement, "/agreement")
    context.require((made.from_fund, made.to_fund))
    return rules.end(context.act(None), made)


VERBS = (
    Verb("sharing.propose", ProposeSharing, propose, "/sharing-agreements"),
    *(
        Verb(
            f"sharing.{step}",
            command,
            run,
            f"/sharing-agreements/{{agreement}}/{step}",
            (SharingAgreement, "agreement"),
        )
        for step, command, run in (("agree", AgreeSharing, agree), ("end", EndSharing, end))
    ),
)
