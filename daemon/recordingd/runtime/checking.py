"""What a check of one link found. Made by `runtime.checks`, printed by `cli`."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Grade(enum.Enum):
    """How a link is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found of one link, and the command that mends it, None when nothing is to mend."""

    link: str
    grade: Grade
    text: str
    fix: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the link is broken now."""
        return self.grade is Grade.FAIL

    def as_json(self) -> dict[str, object]:
        """Return the JSON form."""
        return {"link": self.link, "grade": self.grade.value, "text": self.text, "fix": self.fix}


def ok(link: str, text: str) -> Check:
    """Find nothing wrong."""
    return Check(link=link, grade=Grade.OK, text=text)


def warn(link: str, text: str, fix: str) -> Check:
    """Find something that will be wrong."""
    return Check(link=link, grade=Grade.WARN, text=text, fix=fix)


def fail(link: str, text: str, fix: str) -> Check:
    """Find something that is wrong now."""
    return Check(link=link, grade=Grade.FAIL, text=text, fix=fix)
