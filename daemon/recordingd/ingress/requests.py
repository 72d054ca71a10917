"""Read a request within limits, and say no in one form.

Called by `receiver`. A body is counted as it streams and never held beyond the limit; a refusal is
a status and a JSON object with a code for machines and a sentence for people, and nothing else of
the daemon's inside. Knows no route.
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from recordingd.ingress.auth import KEY_HEADER, Shown

BODY_BYTES_MAX = 2 * 1024 * 1024
# Event Grid waits 30 s for an answer (delivery-and-retry, "Retry schedule"); reading and committing
# share them.
BODY_SECONDS_MAX = 10.0


class Refused(Exception):
    """The answer to this request is a refusal.

    `field` is the dotted path of the part at fault, `index` its place in a batch.
    """

    def __init__(
        self,
        status: int,
        code: str,
        *,
        message: str,
        field: str | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field
        self.index = index


def refusal(fault: Refused) -> Response:
    """Render a refusal."""
    error: dict[str, object] = {"code": fault.code, "message": str(fault)}
    if fault.field is not None:
        error["field"] = fault.field
    if fault.index is not None:
        error["index"] = fault.index
    headers = {"cache-control": "no-store"}
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    if fault.status == 503:
        headers["retry-after"] = "10"
    return JSONResponse({"error": error}, status_code=fault.status, headers=headers)


async def read_body(request: Request) -> bytes:
    """Return the body; Refused with 413 as soon as it is too long, with 408 when it is too slow."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and float(announced) > BODY_BYTES_MAX:
        raise _oversized()
    blocks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for block in request.stream():
                size += len(block)
                if size > BODY_BYTES_MAX:
                    raise _oversized()
                blocks.append(block)
    except ClientDisconnect as error:
        raise Refused(400, "disconnected", message="The body ended early.") from error
    except TimeoutError as error:
        raise Refused(408, "tooSlow", message="The body took too long.") from error
    return b"".join(blocks)


def shown_by(request: Request) -> Shown:
    """Collect the credentials that a request carries."""
    query = request.scope["query_string"]
    return Shown(
        query=query if isinstance(query, bytes) else b"",
        key_header=request.headers.get(KEY_HEADER),
        authorization=request.headers.get("authorization"),
    )


def media_type_of(request: Request) -> str:
    """Return the content type without its parameters, in lower case; empty when it is missing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _oversized() -> Refused:
    message = f"The body is larger than {BODY_BYTES_MAX} bytes."
    return Refused(413, "oversized", message=message)
