"""The rules of a policy file: when each applies, what it requires, and what it says if not."""

import re
from collections.abc import Callable

from msgspec import Struct

from mfm.core.facts import LANGUAGES
from mfm.core.permissions import TABLE
from mfm.core.policy_source import Place, Reader, did_you_mean
from mfm.core.policy_terms import Terms
from mfm.core.policy_words import Term, Test, compiled, reads

APPROVERS = tuple(sorted(TABLE["waiver.sign"]))
"""Who may lift a rule: what it names another role for could be lifted by nobody."""
SEVERITIES = ("refuse", "require-approval", "flag")
MAX_RULES = 64
_MAX_TEXT = 600
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TEXTS = dict.fromkeys(LANGUAGES, str)
_RULE: dict[str, type] = {
    "id": str,
    "severity": str,
    "approver": str,
    "source": dict,
    "applies_when": list,
    "require": list,
    "message": dict,
    "fix": dict,
}

Template = tuple[tuple[str, str], ...]
"""A sentence in pieces: (text, the fact whose value follows it, or "")."""


class Rule(Struct, frozen=True):
    """One rule of a policy.

    Attributes:
        id: unique in its policy.
        severity: one of SEVERITIES.
        approver: the role, of APPROVERS, that may lift a rule that requires approval, or "".
        clause: of the source.
        applies_when: terms of which all must hold, or the rule does not apply.
        require: terms of which all must hold, or the rule is violated.
        applies: the compiled test of the first.
        holds: the compiled test of the second.
        reads: the facts it reads, in order, each once.
        message: language -> what is wrong when it is violated.
        fix: language -> what to change.
    """

    id: str
    severity: str
    approver: str
    clause: str
    applies_when: tuple[Term, ...]
    require: tuple[Term, ...]
    applies: Test
    holds: Test
    reads: tuple[str, ...]
    message: dict[str, Template]
    fix: dict[str, Template]


def rules_in(told: list[object], reader: Reader, terms: Terms) -> tuple[Rule, ...]:
    """Return the rules of a file; faults go to the reader."""
    if not told:
        reader.fault(reader.place(), "", "There is no rule.", "Add [[rule]].")
    if len(told) > MAX_RULES:
        what = f"There are {len(told)} rules, more than {MAX_RULES}."
        reader.fault(reader.place("rule", MAX_RULES), "", what, "Split the policy.")
        return ()
    made: list[Rule] = []
    for number, each in enumerate(told):
        place = reader.place("rule", number)
        made.append(_rule(each, reader, terms, place))
        if made[-1].id in {rule.id for rule in made[:-1]}:
            reader.fault(place, "id", f"There are two rules {made[-1].id}.", "Rename one.")
    return tuple(made)


def _rule(told: object, reader: Reader, terms: Terms, place: Place) -> Rule:
    kept = reader.table(told, _RULE, "id severity require message fix", place)
    severity, approver = kept.get("severity", "refuse"), kept.get("approver", "")
    if severity not in SEVERITIES:
        mend = did_you_mean(severity, SEVERITIES)
        reader.fault(place, "severity", f"severity is {severity!r}.", mend)
    if (severity == "require-approval") != bool(approver) or approver not in ("", *APPROVERS):
        what = f"A rule of severity {severity} has approver {approver!r}."
        mend = f"Only require-approval has one: {', '.join(APPROVERS)}."
        reader.fault(place, "approver", what, mend)
    if not _ID.fullmatch(kept.get("id", "x")):
        reader.fault(place, "id", f"id is {kept['id']!r}.", "Write small letters and dashes.")
    applies = terms.read(kept.get("applies_when", []), place, narrows=True)
    require = terms.read(kept.get("require", []), place, narrows=False)
    if "require" in kept and not kept["require"]:
        reader.fault(place, "require", "require is empty.", "Name what must hold.")
    source = reader.table(kept.get("source", {}), {"clause": str}, "", place)
    texts = [_templates(kept.get(key, {}), reader, place, key) for key in ("message", "fix")]
    _known_facts(texts, reader, terms, place)
    return Rule(
        id=kept.get("id", ""),
        severity=severity,
        approver=approver,
        clause=source.get("clause", ""),
        applies_when=applies,
        require=require,
        applies=compiled(applies),
        holds=compiled(require),
        reads=tuple(dict.fromkeys(name for term in (*applies, *require) for name in reads(term))),
        message=texts[0],
        fix=texts[1],
    )


def _known_facts(
    texts: list[dict[str, Template]], reader: Reader, terms: Terms, place: Place
) -> None:
    """Hold that placeholders name facts, the same ones in each language."""
    for templates in texts:
        named = {
            language: {name for _, name in template if name}
            for language, template in templates.items()
        }
        for name in sorted(set().union(*named.values())):
            if not terms.knows(name):
                what = f"The placeholder {{{name}}} names no fact."
                reader.fault(place, f"{{{name}", what, terms.mend(name))
            if missing := [each for each, names in named.items() if name not in names]:
                what = f"The placeholder {{{name}}} is not in every language."
                reader.fault(place, f"{{{name}", what, f"Add it to {', '.join(missing)}.")


def texts_in(told: object, reader: Reader, place: Place, key: str) -> dict[str, str]:
    """Return a text in each language; faults go to the reader."""
    kept: dict[str, str] = reader.table(told, _TEXTS, " ".join(LANGUAGES), place)
    for language, text in kept.items():
        if not text.strip() or len(text) > _MAX_TEXT:
            what = f"{key} in {language} has {len(text)} signs."
            reader.fault(place, key, what, f"Write from 1 to {_MAX_TEXT}.")
    return kept


def _templates(told: object, reader: Reader, place: Place, key: str) -> dict[str, Template]:
    return {
        language: _template(text, lambda what: reader.fault(place, key, what, "Write {a.fact}."))
        for language, text in texts_in(told, reader, place, key).items()
    }


def _template(text: str, fault: Callable[[str], None]) -> Template:
    pieces, at = [], 0
    for found in _PLACEHOLDER.finditer(text):
        pieces.append((text[at : found.start()], found[1]))
        at = found.end()
    pieces.append((text[at:], ""))
    if any("{" in piece or "}" in piece for piece, _ in pieces) or any(
        not name for _, name in pieces[:-1]
    ):
        fault("A brace stands alone, or is empty.")
    return tuple(pieces)
