"""What may lie in the repository: small files, plain words, migrations that do not change."""

import hashlib
import re
from pathlib import PurePosixPath

from tests.house.tree import ROOT, files

MAX_FILE_BYTES = 512 * 1024

# Written in two halves, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a host of a package registry": [
        "py" + r"pi\.org",
        "python" + r"hosted\.org",
        "npm" + r"js\.(?:org|com)",
        "crates" + r"\.io",
        "proxy\\.go" + r"lang\.org",
        "docker" + r"\.io/",
        "gh" + r"cr\.io",
    ],
    "a path of one machine": [
        r"(?<![\w.\-}/])/" + r"(?:root|work|home/[a-z]+|Users/[A-Za-z]+)/",
        r"/t" + r"mp/(?:brief|bash_jobs)",
    ],
    "a word that belongs to somebody's tools": [
        r"\bcl" + r"aude\b",
        r"\banth" + r"ropic\b",
        r"\bopen" + r"ai\b",
        r"\bchat" + r"gpt\b",
        r"\bco" + r"pilot\b",
        r"\bsub" + r"agents?\b",
        r"\bai[ -]gene" + r"rated\b",
        r"\blanguage mo" + r"dels?\b",
        r"\bshared/de" + r"sign\b",
        r"\bissues sh" + r"ow\b",
    ],
}


def forbidden_words(text: str) -> list[tuple[int, str]]:
    """Find registry hosts, machine paths and words of tools: [(line, what)]."""
    return [
        (text.count("\n", 0, match.start()) + 1, f"{what}: {match[0]}")
        for what, patterns in FORBIDDEN.items()
        for match in re.finditer("|".join(patterns), text, re.IGNORECASE)
    ]


def migration_faults(
    numbered: list[str], sums: dict[str, str], listed: dict[str, str]
) -> list[str]:
    """Say what is wrong with a list of migrations.

    Args:
        numbered: the paths of the .sql files, below migrations/.
        sums: path -> SHA-256 of what the file holds now.
        listed: path -> SHA-256 written down in CHECKSUMS.
    """
    faults = []
    numbers = [PurePosixPath(name).name.split("_")[0] for name in sorted(numbered)]
    wanted = [f"{number:04}" for number in range(1, len(numbers) + 1)]
    if numbers != wanted:
        faults.append(f"numbered {numbers}, wanted {wanted}: consecutive, four digits, from 0001")
    faults += [
        f"{name} is not in CHECKSUMS: run `make checksums`" for name in sums if name not in listed
    ]
    faults += [f"{name} is in CHECKSUMS but gone" for name in listed if name not in sums]
    faults += [
        f"{name} was changed: write a new migration instead"
        for name in sums
        if listed.get(name, sums[name]) != sums[name]
    ]
    return faults


def test_forbidden_words_are_caught() -> None:
    samples = [
        "see https://py" + "pi.org/simple",
        "cd /ro" + "ot/mfm",
        "open /wo" + "rk/main",
        "as Cl" + "aude said",
    ]
    assert [sample for sample in samples if not forbidden_words(sample)] == []
    assert forbidden_words("tests/work/ and ../root/ and a session of the board") == []


def test_no_file_names_hosts_machines_or_tools() -> None:
    found = [
        f"{name}:{line}: {what}"
        for name, path in files().items()
        for line, what in forbidden_words(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert not found, "\n".join(found)


def test_files_are_small() -> None:
    big = [
        f"{name}: {size} bytes, more than {MAX_FILE_BYTES}"
        for name, path in files().items()
        if (size := path.stat().st_size) > MAX_FILE_BYTES and name != "requirements.lock"
    ]
    assert not big, "\n".join(big)


def test_changed_and_missing_migrations_are_caught() -> None:
    kept = {"0001_a.sql": "aa", "0002_b.sql": "bb"}
    assert migration_faults(list(kept), kept, kept) == []
    assert len(migration_faults(["0001_a.sql", "0003_c.sql"], {}, {})) == 1  # a gap
    assert len(migration_faults(["0001_a.sql", "0001_b.sql"], {}, {})) == 1  # two at once
    assert len(migration_faults(list(kept), kept, kept | {"0002_b.sql": "b0"})) == 1  # changed
    assert len(migration_faults(list(kept), kept, {"0001_a.sql": "aa"})) == 1  # not written down
    assert len(migration_faults(["0001_a.sql"], {"0001_a.sql": "aa"}, kept)) == 1  # gone


def test_migrations_are_numbered_and_unchanged() -> None:
    found = {
        name.removeprefix("migrations/"): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files().items()
        # roles.sql is no migration: it is run once a cluster, before the first, and may be again
        if re.fullmatch(r"migrations/(?!roles\.sql).*\.sql", name)
    }
    lines = (ROOT / "migrations" / "CHECKSUMS").read_text("utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    assert found, "no migration found: the rule would hold for nothing"
    assert (faults := migration_faults(list(found), found, listed)) == [], "\n".join(faults)
