"""How a call is recorded, as a policy states it.

Called by `config.policy_values` with data that passed the schema, or with what was left of it.
Combinations that the service does not have are refused here. Never learns which calls are recorded.
"""

from __future__ import annotations

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.matchers import read_selectors
from recordingd.config.strict_yaml import Document, Plain
from recordingd.domain.durations import Duration, parse_finite_duration
from recordingd.domain.policies import (
    COMBINATIONS,
    ChannelAssignment,
    Channels,
    Content,
    IfAbsent,
    MediaFormat,
    RecordSpec,
    StoreName,
    WaitFor,
)

_PARTS = ("format", "channels", "content")


def record_spec(document: Document, data: Plain, findings: Findings) -> RecordSpec:
    """Build what stands under `record` of a document."""
    content = Content(data.get("content", "audio"))
    channels = Channels(data.get("channels", "mixed"))
    chosen = data.get("format")
    media = _default_format(content, channels) if chosen is None else MediaFormat(chosen)
    if _is_as_written(document, data) and (content, channels, media) not in COMBINATIONS:
        _refuse_combination(document, data, (content, channels, media), findings)
    if "assign" in data and channels is not Channels.UNMIXED:
        findings.error(
            document.key_at("record", "assign"),
            "policy/assign-mixed",
            "channels can be assigned only with channels: unmixed",
        )
    if "ifAbsent" in data and "assign" not in data:
        findings.error(
            document.key_at("record", "ifAbsent"),
            "policy/if-absent-alone",
            "'ifAbsent' has no meaning without 'assign'",
        )
    return RecordSpec(
        content=content,
        channels=channels,
        format=media,
        assign=tuple(
            ChannelAssignment(channel=int(n), selectors=read_selectors(who))
            for n, who in sorted(data.get("assign", {}).items())
        ),
        if_absent=_if_absent(data.get("ifAbsent", "startWithout")),
        archive=StoreName(to) if (to := data.get("archive", {}).get("to")) else None,
        copy_to=_copies(document, data, findings),
        storage=StoreName(store) if (store := data.get("storage", {}).get("store")) else None,
        container=_container(document, data, findings),
        rotate_every=_rotation(document, data, findings),
    )


def _is_as_written(document: Document, data: Plain) -> bool:
    """Say whether nothing faulty was left out: what is not there says nothing of the rest."""
    written = document.find(("record",)).data
    return not isinstance(written, dict) or all(key in data for key in _PARTS if key in written)


def _default_format(content: Content, channels: Channels) -> MediaFormat:
    found = (f for c, ch, f in COMBINATIONS if (c, ch) == (content, channels))
    return next(found, MediaFormat.WAV)


def _refuse_combination(
    document: Document,
    data: Plain,
    combination: tuple[Content, Channels, MediaFormat],
    findings: Findings,
) -> None:
    written = next((key for key in _PARTS if key in data), None)
    place = document.at("record", written) if written else document.key_at("record")
    known = ", ".join("+".join(part.value for part in c) for c in COMBINATIONS)
    findings.error(
        place,
        "policy/combination",
        f"the service cannot record {'+'.join(part.value for part in combination)}",
        hint=f"possible are {known} (call-recording.md, Audio/video outputs)",
    )


def _if_absent(value: Plain) -> IfAbsent | WaitFor:
    if isinstance(value, str):
        return IfAbsent(value)
    if "wait" not in value:
        return IfAbsent.START_WITHOUT
    return WaitFor(duration=parse_finite_duration(value["wait"]))


def _rotation(document: Document, data: Plain, findings: Findings) -> Duration | None:
    if "rotateEvery" not in data:
        return None
    every = parse_finite_duration(data["rotateEvery"])
    if every == Duration():
        place = document.at("record", "rotateEvery")
        findings.error(place, "policy/no-time-to-record", "a recording of no length is none")
    return every


def _copies(document: Document, data: Plain, findings: Findings) -> tuple[StoreName, ...]:
    """Return the stores of copies, none twice and none that is the archive itself."""
    written = data.get("archive", {}).get("copyTo", ())
    names = (written,) if isinstance(written, str) else tuple(written)
    own = (data.get("archive", {}).get("to"), data.get("storage", {}).get("store"))
    for n, name in enumerate(names):
        if name in own or name in names[:n]:
            path = ("record", "archive", "copyTo", *(() if isinstance(written, str) else (n,)))
            what = "the archive itself" if name in own else "named already"
            findings.error(document.at(*path), "policy/second-copy", f"store '{name}' is {what}")
    return tuple(StoreName(name) for name in names)


def _container(document: Document, data: Plain, findings: Findings) -> str | None:
    storage = data.get("storage", {})
    if storage and "to" in data.get("archive", {}):
        findings.error(
            document.key_at("record", "archive", "to"),
            "policy/archive-and-storage",
            "with 'storage' the service writes the files there, and that is their archive",
            hint="leave 'to' out; copyTo may still name stores that get a copy",
        )
    container = storage.get("container")
    return None if container is None else scalars.parse_container_url(container)
