"""Why: what a decision says to the person it concerns, in their language, and what to do next.

Placeholders are replaced once, from the catalogue's facts alone; a value can never bring another
placeholder in. In Arabic each value is isolated, so that numbers do not turn the sentence round.
Escaping for a page is the renderer's.
"""

from datetime import date

from msgspec import Struct

from mfm.core.decisions import Found, Result
from mfm.core.facts import CURRENCY, Catalogue, Fact, Value
from mfm.core.money import decimal_text
from mfm.core.policy_rules import Template
from mfm.core.remedies import remedies

_ISOLATE, _END = "\u2068", "\u2069"
_NARROW = "\u202f"
_MARKS = {"en": (",", "."), "fr": (_NARROW, ","), "es": (".", ","), "ar": (",", ".")}
_YES = {"en": "yes", "fr": "oui", "es": "sí", "ar": "نعم"}
_NO = {"en": "no", "fr": "non", "es": "no", "ar": "لا"}
_NONE = {"en": "none", "fr": "aucun", "es": "ninguno", "ar": "لا شيء"}
_MISSING = {
    "en": "not recorded",
    "fr": "non renseigné",
    "es": "sin registrar",
    "ar": "غير مسجل",
}
_UNDECIDED = {
    "en": "This cannot be decided yet: something is not recorded.",
    "fr": "La décision ne peut pas encore être prise : une information manque.",
    "es": "Todavía no se puede decidir: falta un dato.",
    "ar": "لا يمكن البت في هذا بعد: هناك معلومة غير مسجلة.",
}
_PROVIDE = {
    "en": "Please provide: ",
    "fr": "Veuillez fournir : ",
    "es": "Indique, por favor: ",
    "ar": "يرجى تقديم: ",
}
_MINOR = {
    "en": "minor units",
    "fr": "unités mineures",
    "es": "unidades menores",
    "ar": "وحدات صغرى",
}
_TWO_DECIMALS = "XXX"
"""No currency, whose two decimals turn basis points into per cent."""
_COMMA = {"en": ", ", "fr": ", ", "es": ", ", "ar": "، "}


class Reason(Struct, frozen=True, gc=False):
    """Why a rule does not hold.

    Attributes:
        policy: `id@version`.
        rule: its id.
        severity: refuse, require-approval or flag.
        result: violated or undecided.
        message: what is wrong.
        fix: what to do next.
        clause: of the policy's source.
        approver: the role that may lift it by a waiver, "" where none may.
        remedies: what gives the facts that are missing, or that a violated rule reads:
            `party.attest kind=level`, or a field of the step itself, such as `marker`.
    """

    policy: str
    rule: str
    severity: str
    result: str
    message: str
    fix: str
    clause: str
    approver: str
    remedies: tuple[str, ...]


def explained(found: Found, language: str) -> list[Reason]:
    """Return every reason of a decision, in one language, in the policies' order."""
    return [
        Reason(
            each.policy,
            each.rule.id,
            each.rule.severity,
            each.result,
            *sentences(found, each, language),
            each.rule.clause,
            each.rule.approver if each.result == "violated" else "",
            remedies(each.missing if each.result == "undecided" else each.rule.reads),
        )
        for each in found.results
        if each.result in ("violated", "undecided")
    ]


def sentences(found: Found, result: Result, language: str) -> tuple[str, str]:
    """Return what is wrong by a rule and what to do; two empty texts where nothing is."""
    if result.result == "violated":
        rule = result.rule
        return (
            filled(rule.message[language], found, language),
            filled(rule.fix[language], found, language),
        )
    if result.result == "undecided":
        facts = found.catalogue.facts
        labels = _COMMA[language].join(facts[name].label[language] for name in result.missing)
        return _UNDECIDED[language], f"{_PROVIDE[language]}{labels}."
    return "", ""


def filled(template: Template, found: Found, language: str) -> str:
    """Return a sentence with its placeholders replaced."""
    told = []
    for text, name in template:
        told.append(text)
        if name:
            told.append(_value(name, found.values, found.catalogue, language))
    return "".join(told)


def _value(name: str, values: dict[str, Value], catalogue: Catalogue, language: str) -> str:
    value = values.get(name)
    if value is None:
        shown = _MISSING[language]
    else:
        shown = written(catalogue.facts[name], value, language, str(values.get(CURRENCY, "")))
    return f"{_ISOLATE}{shown}{_END}" if language == "ar" else shown


def written(fact: Fact, value: Value, language: str, currency: str) -> str:
    """Return a value as people of a language read it: 5000000 -> 50,000.00 USD; 3000 -> 30%."""
    if isinstance(value, bool):
        return (_YES if value else _NO)[language]
    if isinstance(value, frozenset):
        return _COMMA[language].join(sorted(value)) or _NONE[language]
    if isinstance(value, int):
        return _amount(fact, value, language, currency)
    return value.isoformat() if isinstance(value, date) else value


def _amount(fact: Fact, value: int, language: str, currency: str) -> str:
    if fact.kind == "share":
        whole, _, rest = decimal_text(value, _TWO_DECIMALS).partition(".")
        unit = "%" if language in ("en", "ar") else "\u00a0%"
        return _number(whole, rest.rstrip("0"), language) + unit
    if fact.kind == "money" and currency:
        whole, _, rest = decimal_text(value, currency).partition(".")
        return f"{_number(whole, rest, language)}\u00a0{currency}"
    number = _number(str(value), "", language)
    return f"{number} {_MINOR[language]}" if fact.kind == "money" else number


def _number(whole: str, rest: str, language: str) -> str:
    thousands, point = _MARKS[language]
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = sign + f"{int(digits):,}".replace(",", thousands)
    return grouped + (point + rest if rest else "")
