"""The control surface, for commands on this machine; served on a UNIX socket only.

`runtime` builds and serves it. Whoever may open the socket is trusted: its mode is the credential,
and whoever is at the other end is the actor. Never learns what the answers mean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from recordingd.ingress.bodies import Malformed, parse

# Under which name the server that accepted a connection tells who is at its other end.
PEER = "peer"
BODY_BYTES_MAX = 64 * 1024
# It names every recording that it lets go.
APPROVAL_BYTES_MAX = 64 * 1024 * 1024
Answer = Mapping[str, object]


class BadRequest(Exception):
    """A body is not what is asked for; the text says what is missing."""


class Control(Protocol):
    """What may be asked; `by` names who asks. Every answer holds the exit code of its command."""

    async def status(self) -> Answer:
        """Return the status in its JSON form."""
        ...

    async def reload(self, *, by: str, is_check: bool) -> Answer:
        """Take the policy files into force and return the verdict; a check changes nothing."""
        ...

    async def suspend(self, *, by: str, scope: str, until: str, reason: str) -> Answer:
        """Suspend a policy or deletions until a moment in RFC 3339."""
        ...

    async def lift(self, *, by: str, scope: str) -> Answer:
        """Lift what is suspended."""
        ...

    async def approve(self, body: Answer, *, by: str) -> Answer:
        """Write the approval of a plan; `body` is what was asked for, not looked at yet."""
        ...


def build_control_app(control: Control) -> ASGIApp:
    """Make the ASGI application that answers commands."""

    async def get_status(_: Request) -> Answer:
        return await control.status()

    async def post_reload(request: Request) -> Answer:
        body = await _object_of(request)
        is_check = body.get("check", False)
        if not isinstance(is_check, bool):
            msg = "'check' is true or false"
            raise BadRequest(msg)
        return await control.reload(by=_peer_of(request), is_check=is_check)

    async def post_suspension(request: Request) -> Answer:
        body = await _object_of(request)
        return await control.suspend(
            by=_peer_of(request),
            scope=_text(body, "scope"),
            until=_text(body, "until"),
            reason=_text(body, "reason"),
        )

    async def post_lift(request: Request) -> Answer:
        body = await _object_of(request)
        return await control.lift(by=_peer_of(request), scope=_text(body, "scope"))

    async def post_approval(request: Request) -> Answer:
        body = await _object_of(request, bytes_max=APPROVAL_BYTES_MAX)
        return await control.approve(body, by=_peer_of(request))

    return Starlette(
        routes=[
            Route("/status", _answering(get_status), methods=["GET"]),
            Route("/reload", _answering(post_reload), methods=["POST"]),
            Route("/suspensions", _answering(post_suspension), methods=["POST"]),
            Route("/suspensions/lift", _answering(post_lift), methods=["POST"]),
            Route("/approvals", _answering(post_approval), methods=["POST"]),
        ]
    )


def _answering(
    handler: Callable[[Request], Awaitable[Answer]],
) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            return JSONResponse(dict(await handler(request)))
        except (BadRequest, Malformed) as fault:
            return JSONResponse({"ok": False, "errors": [str(fault)]}, status_code=400)

    return respond


def _peer_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get(PEER, "unknown"))


async def _object_of(request: Request, *, bytes_max: int = BODY_BYTES_MAX) -> dict[str, object]:
    """Read the body: a JSON object, or nothing, which is an empty one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            msg = f"the body is larger than {bytes_max} bytes"
            raise BadRequest(msg)
    value = parse(bytes(body)) if body else {}
    if not isinstance(value, dict):
        msg = "the body is a JSON object"
        raise BadRequest(msg)
    return value


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        msg = f"'{name}' is a text that must be given"
        raise BadRequest(msg)
    return value
