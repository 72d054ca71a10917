"""What a blob storage answered: as an error of ours, and as a line for a receipt.

Called by the blob modules of this package for every request. An answer that will be the same the
next time is StoreRefused; a blob that is not there is FileNotFoundError; everything else is an
OSError, to be tried again. Source: Azure Storage, Blob service error codes.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from recordingd.domain.errors import StoreRefused

_BLOB_NOT_FOUND = "BlobNotFound"
# Said of a blob that a retention policy or a legal hold protects, in this container or on it.
IMMUTABLE = frozenset({"BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold"})
# Answers that another try may well change: a timeout, a blob that changed meanwhile, a throttle.
_PASSING = frozenset({408, 412, 429})
_MESSAGE_MAX = 200


@contextmanager
def told_apart(name: str) -> Iterator[None]:
    """Raise what the storage library raises within as an error of ours; `name` is the blob's."""
    try:
        yield
    except HttpResponseError as error:
        raise _fault(error, name) from error
    except AzureError as error:
        raise OSError(errno.EIO, f"no answer from the store: {_first_line(error)}", name) from error


def is_immutable(error: StoreRefused) -> bool:
    """Say whether a refusal is about a blob that may not be changed yet."""
    return any(code in error.answer for code in IMMUTABLE)


def answer_of(status: int, headers: Mapping[str, str]) -> str:
    """Return the status and the request id of a response, for a receipt."""
    return f"HTTP {status}, request {headers.get('x-ms-request-id', 'none')}"


def _fault(error: HttpResponseError, name: str) -> Exception:
    status, code = error.status_code, getattr(error, "error_code", None) or ""
    # The library knows some codes as an Enum and leaves others as they came.
    code = code.value if isinstance(code, Enum) else str(code)
    if status is None:
        # A token or a signature could not be made; nothing was sent.
        if isinstance(error, ClientAuthenticationError):
            return StoreRefused(f"no credential: {_first_line(error)}")
        return OSError(errno.EIO, f"no answer from the store: {_first_line(error)}", name)
    answer = answer_of(status, getattr(error.response, "headers", {}))
    said = f"{code} ({answer})" if code else answer
    if status == 404 and code in {"", _BLOB_NOT_FOUND}:
        return FileNotFoundError(errno.ENOENT, said, name)
    if 400 <= status < 500 and status not in _PASSING:
        return StoreRefused(said)
    return OSError(errno.EIO, said, name)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:_MESSAGE_MAX]
