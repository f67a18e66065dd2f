"""The OpenAPI 3.1 document, from the Structs that decode requests and the nouns that answer."""

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import UNSET, Struct, UnsetType, defstruct, json

import mfm
from mfm.app.call_views import Rival
from mfm.app.receipts import Receipt
from mfm.core.attestations import Attestation
from mfm.core.money import Money
from mfm.core.motions import Motion
from mfm.core.nouns import NOUNS
from mfm.core.overlap_cases import OverlapCase
from mfm.core.overlap_effects import Effect
from mfm.web.endpoints import JSON, Endpoint
from mfm.web.problems import MEDIA_TYPE, ProblemDocument
from mfm.web.progress import MORE
from mfm.web.render import DISCREET, HIDDEN

_PART = re.compile(r"\{(\w+)\}")


def _wire(kind: type[Struct], made: dict[type[Struct], type[Struct]]) -> type[Struct]:
    """Return the Struct that describes how a noun is told: `x_minor` as the money `x`."""
    if kind not in made:
        fields: list[tuple[str, Any]] = []
        bare = kind is Attestation  # most facts have no amount, and so no currency
        for name, hint in get_type_hints(kind, include_extras=True).items():
            if name in HIDDEN or name not in DISCREET.get(kind, (name,)):
                continue
            if name.endswith("_minor"):
                fields.append((name.removesuffix("_minor"), Money | None if bare else Money))
            else:
                fields.append((name, _told(hint, made)))
        if kind is Motion:
            fields.append(("tally", dict[str, dict[str, int]]))
        if kind is OverlapCase:
            fields.append(("effect", Effect))
        made[kind] = defstruct(kind.__name__, fields, kw_only=True, module=__name__)
        made[kind].__doc__ = (kind.__doc__ or "").strip().splitlines()[0]
    return made[kind]


def _told(hint: Any, made: dict[type[Struct], type[Struct]]) -> Any:  # noqa: ANN401  # type hints
    inner = get_args(hint)[0] if get_origin(hint) is tuple else None
    if isinstance(inner, type) and issubclass(inner, Struct):
        return list[_wire(inner, made)]  # type: ignore[misc]  # made at run time
    return hint


def _answers() -> dict[str, type[Struct]]:
    """Return the schemas of answers, by name."""
    made: dict[type[Struct], type[Struct]] = {}
    answers: dict[str, type[Struct]] = {}
    for noun in NOUNS.values():
        told = answers[noun.__name__] = _wire(noun, made)
        answers[noun.__name__ + "List"] = _list_of(noun.__name__, told)
        if noun in MORE:
            name = f"{noun.__name__}Read"
            answers[name] = defstruct(name, MORE[noun].fields, bases=(told,), kw_only=True)
    changed: Any = []
    for kind, noun in NOUNS.items():
        told = answers[noun.__name__]
        changed.append((kind, list[told] | UnsetType, UNSET))  # type: ignore[valid-type]  # made at run time
    changes: Any = defstruct("Changed", changed)
    outcome: list[Any] = [
        ("seq", int),
        ("verb", str),
        ("recorded_at", str),
        ("effective_on", str),
        ("record", str),
        ("receipt", str),
        ("sealed", Receipt | UnsetType, UNSET),
        ("overlaps", list[Rival] | UnsetType, UNSET),
        ("changed", changes | UnsetType, UNSET),
        ("reverses", int | UnsetType, UNSET),
        ("secret", str | UnsetType, UNSET),
    ]
    answers["Outcome"] = defstruct("Outcome", outcome)
    parts: list[Any] = [
        ("key", str),
        ("outcome", str),
        ("seq", int | UnsetType, UNSET),
        ("problem", ProblemDocument | UnsetType, UNSET),
    ]
    item = defstruct("ItemOutcome", parts)
    answers["Outcomes"] = defstruct("Outcomes", [("outcomes", list[item])])  # type: ignore[valid-type]  # as above
    record = answers["Record"] = defstruct(
        "Record",
        [
            ("at", str),
            ("body", dict[str, Any]),
            ("chain", list[dict[str, str]]),
            ("log", str),
            ("nonce", str),
            ("outcome", str),
            ("seq", int),
            ("v", str),
        ],
    )
    answers["RecordList"] = _list_of("Record", record)
    return answers


def _list_of(name: str, item: type[Struct]) -> type[Struct]:
    fields: list[Any] = [
        ("items", list[item]),  # type: ignore[valid-type]  # as above
        ("next", str | UnsetType, UNSET),
    ]
    return defstruct(f"{name}List", fields)


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    told = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(endpoint.path)
    ]
    told += [
        {
            "name": query.name,
            "in": "query",
            "required": False,
            "description": query.text,
            "schema": {"type": query.type},
        }
        for query in endpoint.queries
    ]
    if endpoint.answer in ("Outcome", "Receipt"):
        told.append(
            {
                "name": "Prefer",
                "in": "header",
                "required": False,
                "description": "wait=N: so many seconds for the receipt, 10 at the most",
                "schema": {"type": "string"},
            }
        )
    if endpoint.method == "POST" and endpoint.answer == "Outcome":
        told += [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "unique to this request, for ever",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            },
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": "the ETag that the noun must still have",
                "schema": {"type": "string"},
            },
        ]
    return told


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    status = "201" if endpoint.answer == "Outcome" else "200"
    answer = {"$ref": f"#/components/schemas/{endpoint.answer}"}
    contents = {
        media: {"schema": answer if media == JSON else {"type": "string"}}
        for media in endpoint.media
    }
    told: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.text,
        "parameters": _parameters(endpoint),
        "responses": {
            status: {"description": "done", "content": contents},
            "default": {
                "description": "a problem",
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
                },
            },
        },
        "security": [{"key": []}] if endpoint.action else [],
    }
    if endpoint.action:
        told["description"] = f"Action {endpoint.action}."
    if endpoint.takes:
        file = {"schema": {"type": "string", "format": "binary"}}
        told["requestBody"] = {"required": True, "content": dict.fromkeys(endpoint.takes, file)}
    if endpoint.request is not None:
        body = {"$ref": f"#/components/schemas/{endpoint.request.__name__}"}
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
    return told


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"\w+", endpoint.path.removeprefix("/v1"))
    return "_".join([endpoint.method.lower(), *words])


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document for these endpoints."""
    answers = _answers()
    named = {endpoint.answer for endpoint in endpoints}
    requests = {endpoint.request for endpoint in endpoints if endpoint.request is not None}
    kinds = [
        *sorted(requests, key=lambda kind: kind.__name__),
        *(answers[name] for name in sorted(named & answers.keys())),
        *(kind for endpoint in endpoints for kind in endpoint.also),
        ProblemDocument,
    ]
    _, schemas = json.schema_components(
        list(dict.fromkeys(kinds)), ref_template="#/components/schemas/{name}"
    )
    schemas["Object"] = {"type": "object"}
    for endpoint in endpoints:
        if endpoint.request is not None:  # what the path names may be left out of the body
            schema = schemas[endpoint.request.__name__]
            parts = set(_PART.findall(endpoint.path))
            schema["required"] = [each for each in schema["required"] if each not in parts]
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mfm",
            "summary": mfm.__doc__,
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
