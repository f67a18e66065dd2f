"""Overlap on files from the terminal: no database, one line for each, clear mistakes."""

import json
from pathlib import Path

from tests.cli.terminal import Terminal

PAIR = {
    "pair_id": "x",
    "label": 1,
    "a": {"name": "Femmes pour la Paix", "country": "CD", "city": "Goma", "lang": None},
    "b": {"name": "Women for Peace", "country": "CD", "city": "Goma", "types": ["other"]},
}
PROJECT = {"org": "Femmes pour la Paix", "title": "Training of mediators in Fizi", "budget": 1}


def write(path: Path, *lines: object) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_pairs_and_candidates_are_answered_line_by_line(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    out = tmp_path / "out.jsonl"
    apart = PAIR | {"b": {"name": "Banque du Congo", "country": "CD"}}
    pairs = write(tmp_path / "p.jsonl", PAIR, apart)
    told = terminal.json("overlaps", "match-organisations", pairs, "-o", str(out))
    assert told == {"lines": 2, "output": str(out)}
    one, other = [json.loads(line) for line in out.read_text().splitlines()]
    assert one["band"] == "strong"
    assert 0.8 < one["score"] <= 1.0
    assert other["band"] == "none"
    assert "for: same city: Goma" in one["reasons"]

    works = write(tmp_path / "w.jsonl", {"a": PROJECT, "b": PROJECT})
    terminal.json("overlaps", "match-projects", works, "-o", str(out))
    assert json.loads(out.read_text())["band"] == "strong"

    pool = write(
        tmp_path / "pool.jsonl",
        {"names": [["Banque du Congo", "fr", ["label"]]], "country": "CD"},
        {"ror": "x", "names": ["Femmes pour la Paix", "FEPAX"], "country": "CD", "city": None},
    )
    asked = write(tmp_path / "q.jsonl", {"id": "q1", "name": "Women for Peace", "country": "CD"})
    where = ("--pool", pool, "--queries", asked, "--top", "1", "-o", str(out))
    terminal.json("overlaps", "candidates", *where)
    assert json.loads(out.read_text()) == {"id": "q1", "candidates": [1]}
    assert not (tmp_path / "none").exists()  # no database was made


def test_mistakes_are_named_and_leave_no_output(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "none")
    out = tmp_path / "out.jsonl"
    pairs = write(tmp_path / "p.jsonl", PAIR, {"a": {"name": "x"}})
    said = terminal.fails("overlaps", "match-organisations", pairs, "-o", str(out))
    assert "line-refused" in said
    assert "p.jsonl, line 2" in said
    absent = str(tmp_path / "absent")
    assert "file-unreadable" in terminal.fails("overlaps", "match-projects", absent, "-o", str(out))
    nowhere = terminal.fails("overlaps", "match-projects", pairs, "-o", "/none/x")
    assert "file-unwritable" in nowhere
    where = ("--pool", pairs, "--queries", pairs, "--top", "0", "-o", str(out))
    assert "request-refused" in terminal.fails("overlaps", "candidates", *where)
    assert not out.exists()
    assert {each.name for each in tmp_path.iterdir()} == {"p.jsonl"}


def test_a_mechanism_is_scanned(terminal: Terminal) -> None:
    for name in ("Femmes pour la Paix", "Women for Peace"):
        done = terminal.run("party", "register", "--name", name, "--country", "CD")
        assert done.returncode == 0, done.stderr
    told = terminal.json("overlaps", "scan")["overlaps"]
    twins = [each for each in told if each["detector"] == "same-organisation"]
    assert any("for: Femmes and Women mean the same" in each["reasons"] for each in twins)
    assert terminal.json("overlaps", "counts")["counts"][0]["cases"] == 1
    assert "█" * 24 in terminal.run("overlaps", "counts").stdout
    said = terminal.run("overlaps", "scan")
    assert said.returncode == 0
    assert "same-organisation" in said.stdout
    assert "0 cases opened, 0 have new evidence, 1 known." in said.stdout
    assert "opened" not in terminal.json("overlaps", "scan", "--show")
    (case,) = terminal.json("overlaps", "list", "--status", "open")["items"]
    shown = terminal.run("overlaps", "show", case["id"], "--language", "es")
    assert "registrada dos veces" in shown.stdout
    assert "for: Femmes and Women mean the same" in shown.stdout
    assert f"mfm overlap decide --overlap {case['id']}" in shown.stdout


def test_calls_are_seen_together(terminal: Terminal) -> None:
    def done(*words: str) -> str:
        made = terminal.run(*words)
        assert made.returncode == 0, made.stderr
        return made.stdout

    done("party", "register", "--id", "agent", "--name", "Agent")
    days = ("--opens-on", "2030-03-01", "--closes-on", "2030-03-31")
    for name, tier in (("wide", "global"), ("near", "local")):
        keeps = ("--tier", tier, "--currency", "USD", "--steward", "agent")
        done("fund", "open", "--id", name, "--name", name, *keeps)
        said = done(
            "call", "draft", "--id", f"{name}-call", "--fund", name, "--title", "Peace", *days
        )
        assert ("It overlaps 1: mfm rivals near-call" in said) == (name == "near")
    (rival,) = terminal.json("rivals", "wide-call")["overlaps"]
    assert (rival["call"], rival["shift_to"]) == ("near-call", "2030-04-01")
    assert "reserve-local-window" in rival["suggestions"]
    assert "From 2030-04-01 on" in terminal.run("rivals", "near-call").stdout
    span = ("--since", "2030-01-01", "--until", "2030-12-31")
    assert "wide-call" in terminal.run("calendar", *span, "--tier", "local").stdout
    told = terminal.json("calendar", *span)["calls"]
    assert [each["overlaps"] for each in told] == [["wide-call"], ["near-call"]]
    assert terminal.json("competition", "wide-call")["all"]["asks"] == 0
    assert "Competition in call wide-call" in terminal.run("competition", "wide-call").stdout
    assert terminal.json("co-funding") == {"items": []}
    assert "not-found" in terminal.fails("rivals", "none")
