"""`daemon/docs/service.md` says what `acs/errors.py` does, for every answer there can be."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recordingd.acs.errors import RETRY_AFTER_SECONDS_MAX, Answer, Operation, fault_for
from recordingd.acs.exchange import ExchangeOptions
from recordingd.config.api_versions import can_start_paused
from recordingd.domain.errors import (
    AmbiguousFault,
    CloudFault,
    NotFoundFault,
    PermanentFault,
    RetryableFault,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "daemon" / "docs" / "service.md").read_text()
NOW = datetime(2026, 8, 4, 10, tzinfo=UTC)
FAULTS: dict[str, type[CloudFault]] = {
    "retryable": RetryableFault,
    "permanent": PermanentFault,
    "not found": NotFoundFault,
    "ambiguous": AmbiguousFault,
}
NAMES = {
    "start": {Operation.START},
    "state": {Operation.FETCH_STATE},
    "pause": {Operation.PAUSE},
    "resume": {Operation.RESUME},
    "stop": {Operation.STOP},
    "delete": {Operation.REMOVE},
    "recording": {Operation.FETCH_STATE, Operation.PAUSE, Operation.RESUME, Operation.STOP},
    "storage": {Operation.DOWNLOAD, Operation.FETCH_METADATA, Operation.REMOVE},
    "all": set(Operation),
}
# Every status that the page names, those beside them, and some more; three confirm.
NAMED = (300, 399, 400, 499, 401, 403, 404, 408, 409, 410, 425, 429, 503)
STATUSES = sorted({s + d for s in NAMED for d in (-1, 0, 1)} | {100, 201, 205, 412, 599})
UNLISTED = ("", "9999", "7501", "x")


@dataclass(frozen=True, slots=True)
class Row:
    operations: frozenset[Operation]
    status: str
    subcode: str
    fault: type[CloudFault]

    def fits(self, operation: Operation, status: int, subcode: str) -> bool:
        if operation not in self.operations or status not in self.statuses():
            return False
        match self.subcode:
            case "any":
                return True
            case "given":
                return bool(subcode)
            case listed:
                return subcode in listed.split(", ")

    def statuses(self) -> Container[int]:
        if self.status == "any":
            return range(1000)
        if "-" in self.status:
            first, last = map(int, self.status.split("-"))
            return range(first, last + 1)
        return {int(status) for status in self.status.split(", ")}


def table(title: str) -> list[list[str]]:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


ROWS = [
    Row(
        operations=frozenset(op for name in on.split(", ") for op in NAMES[name]),
        status=status,
        subcode=subcode,
        fault=FAULTS[fault],
    )
    for on, status, subcode, fault, _ in table("Answers and faults")
]
SUBCODES = sorted({*re.findall(r"\b[0-9]{4}\b", " ".join(r.subcode for r in ROWS)), *UNLISTED})


def answer_of(status: int, subcode: str) -> Answer:
    body = {"error": {"code": subcode, "message": "m"}} if subcode else None
    return Answer(status=status, headers={}, body=json.dumps(body).encode() if body else b"")


@pytest.mark.parametrize("operation", Operation)
def test_table_of_the_page_is_the_table_of_the_code(operation: Operation) -> None:
    rows = [row for row in ROWS if operation in row.operations]
    for status in STATUSES:
        for subcode in SUBCODES:
            expected = next(row.fault for row in rows if row.fits(operation, status, subcode))
            fault = fault_for(operation, answer_of(status, subcode), now=NOW)
            assert type(fault) is expected, (status, subcode)


def test_every_row_of_the_page_decides_something() -> None:
    decided = {
        next(n for n, row in enumerate(ROWS) if row.fits(operation, status, subcode))
        for operation in Operation
        for status in STATUSES
        for subcode in SUBCODES
    }
    assert decided == set(range(len(ROWS)))


def test_every_status_that_the_page_names_is_tried() -> None:
    named = {int(n) for row in ROWS for n in re.findall(r"[0-9]+", row.status)}
    assert named == set(NAMED)


def test_numbers_of_the_page_are_those_of_the_code() -> None:
    options = ExchangeOptions()
    assert f"clamped to 0–{RETRY_AFTER_SECONDS_MAX:g} s" in PAGE
    assert f"no answer within {options.operation_seconds:g} s" in PAGE
    in_flight = f"{options.operations_max} requests in flight, {options.streams_max} downloads"
    assert in_flight in PAGE


def test_every_version_that_can_be_chosen_is_on_the_page() -> None:
    schema = json.loads((ROOT / "schema" / "settings.schema.json").read_text())
    offered = schema["properties"]["acs"]["properties"]["apiVersion"]["enum"]
    poor, rich = (row[0].split(", ") for row in table("Versions of the API"))
    assert [*poor, *rich] == offered
    assert [can_start_paused(version) for version in offered] == [
        *(False for _ in poor),
        *(True for _ in rich),
    ]
