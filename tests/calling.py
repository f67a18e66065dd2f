"""What tests of calls and applications share: a published call, and a whole application to it."""

from datetime import timedelta
from typing import Any

from mfm.app.context import utc_now
from mfm.core.applications import Application, BudgetLine, Partner
from mfm.core.calls import Call
from mfm.core.permissions import Actor
from mfm.core.record import Noun
from mfm.store.journal import Made
from tests.support import Books, operator, permit, usd

TODAY = utc_now().date()
FAR = TODAY + timedelta(days=400)
CALL: dict[str, Any] = {
    "id": "k",
    "fund": "n",
    "title": "Small grants for prevention",
    "places": ["KE", "UG"],
    "themes": ["15170"],
    "types": ["women-rights", "women-led"],
    "levels": ["grassroots", "local"],
    "opens_on": str(TODAY - timedelta(days=2)),
    "closes_on": str(FAR),
    "minimum": usd("100.00"),
    "ceiling": usd("5000.00"),
    "budget": usd("50000.00"),
    "applications_maximum": 2,
    "gewe_percent": 30,
    "marker_floor": "significant",
    "sections": ["summary", "gender_equality_analysis"],
    "text": "What we look for.",
}
APPLICATION: dict[str, Any] = {
    "call": "k",
    "lead": "group",
    "title": "Peace committees",
    "amount": usd("1000.00"),
    "budget": [
        {"category": "staff", "amount": usd("600.00"), "gewe_percent": 100},
        {"category": "travel", "amount": usd("350.00")},
        {"category": "indirect", "amount": usd("50.00")},
    ],
    "places": ["KE-30"],
    "themes": ["15170"],
    "lines": ["1.2"],
    "pillars": ["prevention"],
    "phase": "implementation",
    "track": "dedicated",
    "starts_on": str(TODAY),
    "ends_on": str(FAR),
    "marker": {"scheme": "oecd-dac", "score": "2"},
    "summary": "What we mean to do.",
    "gender_equality_analysis": "Who is affected, and how.",
    "marker_justification": "It is for nothing else.",
}


def grantee(party: str = "group", key: str = "") -> Actor:
    """Return a grantee's own key."""
    return Actor(party, "grantee", key or f"key of {party}")


async def accepted(
    books: Books,
    verb: str,
    who: Actor | None = None,
    **fields: Any,  # noqa: ANN401  # any verb's fields
) -> Made:
    """Perform a verb that the rules must accept."""
    made = await books.do(verb, who or operator(), **fields)
    assert made.accepted, made.content
    return made


async def called(books: Books, **more: Any) -> None:  # noqa: ANN401  # any field of a call
    """Draft and publish the call, under its id or another."""
    told = {**CALL, **more}
    await permit(books.writer, operator())
    await accepted(books, "call.draft", operator("writer"), **told)
    await accepted(books, "call.publish", operator("publisher"), call=told["id"])


async def applied(books: Books, name: str = "ap", **more: Any) -> None:  # noqa: ANN401  # any field
    """Draft and submit an application of the group's."""
    await accepted(books, "application.draft", grantee(), id=name, **{**APPLICATION, **more})
    await accepted(books, "application.submit", grantee(), application=name)


Change = dict[str, Any]
"""Fields of a noun, as no rule would set them."""
FORGED: list[tuple[str, type[Noun], Change]] = [
    ("backwards dates", Call, {"closes_on": TODAY - timedelta(days=9)}),
    ("minimum above the ceiling", Call, {"minimum_minor": 10**9}),
    ("published by who wrote it", Call, {"published_by": "writer"}),
    ("beside a later record", Call, {"written_in": 10**6}),
    ("a budget that is not the ask", Application, {"amount_minor": 99_999}),
    ("no dates", Application, {"starts_on": None}),
    ("a partner who did not consent", Application, {"partners": (Partner("donor"),)}),
    ("the lead as its partner", Application, {"partners": (Partner("group", "given", "k"),)}),
    (
        "a stranger's budget",
        Application,
        {"budget": (BudgetLine("agent", "staff", 100_000),)},
    ),
    ("after the last day", Application, {"submitted_on": FAR + timedelta(days=1)}),
    ("before the first day", Application, {"submitted_on": TODAY - timedelta(days=9)}),
    ("decided by who submitted it", Application, {"status": "approved", "decided_on": TODAY}),
    ("awarded to nobody", Application, {"status": "awarded"}),
]
"""What neither the database nor the fold of the records may let stand: (what, kind, change)."""
