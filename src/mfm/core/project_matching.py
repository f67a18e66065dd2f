"""Whether two grants or applications pay for one project.

It takes the same organisation (or one that seems the same), days in common and much the same
words. A sequel, which starts when the other has ended, is none; nor is another organisation's
project with the same words. Words are read through the lexicon, so that a translated title meets
its original.
"""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import date

from msgspec import Struct

from mfm.core.lexicons import Lexicon
from mfm.core.money import decimal_text
from mfm.core.normalising import Unit, units_of
from mfm.core.org_likeness import OrgView, Read
from mfm.core.org_matching import OrgMatcher
from mfm.core.scoring import FULL, Verdict

TITLE_MAX_UNITS = 120
SHARED_SAID_MAX = 8
DAYS_SHARED_MIN = 2
"""Fewer are a sequel that begins on the day the other ends."""
ORG_UNLIKE = 500
"""So much of the titles' likeness counts, in thousandths, where the names share nothing."""
ORG_RANK_MIN = 140
"""Names that score less are two organisations'."""
ORG_SLOPE_PERCENT = 167
"""How fast it rises with the names' score: all of it counts from a score of 300."""
SHORT_MIN_CHARS = 3
SHORT_FIT_MIN = 900
"""So much of a short form, in thousandths, the other name's words spell."""
_BUDGETS_NEAR_PERCENT = 80


class ProjectView(Struct, frozen=True):
    """What is known of a grant or application where it is compared.

    Attributes:
        org: the organisation's name.
        title: what it is for.
        start, end: its days, the last included; None where not known.
        budget: in minor units of the currency; where that is not told, of one that both are in.
        currency: ISO 4217, or "".
        cluster: its sector, theme or cluster.
        country: where, ISO 3166-1.
    """

    org: str
    title: str
    start: date | None = None
    end: date | None = None
    budget: int | None = None
    cluster: str | None = None
    country: str | None = None
    currency: str = ""


class ProjectModel(Struct, frozen=True, forbid_unknown_fields=True):
    """What was learned of titles.

    Attributes:
        version: of the file.
        normalisation: the version of the reading it was made with.
        rare: the weight of a unit that the file does not name.
        weights: unit's key -> its weight, thousandths, for those that many titles say.
        possible, strong: scores from which the bands begin, thousandths.
    """

    version: int
    normalisation: int
    rare: int
    weights: Mapping[str, int]
    possible: int
    strong: int


class ReadProject(Struct, frozen=True):
    """A view whose words were read once, for many comparisons.

    Attributes:
        view: what was read.
        org: its organisation.
        weighed: the title's units by their weight, each as often as it is said.
        said: unit's key -> a word that says it.
    """

    view: ProjectView
    org: Read
    weighed: Mapping[str, int]
    said: Mapping[str, str]


