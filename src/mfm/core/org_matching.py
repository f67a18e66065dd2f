"""Whether two descriptions are of one organisation: hard facts first, then the score.

A finding is a question to people, never an answer: it is strong only where a further fact stands
beside the likeness of names, and what speaks against it is said with it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from mfm.core.letters import fold
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import NORMALISATION, Unit
from mfm.core.org_likeness import (
    DIFFERENT,
    DOMAIN_SPELLS,
    SAME,
    Comparison,
    OrgView,
    Read,
    compare,
    read_view,
)
from mfm.core.org_reasons import reasons
from mfm.core.scoring import FULL, Score, Verdict
from mfm.core.traits import doubt_left

CONTRADICTED_MAX = 200
"""No score is higher where a hard fact contradicts."""
SAME_NUMBER_SCORE = 990
"""The score of one registration number on both sides."""
ASKED_SCORE_MIN = 700
ASKED_COVER_MIN = 600
"""In a register, likeness in one script is worth a question from so sure on, and where each name
says so much of the other, in thousandths: `make overlap-eval` measures what comes of it."""


class OrgModel(Struct, frozen=True, forbid_unknown_fields=True):
    """What was learned, as it is kept in a versioned file.

    Attributes:
        version: of the coefficients.
        normalisation: the version of names' reading that they were trained with.
        rare: the weight of a unit that the file does not name.
        weights: unit's key -> its weight in thousandths, for those that are common.
        regimes: acronym, script and same -> the score.
    """

    version: int
    normalisation: int
    rare: int
    weights: Mapping[str, int]
    regimes: Mapping[str, Score]


class Judged(NamedTuple):
    """What a comparison came to, before it is put in words.

    Attributes:
        compared: the two sides.
        parts: the points that each fact gave.
        hard: the fact that rules it out, or "".
        score: thousandths.
        band: strong, possible or none.
    """

    compared: Comparison
    parts: Mapping[str, int]
    hard: str
    score: int
    band: str

    def verdict(self) -> Verdict:
        """Return it with its reasons."""
        why = reasons(self.compared, self.parts, self.hard)
        return Verdict(self.score, self.band, tuple(why))


class OrgMatcher:
    """Compares organisations by a lexicon and a model."""

    def __init__(self, lexicon: Lexicon, model: OrgModel) -> None:
        """Take what the comparison rests on; the model must be of this reading of names."""
        assert model.normalisation == NORMALISATION
        self.lexicon = lexicon
        self.model = model

    def weigh(self, unit: Unit) -> int:
        """Return how much a unit says, in thousandths."""
        return self.model.weights.get(unit.key, self.model.rare)

    def read(self, view: OrgView) -> Read:
        """Read a view once, for many comparisons."""
        return read_view(view, self.lexicon)

    def judge(self, one: Read, other: Read) -> Judged:
        """Compare two organisations; reasons are put in words only when they are asked for."""
        compared = compare(one, other, self.weigh)
        score = self.model.regimes[compared.regime]
        parts = score.parts(compared.facts)
        told, hard = score.total(parts), contradiction(compared)
        shared = {kind for kind, _ in one.traits & other.traits}
        if shared and told >= score.possible:  # with names unlike, they are two in one hand (D8)
            surer = FULL - doubt_left(FULL - told, shared)
            told = max(told, min(surer, SAME_NUMBER_SCORE))
        if one.registrations & other.registrations:
            return Judged(compared, parts, hard, max(told, SAME_NUMBER_SCORE), "strong")
        if hard:
            return Judged(compared, parts, hard, min(told, CONTRADICTED_MAX), "none")
        band = "possible" if told >= score.possible else "none"
        if told >= score.strong and (shared or has_further_fact(compared.facts)):
            band = "strong"
        return Judged(compared, parts, hard, told, band)

    def match(self, one: Read, other: Read) -> Verdict:
        """Compare two organisations."""
        return self.judge(one, other).verdict()

    def rank(self, one: Read, other: Read) -> int:
        """Return the score alone, for putting candidates in order."""
        compared = compare(one, other, self.weigh)
        score = self.model.regimes[compared.regime]
        return score.total(score.parts(compared.facts))

    def names_differ(self, one: Read, other: Read) -> bool:
        """Tell whether two that share a number have nothing else in common."""
        return self.rank(one, other) <= CONTRADICTED_MAX


def worth_asking(judged: Judged) -> bool:
    """Tell whether two in a register are to be asked about.

    The possible band is for pairs that somebody chose to compare. In a register nearly all pairs
    are two organisations, and most of what seems possible there shares common words alone. A short
    form or another script that fits is rarely an accident: there the band is enough.
    """
    if judged.band != "possible" or judged.compared.regime != "same":
        return judged.band != "none"
    enough = judged.compared.facts["cover_low"] >= ASKED_COVER_MIN
    return judged.score >= ASKED_SCORE_MIN and enough


def has_further_fact(facts: Mapping[str, int]) -> bool:
    """Tell whether anything beside names and country says that the two are one."""
    return (
        facts["city"] == SAME
        or facts["domain"] == SAME
        or facts["domain_names"] >= DOMAIN_SPELLS
        or bool(facts["city_named"])
    )


def contradiction(compared: Comparison) -> str:
    """Return the hard fact that says the two are not one: countries, numbers, opposites; or ""."""
    facts = compared.facts
    if facts["countries_named"] == DIFFERENT:
        return "countries"
    if facts["left_place"] and _opposite(compared):
        return "directions"
    return "numbers" if _other_number(compared.one, compared.other) else ""


def _opposite(compared: Comparison) -> bool:
    """Tell whether both names say a direction, and not the same."""
    said = [
        {
            concept
            for unit in side.name.units
            if unit.section == "direction"
            for concept in unit.concepts
        }
        for side in (compared.one, compared.other)
    ]
    return bool(said[0] and said[1]) and said[0].isdisjoint(said[1])


def _other_number(one: Read, other: Read) -> bool:
    """Tell whether a register has given the two different numbers, however they are written.

    Of bare numbers nobody knows the register.
    """
    numbers = [
        {(each.register, fold(each.number)) for each in side.registrations if "-" in each.register}
        for side in (one, other)
    ]
    registers = [{register for register, _ in side} for side in numbers]
    return bool(registers[0] & registers[1]) and numbers[0].isdisjoint(numbers[1])


assert FULL >= SAME_NUMBER_SCORE > CONTRADICTED_MAX
