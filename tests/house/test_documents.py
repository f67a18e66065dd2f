"""Documents say what is there: one title each, no dead link, each noun and verb explained."""

import re
from pathlib import PurePosixPath

from mfm.core import accounts, permissions, reported
from tests.house import rules
from tests.house.tree import ROOT, files, texts

VOCABULARY = "docs/reference/vocabulary.md"
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")


def prose(text: str) -> str:
    """A Markdown text without its fenced code."""
    return re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)


def title_faults(text: str) -> list[str]:
    """A Markdown file begins with its title and has no other."""
    titles = re.findall(r"^# .+$", prose(text), re.MULTILINE)
    if len(titles) != 1:
        return [f"{len(titles)} titles"]
    return [] if text.lstrip().startswith("# ") else ["the title is not the first line"]


def dead_links(name: str, text: str, known: set[str]) -> list[str]:
    """The relative links of a Markdown file that lead to no file or folder of the repository."""
    return [target for target in _LINK.findall(prose(text)) if resolved(name, target) not in known]


def resolved(name: str, target: str) -> str:
    """A link's target as a path from the root of the repository."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / target).parts:
        if part == "..":
            parts = parts[:-1] if parts else [".."]
        else:
            parts.append(part)
    return "/".join(parts)


def unnamed(words: list[str], vocabulary: str) -> list[str]:
    """The words that the vocabulary does not set in code."""
    return [word for word in words if f"`{word}`" not in vocabulary]


def known_places() -> set[str]:
    """Every file and folder of the repository, as paths from its root."""
    folders = {parent.as_posix() for name in files() for parent in PurePosixPath(name).parents}
    return set(files()) | folders


def test_document_faults_are_caught() -> None:
    assert title_faults("# One\n```\n# not a title\n```\n") == []
    assert title_faults("# One\n# Two\n") != []
    assert title_faults("text\n# One\n") != []
    assert (
        dead_links("docs/a.md", "[b](b.md) [up](../README.md#x)", {"docs/b.md", "README.md"}) == []
    )
    assert dead_links("docs/a.md", "[b](gone.md)", {"docs/a.md"}) == ["gone.md"]
    assert unnamed(["Fund", "Bank"], "a `Fund` and a bank") == ["Bank"]


def test_each_document_has_one_title() -> None:
    found = [
        f"{name}: {fault}"
        for name, text in texts("", ".md").items()
        for fault in title_faults(text)
    ]
    assert not found, "\n".join(found)


def test_links_between_documents_lead_somewhere() -> None:
    known = known_places()
    found = [
        f"{name} -> {target}"
        for name, text in texts("", ".md").items()
        for target in dead_links(name, text, known)
    ]
    assert not found, "\n".join(found)


def test_every_page_is_in_the_index() -> None:
    index = texts("docs/", ".md")["docs/README.md"]
    linked = {resolved("docs/README.md", target) for target in _LINK.findall(index)}
    absent = sorted(set(texts("docs/", ".md")) - linked - {"docs/README.md"})
    assert not absent, "not in docs/README.md: " + ", ".join(absent)


def test_readme_names_the_two_commands_and_the_limits() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for said in ("make demo", "make test", "What software cannot do", "LICENSE"):
        assert said in readme, f"README.md does not say {said!r}"


def test_every_public_class_of_the_core_is_in_the_vocabulary() -> None:
    vocabulary = (ROOT / VOCABULARY).read_text("utf-8")
    absent = [
        f"{path}: {name}"
        for path, text in texts("src/mfm/core/", ".py").items()
        for name in unnamed(rules.public_classes(text), vocabulary)
    ]
    assert not absent, f"not in {VOCABULARY}:\n" + "\n".join(absent)


def test_every_verb_is_in_the_vocabulary() -> None:
    vocabulary = (ROOT / VOCABULARY).read_text("utf-8")
    verbs = [action for action in permissions.TABLE if not action.endswith(".read")]
    assert unnamed(verbs, vocabulary) == []


def test_the_chart_of_accounts_is_the_documented_one() -> None:
    page = (ROOT / "docs/reference/accounts.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d{4}) \| ([^|]+) \| ([^|]+) \| (Dr|Cr) \|", page, re.MULTILINE)
    documented = {code: (name.strip(), kind.strip(), side) for code, name, kind, side in rows}
    chart = {
        line.code: (line.name, line.kind, "Dr" if line.side == 1 else "Cr")
        for line in accounts.CHART.values()
    }
    assert documented == chart


def test_reported_postings_are_the_documented_ones() -> None:
    page = (ROOT / VOCABULARY).read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (\d{4}) \| (\d{4}) \|$", page, re.MULTILINE)
    assert {kind: (debit, credit) for kind, debit, credit in rows} == reported.POSTINGS
