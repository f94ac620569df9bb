"""Imports that lead back to where they began."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import pytest


def no_circle(needs: Mapping[str, set[str]]) -> None:
    """Fails with the way round where what a name needs leads back to it."""
    try:
        list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")
