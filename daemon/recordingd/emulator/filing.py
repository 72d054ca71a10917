"""Turn an ended recording into files in the service's or the customer's storage; announce them.

``app`` wires it to the recorder; it runs one task per ended recording. It decides on chunks,
channels, exports and failover twins; sound is ``media``'s, bytes are ``workshop``'s, containers
are ``containers``'. Sources:
call-recording.md (chunks, metadata, known issues); bring-your-own-storage.md.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.clock import EmulatorClock, Ids, utc
from recordingd.emulator.containers import (
    BlobFile,
    Exporter,
    ExportFailedError,
    read_place,
)
from recordingd.emulator.events import ChunkLocation
from recordingd.emulator.faults import Faults, number
from recordingd.emulator.identifiers import new_document_id
from recordingd.emulator.media import (
    SAMPLE_BYTES,
    SAMPLE_RATE,
    Chunk,
    SoundPlan,
    Speaker,
    assign_channels,
    cut_chunks,
    plan_sound,
)
from recordingd.emulator.metadata import QUIRKS, MetadataFacts, write_metadata
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.state import Recording, Span, StoredFile, overlaps
from recordingd.emulator.workshop import Workshop

_LOG = logging.getLogger(__name__)
# The last part of the content URL: video and audiomp3 were seen; that of wav is not documented.
_SUFFIXES = {"mp4": "video", "mp3": "audiomp3", "wav": "audio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    chunk: Chunk
    plan: SoundPlan
    pauses: tuple[Span, ...]
    started_at: float


@dataclass(slots=True, kw_only=True)
class FilingCabinet:
    """Makes, keeps and announces the files; `documents` finds one by its document id."""

    options: EmulatorOptions
    clock: EmulatorClock
    ids: Ids
    faults: Faults
    announcer: Announcer
    workshop: Workshop
    resource_id: str
    exporter: Exporter
    storage_base: str = ""
    documents: dict[str, StoredFile] = field(default_factory=dict)
    _owners: dict[str, Recording] = field(default_factory=dict)

    async def file(self, recording: Recording) -> None:
        """Make the files of `recording` and announce them when the service would.

        A recording that captured nothing has no file and no event (recordings started in pause
        "need to be resumed for recording file to be generated").
        """
        now = recording.ended_at or self.clock.now()
        due = now + self.options.waits.file_event_seconds / self.clock.speed
        context = {
            "serverCallId": recording.call.server_call_id,
            "recordingId": recording.recording_id,
        }
        pieces = self._pieces(recording, now, context)
        if not pieces:
            return
        sets = [await self._store(recording, pieces, context)]
        if self.faults.take("files.twin", **context) is not None:
            sets.append(await self._store(recording, pieces, context))
        await self.clock.sleep_until(due)
        if self.faults.take("files.none", **context) is not None:
            return
        is_split = self.faults.take("files.splitEvents", **context) is not None
        for files in sets:
            batches = [[file] for file in files] if is_split else [files]
            for batch in batches:
                self._announce(recording, batch, pieces, context)

    def owner_of(self, document_id: str) -> Recording | None:
        """Return the recording that a document belongs to, or None when there is none."""
        return self._owners.get(document_id)

    def channels_of(self, recording: Recording, until: float) -> dict[int, str]:
        """Return which participant each channel of an unmixed recording holds; else nothing."""
        if recording.request.channel != "unmixed":
            return {}
        heard = [speaker.raw_id for speaker in self._speakers(recording, until)]
        request = recording.request
        return assign_channels(request.affinity, request.ordering, heard)

    def _pieces(self, recording: Recording, until: float, context: dict[str, str]) -> list[_Piece]:
        speakers = self._speakers(recording, until)
        channels = self.channels_of(recording, until)
        forced = self.faults.take("files.chunks", **context)
        count = 1 if forced is None else max(1, int(number(forced, "chunks")))
        seconds_max = self._chunk_seconds_max(recording)
        is_by_size = seconds_max < self.options.chunk_seconds_max
        captured = recording.captured.spans(until)
        chunks = cut_chunks(captured, seconds_max, count, is_by_size=is_by_size)
        pauses = recording.paused.spans(until)
        starts = [recording.activated_at or 0.0, *(chunk.spans[0][0] for chunk in chunks[1:])]
        ends = [*starts[1:], until]
        return [
            _Piece(
                chunk=chunk,
                plan=plan_sound(chunk, speakers, channels),
                pauses=tuple(overlaps((start, end), pauses)),
                started_at=start,
            )
            for chunk, start, end in zip(chunks, starts, ends, strict=False)
        ]

    def _speakers(self, recording: Recording, until: float) -> list[Speaker]:
        # In order of first audio inside the captured time, as unmixed channels are given out.
        captured = recording.captured.spans(until)
        heard: list[tuple[float, Speaker]] = []
        for party in recording.call.participants.values():
            sounding = party.sounding(until)
            parts = [part for span in captured for part in overlaps(span, sounding)]
            if parts:
                speaker = Speaker(raw_id=party.raw_id, hz=party.hz, sounding=tuple(sounding))
                heard.append((parts[0][0], speaker))
        return [speaker for _, speaker in sorted(heard, key=lambda pair: pair[0])]

    def _chunk_seconds_max(self, recording: Recording) -> float:
        limit = self.options.chunk_bytes_max
        if limit is None:
            return self.options.chunk_seconds_max
        is_unmixed = recording.request.channel == "unmixed"
        width = SAMPLE_BYTES * (max(1, len(recording.call.participants)) if is_unmixed else 1)
        return min(self.options.chunk_seconds_max, max(1, limit // width) / SAMPLE_RATE)

    async def _store(
        self, recording: Recording, pieces: Sequence[_Piece], context: dict[str, str]
    ) -> list[StoredFile]:
        files = [await self._make(recording, piece, context) for piece in pieces]
        await self._export(recording, files, context)
        for file in files:
            self.documents[file.document_id] = file
            self._owners[file.document_id] = recording
            recording.files.append(file)
        return files

    async def _export(
        self, recording: Recording, files: Sequence[StoredFile], context: dict[str, str]
    ) -> None:
        # What cannot be exported stays in the service's storage for 24 h, and the event names
        # it there ("Download recordings from the location in failure notification").
        url = recording.request.container_url
        if url is None:
            return
        if self.faults.take("files.exportFailed", **context) is not None:
            _not_exported(recording, "a fault asked for it")
            return
        try:
            place = read_place(url)
            prefix = self._container_prefix(recording, place.folder)
            blobs: list[BlobFile] = []
            for file in files:
                content, metadata = _blob_names(file, prefix)
                blobs.append(BlobFile(name=content, content=file.path))
                blobs.append(BlobFile(name=metadata, content=file.metadata))
            await self.exporter.export(place, blobs)
        except (ExportFailedError, ValueError) as error:
            _not_exported(recording, str(error))
            return
        for file in files:
            file.container_prefix = f"{place.url}/{prefix}"
            file.path.unlink(missing_ok=True)

    async def _make(
        self, recording: Recording, piece: _Piece, context: dict[str, str]
    ) -> StoredFile:
        document_id = new_document_id(self.ids)
        request = recording.request
        made = await self.workshop.make(document_id, piece.plan, request.format)
        ready_at = self.clock.now()
        return StoredFile(
            document_id=document_id,
            chunk=piece.chunk.index,
            suffix=_SUFFIXES[request.format],
            path=made.path,
            size_bytes=made.size_bytes,
            sha256=made.sha256,
            metadata=self._metadata(recording, piece, document_id, context),
            end_reason=piece.chunk.end_reason,
            host=self.options.storage_hosts[0],
            ready_at=ready_at,
            expires_at=ready_at + self.options.file_life_seconds,
        )

    def _metadata(
        self, recording: Recording, piece: _Piece, document_id: str, context: dict[str, str]
    ) -> bytes:
        request = recording.request
        quirks = self.options.metadata_quirks
        fault = self.faults.take("metadata.quirks", documentId=document_id, **context)
        if fault is not None and isinstance(named := fault.get("quirks"), list):
            quirks = QUIRKS.intersection(str(quirk) for quirk in named)
        until = recording.ended_at or self.clock.now()
        facts = MetadataFacts(
            resource_id=self.resource_id,
            correlation_id=recording.call.correlation_id,
            document_id=document_id,
            chunk=piece.chunk.index,
            started_at=piece.started_at,
            duration_ms=piece.plan.duration_ms,
            pauses=piece.pauses,
            content=request.content,
            channel=request.channel,
            format=request.format,
            audio_channels=len(piece.plan.channels),
            participants=[speaker.raw_id for speaker in self._speakers(recording, until)],
            channels=self.channels_of(recording, until),
        )
        return write_metadata(facts, quirks)

    def _container_prefix(self, recording: Recording, within: str) -> str:
        # /YYYYMMDD/{callId}/{first 8 of recordingId}-{guid}, bring-your-own-storage.md
        day = utc(recording.accepted_at).strftime("%Y%m%d")
        folder = f"{recording.recording_id[:8]}-{self.ids.guid()}"
        parts = (within, day, recording.call.correlation_id, folder)
        return "/".join(part for part in parts if part)

    def _announce(
        self,
        recording: Recording,
        files: Sequence[StoredFile],
        pieces: Sequence[_Piece],
        context: dict[str, str],
    ) -> None:
        chunks = [self._named(self.location(file), file, context) for file in files]
        self.announcer.files_ready(
            recording,
            chunks,
            duration_ms=sum(piece.plan.duration_ms for piece in pieces),
            is_external=files[0].container_prefix is not None,
        )

    def location(self, file: StoredFile) -> ChunkLocation:
        """Return where `file` is, in the URL forms of recorded traffic."""
        prefix = file.container_prefix
        if prefix is not None:
            content, metadata = _blob_names(file, prefix)
            delete = None
        else:
            delete = f"{self._base(file.host)}/v1/objects/{file.document_id}"
            content = f"{delete}/content/{file.suffix}"
            metadata = f"{delete}/content/acsmetadata"
        return ChunkLocation(
            document_id=file.document_id,
            index=file.chunk,
            end_reason=file.end_reason,
            content_url=content,
            metadata_url=metadata,
            delete_url=delete,
        )

    def _base(self, host: str) -> str:
        return self.storage_base.format(host=host)

    def _named(
        self, location: ChunkLocation, file: StoredFile, context: dict[str, str]
    ) -> ChunkLocation:
        there = {"documentId": file.document_id, **context}
        content, document_id = location.content_url, location.document_id
        if (params := self.faults.take("files.foreignUrl", **there)) is not None:
            content = f"https://{params['host']}/v1/objects/{document_id}/content/{file.suffix}"
        if self.faults.take("events.wrongDocument", **there) is not None:
            wrong = new_document_id(self.ids)
            content = content.replace(document_id, wrong)
            document_id = wrong
        delete = location.delete_url
        if delete is not None and self.faults.take("files.deletedataUrl", **there) is not None:
            delete = f"{delete}/content/deletedata"
        return ChunkLocation(
            document_id=document_id,
            index=location.index,
            end_reason=location.end_reason,
            content_url=content,
            metadata_url=location.metadata_url.replace(location.document_id, document_id),
            delete_url=delete and delete.replace(location.document_id, document_id),
        )


def _not_exported(recording: Recording, why: str) -> None:
    _LOG.warning("recording %s: not exported: %s", recording.recording_id[-12:], why)
    recording.errors.append({"code": "ExportFailed", "message": why})


def _blob_names(file: StoredFile, prefix: str) -> tuple[str, str]:
    # {chunk}-audiomp3.{documentId}.mp3 beside {chunk}-acsmetadata.{documentId}.json
    extension = {"audiomp3": "mp3", "video": "mp4"}.get(file.suffix, "wav")
    return (
        f"{prefix}/{file.chunk}-{file.suffix}.{file.document_id}.{extension}",
        f"{prefix}/{file.chunk}-acsmetadata.{file.document_id}.json",
    )