class ProjectMatcher:
    """Compares projects by a lexicon, a model and the matcher of organisations."""

    def __init__(self, orgs: OrgMatcher, model: ProjectModel) -> None:
        """Take what the comparison rests on."""
        self.orgs = orgs
        self.model = model

    def read(self, view: ProjectView) -> ReadProject:
        """Read a view once."""
        units = titled(view.title, self.orgs.lexicon)
        weights = self.model.weights
        weighed = {
            key: times * weights.get(key, self.model.rare)
            for key, times in Counter(unit.key for unit in units).items()
        }
        org = self.orgs.read(OrgView(view.org, view.country))
        return ReadProject(view, org, weighed, {unit.key: unit.said for unit in units})

    def match(self, one: ProjectView, other: ProjectView) -> Verdict:
        """Compare two projects."""
        return self.judge(self.read(one), self.read(other))

    def judge(self, one: ReadProject, other: ReadProject, *, one_party: str = "") -> Verdict:
        """Compare two projects that were read.

        Args:
            one: a project.
            other: another one.
            one_party: an organisation that is known to be in both, or "".
        """
        days = days_shared(one.view, other.view)
        title = likeness(one.weighed, other.weighed)
        org = FULL if one_party else self._same_org(one.org, other.org)
        score = title * org // FULL if days >= DAYS_SHARED_MIN else 0
        band = "strong" if score >= self.model.strong else "possible"
        reasons = self._reasons(one, other, (title, days), one_party)
        return Verdict(score, band if score >= self.model.possible else "none", reasons)

    def seem_one(self, one: ReadProject, other: ReadProject) -> bool:
        """Tell whether two organisations may be one, by the measure that organisations are held to.

        Likeness of titles says nothing of who applies: usual titles are many groups'.
        """
        if one.org.name.letters == other.org.name.letters:
            return True
        judged = self.orgs.judge(one.org, other.org)
        facts = judged.compared.facts
        spelled = (
            judged.compared.regime == "acronym"
            and facts["short_size"] >= SHORT_MIN_CHARS
            and facts["short_fit"] >= SHORT_FIT_MIN
        )
        return judged.band != "none" or (spelled and not judged.hard)

    def _same_org(self, one: Read, other: Read) -> int:
        """Return what of the titles' likeness counts, by how likely the organisation is one.

        Names alone say little here: a short form that the words do not explain is still likelier
        the same organisation than another one with the same project in the same days.
        """
        if one.name.letters == other.name.letters:
            return FULL
        rank = self.orgs.rank(one, other)
        more = rank * ORG_SLOPE_PERCENT // 100 if rank >= ORG_RANK_MIN else 0
        return min(FULL, ORG_UNLIKE + more)

    def _reasons(
        self,
        left: ReadProject,
        right: ReadProject,
        found: tuple[int, int],
        one_party: str,
    ) -> tuple[str, ...]:
        title, days = found
        one, other = left.view, right.view
        made = [self._of_whom(left, right, one_party)]
        if one.start and other.start:
            made.append(
                f"for: {days} days in common"
                if days >= DAYS_SHARED_MIN
                else "against: one begins when the other ends"
            )
        words = _shared_words(left, right)
        much = "for" if title >= self.model.possible else "against"
        made.append(f"{much}: the titles share {words or 'no word that tells'}")
        if one.cluster and other.cluster:
            equal = one.cluster == other.cluster
            made.append(
                f"for: same sector {one.cluster}"
                if equal
                else f"against: sectors {one.cluster} and {other.cluster}"
            )
        if one.budget and other.budget:
            low, high = sorted((one.budget, other.budget))
            one_money = one.currency == other.currency
            near = one_money and 100 * low >= _BUDGETS_NEAR_PERCENT * high
            said = " and ".join(map(_budget, (one, other)))
            made.append(f"{'for' if near else 'against'}: budgets {said}")
        return tuple(made)

    def _of_whom(self, one: ReadProject, other: ReadProject, one_party: str) -> str:
        if one.view.org == other.view.org:
            return f"for: both are of {one.view.org}"
        if one_party:
            return f"for: both are of {one_party}"
        may = "for: one organisation may be" if self.seem_one(one, other) else "against:"
        return f"{may} {one.view.org} and {other.view.org}"


def _budget(view: ProjectView) -> str:
    amount = view.budget or 0
    return (
        f"{decimal_text(amount, view.currency)} {view.currency}" if view.currency else f"{amount}"
    )


def _shared_words(one: ReadProject, other: ReadProject) -> str:
    weighed = one.weighed
    best = sorted(weighed.keys() & other.weighed.keys(), key=lambda key: (-weighed[key], key))
    return ", ".join(one.said[key] for key in best[:SHARED_SAID_MAX])


def titled(title: str, lexicon: Lexicon) -> list[Unit]:
    """Return the units of a title."""
    return units_of(title, lexicon)[:TITLE_MAX_UNITS]


def likeness(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    """Return how much of two weighed bags of words is the same, in thousandths.

    It is the mean of their cosine and of how much of the lighter one is in the other, for people
    who send a project twice shorten its title.
    """
    product = sum(weight * other.get(key, 0) for key, weight in one.items())
    lengths = math.isqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    held = sum(min(weight, other.get(key, 0)) for key, weight in one.items())
    lighter = min(sum(one.values()), sum(other.values()))
    return (FULL * product // lengths + FULL * held // lighter) // 2 if lengths else 0


def days_shared(one: ProjectView, other: ProjectView) -> int:
    """Return how many days two projects have in common; unknown days count as enough."""
    if None in (one.start, one.end, other.start, other.end):
        return DAYS_SHARED_MIN
    first = max(one.start, other.start)  # type: ignore[type-var]  # none is None
    last = min(one.end, other.end)  # type: ignore[type-var]  # as above
    return (last - first).days + 1  # type: ignore[operator]  # as above
