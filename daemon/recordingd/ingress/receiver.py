"""The HTTP surface of the daemon: events in, status out.

`runtime` builds the application and serves it; access logs must stay off there, because the
webhook's key stands in the query string. A request is authenticated before its body is read, and
acknowledged only after its events are durable. What Event Grid must not give up on is answered 503:
it drops an event on 400, 401, 403 and 413 (delivery-and-retry).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from recordingd.domain.errors import LedgerFault, UnreadableEvent
from recordingd.ingress import envelopes, handshake
from recordingd.ingress.arrivals import EVENTS_CHANNEL, Arrivals
from recordingd.ingress.auth import Accepted, Refusal, Verdict, token_hash_of
from recordingd.ingress.backend import Backend
from recordingd.ingress.notices import CALLBACKS_CHANNEL, SIGNALS_CHANNEL
from recordingd.ingress.openapi import describe
from recordingd.ingress.replays import TokenUses
from recordingd.ingress.requests import Refused, media_type_of, read_body, refusal, shown_by
from recordingd.ingress.senders import Senders
from recordingd.ingress.tokens import Token
from recordingd.ports.ledger import InboxEvent
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

# With the time for the body, and that for fetching keys, this stays below the 30 s that Event Grid
# waits.
_COMMIT_SECONDS_MAX = 15.0
_ONE = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Everything that requests are answered with; `token_uses` is its memory of callbacks."""

    backend: Backend
    senders: Senders
    arrivals: Arrivals
    metrics: Metrics
    alarms: Alarms
    token_uses: TokenUses = field(default_factory=TokenUses)


def build_app(receiver: Receiver) -> Starlette:
    """Make the ASGI application; it holds no state of its own and needs no lifespan."""
    routes = (
        ("/events", _post_events, "POST"),
        ("/events", _options_events, "OPTIONS"),
        ("/callbacks", _post_forwarded, "POST"),
        ("/callbacks/{token}", _post_callback, "POST"),
        ("/v1/signals", _post_signals, "POST"),
        ("/v1/status", _get_status, "GET"),
        ("/v1/calls/{rest:path}", _get_call, "GET"),
        ("/v1/recordings/{rest:path}", _get_recording, "GET"),
        ("/livez", _get_livez, "GET"),
        ("/readyz", _get_readyz, "GET"),
        ("/metrics", _get_metrics, "GET"),
        ("/openapi.json", _get_openapi, "GET"),
    )
    app = Starlette(
        routes=[
            Route(path, _bound(handler, receiver), methods=[method])
            for path, handler, method in routes
        ],
        exception_handlers={
            Refused: _answer_refused,
            HTTPException: _answer_http,
            LedgerFault: _answer_unavailable,
            OSError: _answer_unavailable,
            Exception: _answer_unexpected,
        },
    )
    # A redirect would repeat the query string, and with it the key, in a header.
    app.router.redirect_slashes = False
    return app


_Handler = Callable[[Receiver, Request], Awaitable[Response]]


def _bound(handler: _Handler, receiver: Receiver) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await handler(receiver, request)

    return endpoint


async def _post_events(receiver: Receiver, request: Request) -> Response:
    is_handshake = request.headers.get(handshake.EVENT_TYPE_HEADER) == handshake.VALIDATION
    verdict = await receiver.senders.judge_webhook(shown_by(request), now=receiver.backend.now())
    if isinstance(verdict, Refusal):
        raise _refused_sender(receiver, verdict, is_handshake=is_handshake)
    body = await _counted_body(receiver, request)
    code = handshake.validation_code(body)
    if code is not None:
        return JSONResponse({"validationResponse": code})
    if is_handshake:
        raise Refused(400, "noValidationCode", message="The handshake holds no validation code.")
    await _commit(receiver, _events(receiver, request, body, channel=EVENTS_CHANNEL))
    return Response(status_code=200)


async def _options_events(receiver: Receiver, request: Request) -> Response:
    verdict = await receiver.senders.judge_webhook(shown_by(request), now=receiver.backend.now())
    if isinstance(verdict, Refusal):
        raise _refused_sender(receiver, verdict, is_handshake=True)
    origin = request.headers.get("webhook-request-origin")
    if not origin:
        raise Refused(400, "noOrigin", message="WebHook-Request-Origin is missing.")
    return Response(status_code=200, headers=handshake.permission(origin))


