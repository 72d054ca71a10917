"""The storage of finished recordings over HTTP: content, metadata and delete URLs.

``front`` calls it for ``/v1/objects``. It checks its own kind of signature and serves bytes with
ranges, faults included; what files exist is ``filing``'s. Sources: recorded downloads and deletes
of the SDKs' live tests; the SDK's content downloader (x-ms-host).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from recordingd.emulator.authorities import Authorities
from recordingd.emulator.clock import EmulatorClock
from recordingd.emulator.faults import Faults, Params, number
from recordingd.emulator.filing import FilingCabinet
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.state import Recording, StoredFile
from recordingd.emulator.web import Exchange

_PIECE_BYTES = 256 * 1024
_OK = 200
_PARTIAL = 206
_BAD_GATEWAY_PAGE = b"<!DOCTYPE html><html><body><h2>Bad Request</h2></body></html>"
_COMMON = (
    ("Cache-Control", "no-cache, max-age=0, s-maxage=0, private"),
    ("Server", "Microsoft-HTTPAPI/2.0"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
)
# Faults that are a plain answer instead of the content: status and body.
_PLAIN_FAULTS = (
    ("download.html400", 400, "text/html", _BAD_GATEWAY_PAGE),
    ("download.503", 503, "text/plain", b"Service Unavailable"),
    ("download.404", 404, "", b""),
    ("download.empty", 200, "application/octet-stream", b""),
)
_DELETE_FAULTS = (
    ("delete.401", 401),
    ("delete.404", 404),
    ("delete.500", 500),
    ("delete.503", 503),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    first: int
    last: int


@dataclass(slots=True, kw_only=True)
class StorageSurface:
    """Serves and deletes stored documents; `host` and `port` are the resource's."""

    options: EmulatorOptions
    clock: EmulatorClock
    faults: Faults
    filing: FilingCabinet
    authorities: Authorities
    host: str = "127.0.0.1"
    port: int = 0

    async def handle(self, exchange: Exchange) -> None:
        """Answer a request below ``/v1/objects``; refusals have an empty body."""
        if not self._is_authentic(exchange):
            await self._unauthorized(exchange)
            return
        self.clock.run_due()
        match exchange.method, exchange.segments[2:]:
            case "GET", (document_id, "content", "acsmetadata"):
                await self._metadata(exchange, document_id)
            case "GET", (document_id, "content", suffix):
                await self._content(exchange, document_id, suffix)
            case "DELETE", (document_id,) | (document_id, "content", "deletedata"):
                await self._delete(exchange, document_id)
            case _:
                await exchange.reply(404, _COMMON)

    async def _unauthorized(self, exchange: Exchange) -> None:
        # Recorded in 2021 with an empty body, in 2023 with this one.
        if self.faults.take("storage.jsonErrors", path=exchange.raw_path) is None:
            await exchange.reply(401, _COMMON)
            return
        trace = hashlib.sha256(exchange.target.encode()).hexdigest()[:32]
        problem = {
            "title": "Unauthorized",
            "status": 401,
            "instance": f"/microsoft/ic3/ams///trace-id/{trace}",
            "message": "Unauthorized",
            "traceId": trace,
        }
        await exchange.reply_json(401, problem, _COMMON)

    def _is_authentic(self, exchange: Exchange) -> bool:
        named = exchange.headers.get("x-ms-host", "")
        # Clients name the resource's host with or without the port and sign either form.
        host = urlsplit(f"//{named}").hostname or ""
        if host not in self._resource_hosts():
            return False
        refused = self.authorities.refusal(
            exchange,
            # The JavaScript SDK signs the path alone, the Python one path and query.
            targets=(exchange.target, exchange.raw_path),
            hosts=(named, f"{host}:{self.port}"),
        )
        return refused is None

    def _resource_hosts(self) -> frozenset[str]:
        # A storage host's own name is refused, so that a client which signs for the host it talks
        # to fails here as it would at the service; the listener's own name must be accepted.
        names = {"127.0.0.1", "localhost"} - set(self.options.storage_hosts)
        return frozenset(names | {self.host, self.options.resource_host or self.host})

    def _find(self, document_id: str) -> StoredFile | None:
        file = self.filing.documents.get(document_id)
        return file if file is not None and file.exists(self.clock.now()) else None

    async def _metadata(self, exchange: Exchange, document_id: str) -> None:
        location = self._redirection(exchange, document_id, "metadata.redirect")
        if location is not None:
            await exchange.reply(302, (*_COMMON, ("Location", location)))
            return
        file = self._find(document_id)
        if file is None or self._take("metadata.404", exchange, document_id) is not None:
            await exchange.reply(404, _COMMON)
            return
        size = len(file.metadata)
        span = _asked_range(exchange, size)
        first, last = (span.first, span.last) if span is not None else (0, size - 1)
        await exchange.reply(
            _PARTIAL if span is not None else _OK,
            (*_COMMON, *_content_headers(first, last, size)),
            file.metadata[first : last + 1],
        )

    async def _content(self, exchange: Exchange, document_id: str, suffix: str) -> None:
        if await self._content_fault(exchange, document_id):
            return
        file = self._find(document_id)
        if file is None or suffix != file.suffix:
            await exchange.reply(404, _COMMON)
            return
        self.options.on_storage_access(document_id, "download")
        file.downloads += 1
        await self._serve(exchange, file)

    async def _content_fault(self, exchange: Exchange, document_id: str) -> bool:
        for name, status, kind, body in _PLAIN_FAULTS:
            if self._take(name, exchange, document_id) is not None:
                headers = (("Content-Type", kind),) if kind else ()
                await exchange.reply(status, (*_COMMON, *headers), body)
                return True
        if self._take("download.401", exchange, document_id) is not None:
            await self._unauthorized(exchange)
            return True
        if self._take("download.reset", exchange, document_id) is not None:
            await exchange.reset()
            return True
        location = self._foreign(exchange, document_id)
        location = location or self._redirection(exchange, document_id, "download.redirect")
        if location is not None:
            await exchange.reply(302, (*_COMMON, ("Location", location)))
        return location is not None

    def _foreign(self, exchange: Exchange, document_id: str) -> str | None:
        if exchange.parameter("hop") is not None:
            return None
        params = self._take("download.redirectForeign", exchange, document_id)
        return None if params is None else f"https://{params['host']}{exchange.target}"

    def _redirection(self, exchange: Exchange, document_id: str, fault: str) -> str | None:
        hosts = self.options.storage_hosts
        here = urlsplit(f"//{exchange.headers.get('host', '')}").hostname or ""
        hop = exchange.parameter("hop")
        if hop is not None:
            done, total = _whole(hop), _whole(exchange.parameter("hops"))
            return self._next_hop(exchange, here, done + 1, total) if done < total else None
        if here != hosts[0]:
            return None
        params = self._take(fault, exchange, document_id)
        return None if params is None else self._next_hop(exchange, here, 1, _whole(params["hops"]))

    def _next_hop(self, exchange: Exchange, here: str, hop: int, hops: int) -> str:
        hosts = self.options.storage_hosts
        after = hosts.index(here) + 1 if here in hosts else 0
        other = hosts[after % len(hosts)]
        location = self.filing.storage_base.format(host=other) + exchange.raw_path
        if hops > 1:
            return f"{location}?hop={hop}&hops={hops}"
        # With one storage host only, a query marks the second hop instead of another name.
        return location if other != here else f"{location}?hop=1"

    async def _serve(self, exchange: Exchange, file: StoredFile) -> None:
        size = file.size_bytes
        span = _asked_range(exchange, size)
        if span is not None and span.first >= size:
            await exchange.reply(416, (*_COMMON, ("Content-Range", f"bytes */{size}")))
            return
        document_id = file.document_id
        wrong_range = span and self._take("download.wrongRange", exchange, document_id)
        if wrong_range is not None:
            span = None
        first, last = (span.first, span.last) if span is not None else (0, size - 1)
        is_shifted = self._take("download.wrongContentRange", exchange, document_id) is not None
        shift = 1 if is_shifted else 0
        named = _content_headers(first + shift, last + shift, size)
        if self._take("download.noContentRange", exchange, document_id) is not None:
            named = named[:1]
        is_partial = self._take("download.partial", exchange, document_id) is not None
        length = ("Content-Length", str(last - first + 1))
        status = _PARTIAL if span is not None or shift or is_partial else _OK
        truncate = self._take("download.truncate", exchange, document_id)
        stop = last + 1
        if truncate is not None:
            stop = first + int((last + 1 - first) * number(truncate, "fraction"))
        await exchange.begin(status, (*_COMMON, *named, length))
        async for piece in self._pieces(exchange, file, first, stop):
            await exchange.piece(piece, more=True)
        if truncate is not None:
            await exchange.cut()
            return
        await exchange.piece(b"", more=False)

    async def _pieces(
        self, exchange: Exchange, file: StoredFile, first: int, stop: int
    ) -> AsyncIterator[bytes]:
        is_corrupt = self._take("download.corrupt", exchange, file.document_id) is not None
        slow = self._take("download.slow", exchange, file.document_id)
        step = _PIECE_BYTES if slow is None else max(1, int(number(slow, "bytes")))
        with closing(file.path.open("rb")) as source:
            source.seek(first)
            position = first
            while position < stop:
                piece = source.read(min(step, stop - position))
                position += len(piece)
                yield _spoiled(piece) if is_corrupt else piece
                if slow is not None:
                    await asyncio.sleep(number(slow, "seconds"))

    async def _delete(self, exchange: Exchange, document_id: str) -> None:
        for name, status in _DELETE_FAULTS:
            if self._take(name, exchange, document_id) is not None:
                await exchange.reply(status, _COMMON)
                return
        file = self._find(document_id)
        if file is None:
            await exchange.reply(404, _COMMON)
            return
        self.options.on_storage_access(document_id, "delete")
        file.deleted_at = self.clock.now()
        file.path.unlink(missing_ok=True)
        if self._take("delete.reset", exchange, document_id) is not None:
            await exchange.reset()
            return
        await exchange.reply(200, _COMMON)

    def _take(self, name: str, exchange: Exchange, document_id: str) -> Params | None:
        recording = self.filing.owner_of(document_id)
        return self.faults.take(
            name,
            operation=name.partition(".")[0],
            method=exchange.method,
            path=exchange.raw_path,
            host=exchange.headers.get("host"),
            documentId=document_id,
            **_names(recording),
        )


