"""What is known at a gate: the nouns at hand, and one read of what stands around them."""

from datetime import date

from mfm.app.context import Context
from mfm.core.applications import Application
from mfm.core.calls import Call
from mfm.core.circumstances import Circumstances
from mfm.core.funds import Fund
from mfm.core.parties import Party
from mfm.store import facts

_STANDING = ("submitted", "approved", "awarded")
"""Statuses of applications that count against how many a lead may have."""


async def at_application(
    context: Context, application: Application, call: Call, on: date
) -> Circumstances:
    """Return what is known of an application as if it were submitted."""
    fund = await context.get(Fund, call.fund)
    lead = await context.get(Party, application.lead)
    around = await facts.around(context.unit, lead.id, call, on)
    known = Circumstances(fund, around.standards)
    known.organisation(lead, around, on)
    leads = around.leads + (application.status not in _STANDING)
    known.put("the journal", {"organisation.lead_applications": leads})
    known.window(call)
    known.application(application, call)
    return known
