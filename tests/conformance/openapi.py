"""Requests, answers and events beside the published specification of the service.

The specification's files are read from the folder `openapi` beside RECORDINGD_CONTRACT_SAMPLES. A
check returns what is wrong in words, nothing when all is well. Objects are closed, also where the
specification leaves them open, so that a field of another version is noticed.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from jsonschema import Draft4Validator, FormatChecker

Json = Any
FOLDER = os.environ.get("RECORDINGD_CONTRACT_SAMPLES", "")
# The two versions whose files are at hand.
OLD, NEW = "2023-10-15", "2026-03-12"
# Common models are in files of their own, from which every specification takes them.
_TEXT, _TRUTH = {"type": "string"}, {"type": "boolean"}
_CLOUD = {"type": "string", "enum": ["public", "dod", "gcch"]}
_PARTS = {
    "communicationUser": {"id": _TEXT},
    "phoneNumber": {"value": _TEXT, "isAnonymous": _TRUTH, "assertedId": _TEXT},
    "microsoftTeamsUser": {"userId": _TEXT, "isAnonymous": _TRUTH, "cloud": _CLOUD},
    "microsoftTeamsApp": {"appId": _TEXT, "cloud": _CLOUD},
    "teamsExtensionUser": {
        "userId": _TEXT,
        "tenantId": _TEXT,
        "resourceId": _TEXT,
        "cloud": _CLOUD,
    },
}
_NEEDED = {
    "communicationUser": ["id"],
    "phoneNumber": ["value"],
    "microsoftTeamsUser": ["userId"],
    "microsoftTeamsApp": ["appId"],
    "teamsExtensionUser": ["userId", "tenantId", "resourceId"],
}
_COMMON: dict[str, Json] = {
    "CommunicationIdentifierModel": {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["unknown", *_PARTS]},
            "rawId": _TEXT,
            **{
                part: {"type": "object", "properties": fields, "required": _NEEDED[part]}
                for part, fields in _PARTS.items()
            },
        },
        # "Apart from kind and rawId, at most one further property may be set."
        "not": {
            "anyOf": [
                {"required": [one, other]} for one in _PARTS for other in _PARTS if one < other
            ]
        },
    },
    "CommunicationErrorResponse": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/definitions/CommunicationError"}},
    },
    "CommunicationError": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": _TEXT,
            "message": _TEXT,
            "target": _TEXT,
            "details": {"type": "array", "items": {"$ref": "#/definitions/CommunicationError"}},
            "innererror": {"$ref": "#/definitions/CommunicationError"},
        },
    },
}
# Undeclared, and on every event that was seen live.
_LIVE_CALLBACK = frozenset({"version", "eventSource", "publicEventType"})
_LIVE_FILE = frozenset({"recordingId", "storageType"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str | None

    @classmethod
    def of(cls, entry: Mapping[str, Json]) -> Sent:
        """Take a request from the emulator's list of requests."""
        names = ("method", "path", "query", "headers", "body")
        return cls(**{name: entry[name] for name in names})


@dataclass(frozen=True, slots=True)
class Specification:
    """One file of the specification."""

    paths: Mapping[str, Mapping[str, Json]]
    parameters: Mapping[str, Json]
    definitions: Mapping[str, Json]

    @classmethod
    def read(cls, name: str) -> Specification:
        """Read a file by the beginning of its name."""
        (path,) = (Path(FOLDER).parent / "openapi").glob(f"{name}*.json")
        document = json.loads(path.read_text(encoding="utf-8"))
        definitions = {**document["definitions"], **_COMMON}
        return cls(
            paths=document.get("paths", {}),
            parameters=document.get("parameters", {}),
            definitions={n: _closed(_flat(d, definitions)) for n, d in definitions.items()},
        )

    def check(self, definition: str, value: Json, *, live: Iterable[str] = ()) -> list[str]:
        """Check a value; `live` names fields that it may have although they are not declared."""
        if isinstance(value, dict):
            value = {name: v for name, v in value.items() if name not in set(live)}
        return list(self._faults({"$ref": f"#/definitions/{definition}"}, value))

    def check_request(self, sent: Sent) -> list[str]:
        """Check path, query, headers and body of a request."""
        operation = self._operation(sent)
        if operation is None:
            return [f"{sent.method} {sent.path} is no operation"]
        declared = [self._parameter(p) for p in operation["parameters"]]
        return [
            *self._query_faults(sent, {p["name"]: p for p in declared if p["in"] == "query"}),
            *self._header_faults(sent, [p for p in declared if p["in"] == "header"]),
            *self._body_faults(sent, [p for p in declared if p["in"] == "body"]),
        ]

    def check_answer(self, sent: Sent, status: int, body: bytes) -> list[str]:
        """Check status and body of the answer to a request."""
        operation = self._operation(sent)
        assert operation is not None
        answers = operation["responses"]
        if status < 400 and str(status) not in answers:
            return [f"status {status} is not declared"]
        schema = answers.get(str(status), answers["default"]).get("schema")
        if schema is None:
            return ["a body where none is declared"] if body else []
        return list(self._faults(schema, json.loads(body)))

    def _operation(self, sent: Sent) -> Json:
        for template, methods in self.paths.items():
            pattern = re.sub(r"\\\{[^}]+\\\}", "[^/:]+", re.escape(template))
            if re.fullmatch(pattern, sent.path) and sent.method.lower() in methods:
                return methods[sent.method.lower()]
        return None

    def _parameter(self, declared: Mapping[str, Json]) -> Json:
        name = declared.get("$ref", "").removeprefix("#/parameters/")
        return self.parameters[name] if name else declared

    def _query_faults(self, sent: Sent, declared: Mapping[str, Json]) -> Iterator[str]:
        given = dict(parse_qsl(sent.query, keep_blank_values=True))
        yield from (f"query {name} is not declared" for name in given.keys() - declared.keys())
        for name, parameter in declared.items():
            if parameter.get("required") and not given.get(name):
                yield f"query {name} is missing"

    def _header_faults(self, sent: Sent, declared: list[Json]) -> Iterator[str]:
        if not sent.headers.get("authorization"):
            yield "header Authorization is missing"
        for parameter in declared:
            value = sent.headers.get(parameter["name"].lower())
            if value is not None:
                yield from self._faults(_schema_of(parameter), value)
        names = [p["name"] for p in declared if p["name"].startswith("Repeatability-")]
        if len({name.lower() in sent.headers for name in names}) > 1:
            yield f"only one of {', '.join(names)}"

    def _body_faults(self, sent: Sent, declared: list[Json]) -> Iterator[str]:
        if not declared:
            if sent.body:
                yield "a body where none is declared"
            return
        (parameter,) = declared
        if not sent.headers.get("content-type", "").startswith("application/json"):
            yield "content-type is not application/json"
        yield from self._faults(parameter["schema"], json.loads(sent.body or "null"))

    def _faults(self, schema: Json, value: Json) -> Iterator[str]:
        whole = {**schema, "definitions": self.definitions}
        validator = Draft4Validator(whole, format_checker=FORMATS)
        for error in validator.iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path)
            yield f"{where}: {error.message}"


