"""A tree of policy files as one `PolicySet`, or every fault in it.

Called by `cli`, by the daemon at start and reload, and with the stored texts of an accepted
revision. File names and their order never matter. Never learns what has been recorded.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recordingd.config.consent_values import read_consent_rule
from recordingd.config.cross_checks import check_set
from recordingd.config.diagnostics import (
    Diagnostic,
    Findings,
    Invalid,
    Place,
    SourceFile,
    Span,
)
from recordingd.config.drafts import Draft, PolicyContext
from recordingd.config.members import MEMBERS_BYTES_MAX, read_members
from recordingd.config.policy_values import read_policy
from recordingd.config.retention_values import read_retention_rule
from recordingd.config.rule_values import read_group, read_hold, read_pause_rule, read_places
from recordingd.config.schema_check import policy_check
from recordingd.config.strict_yaml import Document, Plain, parse_documents, read_source
from recordingd.domain.consent import ConsentRule
from recordingd.domain.holds import LegalHold
from recordingd.domain.matchers import Selector
from recordingd.domain.pauses import PauseRule
from recordingd.domain.places import Places
from recordingd.domain.policies import Group, PolicySet, RecordingPolicy
from recordingd.domain.retention import RetentionRule

if TYPE_CHECKING:
    from recordingd.config.drafts import DocumentValue
    from recordingd.domain.policy_tests import PolicyTest

Rule = TypeVar(
    "Rule", RecordingPolicy, Group, ConsentRule, PauseRule, RetentionRule, LegalHold, Places
)

_SUFFIXES = (".yaml", ".yml")

# Finds a members file by its path relative to the tree; None when there is none.
FindMembers = Callable[[str], SourceFile | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTree:
    """What one tree holds: its rules, and the tests beside them, sorted by name."""

    policies: PolicySet
    tests: tuple[PolicyTest, ...]


def load_policies(root: Path, context: PolicyContext | None = None) -> PolicySet:
    """Read a directory of policies, or one file.

    Raises Invalid with every finding of every file when there is an error among them. Paths in the
    result are relative to the directory.
    """
    return load_tree(root, context).policies


def load_tree(root: Path, context: PolicyContext | None = None) -> PolicyTree:
    """Read a directory of policies, or one file, with its tests by name.

    Raises Invalid like `load_policies`, whatever is wrong in the tree: tests are about all of it.
    """
    findings = Findings()
    tree = _reader_of(root, findings).finish(context or PolicyContext())
    if tree is None:
        raise Invalid(findings.diagnostics)
    return tree


def load_texts(texts: Mapping[str, str], context: PolicyContext | None = None) -> PolicySet:
    """Read a tree from its texts by path, members files among them, as `PolicySet.texts` has them.

    Raises Invalid like `load_policies`. The digest is the one the tree had.
    """
    files = {path: SourceFile(path=path, shown=path, text=text) for path, text in texts.items()}
    reader = _TreeReader(files.get)
    for path in sorted(texts):
        if is_policy_path(path):
            reader.add(files[path])
    tree = reader.finish(context or PolicyContext())
    if tree is None:
        raise Invalid(reader.findings.diagnostics)
    return tree.policies


def check_policies(
    root: Path, context: PolicyContext | None = None
) -> tuple[tuple[Diagnostic, ...], PolicySet | None]:
    """Read a directory of policies, or one file; return all findings, and the set if it is usable.

    A set may be usable and have warnings.
    """
    findings = Findings()
    tree = _reader_of(root, findings).finish(context or PolicyContext())
    return findings.diagnostics, None if tree is None else tree.policies


def _reader_of(root: Path, findings: Findings) -> _TreeReader:
    """Read every file below a directory, or one file, and nothing yet between them."""
    folder = root if root.is_dir() else root.parent
    reader = _TreeReader(_members_finder(folder, findings), findings)
    for path in policy_paths(root, findings):
        relative = path.relative_to(folder).as_posix()
        file = read_source(path, relative=relative, shown=str(path), findings=findings)
        if file is not None:
            reader.add(file)
    return reader


def is_policy_path(path: str) -> bool:
    """Say whether a path of a tree is a policy file: YAML inside the tree."""
    return path.endswith(_SUFFIXES) and not path.startswith("../")


def digest_of(texts: Mapping[str, str]) -> str:
    """Return the SHA-256 of texts by path, in hex; the order of files never matters."""
    digest = hashlib.sha256()
    for path in sorted(texts):
        for part in (path.encode(), texts[path].encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def policy_paths(root: Path, findings: Findings) -> Sequence[Path]:
    """List the policy files of a tree; what begins with a dot is left out.

    A mounted ConfigMap keeps its files in `..data` and links to them from the top.
    """
    if not root.is_dir():
        return [root]
    found: list[Path] = []

    def report(error: OSError) -> None:
        place = _whole_file(str(error.filename or root))
        findings.error(place, "file/unreadable", f"cannot be read: {error.strerror or error}")

    for folder, folders, files in os.walk(root, onerror=report):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(folder, name)
            for name in sorted(files)
            if name.endswith(_SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        place = _whole_file(str(root))
        findings.warning(place, "file/no-policies", "there is no policy file (*.yaml, *.yml) here")
    return found


def _whole_file(shown: str) -> Place:
    return Place(file=SourceFile(path=shown, shown=shown, text=""), span=Span())


def _members_finder(tree: Path, findings: Findings) -> FindMembers:
    def find(relative: str) -> SourceFile | None:
        path = Path(os.path.normpath(tree / relative))
        return read_source(
            path,
            relative=relative,
            shown=str(path),
            findings=findings,
            bytes_max=MEMBERS_BYTES_MAX,
        )

    return find


class _TreeReader:
    """Reads the files of one tree, then everything between them."""

    def __init__(self, find_members: FindMembers, findings: Findings | None = None) -> None:
        self.findings = Findings() if findings is None else findings
        self._find_members = find_members
        self._drafts: list[Draft] = []
        self._tests: list[PolicyTest] = []
        self._texts: dict[str, str] = {}

    def add(self, file: SourceFile) -> None:
        self._texts[file.path] = file.text
        for document in parse_documents(file, self.findings):
            self._drafts.append(self._read(document))

    def _read(self, document: Document) -> Draft:
        before = self.findings.error_count
        data = policy_check().check(document, self.findings)
        draft = Draft(document=document, data=data)
        if not isinstance(data, dict) or not {"kind", "name"} <= data.keys():
            return draft
        draft.value = self._value(document, data)
        draft.is_whole = self.findings.error_count == before
        return draft

    def _value(self, document: Document, data: Plain) -> DocumentValue | None:
        match data["kind"]:
            case "RecordingPolicy":
                return read_policy(document, data, self.findings)
            case "Group":
                return read_group(document, data, self._members(document, data))
            case "ConsentRule":
                return read_consent_rule(document, data, self.findings)
            case "PauseRule":
                return read_pause_rule(document, data, self.findings)
            case "RetentionRule":
                return read_retention_rule(document, data, self.findings)
            case "LegalHold":
                return read_hold(document, data, self.findings)
            case "Places":
                return read_places(document, data, self.findings)
            case _:
                return self._policy_test(document, data)

    def _policy_test(self, document: Document, data: Plain) -> PolicyTest | None:
        # Brings along everything that happens in calls, which few trees have tests of.
        from recordingd.config.policy_tests import read_policy_test

        test = read_policy_test(document, data, self.findings)
        if test is not None:
            self._tests.append(test)
        return test

    def _members(self, document: Document, data: Plain) -> tuple[Selector, ...]:
        name = data.get("membersFile")
        if name is None:
            return ()
        place = document.at("membersFile")
        if posixpath.isabs(name) or "\0" in name:
            self.findings.error(place, "members/path", "write a path relative to this file")
            return ()
        relative = posixpath.normpath(posixpath.join(posixpath.dirname(document.file.path), name))
        file = self._find_members(relative)
        if file is None:
            message = f"members file '{relative}' cannot be read"
            self.findings.error(place, "members/missing", message)
            return ()
        self._texts[relative] = file.text
        return read_members(file, self.findings)

    def finish(self, context: PolicyContext) -> PolicyTree | None:
        check_set(self._drafts, context, self.findings)
        if self.findings.has_errors:
            return None
        tests = tuple(sorted(self._tests, key=lambda test: test.name))
        policies = PolicySet(
            policies=self._named(RecordingPolicy),
            groups={g.name: g for g in self._named(Group)},
            texts=dict(sorted(self._texts.items())),
            digest=digest_of(self._texts),
            consent_rules=self._named(ConsentRule),
            pause_rules=self._named(PauseRule),
            retention_rules=self._named(RetentionRule),
            holds=self._named(LegalHold),
            places={p.name: p for p in self._named(Places)},
        )
        return PolicyTree(policies=policies, tests=tests)

    def _named(self, kind: type[Rule]) -> tuple[Rule, ...]:
        found = [d.value for d in self._drafts if isinstance(d.value, kind)]
        return tuple(sorted(found, key=lambda rule: rule.name))