def _names(recording: Recording | None) -> dict[str, str | None]:
    if recording is None:
        return {}
    return {
        "recordingId": recording.recording_id,
        "serverCallId": recording.call.server_call_id,
    }


def _content_headers(first: int, last: int, size: int) -> tuple[tuple[str, str], ...]:
    # Content-Range comes even with 200 and without a Range (recorded in November 2021).
    return (
        ("Content-Type", "application/octet-stream"),
        ("Content-Range", f"bytes {first}-{last}/{size}"),
    )


def _whole(value: object) -> int:
    return int(str(value)) if str(value).isdigit() else 0


def _asked_range(exchange: Exchange, size: int) -> _Range | None:
    unit, _, spec = exchange.headers.get("range", "").partition("=")
    low, dash, high = spec.partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec:
        return None
    low, high = low.strip(), high.strip()
    if low.isdigit():
        last = min(int(high), size - 1) if high.isdigit() else size - 1
        return _Range(first=int(low), last=last)
    if high.isdigit() and not low:
        return _Range(first=max(0, size - int(high)), last=size - 1)
    return None


def _spoiled(piece: bytes) -> bytes:
    # Bytes in the middle change, so that headers of a media file still look right.
    middle = len(piece) // 2
    changed = bytes(byte ^ 0xFF for byte in piece[middle : middle + 64])
    return piece[:middle] + changed + piece[middle + 64 :]
