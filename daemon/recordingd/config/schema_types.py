"""What may be written at a place of a schema, in plain words, and values as a file would have them.

Used by `config.schema_docs`. Knows the formats of our schemas by name; a test holds them complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

# A schema or a part of one, and what a file says, as JSON has them.
Schema = Any
Json = Any

FORMAT_WORDS: Mapping[str, str] = {
    "recordingd-container": "URL of a container",
    "recordingd-count-from": "callEnd, stored or event:NAME",
    "recordingd-date": "date (YYYY-MM-DD)",
    "recordingd-deletion": "duration, forever or never",
    "recordingd-duration": "duration, or forever",
    "recordingd-endpoint": "URL of a resource",
    "recordingd-file-name": "plain name",
    "recordingd-finite-duration": "duration",
    "recordingd-host": "host, or .ending of hosts",
    "recordingd-key": "key of a telephone",
    "recordingd-language": "language (en, de-AT)",
    "recordingd-listen": "address:port",
    "recordingd-local-time": "time of day (HH:MM)",
    "recordingd-moment": "time (RFC 3339)",
    "recordingd-number": "number in E.164",
    "recordingd-openid": "URL of an OpenID configuration",
    "recordingd-party": "raw id or number",
    "recordingd-pattern": "text, or prefix*",
    "recordingd-pause-reason": "consent, settle, …, or pause:NAME",
    "recordingd-percentage": "percentage",
    "recordingd-phone": "number in E.164, or prefix*",
    "recordingd-place-code": "code of a place (DE, US-CA)",
    "recordingd-prompt": ".wav file, as a path or an https URL",
    "recordingd-public-url": "https URL",
    "recordingd-queue": "URL of a queue",
    "recordingd-rate": "bytes per second (200MB/s)",
    "recordingd-raw-id": "raw id (8:acs:…)",
    "recordingd-size": "bytes (50GB)",
    "recordingd-time-zone": "IANA time zone",
}
_TYPE_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
}
_MANY_WORDS = {
    "mapping": "mappings",
    "text": "texts",
    "time (RFC 3339)": "times (RFC 3339)",
    "whole number": "whole numbers",
}
# What a file can hold without quotes and mean as a text.
_PLAIN = re.compile(r"[A-Za-z0-9_+./](?:[A-Za-z0-9_+./@ -]|:(?=[^ ]))*(?<! )")
_TAKEN = re.compile(r"true|false|null|-?[0-9]+(\.[0-9]+)?")


def type_in_words(
    facets: Sequence[Schema],
    values: Sequence[str],
    facets_of: Callable[[Schema], Iterable[Schema]],
) -> str:
    """Say what may be written, from all that the schema says of a value and of what it lists.

    `facets_of` gives the same of a schema inside.
    """
    found = next((f["type"] for f in facets if "type" in f), ())
    names = [found] if isinstance(found, str) else list(found)
    if not names and not values:
        return "mapping" if any("properties" in f for f in facets) else "anything"
    scalars = [name for name in names if name not in {"array", "object"}]
    words = []
    if scalars or (values and not names):
        words.append(_scalar(scalars, facets, values))
    if "object" in names:
        words.append("mapping")
    if "array" in names:
        words.append(_list(words, facets, values, facets_of))
    return ", or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])}, or {words[-1]}"


def _scalar(names: Sequence[str], facets: Sequence[Schema], values: Sequence[str]) -> str:
    if values:
        return " | ".join(values)
    form = next((f["format"] for f in facets if "format" in f), None)
    if form is not None:
        return FORMAT_WORDS.get(form, "text")
    words = " or ".join(_TYPE_WORDS[name] for name in names)
    low = next((f["minimum"] for f in facets if "minimum" in f), None)
    high = next((f["maximum"] for f in facets if "maximum" in f), None)
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    return words if low is None else f"{words} from {low}"


def _list(
    others: Sequence[str],
    facets: Sequence[Schema],
    values: Sequence[str],
    facets_of: Callable[[Schema], Iterable[Schema]],
) -> str:
    if others:
        return "a list of them" if len(others) == 1 else "a list"
    entries = next((f["items"] for f in facets if isinstance(f.get("items"), dict)), None)
    if entries is None:
        return "list"
    word = type_in_words(list(facets_of(entries)), values, facets_of)
    return f"list of {_MANY_WORDS.get(word, word)}"


def written(value: Json) -> str:
    """Write a value as a file would have it, on one line."""
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and not _TAKEN.fullmatch(value)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(v)}" for key, v in value.items()) + "}"
    return json.dumps(value)
