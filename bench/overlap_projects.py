"""`make overlap-model`, second part: words' weights and thresholds of the matcher of projects."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from bench.overlap_data import lines
from mfm.app.matching import org_matcher
from mfm.core.normalising import NORMALISATION
from mfm.core.project_matching import ProjectMatcher, ProjectModel, ProjectView, titled

VERSION = 1
COMMON_MIN = 3


def projects(pair: dict[str, Any]) -> tuple[ProjectView, ProjectView]:
    """Return the two sides of a pair."""
    return msgspec.convert(pair["a"], ProjectView), msgspec.convert(pair["b"], ProjectView)


def train(folder: Path) -> ProjectModel:
    """Weigh the words of titles; put the thresholds where F1 is best on the pairs."""
    pairs = lines(folder / "project_pairs.jsonl")
    orgs = org_matcher()
    said: Counter[str] = Counter()
    titles = {pair[side]["title"] for pair in pairs for side in "ab"}
    for title in titles:
        said.update({unit.key for unit in titled(title, orgs.lexicon)})
    most = math.log(len(titles))
    weights = {
        key: round(1000 * math.log(len(titles) / times) / most)
        for key, times in sorted(said.items())
        if times >= COMMON_MIN
    }
    rare = round(1000 * math.log(len(titles) / 2) / most)
    model = ProjectModel(VERSION, NORMALISATION, rare, weights, 0, 1000)
    matcher = ProjectMatcher(orgs, model)
    scores = [(matcher.match(*projects(pair)).score, pair["label"], pair["kind"]) for pair in pairs]

    def f1(at: int) -> float:
        hit = sum(label for score, label, _ in scores if score >= at)
        flagged = sum(score >= at for score, *_ in scores)
        return 2 * hit / (flagged + sum(label for _, label, _ in scores))

    # the middle of the plateau, so that other pairs have room on both sides
    best = max(f1(at) for at in range(200, 800, 5))
    good = [at for at in range(200, 800, 5) if f1(at) >= best - 0.003]
    possible = good[len(good) // 2]
    wrong = sorted(score for score, label, _ in scores if not label)
    strong = max(possible, wrong[-1 - len(wrong) // 200] + 50)
    print(f"projects F1 {f1(possible):.3f}, within .003 of the best from {good[0]} to {good[-1]}")
    return msgspec.structs.replace(model, possible=possible, strong=strong)
