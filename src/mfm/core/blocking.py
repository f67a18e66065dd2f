"""Keys that names of one organisation have in common, and the few candidates they lead to.

Comparing everyone with everyone is out of reach; two names are compared only where they share a
key. Keys are made of whole units, of beginnings and consonants of words, of short forms and first
letters, and of pairs of units, each for all countries and for its own.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from mfm.core.letters import loose_skeleton, skeleton
from mfm.core.normalising import Name

KEY_HOLDERS_MAX = 400
"""A key that more organisations hold says nothing, unless few keys are left."""
LENGTH_SPARED = 100
"""How little a long name is held against a candidate."""
PREFIX_CHARS = 4
PAIR_UNITS_MAX = 7
SHORT_MAX_CHARS = 9
_SOUND_MIN_CHARS = 3
_START_CHARS = 6


def keys_of(name: Name, country: str | None) -> frozenset[str]:
    """Return the keys of one name, those of its country among them."""
    made: set[str] = set()
    units = [unit for unit in name.units if unit.section != "country"] or list(name.units)
    for unit in units:
        made |= {f"u:{concept}" for concept in unit.concepts}
        if unit.section != "country":
            made |= _word_keys(unit.text)
    made |= {f"i:{short}" for short in _short_forms(name)}
    made.add(f"b:{name.letters[:_START_CHARS]}")
    said = sorted({unit.key for unit in units})[:PAIR_UNITS_MAX]
    made |= {f"2:{one}+{other}" for one, other in combinations(said, 2)}
    if country:
        made |= {f"{country}|{key}" for key in made if not key.startswith("2:")}
        made |= {
            f"{country}|e:{each[0]}{each[-1]}" for each in name.acronyms | _first_letters(name)
        }
        heard = {loose_skeleton(unit.text) for unit in units}
        made |= {f"{country}|l:{each}" for each in heard if len(each) == _SOUND_MIN_CHARS - 1}
    return frozenset(made)


def _word_keys(text: str) -> set[str]:
    """Return a word, its beginning, and its consonants as two kinds of ears hear them."""
    made = {f"w:{text}"}
    if len(text) >= PREFIX_CHARS:
        made.add(f"p:{text[:PREFIX_CHARS]}")
    for letter, heard in (("s", skeleton(text)), ("l", loose_skeleton(text))):
        if len(heard) >= _SOUND_MIN_CHARS:
            made |= {f"{letter}:{heard}", f"{letter}:{heard[:PREFIX_CHARS]}"}
    return made


def _short_forms(name: Name) -> set[str]:
    """Return the short forms a name holds, and those that its first letters begin."""
    made = set(name.acronyms)
    for letters in _first_letters(name):
        made |= {letters[:size] for size in range(2, len(letters) + 1)}
    return made


def _first_letters(name: Name) -> set[str]:
    """Return the first letters of all words, of the heavy ones, and of those that are no place."""
    said = [unit for unit in name.words if unit.section != "legal" and unit.text]
    heavy = [unit for unit in said if unit.section != "stop"]
    placeless = [unit for unit in heavy if unit.section not in {"country", "place"}]
    rows = (
        "".join(unit.text[0] for unit in units)[:SHORT_MAX_CHARS]
        for units in (said, heavy, placeless)
    )
    return {row for row in rows if len(row) > 1}


class Candidates:
    """Which organisations of a pool may be the one that is asked for."""

    def __init__(self, pool: Iterable[Iterable[frozenset[str]]]) -> None:
        """Take the keys of the names of each organisation, in order; they are not kept."""
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        self._owner: list[int] = []
        for place, names in enumerate(pool):
            for keys in names:
                for key in keys:
                    self._holders[key].append(len(self._owner))
                self._owner.append(place)
        self._weights: dict[str, int] = {}
        lengths = [0] * len(self._owner)
        for key, holders in self._holders.items():
            self._weights[key] = round(1000 * math.log((1 + len(lengths)) / len(holders)))
            for name in holders:
                lengths[name] += self._weights[key]
        self._lengths = [math.isqrt(length) for length in lengths]

    def find(self, keys: Iterable[str], most: int) -> list[int]:
        """Return at most so many places in the pool, those whose names share most first."""
        shared: defaultdict[int, int] = defaultdict(int)
        known = sorted((len(self._holders[key]), key) for key in keys if key in self._holders)
        for size, key in known:
            if size > KEY_HOLDERS_MAX and len(shared) >= 4 * most:
                break
            weight = self._weights[key]
            for name in self._holders[key]:
                shared[name] += weight
        best: dict[int, int] = {}
        for name, weight in shared.items():
            owner, worth = self._owner[name], weight * 1000 // (self._lengths[name] + LENGTH_SPARED)
            if worth > best.get(owner, 0):
                best[owner] = worth
        return sorted(best, key=lambda place: (-best[place], place))[:most]
