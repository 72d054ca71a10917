"""Documents checked against a JSON Schema, every fault at the token that is wrong.

Called by the readers of policies and settings; the only importer of jsonschema, which is loaded for
the first document with a fault. Never learns what the documents mean: formats are asked for through
`scalars` and `rule_scalars`.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from pkgutil import get_data  # importlib.resources takes several times as long to load
from typing import TYPE_CHECKING

from recordingd.config import rule_scalars, scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.schema_fit import SchemaFit
from recordingd.config.schema_words import Fault, Reporter
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import parse_duration, parse_finite_duration

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

FORMATS: Mapping[str, Callable[[str], object]] = {
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
    "recordingd-count-from": rule_scalars.parse_count_from,
    "recordingd-prompt": rule_scalars.parse_prompt,
    "recordingd-language": rule_scalars.parse_language,
    "recordingd-key": rule_scalars.parse_key,
    "recordingd-place-code": rule_scalars.parse_place_code,
    "recordingd-number": rule_scalars.parse_number,
    "recordingd-raw-id": rule_scalars.parse_raw_id,
    "recordingd-party": rule_scalars.parse_party,
    "recordingd-deletion": rule_scalars.parse_deletion,
    "recordingd-pause-reason": rule_scalars.parse_pause_reason,
}


class SchemaCheck:
    """One schema, loaded once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._fit = SchemaFit(load_schema(name), FORMATS)

    def check(self, document: Document, findings: Findings) -> Plain:
        """Report every fault of a document; return its data without the faulty values.

        A document without faults is returned as it is.
        """
        if self._fit.fits(document.data):
            return document.data
        validator = compiled(self._name)
        faults = [_fault_of(error) for error in validator.iter_errors(document.data)]
        if not faults:
            return document.data
        reporter = Reporter(document, findings)
        for fault in faults:
            reporter.add(fault)
        return _pruned(document.data, faults)


@functools.cache
def policy_check() -> SchemaCheck:
    """Return the check of policy documents."""
    return SchemaCheck("policy.schema.json")


@functools.cache
def settings_check() -> SchemaCheck:
    """Return the check of a settings document."""
    return SchemaCheck("settings.schema.json")


@functools.cache
def load_schema(name: str) -> Plain:
    """Return a schema of the package as JSON has it, by its file's name."""
    text = get_data("recordingd", f"schema/{name}")
    assert text is not None, "the package's loader reads files"
    return json.loads(text)


@functools.cache
def compiled(name: str) -> Draft202012Validator:
    """Return the validator of record for a schema of the package."""
    from jsonschema import Draft202012Validator  # slow to import, needed here only

    return Draft202012Validator(load_schema(name), format_checker=_format_checker())


def _format_checker() -> FormatChecker:
    from jsonschema import FormatChecker  # slow to import, needed here only

    checker = FormatChecker(formats=())
    for name, parse in FORMATS.items():
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
