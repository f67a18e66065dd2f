"""What tests of policies in the ledger share: files of a policy's versions, and its whole life."""

from datetime import timedelta
from typing import Any

from mfm.app.context import utc_now
from mfm.core.policies import Policy
from mfm.core.record import parse, restore
from mfm.store.journal import Made
from tests.support import Books, operator

TODAY = utc_now().date()
FIRST, NEXT = TODAY + timedelta(days=1), TODAY + timedelta(days=100)
SPAN = {"since": str(TODAY - timedelta(days=365)), "until": str(TODAY)}
_FILE = """format = 1
id = "{name}"
version = {version}
kind = "eligibility"
{fund}title = {{en = "Marker", fr = "Marqueur", es = "Marcador", ar = "مؤشر"}}
time_zone = "UTC"
effective_from = {first}
owner = "secretariat"
[source]
document = "Manual"
[[rule]]
id = "marker"
severity = "refuse"
require = [{{fact = "application.gender_marker", at_least = {least}}}]
message = {{en = "No.", fr = "Non.", es = "No.", ar = "لا."}}
fix = {{en = "Change it.", fr = "Changez.", es = "Cambie.", ar = "غيروا."}}
"""
_STANDING = """format = 1
id = "tests.{name}"
version = 1
kind = "{kind}"
gates = ["{gate}"]
{of}
title = {{en = "Tests", fr = "Tests", es = "Pruebas", ar = "اختبارات"}}
time_zone = "UTC"
effective_from = 1970-01-01
retroactive = {{approved_by = "tests", reason = "Tests reach far back."}}
owner = "tests"
[source]
document = "Tests"
"""
_CASES = """policy = "{name}@{version}"
on = {first}
[base]
"application.gender_marker" = {least}
[[case]]
name = "as asked for"
outcome = "allow"
[[case]]
name = "below"
set = {{"application.gender_marker" = {below}}}
outcome = "refuse"
"""


def file(version: int = 1, **told: Any) -> str:  # noqa: ANN401  # any of the file's blanks
    """Return a policy's file."""
    least = told.setdefault("least", version)
    told = {"name": "p", "version": version, "first": FIRST, "fund": "", "below": least - 1} | told
    return _FILE.format(**told)


def standing(
    name: str, kind: str, gate: str, rules: str, of: str = 'applies_to_currency = "USD"'
) -> str:
    """Return the file of a policy that has always been in force, with these rules."""
    return _STANDING.format(name=name, kind=kind, gate=gate, of=of) + rules


def cases(version: int = 1, **told: Any) -> str:  # noqa: ANN401  # as above
    """Return its cases."""
    least = told.setdefault("least", version)
    told = {"name": "p", "version": version, "first": FIRST, "below": least - 1} | told
    return _CASES.format(**told)


def policy_of(made: Made, number: int = -1) -> Policy:
    """Return a policy that a record set."""
    found = restore(parse(made.content)[1].sets["policy"][number], Policy)
    assert isinstance(found, Policy)
    return found


async def live(books: Books, version: int = 1, **told: Any) -> Made:  # noqa: ANN401  # as above
    """Bring a version of a policy into force, by three people; return the last record."""
    name = f"{told.get('name', 'p')}.v{version}"
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("policy.draft", "editor", {"content": file(version, **told)}),
        ("policy.test", "editor", {"policy": name, "cases": cases(version, **told)}),
        ("policy.simulate", "editor", {"policy": name, **SPAN}),
        ("policy.approve", "board", {"policy": name}),
        ("policy.activate", "other", {"policy": name}),
    ]
    for verb, key, fields in steps:
        made = await books.do(verb, operator(key), **fields)
        assert made.accepted, made.content
    return made
