"""Projects paid for twice (D2), and one text that several organisations hand in (D7)."""

from collections.abc import Iterable, Mapping

from mfm.core.applications import Application
from mfm.core.co_funding import declares, shared_soundly
from mfm.core.overlap_asks import copied
from mfm.core.overlaps import Overlap, pair_of
from mfm.core.project_matching import ProjectMatcher, ReadProject, likeness
from mfm.core.scoring import Verdict


class Project:
    """An application, read for many comparisons.

    Attributes:
        told: the application.
        read: its project.
    """

    __slots__ = ("read", "told")

    def __init__(self, told: Application, read: ReadProject) -> None:
        """Keep both."""
        self.told = told
        self.read = read


def alike(
    projects: Mapping[str, Project], pairs: Iterable[tuple[str, str]], matcher: ProjectMatcher
) -> list[Overlap]:
    """Return what is noticed of pairs of applications, by id."""
    found = []
    for pair in sorted({pair_of(*each) for each in pairs}):
        one, other = (projects[name] for name in pair)
        told = _twice(one, other, matcher) or _copied(one, other)
        found += [told] if told else []
    return found


def _twice(one: Project, other: Project, matcher: ProjectMatcher) -> Overlap | None:
    """Return that two pay for one project: one organisation's, as lead or partner, or nearly so."""
    if _stands_beside(one.told, other.told):
        return None
    if likeness(one.read.weighed, other.read.weighed) < matcher.model.possible:
        return None  # whoever asks: no score is higher than the titles' likeness
    one_party = not set(one.told.parties).isdisjoint(other.told.parties)
    found = matcher.judge(one.read, other.read, one_party=one_party)
    return None if found.band == "none" else _told(one, other, found)


def _stands_beside(one: Application, other: Application) -> bool:
    """Tell whether both may well be paid: core support beside a project, or declared shares."""
    return one.aid != other.aid or shared_soundly(one, other)


def _told(one: Project, other: Project, found: Verdict) -> Overlap:
    left, right = pair_of(one.told.id, other.told.id)
    reasons = found.reasons
    facts = [one.told.title, other.told.title]
    if declares(one.told, other.told):
        reasons = ("for: the declared shares come to more than the whole", *reasons)
        facts.append("shares")
    return Overlap(
        detector="same-project",
        left=left,
        right=right,
        score=found.score,
        band=found.band,
        reasons=reasons,
        suggestions=("declare-shares",),
        facts=tuple(facts),
    )


def _copied(one: Project, other: Project) -> Overlap | None:
    if one.told.lead == other.told.lead:
        return None
    units = min(len(one.read.weighed), len(other.read.weighed))
    return copied(one.told, other.told, likeness(one.read.weighed, other.read.weighed), units)
