"""The matchers on real and labelled pairs that lie beside the repository."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mfm.app.matching import org_matcher, project_matcher
from mfm.core.org_likeness import OrgView
from mfm.core.overlap_calls import Window, overlapping_calls
from mfm.core.overlap_chains import Agreement, Asked, intermediaries
from mfm.core.project_matching import ProjectView
from mfm.core.scoring import Verdict
from mfm.formats.iati import read as iati_read
from tests.house.tree import ROOT

DATA = ROOT.parent / "shared" / "data"
EVERY = 10
"""One pair in so many is tried here; `make overlap-eval` tries all."""


def need(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def lines(name: str) -> list[Any]:
    path = need(DATA / "overlap" / name)
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def f1(judged: list[tuple[int, bool]]) -> float:
    hit = sum(label for label, found in judged if found)
    return 2 * hit / (sum(found for _, found in judged) + sum(label for label, _ in judged))


def verdict(pair: dict[str, Any]) -> Verdict:
    matcher = org_matcher()
    sides = (matcher.read(msgspec.convert(pair[side], OrgView)) for side in "ab")
    return matcher.match(*sides)


def test_labelled_pairs_of_organisations() -> None:
    judged = [(pair["label"], verdict(pair).band) for pair in lines("org_pairs.jsonl")[::EVERY]]
    assert f1([(label, band != "none") for label, band in judged]) >= 0.86
    strong = [label for label, band in judged if band == "strong"]
    assert sum(strong) >= 0.95 * len(strong)
    assert sum(strong) >= 0.63 * sum(label for label, _ in judged)


def test_labelled_pairs_of_womens_organisations() -> None:
    judged = [(pair["label"], verdict(pair).band != "none") for pair in lines("wps_pairs.jsonl")]
    assert f1(judged) >= 0.8


def test_labelled_pairs_of_projects() -> None:
    matcher = project_matcher()
    pairs = lines("project_pairs.jsonl")[:: EVERY // 2]
    judged = [
        (
            pair["label"],
            matcher.match(*(msgspec.convert(pair[side], ProjectView) for side in "ab")).band,
        )
        for pair in pairs
    ]
    assert f1([(label, band != "none") for label, band in judged]) >= 0.95
    later = [band for pair, (_, band) in zip(pairs, judged, strict=True) if "phase" in pair["kind"]]
    assert sum(band != "none" for band in later) <= 0.02 * len(later)


def test_no_affiliate_of_the_real_pairs_is_strong_and_one_number_makes_one() -> None:
    with need(DATA / "orgs" / "cbpf-labelled-pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 45
    matcher = org_matcher()
    found, alike = [], 0
    for row in rows:
        sides = (OrgView(row[name], "CD") for name in ("name_a", "name_b"))
        judged = matcher.judge(*map(matcher.read, sides))
        found.append((row["label"], judged.band))
        strong = matcher.model.regimes[judged.compared.regime].strong
        alike += row["label"] != "same" and judged.score >= strong
    # By their points some of them would be; names and a country alone never are.
    assert alike > 0
    assert all(band != "strong" for label, band in found if label != "same")
    missed = sum(band == "none" for label, band in found if label == "same")
    assert missed <= 1  # a rename has nothing in its letters
    abaad = {
        side: {"name": name, "registrations": ["LB-MOI-1"]}
        for side, name in (
            ("a", "ABAAD Resource Center For Gender Equality"),
            ("b", "ABAAD - Resource Centre for Gender Equality"),
        )
    }
    assert verdict(abaad).band == "strong"


def test_the_real_windows_of_calls_overlap_as_often_as_is_known() -> None:
    path = need(DATA / "overlap" / "calls_cbpf.json")
    windows = [
        Window(
            id=str(at),
            fund=str(each["fund"]),
            places=(str(each["fund"]),),
            opens_on=date.fromisoformat(each["open"]),
            closes_on=date.fromisoformat(each["close"]),
        )
        for at, each in enumerate(msgspec.json.decode(path.read_bytes()))
    ]
    assert len(windows) == 685
    assert 241 <= len(overlapping_calls(windows)) <= 243


def test_a_real_intermediary_beside_its_own_sub_grantee() -> None:
    path = need(DATA / "iati-real" / "women-and-peace-orgs.xml")
    agreements: list[Agreement] = []
    asked: list[Asked] = []
    for activity in iati_read(path):
        days = {each.type: each.on for each in activity.dates}
        first, last = days.get("2") or days.get("1"), days.get("3") or days.get("4")
        reporter = activity.reporting.ref
        for each in activity.participants:
            if each.role == "1" and each.organisation.ref:
                asked.append(Asked(reporter, each.organisation.ref, first, last))
            if each.role == "4" and each.organisation.ref not in {"", reporter}:
                agreements.append(Agreement(reporter, each.organisation.ref))
    found = intermediaries(asked, agreements)
    pair = [each for each in found if (each.left, each.right) == ("LB-MOI-497", "NL-KVK-30214009")]
    assert pair
    assert pair[0].reasons[0] == "for: NL-KVK-30214009 gives to LB-MOI-497"
