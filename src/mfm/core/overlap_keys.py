"""Keys of what is looked for: organisations by their names, applications by who asks for what.

Two things are compared only where they share keys. A key is kept as a number of 64 bits, so that
its table is small and says no name by itself.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import combinations, pairwise

from msgspec import Struct

from mfm.core.applications import Application
from mfm.core.blocking import KEY_HOLDERS_MAX, keys_of
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import NORMALISATION
from mfm.core.org_likeness import Read
from mfm.core.project_matching import titled

KEYS = 1
"""The version of the keys made here."""
VERSION = 1_000 * NORMALISATION + KEYS
"""Keys of another version than this are made anew."""
PAIR_HOLDERS_MAX = 15
"""A key that more hold leads to no pair when all are compared with all: twice as many would make
twice the work, and crowd out of the nearest more twins than they lead to."""
PAIRS_OF_ONE_MAX = 12
"""With so many others, those that share most, each is compared."""
WEIGHT_FULL = 1_000
"""Weights are natural logarithms in so many parts: whole numbers sum alike everywhere."""
_KEY_BYTES = 8


class Keyed(Struct, frozen=True):
    """What is kept of a thing so that it is found.

    Attributes:
        kind: party or application.
        id: its id.
        keys: as numbers, each once; none when it is to be found no more.
    """

    kind: str
    id: str
    keys: tuple[int, ...] = ()


def party_keys(read: Read) -> frozenset[str]:
    """Return the keys of an organisation: those of its name, and its numbers in registers."""
    return keys_of(read.name, read.view.country) | {
        f"n:{each.register}-{each.number}" for each in read.registrations
    }


def application_keys(application: Application, lexicon: Lexicon) -> frozenset[str]:
    """Return the keys of an application: who asks, what its title says, and in what order."""
    said = [unit.key for unit in titled(application.title, lexicon)]
    return frozenset(
        [
            *(f"o:{party}" for party in application.parties),
            *(f"t:{key}" for key in said),
            *(f"2:{one}+{other}" for one, other in pairwise(said)),
        ]
    )


def keyed(kind: str, thing: str, keys: Iterable[str]) -> Keyed:
    """Return a thing with its keys as numbers."""
    return Keyed(kind, thing, tuple(sorted({hashed(kind, key) for key in keys})))


def hashed(kind: str, key: str) -> int:
    """Return a key as a number of 64 bits; those of two kinds do not meet."""
    digest = blake2b(f"{kind}\0{key}".encode(), digest_size=_KEY_BYTES).digest()
    return int.from_bytes(digest, signed=True)


def weight(total: int, holders: int) -> int:
    """Return what a shared key says, of so many things, where so many hold it."""
    return round(WEIGHT_FULL * math.log(total / holders))


def nearest(
    things: Sequence[Collection[int]], asked: Collection[int], most: int
) -> list[tuple[int, int]]:
    """Return (place, weight) of those that share most with one: what the database is held to."""
    holders = Counter(key for keys in things for key in keys)
    found: defaultdict[int, int] = defaultdict(int)
    for place, keys in enumerate(things):
        for key in set(asked).intersection(keys):
            if holders[key] <= KEY_HOLDERS_MAX:
                found[place] += weight(len(things), holders[key])
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:most]


def close_pairs(
    things: Sequence[Collection[int]], most: int = PAIRS_OF_ONE_MAX
) -> set[tuple[int, int]]:
    """Return the pairs of places that are worth comparing, the lesser place first.

    Each thing's nearest ones by the keys that few hold. Databases do the same for many more.
    """
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for place, keys in enumerate(things):
        for key in set(keys):
            holders[key].append(place)
    shared: defaultdict[tuple[int, int], int] = defaultdict(int)
    for places in holders.values():
        if 1 < len(places) <= PAIR_HOLDERS_MAX:
            worth = weight(len(things), len(places))
            for pair in combinations(places, 2):
                shared[pair] += worth
    ranked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for (one, other), worth in shared.items():
        ranked[one].append((-worth, other))
        ranked[other].append((-worth, one))
    return {
        (min(place, other), max(place, other))
        for place, others in ranked.items()
        for _, other in sorted(others)[:most]
    }
