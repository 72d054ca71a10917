"""A file that the service wrote to a container: read there, and held as our copy."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from tests.factories import (
    FILE,
    after,
    make_attempt,
    make_call,
    make_facts,
    make_file,
    make_stopped,
)
from tests.unit.runtime.conftest import HandMovedClock, MiddleRand, ScriptedCloud

from recordingd.domain.errors import MediaFault, StoreRefused
from recordingd.domain.plans import InContainer, ReasonCode, VerifyFile, Why
from recordingd.domain.policies import MediaFormat, StoreName
from recordingd.domain.recordings import AttemptOutcome, CallFacts, Verb
from recordingd.planning.derivation import FileState, derive
from recordingd.ports.archive import Archive, MediaFacts, StoredCopy
from recordingd.runtime.effects import Ended, Tools
from recordingd.runtime.exports import verify_export

VAULT = StoreName("vault")
CONTAINER = "https://contoso.blob.core.windows.net/vault"
CONTENT, METADATA = "call/audio.wav", "call/meta.json"
WHERE = InContainer(store=VAULT, uri=CONTENT, metadata_uri=METADATA)


@dataclass
class Container:
    """A container with blobs; `fault` is what every look into it runs into."""

    blobs: dict[str, bytes] = field(default_factory=lambda: {CONTENT: b"audio", METADATA: b"{}"})
    fault: Exception | None = None
    media: MediaFacts | MediaFault = field(
        default_factory=lambda: MediaFacts(duration_ms=1000, audio_channels=1)
    )
    name: StoreName = VAULT

    def find(self, uri: str) -> StoredCopy | None:
        if self.fault is not None:
            raise self.fault
        if (body := self.blobs.get(uri)) is None:
            return None
        digest = hashlib.sha256(body).hexdigest()
        return StoredCopy(uri=uri, size_bytes=len(body), sha256=digest)

    def read_document(self, uri: str) -> bytes | None:
        return self.blobs.get(uri)

    def check_media(self, uri: str, kind: MediaFormat) -> MediaFacts:
        assert (uri, kind) == (CONTENT, MediaFormat.WAV)
        if isinstance(self.media, MediaFault):
            raise self.media
        return self.media

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AssertionError(name)


def make_exported() -> CallFacts:
    return make_facts(
        make_call(ended_at=after(60)),
        recordings=make_stopped(container=CONTAINER),
        files=make_file(
            is_external=True,
            content_url=f"{CONTAINER}/{CONTENT}",
            metadata_url=f"{CONTAINER}/{METADATA}",
        ),
        attempts=make_attempt(Verb.VERIFY, FILE, tries=1),
    )


@dataclass
class Verified:
    """How a verification ended, and what it makes of the facts."""

    ended: Ended
    cloud: ScriptedCloud
    facts: CallFacts

    @property
    def state(self) -> FileState:
        return derive(self.facts).files[FILE]


def verify(container: Container, *, where: InContainer = WHERE) -> Verified:
    cloud, clock = ScriptedCloud(), HandMovedClock()
    store: Archive = container
    tools = Tools(
        cloud=cloud,
        archives={VAULT: store},
        clock=clock,
        rand=MiddleRand(),
        callback_url_of=lambda _: None,
    )
    facts = make_exported()
    why = Why(code=ReasonCode.FILE_ANNOUNCED, text="")
    look = VerifyFile(call_id=facts.call.call_id, why=why, file=FILE, in_container=where)
    ended = asyncio.run(verify_export(look, facts, tools))
    return Verified(ended=ended, cloud=cloud, facts=ended.change(facts, after(130)))


def test_whole_blob_is_kept_as_our_copy() -> None:
    done = verify(Container())
    (copy,), (file,) = done.facts.copies, done.facts.files
    assert done.state is FileState.KEPT
    assert (copy.store, copy.uri, copy.size_bytes) == (VAULT, CONTENT, 5)
    assert file.sha256 == copy.sha256 == hashlib.sha256(b"audio").hexdigest()
    assert (file.verified_at, file.removed_at, file.suspect) == (after(130), None, None)
    assert done.facts.attempts[0].outcome is AttemptOutcome.OK


def test_metadata_is_read_where_it_lies() -> None:
    (file,) = verify(Container()).facts.files
    assert (file.has_metadata, file.metadata_duration_ms) == (True, 1000)


def test_service_is_asked_for_nothing() -> None:
    assert verify(Container()).cloud.asked == []


@pytest.mark.parametrize("metadata_uri", [None, "call/elsewhere.json"])
def test_blob_without_metadata_is_kept_under_suspicion(metadata_uri: str | None) -> None:
    where = InContainer(store=VAULT, uri=CONTENT, metadata_uri=metadata_uri)
    done = verify(Container(), where=where)
    assert done.state is FileState.KEPT
    assert done.facts.files[0].suspect == "the service gave no metadata to compare with"
    assert [a.name for a in done.ended.alarms] == ["FileSuspect"]


def test_blob_of_another_length_is_kept_under_suspicion() -> None:
    done = verify(Container(media=MediaFacts(duration_ms=9000, audio_channels=1)))
    assert done.state is FileState.KEPT
    assert "9000 ms" in (done.facts.files[0].suspect or "")


def test_damaged_blob_is_kept_as_it_is() -> None:
    container = Container(media=MediaFault("not a RIFF/WAVE file"))
    done = verify(container)
    assert done.state is FileState.KEPT
    assert done.facts.files[0].suspect == "damaged: not a RIFF/WAVE file"
    assert CONTENT in container.blobs


@pytest.mark.parametrize(
    ("container", "detail", "alarms"),
    [
        (Container(blobs={}), "HTTP 404", []),
        (Container(fault=OSError("connection refused")), "connection refused", []),
        (Container(fault=StoreRefused("AuthorizationFailure")), "Authorization", ["StoreRefused"]),
    ],
    ids=["missing", "unreachable", "refused"],
)
def test_blob_that_cannot_be_read_is_tried_again(
    container: Container, detail: str, alarms: list[str]
) -> None:
    done = verify(container)
    (attempt,) = done.facts.attempts
    assert done.state is FileState.ANNOUNCED
    assert detail in (attempt.detail or "")
    assert attempt.finished_at is None
    assert attempt.retry_at is not None
    assert timedelta(0) < attempt.retry_at - HandMovedClock().now <= timedelta(minutes=5)
    assert [a.name for a in done.ended.alarms] == alarms


def test_store_that_the_settings_no_longer_have_is_a_refusal() -> None:
    gone = InContainer(store=StoreName("gone"), uri=CONTENT, metadata_uri=None)
    done = verify(Container(), where=gone)
    assert "no store 'gone'" in (done.facts.attempts[0].detail or "")
