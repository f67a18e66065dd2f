"""What tests of cases of overlap share: two parties that may be one, and a case of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from mfm.core.overlap_cases import OverlapAnswer, OverlapCase, Side
from mfm.core.permissions import Actor
from mfm.core.record import Noun, parse
from mfm.core.sharing import SharingAgreement
from tests.calling import TODAY, accepted, applied, called, grantee
from tests.support import Books, operator

FOUND: dict[str, Any] = {
    "detector": "same-organisation",
    "first": "group",
    "second": "twin",
    "score": 900,
    "band": "strong",
    "reasons": "for: both say group\nfor: same country: KE\nagainst: city: Goma and Bukavu",
    "suggestions": ["same", "affiliate", "different"],
}
OVERLAP = (
    Path(__file__).parents[1] / "policies" / "shared" / "spending" / "overlap.toml"
).read_bytes()
"""The shipped policy that asks for confirmed cases."""
HELD = "shared.spending.overlap@1/no-confirmed-overlap"
OUTCOME = {"outcome": "confirmed", "reason": "Both papers name one board."}


def staff(key: str, fund: str = "", role: str = "approver", party: str = "agent") -> Actor:
    """Return somebody of a secretariat."""
    return Actor(party, role, key, fund)


async def begin(books: Books) -> None:
    """Play the chain, a call and an application, and register a twin of the group's."""
    await books.chain()
    await called(books)
    await applied(books)
    await accepted(books, "party.register", id="twin", name="Womens group asbl")


async def opened(books: Books, **more: object) -> str:
    """Open a case; return its id."""
    made = await accepted(books, "overlap.open", operator(), **{**FOUND, **more})
    return str(parse(made.content)[1].sets["overlap_case"][0]["id"])


async def heard(books: Books, case: str, *parties: str) -> None:
    """Let parties answer a case."""
    for party in parties:
        text = {"overlap": case, "text": f"{party} ndio kundi moja."}
        await accepted(books, "overlap.explain", grantee(party), **text)


async def decided(books: Books, case: str, **more: object) -> None:
    """Have two people decide a case."""
    for key in ("one", "two"):
        told = {"overlap": case, **OUTCOME, **more}
        await accepted(books, "overlap.decide", staff(key), **told)


async def confirmed(books: Books, case: str, *parties: str) -> None:
    """Let those whom a case concerns answer, and have two people confirm it."""
    await heard(books, case, *parties)
    await decided(books, case)


async def lifted(books: Books, subject: str) -> None:
    """Have the board lift the hold of a confirmed case from a signature."""
    told = {"fund": "n", "gate": "signature", "subject": subject, "rules": [HELD]}
    more = {"valid_until": str(TODAY), "reason": "Half of it each."}
    await accepted(books, "waiver.sign", staff("chair", role="board"), **told, **more)


async def shared(books: Books) -> None:
    """Propose an agreement `s` between funds n and g."""
    told = {"id": "s", "from_fund": "n", "to_fund": "g", "valid_from": str(TODAY)}
    await accepted(books, "sharing.propose", staff("one", "n"), **told)


TWIN = Side("party", "twin")
FORGED: list[tuple[str, type[Noun], dict[str, Any]]] = [
    ("another pair", OverlapCase, {"first": "donor"}),
    ("a score above all", OverlapCase, {"score": 1001}),
    ("an unknown band", OverlapCase, {"band": "certain"}),
    ("decided by one", OverlapCase, {"decided_by": "one"}),
    ("not what was proposed", OverlapCase, {"status": "affiliate"}),
    ("nobody decided", OverlapCase, {"decided_by": ""}),
    ("a survivor of nothing", OverlapCase, {"survivor": "twin"}),
    ("a merge that merges nobody", OverlapCase, {"status": "merged", "proposed": "merged"}),
    ("those concerned unheard", OverlapCase, {"opened_in": 10**6}),
    ("in time to answer", OverlapCase, {"answer_by": TODAY - timedelta(days=99)}),
    (
        "a side from a later record",
        OverlapCase,
        {"sides": (Side("party", "group", seq=10**6), TWIN)},
    ),
    ("told beside a later record", OverlapCase, {"told_in": 10**6}),
    ("other evidence", OverlapCase, {"evidence": "0" * 64}),
    ("a fact that nobody told", OverlapCase, {"facts": ("0" * 16,)}),
    ("an answer to another case", OverlapAnswer, {"overlap": "x"}),
    ("an answer for another", OverlapAnswer, {"party": "donor"}),
    ("an answer of nobody's", OverlapAnswer, {"given_by": ""}),
    ("an answer beside a later record", OverlapAnswer, {"written_in": 10**6}),
    ("an agreement with itself", SharingAgreement, {"to_fund": "n"}),
    ("an agreement of one person", SharingAgreement, {"agreed_by": "one"}),
    ("agreed by nobody", SharingAgreement, {"agreed_by": ""}),
    ("over before it begins", SharingAgreement, {"valid_until": TODAY - timedelta(days=9)}),
    ("ended while in force", SharingAgreement, {"ended_by": "two"}),
]
"""What neither the database nor the fold may let stand: (what, kind, change)."""
