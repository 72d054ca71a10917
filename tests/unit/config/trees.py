"""Policy trees written in a line or two, for tests of the readers and the checks.

Used by the tests of this folder. A document is its kind and its body; what a test asks for is the
value, or the findings with their places.
"""

from __future__ import annotations

from pathlib import Path

from recordingd.config.diagnostics import Diagnostic, Invalid
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import check_policies, load_texts
from recordingd.domain.policies import PolicySet

EVERY_KIND = Path(__file__).parents[2] / "policies" / "every-kind"


def document(kind: str, body: str) -> str:
    """Write a document of a kind; its body begins on the third line."""
    return f"apiVersion: recordingd/v1\nkind: {kind}\n{body.rstrip()}\n"


def policy(body: str = "", *, name: str = "p", match: str = "{tags: {queue: a}}") -> str:
    """Write a recording policy; its body begins on the fifth line."""
    record = "" if "record:" in body or "decision:" in body else "\nrecord: {}"
    return document("RecordingPolicy", f"name: {name}\nmatch: {match}\n{body}{record}")


def load(*documents: str, context: PolicyContext | None = None) -> PolicySet:
    """Read documents as one file; Invalid when something is wrong with them."""
    return load_texts({"p.yaml": "---\n".join(documents)}, context)


def findings(*documents: str, context: PolicyContext | None = None) -> tuple[Diagnostic, ...]:
    """Return what is found in documents of one file; of a usable set, nothing."""
    try:
        load(*documents, context=context)
    except Invalid as fault:
        return fault.diagnostics
    return ()


def codes(*documents: str, context: PolicyContext | None = None) -> list[str]:
    """Return the codes of everything found in documents of one file, by position."""
    return [found.code for found in findings(*documents, context=context)]


def warnings(tree: Path, text: str, context: PolicyContext | None = None) -> list[str]:
    """Return the codes of what is found in a usable text, written as the only file of a tree."""
    (tree / "p.yaml").write_text(text)
    diagnostics, policies = check_policies(tree, context)
    assert policies is not None, [d.as_text() for d in diagnostics]
    return [found.code for found in diagnostics]


def token_of(found: Diagnostic) -> str:
    """Return the text that a finding of one line is about."""
    assert found.source_line is not None
    return found.source_line[found.span.column - 1 : found.span.end_column - 1]