async def _post_callback(receiver: Receiver, request: Request) -> Response:
    token_hash = token_hash_of(request.path_params["token"])
    signed = await receiver.senders.judge_callback(shown_by(request), now=receiver.backend.now())
    if isinstance(signed, Refusal):
        raise await _refused_callback(receiver, signed, token_hash)
    # The address is the credential, so it is asked about before the body is read.
    await _commit_callback(receiver, token_hash, ())
    body = await _counted_body(receiver, request)
    events = _events(receiver, request, body, channel=CALLBACKS_CHANNEL, context=token_hash)
    _check_use(receiver, signed, events)
    await _commit_callback(receiver, token_hash, events)
    receiver.arrivals.note(events)
    return Response(status_code=200)


async def _post_forwarded(receiver: Receiver, request: Request) -> Response:
    reporter = _authorized(receiver.senders.judge_reporter(shown_by(request)))
    body = await _counted_body(receiver, request)
    # Each reporter has a channel of its own, so that none can take the id of another's event.
    channel = f"{CALLBACKS_CHANNEL}:{reporter}"
    await _commit(receiver, _events(receiver, request, body, channel=channel, context=reporter))
    return Response(status_code=200)


async def _post_signals(receiver: Receiver, request: Request) -> Response:
    reporter = _authorized(receiver.senders.judge_reporter(shown_by(request)))
    media_type = media_type_of(request)
    if media_type not in (_ONE, _BATCH):
        raise Refused(415, "contentType", message=f"Send {_ONE} or {_BATCH}.")
    body = await read_body(request)
    if body.lstrip().startswith(b"[") != (media_type == _BATCH):
        raise Refused(400, "signalInvalid", message=f"An array, and only it, is {_BATCH}.")
    channel = SIGNALS_CHANNEL + reporter
    events = _events(receiver, request, body, channel=channel, context=reporter)
    for index, event in enumerate(events):
        try:
            envelopes.read(event)
        except UnreadableEvent as error:
            raise Refused(
                400, "signalInvalid", message=error.reason, field=error.field, index=index
            ) from error
    await _commit(receiver, events)
    return JSONResponse({"accepted": len(events)}, status_code=202)


async def _get_status(receiver: Receiver, request: Request) -> Response:
    _authorized(receiver.senders.judge_api(shown_by(request)))
    return _answer(await receiver.backend.status())


async def _get_call(receiver: Receiver, request: Request) -> Response:
    _authorized(receiver.senders.judge_api(shown_by(request)))
    return _answer(await receiver.backend.call(_id_in_path(request, b"/v1/calls/")))


async def _get_recording(receiver: Receiver, request: Request) -> Response:
    _authorized(receiver.senders.judge_api(shown_by(request)))
    return _answer(await receiver.backend.recording(_id_in_path(request, b"/v1/recordings/")))


async def _get_livez(receiver: Receiver, _request: Request) -> Response:
    return _probe(is_good=receiver.backend.is_live())


async def _get_readyz(receiver: Receiver, _request: Request) -> Response:
    return _probe(is_good=await receiver.backend.is_ready())


async def _get_metrics(receiver: Receiver, _request: Request) -> Response:
    page, content_type = receiver.backend.metrics()
    return Response(page, headers={"content-type": content_type})


async def _get_openapi(_receiver: Receiver, _request: Request) -> Response:
    return JSONResponse(describe())


async def _counted_body(receiver: Receiver, request: Request) -> bytes:
    try:
        return await read_body(request)
    except Refused as fault:
        _count(receiver, fault.code)
        raise


def _events(
    receiver: Receiver, request: Request, body: bytes, *, channel: str, context: str | None = None
) -> list[InboxEvent]:
    return envelopes.split(
        body,
        content_type=media_type_of(request),
        channel=channel,
        context=context,
        received_at=receiver.backend.now(),
    )


async def _commit(receiver: Receiver, events: Sequence[InboxEvent]) -> None:
    if not events:
        return
    # A commit that is given up here may still happen: the sender's next try is then a duplicate.
    async with asyncio.timeout(_COMMIT_SECONDS_MAX):
        await receiver.backend.commit(events)
    receiver.arrivals.note(events)


