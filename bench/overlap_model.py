"""`make overlap-model`: train the matcher of organisations from the labelled pairs alone.

A logistic regression for each of three regimes. Each fact is a curve between a few places, and
neighbouring places are held together, so that the curve bends only where pairs show it. Thresholds
come from pairs that the coefficients had not seen (cross-validation by organisation).
"""

import argparse
import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bench import overlap_projects as projects
from bench.overlap_data import CONTEXT, FOLDER, FOLDS, folds, lines, view
from mfm.app.matching import folder as data_folder
from mfm.app.matching import lexicon
from mfm.core.lexicons import Lexicon
from mfm.core.normalising import NORMALISATION, Unit, name_of
from mfm.core.org_likeness import DIFFERENT, UNKNOWN, Weigh, compare, read_view
from mfm.core.org_matching import OrgModel, contradiction, has_further_fact
from mfm.core.scoring import Curve, Score

Numbers = npt.NDArray[Any]
VERSION = 1
COMMON_MIN = 4
"""Organisations that say a unit before it has a weight of its own."""
THOUSANDTHS = (0, 200, 400, 600, 700, 800, 900, 960, 1000)
PLACES = {
    "country": (0, 1, 2),
    "city": (0, 1, 2),
    "domain": (0, 1, 2),
    "domain_names": (0, 1, 2, 3),
    "city_named": (0, 1),
    "countries_named": (0, 1, 2),
    "country_against": (0, 1),
    "kinds": (0, 1, 2),
    "short_differs": (0, 1),
    "short_size": (0, 2, 3, 4, 5, 7),
    "length_low": (1, 2, 3, 4, 6, 9),
    "length_high": (1, 2, 3, 4, 6, 9),
    "shared": (0, 300, 600, 900, 1200, 1600, 2200, 3000),
    "own_words": (-1, 0, 300, 600, 800, 950, 1000),
}
# The pairs' fields were copied from one record, so that a true pair never has two cities. In life
# an organisation has two offices and two sites: what speaks against is held to this.
AGAINST_MAX = {"city": 2500, "domain": 2500, "country": 3000}
TOGETHER, SMALL = 2.0, 0.2
BARE_WEIGHT, FIELD_WEIGHT = 0.6, 4.0
STRONG_PRECISION = 0.965
SCRIPT_FALSE_RATIO = 1.0


class Rows(NamedTuple):
    """Pairs as numbers: facts, label, fold, weight, and whether strong is open to them."""

    facts: list[dict[str, int]]
    label: Numbers
    fold: Numbers
    weight: Numbers
    further: Numbers
    hard: Numbers
    full: Numbers


def weights_of(pool: list[Any], words: Lexicon) -> tuple[int, dict[str, int]]:
    """Return the weight of rare units, and of those that several organisations say."""
    said: Counter[str] = Counter()
    for organisation in pool:
        units = (u for name, *_ in organisation["names"] for u in name_of(name, words).units)
        said.update({unit.key for unit in units})
    most = math.log(len(pool))
    common = {key: times for key, times in sorted(said.items()) if times >= COMMON_MIN}
    weights = {
        key: round(1000 * math.log(len(pool) / times) / most) for key, times in common.items()
    }
    return round(1000 * math.log(len(pool) / (COMMON_MIN - 1)) / most), weights


