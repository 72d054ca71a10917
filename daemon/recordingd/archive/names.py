"""The names of what we keep, made of our own file ids alone, whatever the store is.

Called by the stores of this package. `<last two hex of the id>/<id>.<ext>`, with the service's
metadata document beside it as `<id>.json`: nothing from the wire can point anywhere.
"""

from __future__ import annotations

import re

from recordingd.domain.errors import InvariantBroken
from recordingd.domain.policies import MediaFormat
from recordingd.domain.recordings import FileId

_ID = re.compile(r"[0-9a-f]{2,64}", re.ASCII)
_URI = re.compile(r"(?P<shard>[0-9a-f]{2})/(?P<id>[0-9a-f]{2,64})\.(?P<kind>wav|mp3|mp4)", re.ASCII)
_SHARD_LENGTH = 2


def uri_of(file: FileId, kind: MediaFormat) -> str:
    """Return the name of a file; InvariantBroken for an id that is none of ours."""
    return f"{_stem(file)}.{kind.value}"


def metadata_uri_of(file: FileId) -> str:
    """Return the name of a file's metadata document; InvariantBroken as above."""
    return f"{_stem(file)}.json"


def file_of(uri: str) -> FileId | None:
    """Return the id that a name was made of; None for a name that is not made here."""
    found = _URI.fullmatch(uri)
    if found is None or not found["id"].endswith(found["shard"]):
        return None
    return FileId(found["id"])


def refuse(uri: str) -> InvariantBroken:
    """Make the fault for a name that a store cannot have given."""
    return InvariantBroken(f"'{uri}' is no name that this store gives")


def _stem(file: FileId) -> str:
    if _ID.fullmatch(file) is None:
        msg = f"'{file}' is no file id"
        raise InvariantBroken(msg)
    return f"{file[-_SHARD_LENGTH:]}/{file}"
