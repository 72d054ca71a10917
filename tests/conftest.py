"""Fixtures that tests of several folders share."""

from tests.azurite import azurite

__all__ = ["azurite"]
