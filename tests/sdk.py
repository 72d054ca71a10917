"""The official Python SDK with nobody to talk to: what it would send is kept and looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

from azure.core.pipeline.transport import HttpRequest, HttpResponse, HttpTransport


class Caught(Exception):
    """The request is known; there is no service to ask."""


@dataclass(slots=True)
class Net(HttpTransport[HttpRequest, HttpResponse]):
    """An azure-core transport that keeps a request instead of sending it."""

    sent: list[HttpRequest] = field(default_factory=list)

    def send(self, request: HttpRequest, **_: object) -> HttpResponse:
        self.sent.append(request)
        raise Caught

    def open(self) -> None: ...
    def close(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None: ...
