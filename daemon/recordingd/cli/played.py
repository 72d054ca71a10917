"""Played policy tests and their coverage as text, JSON and JUnit: one object, three forms.

Called by `cli.test`. Says the same in every form, the verdict included; plays nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from recordingd.cli.junit import Case, junit_text
from recordingd.cli.options import counted
from recordingd.domain.matchers import Source
from recordingd.planning.coverage import Coverage, LeafCoverage, RuleCoverage
from recordingd.planning.policy_tests import Judged, PlayedTest
from recordingd.planning.truth import Truth

FORMAT_VERSION = "1"
_SUITE = "recordingd test"
_GROUP = "recordingd.test"
_NO_TESTS = "there is no PolicyTest document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Every test of a tree, by name, and what was asked of them beside passing.

    `root` is the tree, which sources are relative to. `coverage` is None where nobody asked for it;
    `threshold` is the percentage it must reach, None for none.
    """

    root: Path
    played: tuple[PlayedTest, ...]
    coverage: Coverage | None = None
    threshold: float | None = None
    are_required: bool = False

    @property
    def failed(self) -> tuple[PlayedTest, ...]:
        """The tests of which an expectation was not met."""
        return tuple(one for one in self.played if not one.has_passed)

    @property
    def is_missing_tests(self) -> bool:
        """Whether there is no test though there has to be one."""
        return self.are_required and not self.played

    @property
    def is_below_threshold(self) -> bool:
        """Whether less was tried than has to be."""
        if self.coverage is None or self.threshold is None:
            return False
        return self.coverage.percent < self.threshold

    @property
    def has_passed(self) -> bool:
        """Whether nothing that was asked for is wanting."""
        return not (self.failed or self.is_missing_tests or self.is_below_threshold)

    # --- text -------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """Yield one line a test, and under a failed one what was expected, what came, and why."""
        width = max((len(one.test.name) for one in self.played), default=0)
        for one in self.played:
            mark = "ok  " if one.has_passed else "FAIL"
            yield f"{mark}  {one.test.name:{width}}  {self._place(one.test.source)}"
            for line in self._failures(one):
                yield f"      {line}"

    def _failures(self, one: PlayedTest) -> Iterator[str]:
        for judged in one.judged:
            if judged.mismatches:
                yield f"{self._place(judged.expectation.source)}: {_moment_of(judged)}"
                yield from (f"  {mismatch}" for mismatch in judged.mismatches)
                yield from (f"  because {reason}" for reason in judged.reasons)

    def summary(self) -> str:
        """Return what it comes to, on one or two lines."""
        lines = [self._tests_in_words()]
        if self.coverage is not None:
            lines.append(self._coverage_in_words(self.coverage))
        return "\n".join(lines)

    def _tests_in_words(self) -> str:
        if not self.played:
            return f"no tests: {_NO_TESTS} in {self.root}"
        passed = len(self.played) - len(self.failed)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{counted(len(self.played), 'test')}: {passed} passed{failed}"

    def _coverage_in_words(self, coverage: Coverage) -> str:
        below = f", below {self.threshold:g}%" if self.is_below_threshold else ""
        branches = f"{coverage.covered} of {coverage.total} branches"
        return f"coverage: {coverage.percent:.1f}% ({branches}){below}"

    def coverage_rows(self) -> list[tuple[str, str, str, str]]:
        """Return a row for each rule: kind, name, the most that became of it, and branches."""
        return [
            (rule.kind, rule.name, rule.use.value, f"{rule.covered} of {rule.total}")
            for rule in self._rules()
        ]

    def untried(self) -> Iterator[str]:
        """Yield a line for each leaf with an answer that no test has seen."""
        for rule in self._rules():
            for leaf in rule.leaves:
                if leaf.missing:
                    answers = " and never ".join(_words(leaf.missing))
                    place = self._place(leaf.source)
                    yield f"never {answers}: {leaf.path} of {rule.name} ({place})"

    def _rules(self) -> tuple[RuleCoverage, ...]:
        return () if self.coverage is None else self.coverage.rules

    def _place(self, source: Source) -> str:
        return f"{self._file(source)}:{source.line}"

    def _file(self, source: Source) -> str:
        """Name a file as somebody standing here would type it."""
        folder = self.root if self.root.is_dir() else self.root.parent
        return str(folder / source.file)

    # --- JSON -------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "formatVersion": FORMAT_VERSION,
            "passed": self.has_passed,
            "summary": {
                "tests": len(self.played),
                "passed": len(self.played) - len(self.failed),
                "failed": len(self.failed),
            },
            "tests": [self._test_json(one) for one in self.played],
            "coverage": None if self.coverage is None else self._coverage_json(self.coverage),
        }

    def _test_json(self, one: PlayedTest) -> dict[str, object]:
        return {
            "name": one.test.name,
            "source": self._place(one.test.source),
            "passed": one.has_passed,
            "expectations": [self._judged_json(judged) for judged in one.judged],
        }

    def _judged_json(self, judged: Judged) -> dict[str, object]:
        return {
            "source": self._place(judged.expectation.source),
            "after": judged.expectation.after,
            "passed": not judged.mismatches,
            "mismatches": [
                {"field": m.field, "expected": m.expected, "got": m.got} for m in judged.mismatches
            ],
            "reasons": list(judged.reasons),
        }

    def _coverage_json(self, coverage: Coverage) -> dict[str, object]:
        return {
            "percent": round(coverage.percent, 2),
            "covered": coverage.covered,
            "total": coverage.total,
            "threshold": self.threshold,
            "rules": [
                {
                    "kind": rule.kind,
                    "name": rule.name,
                    "source": self._place(rule.source),
                    "use": rule.use.value,
                    "leaves": [self._leaf_json(leaf) for leaf in rule.leaves],
                }
                for rule in coverage.rules
            ],
        }

    def _leaf_json(self, leaf: LeafCoverage) -> dict[str, object]:
        return {
            "path": leaf.path,
            "source": self._place(leaf.source),
            "expected": leaf.expected,
            "seen": _words(leaf.seen),
            "missing": _words(leaf.missing),
        }

    # --- JUnit ------------------------------------------------------------------------------------

    def as_junit(self) -> str:
        """Return a JUnit document: a case for each test, and for whatever else was asked for."""
        cases = [self._case(one) for one in self.played]
        if self.are_required:
            cases.append(self._demand("tests", _NO_TESTS if self.is_missing_tests else None))
        if self.coverage is not None and self.threshold is not None:
            said = self._coverage_in_words(self.coverage)
            cases.append(self._demand("coverage", said if self.is_below_threshold else None))
        return junit_text(_SUITE, cases)

    def _case(self, one: PlayedTest) -> Case:
        failures = list(self._failures(one))
        missed = [mismatch for judged in one.judged for mismatch in judged.mismatches]
        return Case(
            group=_GROUP,
            name=one.test.name,
            file=self._file(one.test.source),
            failure=str(missed[0]) if missed else None,
            kind="expectation",
            detail="\n".join(failures),
        )

    def _demand(self, name: str, failure: str | None) -> Case:
        return Case(group=_GROUP, name=name, file=str(self.root), failure=failure, kind=name)


def _moment_of(judged: Judged) -> str:
    after = judged.expectation.after
    return f"after {counted(after, 'step')}" if after else "at the start"


def _words(truths: AbstractSet[Truth]) -> list[str]:
    return sorted(truth.value for truth in truths)
