"""The labelled pairs that the overlap matchers are trained and measured with.

They lie beside the repository (`../shared/data/overlap`), never in it.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mfm.core.org_likeness import OrgView

FOLDER = Path(__file__).parents[1].parent / "shared" / "data" / "overlap"
FOLDS = 5
CONTEXT = frozenset({"city", "domain"})


def lines(path: Path) -> list[Any]:
    """Return the JSON lines of a file."""
    with path.open("rb") as file:
        return [msgspec.json.decode(line) for line in file if line.strip()]


def view(side: dict[str, Any], withheld: frozenset[str] = frozenset()) -> OrgView:
    """Return one side of a pair, less what is withheld."""
    seen = {key: value for key, value in side.items() if key not in withheld}
    return msgspec.convert(seen, OrgView)


def folds(names: Sequence[tuple[str, str, int]]) -> list[int]:
    """Return a fold for each pair (name, name, label), all pairs of an organisation in one.

    Names are one organisation where a pair is labelled so; a pair goes with its first name.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other, label in names:
        if label:
            parent[root(one)] = root(other)
    return [zlib.crc32(root(one).encode()) % FOLDS for one, _, _ in names]
