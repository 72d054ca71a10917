"""A status on a terminal: one line per thing, whoever wrote it."""

from __future__ import annotations

from typing import Any

from recordingd.cli.status import lines_of

AT = "2026-11-20T15:08:43.123456Z"


def status(**more: object) -> dict[str, Any]:
    """Return what a daemon answers that has nothing to do."""
    return {
        "version": "0.1.0",
        "instance": "default",
        "uptimeSeconds": 3.2,
        "mode": "observe",
        "revision": 2,
        "digest": "b0be522ee325cbd2",
        "gitCommit": None,
        "calls": 0,
        "recordings": {},
        "downloads": {"active": 0, "queued": 0},
        "lastReload": {"ok": True, "error": None, "at": AT},
        "suspensions": [],
        "events": {},
        "alarms": [],
        **more,
    }


def last_reload(error: str) -> str:
    """Return the line about a reload that failed."""
    shown = lines_of(status(lastReload={"ok": False, "error": error, "at": AT}))
    (line,) = (line for line in shown if line.startswith("last reload:"))
    return line


def test_reload_that_went_well_says_when() -> None:
    assert "last reload: ok at 2026-11-20T15:08:43Z" in lines_of(status())


def test_reload_with_one_fault_says_which() -> None:
    assert last_reload("p.yaml:1:1: error: no") == (
        "last reload: p.yaml:1:1: error: no at 2026-11-20T15:08:43Z"
    )


def test_reload_with_many_faults_takes_one_line() -> None:
    assert last_reload("p.yaml:1:1: error: no\nq\nr") == (
        "last reload: p.yaml:1:1: error: no, and 2 more, at 2026-11-20T15:08:43Z"
    )


def test_reason_of_a_suspension_steers_nothing() -> None:
    suspension = {"scope": "p", "until": AT, "by": "ops", "reason": "bad \x1b[31m\nALARM"}
    shown = lines_of(status(suspensions=[suspension]))
    assert "suspended:   p until 2026-11-20T15:08:43Z, by ops: bad  [31m ALARM" in shown
