"""What a decided case of overlap changes: confirmed, it holds what comes later; nothing else does.

Of two things that seem one, the first is what it would be without the other. The later one waits:
a signature for approval, a report until a question about it is answered.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Effect = Literal["none", "approval", "flag", "question"]
AGAINST = frozenset({"confirmed", "merged"})
"""Outcomes that need to have heard those concerned; new evidence does not open these again."""
OF_ORGANISATIONS = frozenset(
    {"same-organisation", "one-number-two-names", "shared-control", "over-stretched"}
)
"""Detectors whose confirmed cases concern each agreement with the organisation."""
OF_CALLS = frozenset({"repeated-application", "split-application"})
"""Those whose cases concern what the organisation is granted under the call."""
OF_APPLICATIONS = frozenset({"same-project", "same-text"})
"""Those whose cases concern the one of two applications that is signed later."""
OF_REPORTS = "same-cost"
"""That whose cases concern the one of two reports that is accepted later."""
SIGNED = OF_ORGANISATIONS | OF_CALLS | OF_APPLICATIONS
"""Detectors whose confirmed cases a signature is asked about."""
FLAGGED = frozenset({"over-stretched"})
"""Those of SIGNED that warn, and hold nothing."""
CASES_TOLD = 50
"""So many cases a decision tells at the most: one alone holds a signature."""


class Confirmed(Struct, frozen=True):
    """A confirmed case of somebody who is to get money, as it stands beside a signature.

    Attributes:
        id: the case.
        seq: the record that decided it.
        detector: what had noticed it.
        second: the second of the two.
        awarded: whether the other of two applications is a grant already.
    """

    id: str
    seq: int
    detector: str
    second: str
    awarded: bool = False


def effect_of(detector: str, status: str) -> Effect:
    """Return what a case changes, by what noticed it and how it stands.

    Of a case of an intermediary nothing is held, for who waits would know of another's ask; costs
    that funds have paid themselves are paid, and calls and contributions are not signed here.
    """
    if status != "confirmed":
        return "none"
    if detector in SIGNED:
        return "flag" if detector in FLAGGED else "approval"
    return "question" if detector == OF_REPORTS else "none"


def reopened_by(status: str) -> tuple[str, ...]:
    """Return what opens a decided case again: new evidence, or a third person."""
    if status in ("open", "explained"):
        return ()
    return ("person",) if status in AGAINST else ("evidence", "person")


def concerning(cases: Iterable[Confirmed], call: str) -> list[Confirmed]:
    """Return the confirmed cases of a grantee that concern what is to be signed.

    Args:
        cases: those of the organisation, and of the application that is granted.
        call: the application's, or "".
    """
    return [
        case
        for case in cases
        if case.detector in OF_ORGANISATIONS
        or (case.detector in OF_CALLS and case.second == call)
        or (case.detector in OF_APPLICATIONS and case.awarded)
    ]
