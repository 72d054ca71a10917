"""The control surface, for commands on this machine; served on a UNIX socket only.

`runtime` builds and serves it. Whoever may open the socket is trusted: its mode is the credential.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp


def build_control_app(status: Callable[[], Awaitable[Mapping[str, object]]]) -> ASGIApp:
    """Make the ASGI application that answers `GET /status` in the status' JSON form."""

    async def get_status(_: Request) -> Response:
        return JSONResponse(dict(await status()))

    return Starlette(routes=[Route("/status", get_status, methods=["GET"])])
