"""The description of the HTTP surface, as served at `/openapi.json`.

Written by hand beside `receiver`, which serves it; a test holds the two together. It describes
requests and answers for people and generators, and validates nothing at run time.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

_Schema = dict[str, Any]

_CLOUD_EVENT = "application/cloudevents+json"
_CLOUD_BATCH = "application/cloudevents-batch+json"


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: _Schema) -> _Schema:
    return {"application/json": {"schema": schema}}


def _answer(text: str, schema: _Schema | None = None) -> _Schema:
    return {"description": text} | ({"content": _json(schema)} if schema else {})


def _errors(*statuses: int) -> _Schema:
    return {str(status): {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def _path_id(name: str, text: str) -> _Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": text,
        "schema": {"type": "string", "minLength": 1},
    }


_BODY: _Schema = {
    "required": True,
    "content": {
        media_type: {"schema": {"oneOf": [{"type": "object"}, {"type": "array"}]}}
        for media_type in ("application/json", _CLOUD_EVENT, _CLOUD_BATCH)
    },
}
_WEBHOOK: list[_Schema] = [{"key": []}, {"keyHeader": []}, {"bearer": []}]
_BEARER: list[_Schema] = [{"bearer": []}]

_EVENTS: _Schema = {
    "post": {
        "operationId": "postEvents",
        "summary": "Deliver Event Grid events, in its own schema or as CloudEvents.",
        "description": "200 is sent once the events are durable. The validation event is answered "
        "with its code. Opened by a secret, or by a token of Entra ID where the settings ask for "
        "one. A credential that does not verify, or cannot be verified just now, is answered 503, "
        "so that nothing is dropped while keys rotate.",
        "security": _WEBHOOK,
        "requestBody": _BODY,
        "responses": {
            "200": _answer("Durable, or the handshake's answer.", _ref("Validation")),
            **_errors(400, 401, 408, 413, 503),
        },
    },
    "options": {
        "operationId": "permitEvents",
        "summary": "Answer the handshake of CloudEvents webhooks.",
        "security": _WEBHOOK,
        "parameters": [
            {
                "name": "WebHook-Request-Origin",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            "200": {
                "description": "The origin may deliver.",
                "headers": {
                    "WebHook-Allowed-Origin": {"schema": {"type": "string"}},
                    "WebHook-Allowed-Rate": {"schema": {"type": "string"}},
                },
            },
            **_errors(400, 401, 503),
        },
    },
}
_FORWARDED: _Schema = {
    "post": {
        "operationId": "forwardCallbacks",
        "summary": "Forward Call Automation events of the application's own calls.",
        "security": _BEARER,
        "requestBody": _BODY,
        "responses": {"200": _answer("Durable."), **_errors(400, 401, 408, 413, 503)},
    }
}
_CALLBACKS: _Schema = {
    "post": {
        "operationId": "postCallback",
        "summary": "Receive the service's callbacks about one recording.",
        "description": "The address is unguessable. Where the settings ask for the service's "
        "token as well, a missing or wrong one is answered 401, one that cannot be verified just "
        "now 503, and a token that came with other events before 401.",
        "parameters": [_path_id("token", "The unguessable part of the callback address.")],
        "security": [{}, {"bearer": []}],
        "requestBody": _BODY,
        "responses": {"200": _answer("Durable."), **_errors(400, 401, 408, 413, 503)},
    }
}
_SIGNALS: _Schema = {
    "post": {
        "operationId": "postSignals",
        "summary": "Report consent, requests for silence, tags and roles of a call.",
        "description": "All signals of a batch are accepted, or none is.",
        "security": _BEARER,
        "requestBody": {
            "required": True,
            "content": {
                _CLOUD_EVENT: {"schema": _ref("Signal")},
                _CLOUD_BATCH: {"schema": {"type": "array", "items": _ref("Signal")}},
            },
        },
        "responses": {
            "202": _answer("Durable.", _ref("Accepted")),
            **_errors(400, 401, 408, 413, 415, 503),
        },
    }
}


def _read(operation: str, summary: str, *parameters: _Schema) -> _Schema:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "security": _BEARER,
            "parameters": list(parameters),
            "responses": {
                "200": _answer("What is known.", {"type": "object"}),
                **_errors(401, *([404] if parameters else []), 503),
            },
        }
    }


def _open(operation: str, summary: str, media_type: str, *statuses: int) -> _Schema:
    good: _Schema = {
        "description": "The answer.",
        "content": {media_type: {"schema": {}}},
    }
    bad = {str(status): {"description": "Not now."} for status in statuses}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "security": [],
            "responses": {"200": good, **bad},
        }
    }


_TEXTS: _Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_SCHEMAS: _Schema = {
    "Validation": {"type": "object", "properties": {"validationResponse": {"type": "string"}}},
    "Accepted": {
        "type": "object",
        "required": ["accepted"],
        "properties": {"accepted": {"type": "integer", "minimum": 0}},
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "field": {"type": "string", "description": "Dotted path of the part at fault."},
                    "index": {"type": "integer", "description": "Place in a batch, from 0."},
                },
            }
        },
    },
    "Signal": {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1},
            "source": {"type": "string"},
            "type": {"type": "string", "pattern": r"^recordingd\."},
            "subject": {"type": "string", "description": "The server call id."},
            "time": {"type": "string", "format": "date-time"},
            "data": {
                "type": "object",
                "properties": {
                    "serverCallId": {"type": "string"},
                    "participant": {"type": "string"},
                    "purpose": {"type": "string"},
                    "method": {"enum": ["dtmf", "speech", "app", "prior"]},
                    "answer": {"type": "string"},
                    "answeredAt": {"type": "string", "format": "date-time"},
                    "validUntil": {"type": "string", "format": "date-time"},
                    "prompt": {"type": "object"},
                    "tags": _TEXTS,
                    "roles": _TEXTS,
                },
            },
        },
    },
}
_MEANINGS = {
    400: "The request cannot be understood; `field` names the part at fault.",
    401: "No credential, or one that opens nothing here.",
    404: "Nothing is known under this id.",
    408: "The body took too long.",
    413: "The body is larger than 2 MiB.",
    415: "The content type is not one of those described.",
    503: "Nothing was changed; try again.",
}


def describe() -> dict[str, object]:
    """Return the OpenAPI 3.1 document of this version."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "recordingd",
            "version": version("recordingd"),
            "license": {"name": "MIT"},
        },
        "paths": {
            "/events": _EVENTS,
            "/callbacks": _FORWARDED,
            "/callbacks/{token}": _CALLBACKS,
            "/v1/signals": _SIGNALS,
            "/v1/status": _read("getStatus", "The state of the daemon."),
            "/v1/calls/{serverCallId}": _read(
                "getCall",
                "What is known of a call.",
                _path_id("serverCallId", "Percent-encoded, slashes included."),
            ),
            "/v1/recordings/{id}": _read(
                "getRecording",
                "What is known of a recording.",
                _path_id("id", "An id of ours or of the service, or the beginning of one."),
            ),
            "/livez": _open("getLive", "Whether the loop turns.", "text/plain", 503),
            "/readyz": _open("getReady", "Whether events can be committed.", "text/plain", 503),
            "/metrics": _open("getMetrics", "The page for Prometheus.", "text/plain"),
            "/openapi.json": _open("getDescription", "This document.", "application/json"),
        },
        "components": {
            "schemas": _SCHEMAS,
            "responses": {
                f"E{status}": _answer(text, _ref("Error")) for status, text in _MEANINGS.items()
            },
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "query", "name": "key"},
                "keyHeader": {"type": "apiKey", "in": "header", "name": "x-recordingd-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
