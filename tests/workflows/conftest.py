"""A server that has the smoke models, for the workflows that need a model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import ComfyServer
from tests.support.smoke import fill_with_smoke


@pytest.fixture(scope="session")
def smoke_server(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A real ComfyUI with every smoke model: made-up weights, which prove the wiring and never what a picture shows."""
    server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("comfy_smoke"))
    # What a graph shares with an earlier one is kept while 6 GB of memory are free (usually: with the last one only).
    # Most tests change what comes after the sampling. Two test processes with two servers each leave less than 12 of
    # 23 GB: with that as the limit a picture was painted again for a setting of what comes after it.
    server.arguments = ["--cache-ram", "2", "6"]
    fill_with_smoke(server)
    yield server.start()
    server.stop()
