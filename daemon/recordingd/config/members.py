"""Members files: one raw id or phone number a line.

Called by `config.policy_files` for a group that names such a file. Blank lines and what follows `#`
are left out; every faulty line is reported at its place.
"""

from __future__ import annotations

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings, Place, SourceFile, Span, split_lines
from recordingd.domain.matchers import Pattern, Selector

# Larger than a policy file may be: lists of numbers are exported from other systems.
MEMBERS_BYTES_MAX = 4 * 1024 * 1024


def read_members(file: SourceFile, findings: Findings) -> tuple[Selector, ...]:
    """Read every member of a file; ids and numbers become one selector each."""
    ids: list[Pattern] = []
    phones: list[Pattern] = []
    for number, line in enumerate(split_lines(file.text.removeprefix("\ufeff")), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        try:
            _add(entry, ids, phones)
        except ValueError as error:
            column = line.index(entry) + 1
            span = Span(line=number, column=column, end_line=number, end_column=column + len(entry))
            message, _, suggestion = str(error).partition("; did you mean ")
            findings.error(
                Place(file=file, span=span),
                "members/entry",
                message,
                hint=f"did you mean {suggestion}" if suggestion else None,
            )
    selectors = (Selector(ids=tuple(ids)), Selector(phones=tuple(phones)))
    return tuple(s for s in selectors if s != Selector())


def _add(entry: str, ids: list[Pattern], phones: list[Pattern]) -> None:
    if any(c.isspace() or c in ",;\"'" for c in entry):
        msg = f"'{entry[:80]}' is not one raw id or phone number; write one a line"
        raise ValueError(msg)
    if entry.startswith("+") or entry.rstrip("*").isdigit():
        phones.append(scalars.parse_phone_pattern(entry))
    elif ":" not in entry:
        msg = f"'{entry[:80]}' is neither a raw id (8:acs:…) nor a phone number (+18005550100)"
        raise ValueError(msg)
    else:
        ids.append(scalars.parse_pattern(entry))
