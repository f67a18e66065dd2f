"""Whether two grants pay for one project."""

from datetime import date

from mfm.app.matching import project_matcher
from mfm.core.project_matching import ProjectView

TITLE = "Training of women mediators in the villages of Fizi and Uvira territory"
ORG = "Femmes pour la Paix"
FROM, TO = date(2026, 1, 1), date(2026, 12, 31)


def project(
    title: str = TITLE, org: str = ORG, days: tuple[date, date] = (FROM, TO)
) -> ProjectView:
    return ProjectView(org, title, *days, budget=50_000, cluster="peace")


def band(other: ProjectView) -> str:
    found = project_matcher().match(project(), other)
    assert found == project_matcher().match(project(), other)
    assert found.band == project_matcher().match(other, project()).band
    return found.band


def test_the_same_project_in_other_words_is_found() -> None:
    moved = date(2026, 3, 1), date(2027, 2, 28)
    assert band(project()) == "strong"
    assert band(project("Training women mediators, villages of Fizi & Uvira", days=moved)) != "none"
    assert (
        band(
            project(
                "Formation de femmes médiatrices dans les villages du territoire de Fizi et d'Uvira"
            )
        )
        != "none"
    )


def test_a_sequel_another_project_and_another_organisation_are_not() -> None:
    after = date(2027, 1, 1), date(2027, 12, 31)
    on_the_day = TO, date(2027, 12, 31)
    assert band(project(days=after)) == "none"
    assert band(project(days=on_the_day)) == "none"
    assert band(project("Radio programmes against forced marriage in Kalemie")) == "none"
    assert band(project(org="Radio Okapi")) == "none"


def test_reasons_name_days_and_words() -> None:
    found = project_matcher().match(project(), project(days=(date(2026, 12, 1), date(2027, 5, 1))))
    assert "for: 31 days in common" in found.reasons
    assert any("mediators" in reason for reason in found.reasons)
    unknown = ProjectView(ORG, TITLE)
    assert project_matcher().match(unknown, unknown).band == "strong"
