"""The matchers' speed: pairs a second, beside the bare likeness of letters.

Names are made up from the lexicon's own words. Words, countries and names of their own are as
unequally frequent as in real registers, so that a tenth of a register meets as the whole does:
drawn evenly, all words would become common at one size.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from itertools import accumulate

from rapidfuzz.fuzz import token_sort_ratio

from bench.stage import Stage, Told, table
from mfm.app.matching import lexicon, org_matcher
from mfm.core.org_likeness import OrgView
from mfm.core.overlap_parties import Registered

PAIRS = 2_000
COUNTRIES = (
    "CD BI RW UG KE SO SS SD ET ML NE NG TD CM LR SL GN CO GT HT PH MM NP AF PK IQ SY LB YE".split()
)
_VOWELS, _CONSONANTS = "aeiou", "bdfgklmnprstvz"


class Drawing:
    """Draws things of which the first are common and the last rare (Zipf's law)."""

    def __init__(self, drawn: random.Random, things: list[str]) -> None:
        """Take the things, which chance puts in order."""
        self._drawn = drawn
        self._things = drawn.sample(things, len(things))
        self._weights = list(accumulate(1 / (2 + rank) for rank in range(len(things))))

    def some(self, count: int) -> list[str]:
        """Return so many, some perhaps twice."""
        return self._drawn.choices(self._things, cum_weights=self._weights, k=count)


class Names:
    """Makes up names: some of the field's words, and a word of its own, perhaps another's too."""

    def __init__(self, drawn: random.Random) -> None:
        """Read the words of the field."""
        words = sorted(word for word, means in lexicon().exact.items() if len(word) > 3 and means)
        self._drawn = drawn
        self._words = Drawing(drawn, words)
        self._own: list[str] = []

    def one(self) -> str:
        """Return a name of two to five words and one that is made up, as a place is or a saint."""
        if self._own and self._drawn.random() < 0.5:
            own = self._drawn.choice(self._own)
        else:
            letters = (_CONSONANTS, _VOWELS) * self._drawn.choice((2, 3, 3, 4))
            own = "".join(self._drawn.choice(each) for each in letters).title()
        self._own.append(own)
        return " ".join([*self._words.some(self._drawn.randint(2, 5)), own])


def register(size: int) -> Iterator[Registered]:
    """Yield made-up organisations; one in fifty is another's twin, misspelt."""
    drawn = random.Random(7)
    names, countries = Names(drawn), Drawing(drawn, COUNTRIES)
    made: list[str] = []
    for at in range(size):
        said = names.one()
        if at and drawn.random() < 0.02:
            said = drawn.choice(made) + " NGO"
        made.append(said)
        yield Registered(str(at), OrgView(said, countries.some(1)[0]))


def per_second(count: int, work: Callable[[], object]) -> float:
    """Return how many a second of this process's own time a piece of work does."""
    begun = time.process_time()
    work()
    return count / max(1e-9, time.process_time() - begun)


async def measure(stage: Stage) -> Told:
    """Measure pairs."""
    return await asyncio.to_thread(_measured, stage)


def _measured(_: Stage) -> Told:
    matcher = org_matcher()
    reads = [matcher.read(each.view) for each in register(2 * PAIRS)]
    pairs = list(zip(reads[::2], reads[1::2], strict=False))
    bare = per_second(
        len(pairs),
        lambda: [token_sort_ratio(one.view.name, other.view.name) for one, other in pairs],
    )
    judged = per_second(len(pairs), lambda: [matcher.judge(*pair) for pair in pairs])
    figures = {
        "matching_pairs_per_second": round(judged),
        "matching_to_bare_ratio": round(judged / bare, 4),
    }
    rows = [[key.replace("_", " "), f"{value:,}"] for key, value in figures.items()]
    return Told(figures, [table("matching organisations", "what, found", rows)])
