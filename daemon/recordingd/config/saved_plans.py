"""A plan file as a value, or what is wrong with it.

Called by `apply`. A plan is data that passed through a review: its form is checked against the
schema that it was written by, and its digest against everything else in it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from recordingd.config.schema_check import FORMATS, compiled, load_schema
from recordingd.config.schema_fit import SchemaFit
from recordingd.config.strict_yaml import Plain
from recordingd.domain.errors import ConfigurationError
from recordingd.domain.recordings import RecordingId
from recordingd.planning.rendering import FORMAT_VERSION, plan_digest
from recordingd.planning.saved_plans import SavedPlan

# Room for a line about each of a million recordings.
PLAN_BYTES_MAX = 1024 * 1024 * 1024
FAULTS_MAX, FAULT_LENGTH_MAX = 10, 200
_SCHEMA = "plan.schema.json"


def read_saved_plan(path: Path) -> SavedPlan:
    """Read what `plan -o` wrote; ConfigurationError with every reason why it is not that."""
    form = _form_of(path)
    faults = tuple(f"{path}: {fault}" for fault in faults_of(form))
    if faults:
        raise ConfigurationError(faults)
    if plan_digest(form) != form["planDigest"]:
        msg = f"{path}: it was changed after it was written; make it again with 'plan -o'"
        raise ConfigurationError((msg,))
    return SavedPlan(
        plan_digest=form["planDigest"],
        instance=form["instance"],
        at=form["at"],
        policy_digest=form["policyDigest"],
        purge_generation=form["ledgerGeneration"],
        candidates=frozenset(RecordingId(name) for name in form["candidates"]),
    )


def faults_of(form: Plain) -> Iterator[str]:
    """Yield what is wrong with the JSON form of a plan, and where; at most ten of it."""
    version = form.get("formatVersion") if isinstance(form, dict) else None
    if isinstance(version, str) and version != FORMAT_VERSION:
        yield f"format version {version} is not the one that is read here ({FORMAT_VERSION})"
        return
    if SchemaFit(load_schema(_SCHEMA), FORMATS).fits(form):
        # A plan may have very many lines, and this look at them is much the faster one.
        return
    for error in itertools.islice(compiled(_SCHEMA).iter_errors(form), FAULTS_MAX):
        where = ".".join(map(str, error.absolute_path)) or "the plan"
        yield f"{where}: {error.message[:FAULT_LENGTH_MAX]}"


def _form_of(path: Path) -> Plain:
    if path.stat().st_size > PLAN_BYTES_MAX:
        raise ConfigurationError((f"{path}: larger than any plan ({PLAN_BYTES_MAX} bytes)",))
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        msg = f"{path}: no JSON, so no plan that 'recordingd plan -o' wrote: {error}"
        raise ConfigurationError((msg,)) from None
