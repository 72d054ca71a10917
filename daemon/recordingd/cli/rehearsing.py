"""What calls are rehearsed under: policies as they are in files, and nothing that anybody decided.

Used by the commands that play calls in pure code. A rehearsal does whatever the policies ask for,
whichever mode the settings put the daemon in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recordingd.config.settings import Settings
from recordingd.domain.plans import Mode
from recordingd.domain.policies import PolicySet, StoreName
from recordingd.planning.context import PlanningContext
from recordingd.planning.matching import compile_policies
from recordingd.runtime.circumstances import Circumstances, planning_context

# The store that files go to where no settings name one; a rehearsal stores nothing.
_ANY_STORE = StoreName("main")


def rehearsal_context(
    policies: PolicySet, settings: Settings | None, now: datetime
) -> PlanningContext:
    """Return what calls are rehearsed under; without settings, their defaults."""
    compiled = compile_policies(policies)
    if settings is None:
        return PlanningContext(policies=compiled, revision=0, mode=Mode.ENFORCE, archive=_ANY_STORE)
    context = planning_context(settings, compiled, 0, circumstances=Circumstances(), now=now)
    return replace(context, mode=Mode.ENFORCE)
