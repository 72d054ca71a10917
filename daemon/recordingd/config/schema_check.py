"""Documents checked against a JSON Schema, every fault at the token that is wrong.

Called by the readers of policies and settings; the only importer of jsonschema, which is loaded on
first use. Never learns what the documents mean: formats are asked for through `scalars`.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.schema_words import Fault, LaterWords, Reporter
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import parse_duration, parse_finite_duration

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

_FORMATS: Mapping[str, Callable[[str], object]] = {
    "recordingd-pattern": scalars.parse_pattern,
    "recordingd-phone": scalars.parse_phone_pattern,
    "recordingd-duration": parse_duration,
    "recordingd-finite-duration": parse_finite_duration,
    "recordingd-moment": scalars.parse_moment,
    "recordingd-local-time": scalars.parse_local_time,
    "recordingd-date": scalars.parse_local_date,
    "recordingd-time-zone": scalars.parse_time_zone,
    "recordingd-percentage": scalars.parse_percentage,
    "recordingd-container": scalars.parse_container_url,
    "recordingd-queue": scalars.parse_queue_url,
    "recordingd-openid": scalars.parse_openid_url,
    "recordingd-endpoint": scalars.parse_endpoint,
    "recordingd-public-url": scalars.parse_public_url,
    "recordingd-host": scalars.parse_storage_host,
    "recordingd-listen": scalars.parse_listen,
    "recordingd-size": scalars.parse_size,
    "recordingd-rate": scalars.parse_rate,
    "recordingd-file-name": scalars.parse_file_name,
}


class SchemaCheck:
    """One schema, compiled once."""

    def __init__(self, name: str, later: LaterWords) -> None:
        self._validator = _compile(name)
        self._later = later

    def check(self, document: Document, findings: Findings) -> Plain:
        """Report every fault of a document; return its data without the faulty values.

        A document without faults is returned as it is.
        """
        faults = [_fault_of(error) for error in self._validator.iter_errors(document.data)]
        if not faults:
            return document.data
        reporter = Reporter(document, findings, self._later)
        for fault in faults:
            reporter.add(fault)
        return _pruned(document.data, faults)


@functools.cache
def policy_check() -> SchemaCheck:
    """Return the check of policy documents."""
    return SchemaCheck("policy.schema.json", _LATER_IN_POLICIES)


@functools.cache
def settings_check() -> SchemaCheck:
    """Return the check of a settings document."""
    return SchemaCheck("settings.schema.json", LaterWords())


_LATER_IN_POLICIES = LaterWords(
    kinds=frozenset(
        {"ConsentRule", "PauseRule", "RetentionRule", "LegalHold", "Places", "PolicyTest"}
    ),
    fields=frozenset(
        {
            "place",
            "rotateEvery",
            "copyTo",
            "store",
            "satisfiedBy",
            "beforeDecision",
            "ask",
            "outcomes",
            "evidence",
            "basis",
            "locked",
            "decideAfter",
        }
    ),
    values=frozenset({"endCall", "notice", "impliedAfterNotice"}),
)


@functools.cache
def _compile(name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # slow to import, needed here only

    text = resources.files("recordingd").joinpath("schema", name).read_text("utf-8")
    return Draft202012Validator(json.loads(text), format_checker=_format_checker())


def _format_checker() -> FormatChecker:
    from jsonschema import FormatChecker  # slow to import, needed here only

    checker = FormatChecker(formats=())
    for name, parse in _FORMATS.items():
        checker.checks(name, raises=ValueError)(functools.partial(_is_format, parse))
    return checker


def _is_format(parse: Callable[[str], object], value: object) -> bool:
    if isinstance(value, str):
        parse(value)
    return True


def _fault_of(error: ValidationError) -> Fault:
    return Fault(
        path=tuple(error.absolute_path),
        keyword=str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        schema=error.schema,
        reason=error.message if error.cause is None else str(error.cause),
        is_key="propertyNames" in error.absolute_schema_path,
    )


# --- data without its faults ----------------------------------------------------------------------


def _pruned(data: Plain, faults: Iterable[Fault]) -> Plain:
    """Leave out every value that is wrong, so that the rest can still be checked."""
    pruned = copy.deepcopy(data)
    doomed = {path for fault in faults for path in _doomed(fault)}
    # Deepest and last first, so that the index of a list item is still right when it goes.
    for path in sorted(doomed, key=lambda p: [(isinstance(k, str), k) for k in p], reverse=True):
        pruned = _without(pruned, path)
    return pruned


def _doomed(fault: Fault) -> list[PathParts]:
    if fault.keyword == "additionalProperties":
        return [(*fault.path, name) for name in fault.unknown_fields]
    if fault.is_key:
        return [(*fault.path, fault.value)]
    return [] if fault.keyword in {"required", "minProperties"} else [fault.path]


def _without(data: Plain, path: PathParts) -> Plain:
    if not path:
        return None
    parent = data
    for part in path[:-1]:
        try:
            parent = parent[part]
        except (KeyError, IndexError, TypeError):
            return data
    try:
        del parent[path[-1]]
    except (KeyError, IndexError, TypeError):
        return data
    return data
