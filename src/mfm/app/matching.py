"""The matchers, made once from the files that come with mfm."""

from functools import cache
from pathlib import Path

import msgspec
from babel import Locale

from mfm.core.lexicons import Lexicon, read
from mfm.core.org_matching import OrgMatcher, OrgModel
from mfm.core.project_matching import ProjectMatcher, ProjectModel
from mfm.store.migrate import shipped

# The languages whose names of countries are known (CLDR's, by Babel): those of the lexicon.
_LANGUAGES = """
en fr es pt it de nl sv nb da fi pl cs sk hr sr ru uk bg ro hu el tr ar fa hi ne bn vi id sw so am
zh ja ko th ka hy az uz kk ky mn sq he ur my km ta lt lv et
""".split()
_CODE_CHARS = 2
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"})


def folder() -> Path:
    """Return the folder of the lexicon and the models."""
    return shipped("matching")


@cache
def lexicon() -> Lexicon:
    """Return the words of the field."""
    names = (
        (code, name)
        for language in _LANGUAGES
        for code, name in Locale.parse(language).territories.items()
        if len(code) == _CODE_CHARS and code.isalpha() and code not in _NO_COUNTRIES
    )
    words, countries = (
        (folder() / name).read_text(encoding="utf-8") for name in ("lexicon.txt", "countries.txt")
    )
    return read(words, countries, names)


@cache
def version() -> str:
    """Return which models compare: what a case says of the detector that noticed it."""
    orgs, projects = org_matcher().model, project_matcher().model
    return f"organisations {orgs.normalisation}.{orgs.version}, projects {projects.version}"


@cache
def org_matcher() -> OrgMatcher:
    """Return the matcher of organisations."""
    model = msgspec.json.decode((folder() / "organisations.json").read_bytes(), type=OrgModel)
    return OrgMatcher(lexicon(), model)


@cache
def project_matcher() -> ProjectMatcher:
    """Return the matcher of projects."""
    model = msgspec.json.decode((folder() / "projects.json").read_bytes(), type=ProjectModel)
    return ProjectMatcher(org_matcher(), model)


def warm() -> None:
    """Read the files now, so that nobody waits for it later."""
    project_matcher()  # and with it that of organisations, and the lexicon
