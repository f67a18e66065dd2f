"""What tests of the matchers share: the shipped lexicon and models, and short ways to ask."""

import msgspec

from mfm.app.matching import lexicon, org_matcher
from mfm.core.normalising import Name, name_of
from mfm.core.org_likeness import OrgView
from mfm.core.scoring import Verdict


def read(text: str) -> Name:
    """Read a name by the shipped lexicon."""
    return name_of(text, lexicon())


def keys(text: str) -> list[str]:
    """Return the keys of a name's units."""
    return [unit.key for unit in read(text).units]


def compare(one: str, other: str, **both: tuple[object, object]) -> Verdict:
    """Compare two names; further fields are (one's, the other's)."""
    sides = [
        msgspec.convert(
            {"name": name} | {field: value[at] for field, value in both.items()}, OrgView
        )
        for at, name in enumerate((one, other))
    ]
    matcher = org_matcher()
    return matcher.match(*(matcher.read(side) for side in sides))
