"""Projects paid for twice (D2), and one text that several organisations hand in (D7)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from mfm.core.applications import Application
from mfm.core.co_funding import Declarations, Standing
from mfm.core.overlap_asks import copied
from mfm.core.overlap_calls import meet, places_meet
from mfm.core.overlaps import Overlap, pair_of
from mfm.core.phases import phases
from mfm.core.project_matching import ProjectMatcher, ReadProject, days_shared, likeness
from mfm.core.scoring import Verdict

HAND_OVER_PERCENT = 25
"""So much of the shorter one's days a declared next phase shares with the last at the most."""
ONE_TEXT_MAX = 5
"""Of one text that more hand in not every two make a case."""
_DOUBTS: dict[Standing, str] = {
    "one-sided": "against: one says that both pay for one thing; the other has not said so",
    "unknown": "against: both say that they share one cost; what it comes to is not known",
}
_OVER = "for: the declared shares come to more than the whole"


class Given(Struct, frozen=True):
    """What a call says itself, for applicants to fill in.

    Attributes:
        units: of its title.
        text: its text.
    """

    units: Collection[str] = ()
    text: str = ""


class Project:
    """An application, read for many comparisons.

    Attributes:
        told: the application.
        read: its project.
    """

    __slots__ = ("_given", "read", "told")

    def __init__(self, told: Application, read: ReadProject, given: Given) -> None:
        """Keep them.

        Args:
            told: the application.
            read: its project.
            given: what its call says.
        """
        self.told = told
        self.read = read
        self._given = given

    @property
    def own(self) -> dict[str, int]:
        """The title's units that its call does not say, by their weight."""
        if self.told.title.casefold() in self._given.text.casefold():
            return {}
        return {
            key: weight for key, weight in self.read.weighed.items() if key not in self._given.units
        }


class Beside(Struct, frozen=True):
    """What stands beside the applications that are compared.

    Attributes:
        declared: who shares a cost with whom, as they say.
        twins: pairs of parties that seem one organisation by more than their names.
    """

    declared: Declarations
    twins: Collection[frozenset[str]] = ()


def alike(
    projects: Mapping[str, Project],
    pairs: Iterable[tuple[str, str]],
    matcher: ProjectMatcher,
    beside: Beside,
) -> list[Overlap]:
    """Return what is noticed of pairs of applications, by id."""
    found = []
    for pair in sorted({pair_of(*each) for each in pairs}):
        one, other = (projects[name] for name in pair)
        if likeness(one.read.weighed, other.read.weighed) < matcher.model.possible:
            continue  # whoever asks: no score is higher than the titles' likeness
        standing = beside.declared.standing(one.told, other.told)
        if standing != "sound":
            told = _twice(one, other, matcher, (standing, beside.twins)) or _copied(one, other)
            found += [told] if told else []
    return _starred(found)


def _starred(found: list[Overlap]) -> list[Overlap]:
    """Return what was found; of a text that many hand in, each with the first of them alone."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for each in found:
        if each.detector == "same-text":
            beside[each.left] |= {each.left, each.right}
            beside[each.right] |= {each.left, each.right}

    def kept(each: Overlap) -> bool:
        group = beside[each.left] | beside[each.right]
        return len(group) <= ONE_TEXT_MAX or min(group) == each.left

    return [each for each in found if each.detector != "same-text" or kept(each)]


def _twice(
    one: Project,
    other: Project,
    matcher: ProjectMatcher,
    beside: tuple[Standing, Collection[frozenset[str]]],
) -> Overlap | None:
    """Return that two pay for one project: one organisation's, as lead or partner, or nearly so."""
    standing, twins = beside
    if not _competes(one.told, other.told) or _is_next_phase(one, other):
        return None
    party = _party_of_both(one.told, other.told, twins)
    if not party and not matcher.seem_one(one.read, other.read):
        return None  # the words may be one, who says them is not
    found = matcher.judge(one.read, other.read, one_party=party)
    return None if found.band == "none" else _told(one, other, found, (standing, party))


def _competes(one: Application, other: Application) -> bool:
    """Tell whether one need not stand beside the other: of one sort, for one place and theme."""
    said = ((each.themes, each.lines, each.pillars) for each in (one, other))
    themes = [(mine, theirs) for mine, theirs in zip(*said, strict=True) if mine and theirs]
    return (
        one.aid == other.aid  # core support beside a project is sound
        and places_meet(one.places, other.places)
        and (not themes or any(meet(mine, theirs) for mine, theirs in themes))
    )


def _phases(one: Project, other: Project) -> bool:
    """Tell whether the titles name different phases."""
    said = phases(one.told.title), phases(other.told.title)
    return bool(said[0] and said[1]) and said[0].isdisjoint(said[1])


def _is_next_phase(one: Project, other: Project) -> bool:
    """Tell whether one is declared as the phase after the other, which it meets at its end alone.

    Two phases that run side by side are looked at: a number alone makes no sequel.
    """
    if not _phases(one, other):
        return False
    first, then = sorted((one, other), key=lambda each: min(phases(each.told.title)))
    days = [each.read.view for each in (first, then)]
    if any(view.start is None or view.end is None for view in days):
        return False
    lengths = [(view.end - view.start).days + 1 for view in days if view.start and view.end]
    shared = 100 * days_shared(*days) <= HAND_OVER_PERCENT * min(lengths)
    return shared and bool(days[0].start and days[1].start and days[0].start < days[1].start)


def _party_of_both(one: Application, other: Application, twins: Collection[frozenset[str]]) -> str:
    """Return the organisation that is in both, or "": a lead first, then partners."""
    shared = [name for name in one.parties if name in other.parties]
    return one.lead if frozenset((one.lead, other.lead)) in twins else next(iter(shared), "")


def _told(one: Project, other: Project, found: Verdict, known: tuple[Standing, str]) -> Overlap:
    left, right = pair_of(one.told.id, other.told.id)
    standing, party = known
    doubts = [_DOUBTS[standing]] if standing in _DOUBTS else []
    if _phases(one, other):
        doubts.append("against: the titles say different phases")
    over = [_OVER] if standing == "over" else []
    sure = party and found.band == "strong" and not doubts
    return Overlap(
        detector="same-project",
        left=left,
        right=right,
        score=found.score,
        band="strong" if sure else "possible",
        reasons=(*over, *found.reasons, *doubts),
        suggestions=("declare-shares",),
        facts=(one.told.title, other.told.title, *(["shares"] if over else [])),
    )


def _copied(one: Project, other: Project) -> Overlap | None:
    if one.told.lead == other.told.lead:
        return None  # its own text, whoever it asks
    mine, theirs = one.own, other.own
    return copied(one.told, other.told, likeness(mine, theirs), min(len(mine), len(theirs)))
