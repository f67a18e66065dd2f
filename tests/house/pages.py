"""Pages that are made from the source: `python -m tests.house.pages` writes them anew."""

import argparse
from collections.abc import Iterator

from mfm.cli.main import parser
from mfm.web.problems import KINDS
from tests.house.tree import ROOT

COMMON = {"help", "mechanism", "json"}
"""Options of every command, told at the top of the page."""
MARK = "<!-- below: made by python -m tests.house.pages -->\n"


def problems() -> str:
    """Return the table of problems."""
    rows = [
        f"| `{code}` | {kind.status} | {kind.title} | {kind.next} |"
        for code, kind in sorted(KINDS.items())
    ]
    heading = ["| code | status | what it says | what to do |", "|---|---|---|---|"]
    return "\n".join([*heading, *rows]) + "\n"


def leaves(made: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Return the parsers of all commands, in their order."""
    below = [each for each in made._actions if isinstance(each, argparse._SubParsersAction)]
    if not below:
        yield made
    for each in below:
        for word in each.choices.values():
            yield from leaves(word)


def option(each: argparse.Action) -> str:
    """Return an option's row."""
    word = each.option_strings[-1] if each.option_strings else each.dest.upper()
    value = "" if each.nargs == 0 or not each.option_strings else f" {value_of(each)}"
    text = (each.help or "").replace("%(default)s", str(each.default)).replace("|", "\\|")
    return f"| `{word}{value}` | {'yes' if each.required else ''} | {text} |"


def value_of(each: argparse.Action) -> str:
    """Return what stands for an option's value."""
    return str(each.metavar or "VALUE") if each.choices is None else "\\|".join(each.choices)


def command(made: argparse.ArgumentParser) -> str:
    """Return a command's section: not its --help itself, which each Python breaks otherwise."""
    options = [each for each in made._actions if each.dest not in COMMON]
    rows = "\n".join(["| option | needed | |", "|---|---|---|", *map(option, options)])
    return f"## `{made.prog}`\n\n{made.description}\n" + (f"\n{rows}\n" if options else "")


def commands() -> str:
    """Return every command."""
    return "\n".join(map(command, leaves(parser())))


PAGES = {"docs/reference/problems.md": problems, "docs/reference/cli.md": commands}


def main() -> None:
    """Write the made part of each page anew."""
    for name, make in PAGES.items():
        path = ROOT / name
        head, _, _ = path.read_text("utf-8").partition(MARK)
        path.write_text(f"{head.rstrip()}\n\n{MARK}\n{make()}", "utf-8")


if __name__ == "__main__":
    main()