async def _commit_callback(
    receiver: Receiver, token_hash: str, events: Sequence[InboxEvent]
) -> None:
    async with asyncio.timeout(_COMMIT_SECONDS_MAX):
        is_known = await receiver.backend.commit_callback(token_hash, events)
    if not is_known:
        _count(receiver, "unknownToken")
        raise _unauthorized()


def _refused_sender(receiver: Receiver, refusal_: Refusal, *, is_handshake: bool) -> Refused:
    if refusal_ is Refusal.ABSENT:
        _count(receiver, "noCredential")
        return _unauthorized()
    if refusal_ is Refusal.UNAVAILABLE:
        return _unavailable_keys(receiver, "/events")
    if is_handshake:
        _count(receiver, "wrongHandshake")
        return _unauthorized()
    _count(receiver, "wrongCredential")
    _alarm(receiver, "/events", why="the credential does not verify")
    return Refused(503, "wrongCredential", message="The credential does not verify now.")


async def _refused_callback(receiver: Receiver, refusal_: Refusal, token_hash: str) -> Refused:
    if refusal_ is Refusal.UNAVAILABLE:
        return _unavailable_keys(receiver, "/callbacks")
    _count(receiver, "noToken" if refusal_ is Refusal.ABSENT else "wrongToken")
    async with asyncio.timeout(_COMMIT_SECONDS_MAX):
        is_ours = await receiver.backend.commit_callback(token_hash, ())
    if is_ours:
        # Only the service was told this address, so its tokens are not what the settings say.
        _alarm(receiver, "/callbacks", why="a callback of the service does not verify")
    return _unauthorized()


def _unavailable_keys(receiver: Receiver, path: str) -> Refused:
    _count(receiver, "keysUnavailable")
    _alarm(receiver, path, why="the keys to verify tokens with cannot be fetched")
    return Refused(503, "keysUnavailable", message="The token cannot be verified now; try again.")


def _alarm(receiver: Receiver, path: str, *, why: str) -> None:
    evidence = {"path": path, "why": why}
    receiver.alarms.raise_alarm("EventsRejected", evidence, at=receiver.backend.now())


def _check_use(receiver: Receiver, signed: Token | None, events: Sequence[InboxEvent]) -> None:
    now = receiver.backend.now().timestamp()
    if signed is None or receiver.token_uses.admits(signed, events, now=now):
        return
    _count(receiver, "replayedToken")
    raise _unauthorized()


def _count(receiver: Receiver, reason: str) -> None:
    receiver.metrics.events_rejected_total.labels(reason=reason).inc()


def _authorized(verdict: Verdict) -> str:
    if isinstance(verdict, Accepted):
        return verdict.name
    raise _unauthorized()


def _unauthorized() -> Refused:
    return Refused(401, "unauthorized", message="A valid credential is needed.")


def _id_in_path(request: Request, prefix: bytes) -> str:
    """Cut the id out of the path as it was sent: a slash within an id comes as %2F."""
    _, _, raw = request.scope["raw_path"].partition(prefix)
    if not raw or b"/" in raw:
        raise Refused(404, "notFound", message="No such resource.")
    return unquote(raw.decode("latin-1"))


def _answer(found: object | None) -> Response:
    if found is None:
        raise Refused(404, "notFound", message="Nothing is known under this id.")
    return JSONResponse(found, headers={"cache-control": "no-store"})


def _probe(*, is_good: bool) -> Response:
    return PlainTextResponse("ok\n" if is_good else "no\n", status_code=200 if is_good else 503)


async def _answer_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error)


async def _answer_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = refusal(Refused(error.status_code, "http", message=error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _answer_unavailable(request: Request, error: Exception) -> Response:
    _LOG.warning("answered 503 on %s: %s: %s", request.url.path, type(error).__name__, error)
    return refusal(Refused(503, "unavailable", message="Not possible now; try again."))


async def _answer_unexpected(_request: Request, _error: Exception) -> Response:
    # The server logs the error itself; the sender learns only that a second try is worth it.
    return refusal(Refused(503, "unavailable", message="Not possible now; try again."))