def specification_of(version: str) -> Specification:
    """Return what a version is checked against: the newest file for all after the oldest.

    Every field of the versions between the two is in the newest.
    """
    return _read(f"callautomation_{OLD if version == OLD else NEW}")


@lru_cache(maxsize=2)
def _read(name: str) -> Specification:
    return Specification.read(name)


def faults_of_ours(entries: Iterable[Mapping[str, Json]]) -> list[str]:
    """Check every request that our client made, of an emulator's list, by its own version.

    Requests for files are not in the specification. Without the specification all is well.
    """
    sent = [Sent.of(entry) for entry in entries] if FOLDER else []
    ours = [s for s in sent if s.headers.get("user-agent") == "recordingd"]
    return [
        f"{request.method} {request.path}: {fault}"
        for request in ours
        if request.path.startswith("/calling/")
        for fault in specification_of(
            dict(parse_qsl(request.query)).get("api-version", NEW)
        ).check_request(request)
    ]


def check_callback(specification: Specification, event: Mapping[str, Json]) -> list[str]:
    """Check a CloudEvent of Call Automation."""
    kind = str(event["type"]).removeprefix("Microsoft.Communication.")
    if kind not in specification.definitions:
        return [f"{kind} is not declared"]
    return specification.check(kind, event["data"], live=_LIVE_CALLBACK)


def check_event(specification: Specification, kind: str, data: Json) -> list[str]:
    """Check the data of an Event Grid event by its kind."""
    if kind == "IncomingCall":
        # The files hold only this part of it.
        return specification.check("AcsIncomingCallCustomContext", data["customContext"])
    live = _LIVE_FILE if kind == "RecordingFileStatusUpdated" else ()
    return specification.check(f"Acs{kind}EventData", data, live=live)


def _flat(schema: Json, definitions: Mapping[str, Json]) -> Json:
    """Return a definition with those that it extends written out in it."""
    schema = copy.deepcopy(schema)
    for base in schema.pop("allOf", ()):
        extended = _flat(definitions[base["$ref"].rpartition("/")[2]], definitions)
        properties = {**extended.get("properties", {}), **schema.get("properties", {})}
        required = {*extended.get("required", ()), *schema.get("required", ())}
        schema |= {"type": "object", "properties": properties, "required": sorted(required)}
        if not required:
            del schema["required"]
    return schema


def _closed(node: Json) -> Json:
    """Close every object that has properties, and find common models where they are now."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": f"#/definitions/{node['$ref'].rpartition('/')[2]}"}
    closed = {name: _closed(value) for name, value in node.items()}
    if "properties" in closed and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _schema_of(parameter: Mapping[str, Json]) -> Json:
    return {name: parameter[name] for name in ("type", "format", "enum") if name in parameter}


FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or UUID(value).version == 4


@FORMATS.checks("date-time-rfc1123", raises=ValueError)
def _is_http_date(value: object) -> bool:
    return not isinstance(value, str) or (
        value.endswith(" GMT") and parsedate_to_datetime(value).utcoffset() is not None
    )


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


@FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63