def rows(folder: Path, words: Lexicon, weigh: Weigh) -> dict[str, Rows]:
    """Return every pair as it is, and again as a name and a country alone, by regime."""
    pairs = lines(folder / "org_pairs.jsonl")
    field = lines(folder / "wps_pairs.jsonl")
    named = [(p["a"]["name"], p["b"]["name"], p["label"]) for p in pairs]
    pair_folds = folds(named)
    field_folds = [at // 2 % FOLDS for at in range(len(field))]
    found: dict[str, list[tuple[Any, ...]]] = {}
    for these, those, withheld, weight in (
        (pairs, pair_folds, frozenset[str](), 1.0),
        (pairs, pair_folds, CONTEXT, BARE_WEIGHT),
        (field, field_folds, frozenset[str](), FIELD_WEIGHT),
    ):
        for pair, fold in zip(these, those, strict=True):
            sides = [read_view(view(pair[side], withheld), words) for side in "ab"]
            compared = compare(*sides, weigh)
            further = has_further_fact(compared.facts)
            row = (
                compared.facts,
                pair["label"],
                fold,
                weight,
                further,
                bool(contradiction(compared)),
                weight == 1.0,
            )
            found.setdefault(compared.regime, []).append(row)
    return {
        regime: Rows(
            [each[0] for each in these],
            *(np.array(column) for column in list(zip(*these, strict=True))[1:]),
        )
        for regime, these in found.items()
    }


def tents(facts: list[dict[str, int]]) -> tuple[Numbers, list[tuple[str, int]]]:
    """Return a matrix of how near each fact is to each place, and the columns' names."""
    columns, names = [], []
    for fact in facts[0]:
        at = PLACES.get(fact, THOUSANDTHS)
        values = np.clip([each[fact] for each in facts], at[0], at[-1])
        for place, here in enumerate(at):
            column = np.interp(values, at, [float(k == place) for k in range(len(at))])
            columns.append(column)
            names.append((fact, here))
    return np.stack(columns, axis=1), names


def penalty(names: list[tuple[str, int]]) -> Numbers:
    """Return the matrix that holds neighbouring places together, and all near nothing."""
    size = len(names)
    made = np.eye(size) * SMALL
    for at in range(size - 1):
        if names[at][0] == names[at + 1][0]:
            made[at, at] += TOGETHER
            made[at + 1, at + 1] += TOGETHER
            made[at, at + 1] -= TOGETHER
            made[at + 1, at] -= TOGETHER
    return made


def newton(
    matrix: Numbers, data: tuple[Numbers, Numbers], held: Numbers, offset: Numbers
) -> Numbers:
    """Return intercept and coefficients of a penalised logistic regression."""
    label, weight = data
    matrix = np.hstack([np.ones((len(matrix), 1)), matrix])
    whole = np.zeros((matrix.shape[1],) * 2)
    whole[1:, 1:] = held
    whole[0, 0] = 1e-6
    found = np.zeros(matrix.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(matrix @ found + offset, -30, 30)))
        slope = matrix.T @ (weight * (label - chance)) - whole @ found
        bend = (matrix * (weight * chance * (1 - chance))[:, None]).T @ matrix + whole
        step = np.linalg.solve(bend, slope)
        found += step
        if np.abs(step).max() < 1e-5:
            break
    return found


def fit(matrix: Numbers, names: list[tuple[str, int]], label: Numbers, weight: Numbers) -> Numbers:
    """Fit, and fit the rest again where a field would speak against more than it may."""
    held = penalty(names)
    found = newton(matrix, (label, weight), held, np.zeros(len(matrix)))
    fixed: dict[int, float] = {}
    for fact, most in AGAINST_MAX.items():
        low, middle = (1 + names.index((fact, state)) for state in (DIFFERENT, UNKNOWN))
        if found[middle] - found[low] > most / 1000:
            fixed[low] = found[middle] - most / 1000
    if not fixed:
        return found
    free = [at for at in range(len(names)) if at + 1 not in fixed]
    offset = sum(matrix[:, at - 1] * value for at, value in fixed.items())
    again = newton(matrix[:, free], (label, weight), held[np.ix_(free, free)], offset)
    made = np.zeros(len(names) + 1)
    made[0] = again[0]
    made[[at + 1 for at in free]] = again[1:]
    for at, value in fixed.items():
        made[at] = value
    return made


def score_of(found: Numbers, names: list[tuple[str, int]], bands: tuple[int, int]) -> Score:
    """Return coefficients as curves in whole numbers."""
    curves = {
        fact: Curve(
            tuple(here for name, here in names if name == fact),
            tuple(
                round(1000 * value)
                for (name, _), value in zip(names, found[1:], strict=True)
                if name == fact
            ),
        )
        for fact in dict(names)
    }
    return Score(round(1000 * found[0]), curves, *bands)


