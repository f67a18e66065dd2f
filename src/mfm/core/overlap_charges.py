"""Reports whose cost was found charged twice: the later one is questioned before it is accepted."""

from collections.abc import Iterable

from mfm.core.errors import Refused
from mfm.core.overlap_cases import OverlapCase
from mfm.core.record import Draft
from mfm.core.reports import Report


def must_be_answered(
    draft: Draft, before: Report, twins: Iterable[tuple[OverlapCase, Report]]
) -> Draft:
    """Return a report's decision, unless it accepts a cost that is borne elsewhere, unquestioned.

    Args:
        draft: the decision; its report comes first.
        before: the report as it stood.
        twins: cases that its cost was charged twice, each with the other report.

    Raises:
        Refused: `report-overlap`.
    """
    report = draft.sets[0]
    assert isinstance(report, Report)  # a decision sets it first
    if not bears(report):
        return draft
    for case, other in twins:
        held = case.effect == "question" and bears(other)
        answered = before.status == "submitted" and before.questioned_by
        if held and not (answered and before.seq > case.decided_in):
            detail = (
                f"Case {case.id}: this cost is accepted in another report already. Question this"
                " one (report.question) and decide once it is answered, or accept nothing of it."
            )
            raise Refused("report-overlap", detail, "/report")
    return draft


def bears(report: Report) -> bool:
    """Tell whether cost was accepted by a report."""
    return report.status == "accepted" and report.direct_minor + report.support_minor > 0
