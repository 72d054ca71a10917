"""Fixtures that tests of several folders share, and how laws are tried on generated input.

The same commit always tries the same input, so that a red build is red for everybody. To look
further, run `HYPOTHESIS_PROFILE=explore make test`; what it finds becomes a named test.
"""

import os

from hypothesis import settings
from tests.azurite import azurite

__all__ = ["azurite"]

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
