"""The service's listener as one ASGI application: recordings, storage, keys, validation URL.

``app`` serves it with uvicorn, simulations call it directly. It authenticates, dispatches on the
raw path, logs every request, and turns an unexpected error into the service's own 500.
"""

import logging
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.authorities import Authorities
from recordingd.emulator.clock import EmulatorClock
from recordingd.emulator.identifiers import plain_time
from recordingd.emulator.identity import IdentitySurface, serves
from recordingd.emulator.rest import RestSurface
from recordingd.emulator.storage import StorageSurface
from recordingd.emulator.web import Exchange, RequestLog, TooLargeError, read_exchange

_LOG = logging.getLogger(__name__)
_UNKNOWN_ERROR = {"error": {"code": "9999", "message": "Unknown internal server error."}}


@dataclass(slots=True, kw_only=True)
class Front:
    """The ASGI application of the service listener."""

    clock: EmulatorClock
    authorities: Authorities
    identity: IdentitySurface
    rest: RestSurface
    storage: StorageSurface
    announcer: Announcer
    log: RequestLog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            exchange = await read_exchange(scope, receive, send)
        except TooLargeError:
            await _too_large(send)
            return
        try:
            await self._dispatch(exchange)
        except ConnectionError:
            exchange.status = None
            raise
        except Exception:  # noqa: BLE001  the one place of this loop
            # Whatever a client sends, the emulator answers and lives on.
            _LOG.exception("%s %s failed", exchange.method, exchange.raw_path)
            if exchange.status is None:
                await exchange.reply_json(500, _UNKNOWN_ERROR)
        finally:
            self.log.add(exchange, plain_time(self.clock.now()))

    async def _dispatch(self, exchange: Exchange) -> None:
        match exchange.segments[:2]:
            case ("calling", "recordings"):
                await self._calling(exchange)
            case ("v1", "objects"):
                await self.storage.handle(exchange)
            case ("eventsubscriptions", "validate"):
                await self._validate(exchange)
            case ("calling", ".well-known" | "keys"):
                await self._callback_keys(exchange)
            case _ if serves(exchange):
                await self.identity.handle(exchange)
            case _:
                message = "No such resource."
                await exchange.reply_json(404, {"error": {"code": "8522", "message": message}})

    async def _calling(self, exchange: Exchange) -> None:
        host = exchange.headers.get("host", "")
        refused = self.authorities.refusal(exchange, targets=(exchange.target,), hosts=(host,))
        if refused is None:
            await self.rest.handle(exchange)
            return
        error = {"code": refused.code, "message": refused.message}
        await exchange.reply_json(401, {"error": error})

    async def _callback_keys(self, exchange: Exchange) -> None:
        # Published to everybody, as the keys of an issuer are.
        match exchange.method, exchange.segments[1:]:
            case "GET", ("keys",):
                await exchange.reply_json(200, self.authorities.callback_ring.jwks())
            case "GET", (".well-known", "acsopenidconfiguration"):
                base = self.identity.base_url
                await exchange.reply_json(200, self.authorities.callback_configuration(base))
            case _:
                await exchange.reply(404)

    async def _validate(self, exchange: Exchange) -> None:
        code = self.announcer.validation_code
        if exchange.method != "GET" or not code or exchange.parameter("id") != code:
            await exchange.reply(404)
            return
        self.announcer.endpoint_proven()
        await exchange.reply(200, body=b"Webhook successfully validated as a subscription endpoint")


async def _too_large(send: Send) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
