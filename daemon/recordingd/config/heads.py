"""What documents of several kinds have in common: where they stand, and when they are in force.

Called by the readers of every kind, with data that passed the schema or with what was left of it.
Never learns what a document is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.matchers import Source


def source_of(document: Document) -> Source:
    """Return where a document is: the line of its name."""
    return Source(file=document.file.path, line=document.key_at("name").span.line)


def validity(
    document: Document, data: Plain, findings: Findings
) -> tuple[datetime | None, datetime | None]:
    """Return from when until when a document is in force; None where it says nothing."""
    start, end = (
        None if (text := data.get(key)) is None else scalars.parse_moment(text)
        for key in ("validFrom", "validUntil")
    )
    if start is not None and end is not None and start >= end:
        findings.error(
            document.at("validUntil"),
            "policy/never-valid",
            "validUntil is not later than validFrom",
            related=(document.at("validFrom").related("validFrom"),),
        )
    return start, end


def refuse_fields(
    document: Document, path: PathParts, fields: Iterable[str], why: str, findings: Findings
) -> None:
    """Refuse those of some fields that stand in the mapping at a path, each at its key."""
    written = document.find(path).data
    for field in sorted(set(fields) & set(written)):
        findings.error(
            document.key_at(*path, field), "policy/field-not-possible", f"'{field}' {why}"
        )
