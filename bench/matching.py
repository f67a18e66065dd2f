"""The matchers' speed: pairs a second, beside the bare likeness of letters.

Names are made up from the lexicon's own words, so that they meet as real ones do.
"""

import asyncio
import random
import time
from collections.abc import Callable

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


def name(drawn: random.Random, words: list[str]) -> str:
    """Return a made-up name: three to five of the field's words, and one of its own."""
    own = "".join(drawn.choice(_CONSONANTS) + drawn.choice(_VOWELS) for _ in range(3))
    said = [drawn.choice(words) for _ in range(drawn.randint(3, 5))]
    return " ".join([*said, own.title()])


def register(size: int) -> list[Registered]:
    """Return made-up organisations; one in fifty is another's twin, misspelt."""
    drawn = random.Random(size)
    words = sorted(word for word, concepts in lexicon().exact.items() if len(word) > 3 and concepts)
    made: list[Registered] = []
    for at in range(size):
        said = name(drawn, words)
        if at and drawn.random() < 0.02:
            said = drawn.choice(made).view.name + " NGO"
        made.append(Registered(str(at), OrgView(said, drawn.choice(COUNTRIES))))
    return made


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
