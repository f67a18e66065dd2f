"""The few organisations of a pool that one may be: found by keys, put in order by what they say."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mfm.core.acronyms import explained
from mfm.core.alignments import FULL, align
from mfm.core.blocking import Candidates, keys_of
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import Name, name_of
from mfm.core.org_likeness import Weigh

LOOKED_AT = 800
"""So many candidates by keys are read closely."""
COUNTRY_HOLDERS_MAX = 400
"""In a country of so few, all are read closely, whatever their names share."""
SAME_COUNTRY = 500
"""What the same country adds, in thousandths."""
SHORT_NAME_SPARED = 500
"""How much longer a short name is taken to be, so that one common word is not a whole likeness."""
SHORT_FORM_WORTH = 900
"""What a short form that is explained wholly is worth beside names that say the same."""


class Pooled(NamedTuple):
    """An organisation of a pool.

    Attributes:
        names: all that it is known by.
        country: ISO 3166-1 code, or None.
    """

    names: tuple[Name, ...]
    country: str | None


class Pool:
    """Organisations among which others are looked for."""

    def __init__(
        self, members: Iterable[tuple[Sequence[str], str | None]], lexicon: Lexicon, weigh: Weigh
    ) -> None:
        """Read the names of the members: (names, country), in order."""
        self._lexicon = lexicon
        self._weigh = weigh
        self._members = [
            Pooled(tuple(name_of(each, lexicon) for each in names), country)
            for names, country in members
        ]
        self._at_home: defaultdict[str, list[int]] = defaultdict(list)
        for place, member in enumerate(self._members):
            if member.country:
                self._at_home[member.country].append(place)
        self._keys = Candidates(
            (keys_of(each, member.country) for each in member.names) for member in self._members
        )

    def find(self, name: str, country: str | None, most: int) -> list[int]:
        """Return at most so many places in the pool, the likeliest first."""
        asked = name_of(name, self._lexicon)
        found = self._keys.find(keys_of(asked, country), max(most, LOOKED_AT))
        at_home = self._at_home.get(country or "", [])
        if len(at_home) <= COUNTRY_HOLDERS_MAX:
            found += sorted(set(at_home) - set(found))
        worth = {place: self._worth(asked, country, self._members[place]) for place in found}
        order = {place: at for at, place in enumerate(found)}
        return sorted(found, key=lambda place: (-worth[place], order[place]))[:most]

    def _worth(self, asked: Name, country: str | None, member: Pooled) -> int:
        """Return how much of a name the member's say too, and whether it is at home there."""
        same = SAME_COUNTRY if country and country == member.country else 0
        return same + max((self._said(asked, each) for each in member.names), default=0)

    def _said(self, asked: Name, other: Name) -> int:
        weights = [[self._weigh(unit) for unit in each.units] for each in (asked, other)]
        met = sum(
            (weights[0][match.left] + weights[1][match.right]) * match.alike
            for match in align(asked.units, other.units)
        )
        short = 0
        if asked.is_acronym or other.is_acronym:
            pair = (asked, other) if asked.is_acronym else (other, asked)
            short = max((explained(each, pair[1].words) for each in pair[0].acronyms), default=0)
        return max(
            met // (sum(map(sum, weights)) + SHORT_NAME_SPARED), short * SHORT_FORM_WORTH // FULL
        )
