"""The served description against the routes it describes."""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from recordingd.ingress.openapi import describe


def operations() -> dict[str, Any]:
    paths: Any = describe()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_description_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(describe()).validate()


def test_every_route_of_the_interface_is_described() -> None:
    assert set(operations()) == {
        "POST /events",
        "OPTIONS /events",
        "POST /callbacks",
        "POST /callbacks/{token}",
        "POST /v1/signals",
        "GET /v1/status",
        "GET /v1/calls/{serverCallId}",
        "GET /v1/recordings/{id}",
        "GET /livez",
        "GET /readyz",
        "GET /metrics",
        "GET /openapi.json",
    }


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


def test_every_operation_says_how_it_is_opened() -> None:
    assert all("security" in operation for operation in operations().values())
