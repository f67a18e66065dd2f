"""`make overlap-eval`: what the matchers find in the labelled pairs, in one table.

The pairs trained the model; its cross-validated figures are printed by `make overlap-model`.
Candidates are measured on names that are taken out of the pool before they are asked for.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.overlap_data import CONTEXT, FOLDER, lines, view
from bench.overlap_newcomers import asked as asked_in_register
from bench.overlap_projects import projects
from mfm.app.matching import org_matcher, project_matcher
from mfm.core.candidates import Pool
from mfm.core.letters import script_of

QUERIES_A_KIND = 100
TOP = 50
Judged = Sequence[tuple[int, str]]
"""Pairs as (label, band)."""


def figures(judged: Judged, bands: Iterable[str] = ("strong", "possible")) -> tuple[float, float]:
    """Return precision and recall, where the bands count as found."""
    found = [label for label, band in judged if band in set(bands)]
    return sum(found) / max(1, len(found)), sum(found) / max(1, sum(label for label, _ in judged))


def f1(judged: Judged) -> float:
    """Return their harmonic mean."""
    precision, recall = figures(judged)
    return 2 * precision * recall / max(1e-9, precision + recall)


def judge(pairs: list[Any], withheld: frozenset[str] = frozenset()) -> list[tuple[int, str]]:
    """Return label and band of each pair of organisations."""
    matcher = org_matcher()
    return [
        (p["label"], matcher.match(*(matcher.read(view(p[side], withheld)) for side in "ab")).band)
        for p in pairs
    ]


def false_ratio(pairs: list[Any], judged: Judged) -> float:
    """Return how many times as often a wrong pair with another script is flagged strong."""
    rates = []
    for other in (True, False):
        wrong = [
            band
            for pair, (label, band) in zip(pairs, judged, strict=True)
            if not label and other == any(script_of(pair[side]["name"]) != "latin" for side in "ab")
        ]
        rates.append(wrong.count("strong") / len(wrong))
    return rates[0] / max(1e-9, rates[1])


def sort_of(names: list[Any], which: int) -> str:
    """Return how a name differs from the organisation's others, or "" where it does not."""
    name, language, kinds = names[which]
    others = [each for at, each in enumerate(names) if at != which]
    is_sort = {
        "other script": all(script_of(each[0]) != script_of(name) for each in others),
        "acronym": "acronym" in kinds,
        "alias": "alias" in kinds,
        "other language": bool(language) and all(each[1] != language for each in others),
    }
    return next((sort for sort, so in is_sort.items() if so and others), "")


def asked(pool: list[Any]) -> list[tuple[str, int, int]]:
    """Return names to ask for, one of an organisation: (sort, place in the pool, which)."""
    sorts: dict[str, list[tuple[str, int, int]]] = {}
    for place, member in enumerate(pool):
        for which in range(len(member["names"])):
            if sort := sort_of(member["names"], which):
                sorts.setdefault(sort, []).append((sort, place, which))
    drawn = random.Random(20)
    taken: dict[int, tuple[str, int, int]] = {}
    for sort in sorted(sorts):
        free = [each for each in sorts[sort] if each[1] not in taken]
        taken |= {each[1]: each for each in drawn.sample(free, min(QUERIES_A_KIND, len(free)))}
    return list(taken.values())


def misspelt(name: str, drawn: random.Random) -> str:
    """Return a name as people get it wrong: letters changed places, words too, a form added."""
    at = drawn.randrange(max(1, len(name) - 1))
    words = name.split()
    turn = drawn.randrange(len(words))
    return drawn.choice(
        [
            name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :],
            " ".join(words[turn:] + words[:turn]),
            f"{name} {drawn.choice(['NGO', 'Inc.', 'Association', 'e.V.'])}",
        ]
    )


def recall(pool: list[Any]) -> dict[str, float]:
    """Return the share of names whose organisation is among the first candidates, by sort."""
    matcher = org_matcher()
    queries = asked(pool)
    out = {(place, which) for _, place, which in queries}
    members = (
        ([n[0] for which, n in enumerate(m["names"]) if (place, which) not in out], m["country"])
        for place, m in enumerate(pool)
    )
    among = Pool(members, matcher.lexicon, matcher.weigh)
    found: Counter[str] = Counter()
    for sort, place, which in queries:
        name = pool[place]["names"][which][0]
        found[sort] += place in among.find(name, pool[place]["country"], TOP)
    drawn = random.Random(21)
    asked_of = {each[1] for each in queries}
    whole = [place for place in range(len(pool)) if place not in asked_of]
    for place in drawn.sample(whole, QUERIES_A_KIND):
        name = misspelt(max((each[0] for each in pool[place]["names"]), key=len), drawn)
        found["misspelt"] += place in among.find(name, pool[place]["country"], TOP)
        queries.append(("misspelt", place, 0))
    sizes = Counter(sort for sort, *_ in queries)
    return {"all": found.total() / sizes.total()} | {s: found[s] / sizes[s] for s in sizes}


def main() -> None:
    """Print the table."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--data", type=Path, default=FOLDER)
    data = told.parse_args().data
    table = Table("measure", "found", "wanted")
    pairs, field = lines(data / "org_pairs.jsonl"), lines(data / "wps_pairs.jsonl")
    whole = judge(pairs)
    precision, strong = figures(whole, ("strong",))
    table.add_row("organisations, F1", f"{f1(whole):.3f}", ">= .86")
    table.add_row("name and country only, F1", f"{f1(judge(pairs, CONTEXT)):.3f}", ">= .70")
    table.add_row("strong band, P / R", f"{precision:.3f} / {strong:.3f}", ">= .95 / .63")
    table.add_row("WPS organisations, F1", f"{f1(judge(field)):.3f}", ">= .80")
    table.add_row("other script : Latin, false", f"{false_ratio(pairs, whole):.2f}", "<= 1.4")
    wanted = {"all": ">= .88", "other script": ">= .65"}
    pool = lines(data / "org_pool.jsonl")
    for sort, share in recall(pool).items():
        table.add_row(f"recall@{TOP}, {sort}", f"{share:.3f}", wanted.get(sort, ""))
    for known, city in (("names", False), ("names, cities", True)):
        for what, share in asked_in_register(pool, city=city).items():
            goal = "<= .05" if what.startswith("new") else ""
            table.add_row(f"register by {known}: {what}", f"{share:.3f}", goal)
    works, matcher = lines(data / "project_pairs.jsonl"), project_matcher()
    judged = [(p["label"], matcher.match(*projects(p)).band) for p in works]
    later = [band for p, (_, band) in zip(works, judged, strict=True) if "phase" in p["kind"]]
    table.add_row("projects, F1", f"{f1(judged):.3f}", ">= .95")
    flagged = 1 - later.count("none") / max(1, len(later))
    table.add_row("next phase flagged", f"{flagged:.3f}", "<= .02")
    Console().print(table)


if __name__ == "__main__":
    main()
