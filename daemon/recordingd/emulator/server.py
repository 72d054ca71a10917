"""Serve the emulator on its two listeners and own its background work.

Tests use `EmulatorServer` in their own process, ``command`` runs it as a program. It binds,
makes certificates and folders, and cleans up; the service itself is put together in ``assembly``.
"""

import asyncio
import contextlib
import functools
import logging
import shutil
import socket
import tempfile
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import uvicorn
from httpx_aiohttp import AiohttpTransport
from starlette.types import ASGIApp

from recordingd.emulator.assembly import Emulator
from recordingd.emulator.clock import EmulatorClock, real_now, utc
from recordingd.emulator.containers import QueueSender
from recordingd.emulator.courier import Reply, SendError
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.scenario import read_scenario
from recordingd.emulator.tls import TlsFiles, make_tls_files
from recordingd.emulator.web import ResettableProtocol
from recordingd.emulator.workshop import Workshop

_LOG = logging.getLogger(__name__)
_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 2
_BACKLOG = 2048
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  recognised, never bound by default


class OwnedTasks:
    """A set of background tasks with one owner, who closes it; failures are logged, not lost."""

    def __init__(self) -> None:
        """Start with no task."""
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run `work` until it ends or the set is closed."""
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task cancelled before its first step never awaits its work; close it then.
        task.add_done_callback(lambda _: work.close())

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _guard(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001  the one place of this loop
            # A recording whose file cannot be made must not end the emulator.
            _LOG.exception("background work failed")


class HttpSender:
    """Sends events and callbacks over HTTP, following no redirect and no proxy setting."""

    def __init__(self) -> None:
        """Open a client; `close` it."""
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(), timeout=30.0, trust_env=False, follow_redirects=False
        )

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Send one request; raises `SendError` when no answer came."""
        try:
            answer = await self._client.request(method, url, headers=headers, content=body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SendError(str(error)) from error
        return Reply(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()


class _QuietServer(uvicorn.Server):
    """uvicorn without its signal handlers: the process belongs to whoever started us."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End `serve` without waiting for uvicorn's next tick."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """Tick ten times a second, as uvicorn expects, until stopped."""
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listener:
    server: _QuietServer
    socket: socket.socket


class EmulatorServer:
    """An emulator on its two listeners, as an asynchronous context manager.

    `ready` holds the fields of the ready line once entered; `emulator` gives tests in the same
    process direct access. Leaving cancels all work and removes a temporary state folder.
    """

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        """Prepare; nothing is bound before entering."""
        self.options = options or EmulatorOptions()
        self.ready: dict[str, object] = {}
        self.emulator: Emulator
        self._tasks = OwnedTasks()
        self._serving: list[asyncio.Task[None]] = []
        self._listeners: list[_Listener] = []
        self._cleanup = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Bind, serve and start; raises OSError, ScenarioError or ValueError on bad options."""
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving and remove what is temporary."""
        await self._close()

    async def _open(self) -> None:
        options = self.options
        steps = read_scenario(options.scenario) if options.scenario is not None else []
        folder = self._state_folder()
        sender = HttpSender()
        self._cleanup.push_async_callback(sender.close)
        clock = EmulatorClock(speed=options.speed)
        self._cleanup.callback(clock.close)
        objects = folder / "objects"
        objects.mkdir(parents=True, exist_ok=True)
        self.emulator = Emulator(
            options,
            clock=clock,
            workshop=Workshop(objects),
            sender=sender,
            spawn=self._tasks.spawn,
            queue_sender=await self._queue_sender(),
        )
        host = "127.0.0.1" if options.host in _WILDCARDS else options.host
        tls = self._tls(folder, host)
        service = self._listen(options.host, options.port, self.emulator.front, tls)
        control = self._listen("127.0.0.1", 0, self.emulator.control, None)
        scheme = "https" if tls is not None else "http"
        port = service.socket.getsockname()[1]
        self.emulator.bind(scheme=scheme, host=host, port=port)
        endpoint = f"{scheme}://{_bracketed(host)}:{port}"
        control_url = f"http://127.0.0.1:{control.socket.getsockname()[1]}"
        self.ready = {
            "endpoint": endpoint,
            "connectionString": f"endpoint={endpoint};accesskey={options.access_key}",
            "caFile": str(tls.ca_file) if tls is not None else None,
            "control": control_url,
            "storageHosts": list(options.storage_hosts),
            "resourceHost": options.resource_host,
            **self.emulator.authorities.described(endpoint, control_url),
        }
        await self._serve()
        self.emulator.start(steps)

    async def _queue_sender(self) -> QueueSender | None:
        if self.options.events_to_queue is None:
            return None
        sender = QueueSender(account_keys=self.options.account_keys)
        return await self._cleanup.enter_async_context(sender)

    def _state_folder(self) -> Path:
        if self.options.state_dir is not None:
            self.options.state_dir.mkdir(parents=True, exist_ok=True)
            return self.options.state_dir
        folder = Path(tempfile.mkdtemp(prefix="recordingd-emulator-"))
        self._cleanup.callback(functools.partial(shutil.rmtree, folder, ignore_errors=True))
        return folder

    def _tls(self, folder: Path, host: str) -> TlsFiles | None:
        if not self.options.tls:
            return None
        options = self.options
        names = [host, "127.0.0.1", "localhost", *options.storage_hosts]
        if options.resource_host is not None:
            names.append(options.resource_host)
        return make_tls_files(folder, names, utc(real_now()), options.tls_fault)

    def _listen(self, host: str, port: int, app: ASGIApp, tls: TlsFiles | None) -> _Listener:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        config = uvicorn.Config(
            app,
            http=ResettableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ssl_certfile=tls.certificate_file if tls is not None else None,
            ssl_keyfile=tls.key_file if tls is not None else None,
        )
        listener = _Listener(server=_QuietServer(config), socket=bound)
        self._listeners.append(listener)
        return listener

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._serving = [
            loop.create_task(listener.server.serve(sockets=[listener.socket]))
            for listener in self._listeners
        ]
        while not all(listener.server.started for listener in self._listeners):
            for task in self._serving:
                if task.done():
                    await task
            await asyncio.sleep(0.002)

    async def _close(self) -> None:
        await self._tasks.close()
        for listener in self._listeners:
            listener.server.stop()
        if self._serving:
            await asyncio.wait(self._serving)
        for listener in self._listeners:
            listener.socket.close()
        await self._cleanup.aclose()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