def unseen(these: Rows) -> Numbers:
    """Return each pair's score by coefficients that did not see its organisation."""
    matrix, names = tents(these.facts)
    scores = np.zeros(len(matrix))
    for fold in range(FOLDS):
        seen = these.fold != fold
        found = fit(matrix[seen], names, these.label[seen], these.weight[seen])
        scores[~seen] = 1 / (1 + np.exp(-(found[0] + matrix[~seen] @ found[1:])))
    scores[these.hard & (scores > 0.2)] = 0.2
    return (1000 * scores).astype(int)


def f1(label: Numbers, flagged: Numbers) -> float:
    """Return the harmonic mean of precision and recall."""
    return float(2 * (flagged & (label == 1)).sum() / max(1, flagged.sum() + (label == 1).sum()))


def possible_from(these: Rows, scores: Numbers) -> int:
    """Return the score where F1 is best, with the fields beside the names and without."""
    full = these.full
    worth = {
        at: f1(these.label[full], scores[full] >= at)
        + 0.5 * f1(these.label[~full], scores[~full] >= at)
        for at in range(250, 700, 5)
    }
    return max(worth, key=lambda at: worth[at])


def strong_from(these: Rows, scores: Numbers, false_max: float) -> int:
    """Return the lowest score that is precise enough, with no more false flags than allowed."""
    full = these.full
    open_to = these.further & full
    wrong = full & (these.label == 0)
    for at in range(500, 1000, 2):
        flagged = open_to & (scores >= at)
        precision = (flagged & (these.label == 1)).sum() / max(1, flagged.sum())
        false = (flagged & wrong).sum() / max(1, wrong.sum())
        if precision >= STRONG_PRECISION and false <= false_max:
            return at
    return 999


def tell(regime: str, these: Rows, scores: Numbers, bands: tuple[int, int]) -> float:
    """Print how pairs came out that were not seen; return the share of wrong strong flags."""
    full, bare, possible = these.full, ~these.full, scores >= bands[0]
    strong = these.further & full & (scores >= bands[1])
    right, wrong = full & (these.label == 1), full & (these.label == 0)
    false = float((strong & wrong).sum() / wrong.sum())
    print(
        f"{regime:8} not seen: F1 {f1(these.label[full], possible[full]):.3f}"
        f" bare {f1(these.label[bare], possible[bare]):.3f}"
        f" strong P {(strong & right).sum() / max(1, strong.sum()):.3f}"
        f" R {(strong & right).sum() / right.sum():.3f} false {false:.4f}"
        f" bands {bands[0]}/{bands[1]}"
    )
    return false


def train(folder: Path) -> OrgModel:
    """Train, choose the bands, and say how it did on pairs it had not seen."""
    words = lexicon()
    rare, weights = weights_of(lines(folder / "org_pool.jsonl"), words)

    def weigh(unit: Unit) -> int:
        return weights.get(unit.key, rare)

    found = rows(folder, words, weigh)
    made: dict[str, Score] = {}
    false = 1.0
    for regime in ("same", "acronym", "script"):
        these = found[regime]
        scores = unseen(these)
        matrix, names = tents(these.facts)
        whole = fit(matrix, names, these.label, these.weight)
        bands = possible_from(these, scores), strong_from(these, scores, false)
        made[regime] = score_of(whole, names, bands)
        rate = tell(regime, these, scores, bands)
        if regime == "same":
            false = SCRIPT_FALSE_RATIO * rate
    return OrgModel(VERSION, NORMALISATION, rare, weights, made)


def main() -> None:
    """Train and write the model's file."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=FOLDER)
    data = asked.parse_args().data
    model = train(data)
    path = data_folder() / "organisations.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n")
    projects_path = data_folder() / "projects.json"
    projects_path.write_bytes(
        msgspec.json.format(msgspec.json.encode(projects.train(data)), indent=1) + b"\n"
    )


if __name__ == "__main__":
    main()
