"""The few that one may be, without comparing everyone with everyone."""

import pytest

from mfm.app.matching import org_matcher
from mfm.core.candidates import Pool

NAMED = [
    (["Synergie des Femmes pour les Victimes des Violences"], "CD"),
    (["شبكة النساء العراقيات"], "IQ"),
    (["Dushirehamwe", "Association Dushirehamwe"], "BI"),
    (["Technova Inc."], "JP"),
    (["Українська жіноча мережа"], "UA"),
    ([], "XX"),
]
OTHERS = [
    ([f"Organisation {number} of {place}"], "CD")
    for number in range(40)
    for place in ("Goma", "Uvira")
]


@pytest.mark.parametrize(
    ("name", "country", "place"),
    [
        ("SFVV", "CD", 0),
        ("Iraqi Women Network", "IQ", 1),
        ("Dushirehamwe asbl", "BI", 2),
        ("Dusirehamwe", None, 2),
        ("株式会社テクノバ", "JP", 3),
        ("Ukrainian Women's Network", None, 4),
    ],
)
def test_an_organisation_is_found_under_a_name_that_is_not_stored(
    name: str, country: str | None, place: int
) -> None:
    matcher = org_matcher()
    pool = Pool([*NAMED, *OTHERS], matcher.lexicon, matcher.weigh)
    found = pool.find(name, country, 3)
    assert found[0] == place
    assert len(found) <= 3
    assert found == pool.find(name, country, 3)
    assert pool.find("Qwxyz", None, 3) == []
