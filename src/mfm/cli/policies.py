"""Policies as files: checked, tried with their cases, asked for decisions; and simulated."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mfm.app import policy_files
from mfm.cli import policy_simulations
from mfm.cli.arguments import Commands, day, print_json, visible
from mfm.core.decisions import Found, evaluate
from mfm.core.errors import Invalid
from mfm.core.explanations import explained, sentences
from mfm.core.facts import LANGUAGES
from mfm.core.policy_format import PolicyFile

_MAX_LINE = 1_048_576


def add(commands: Commands) -> None:
    """Add `policies` and what it does with files."""
    text = "Check, try, ask and simulate policies as files."
    below = commands.add_parser("policies", help=text, description=text)
    words = below.add_subparsers(dest="policies", required=True, metavar="VERB")
    for name, run, said in (
        ("check", _check, "Load policies, and tell everything that is wrong in them."),
        ("test", _test, "Try policies with the cases beside them."),
    ):
        made = words.add_parser(name, help=said, description=said)
        made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
        made.add_argument("--json", action="store_true", help="print one JSON document")
        made.set_defaults(offline=run)
    said = "Decide by policies alone: which outcome, and why."
    made = words.add_parser("decide", help=said, description=said)
    made.add_argument(
        "--policies",
        dest="paths",
        nargs="+",
        type=Path,
        required=True,
        metavar="PATH",
        help="files or folders",
    )
    made.add_argument(
        "--facts",
        type=Path,
        required=True,
        metavar="FILE",
        help="one JSON object of facts, or a .jsonl file with one a line",
    )
    made.add_argument(
        "--on", type=day, required=True, metavar="DATE", help="the day of the decision"
    )
    made.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the reasons, without --json (en)"
    )
    made.add_argument("--json", action="store_true", help="print one JSON document a decision")
    made.set_defaults(offline=_decide)
    policy_simulations.add(words)


def _check(args: argparse.Namespace) -> int:
    checked = [policy_files.check(path) for path in policy_files.files(args.paths)]
    faults = [line for each in checked for line in each.faults]
    if args.json:
        print_json({"files": len(checked), "faults": faults})
    else:
        for line in faults:
            print(visible(line))
        print(f"{len(checked)} files, {len(faults)} faults.")
    return 1 if faults else 0


def _test(args: argparse.Namespace) -> int:
    told: list[dict[str, Any]] = []
    for path in policy_files.files(args.paths):
        checked = policy_files.check(path)
        if checked.policy is None and not checked.faults:
            continue  # a catalogue has no cases
        cases = boundaries = 0
        failures: tuple[str, ...] = checked.faults
        if checked.policy is not None:
            cases, boundaries, failures = msgspec.structs.astuple(
                policy_files.test(path, checked.policy)
            )
        counts = {"cases": cases, "boundaries": boundaries}
        told.append({"file": str(path), **counts, "failures": failures})
        if not args.json:
            print(f"{path}: {cases} cases, {boundaries} boundaries, {len(failures)} failures")
            for line in failures:
                print(f"  {visible(line)}")
    if args.json:
        print_json({"policies": told})
    return 1 if any(each["failures"] for each in told) or not told else 0


def _decide(args: argparse.Namespace) -> int:
    policies = policy_files.policies(args.paths)
    write = sys.stdout.buffer.write
    for facts in _facts(args.facts):
        found = evaluate(policies, facts, args.on, policy_files.catalogue())
        if not args.json:
            print(found.outcome)
            for each in explained(found, args.language):
                # All of it was looked through when it was read: no sign in it steers a screen.
                print(f"  {each.policy} {each.rule}: {each.message} {each.fix}")
        elif args.facts.suffix == ".jsonl":
            write(msgspec.json.encode(_told(found)) + b"\n")
        else:
            print_json(_told(found))
    sys.stdout.flush()
    return 0


def _facts(path: Path) -> Iterator[dict[str, Any]]:
    """Return the facts of a file; of a `.jsonl` file, those of each line."""
    if path.suffix != ".jsonl":
        yield _object(policy_files.read(path), str(path))
        return
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_MAX_LINE):
                number += 1
                if line.strip():
                    yield _object(line, f"{path}:{number}")
    except OSError as error:
        raise Invalid("file-unreadable", f"{path}: {error.strerror}.") from None


def _object(content: bytes, where: str) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid("json-malformed", f"{where}: this is no JSON object: {error}") from None
    return policy_files.catalogue().from_json(told)


def _told(found: Found) -> dict[str, Any]:
    rules = []
    for each in found.results:
        texts = {language: sentences(found, each, language) for language in LANGUAGES}
        rules.append(
            {
                "policy": each.policy,
                "id": each.rule.id,
                "severity": each.rule.severity,
                "clause": each.rule.clause,
                "result": each.result,
                "missing": each.missing,
                "message": {language: told[0] for language, told in texts.items() if told[0]},
                "fix": {language: told[1] for language, told in texts.items() if told[1]},
            }
        )
    return {
        "outcome": found.outcome,
        "on": found.on,
        "policies": [_pinned(each) for each in found.policies],
        "catalogue": found.catalogue.sha256,
        "rejected": found.rejected,
        "rules": rules,
    }


def _pinned(policy: PolicyFile) -> dict[str, str]:
    return {"policy": policy.name, "file": policy.sha256, "logic": policy.logic_sha256}
