"""What a node said of a result is in its record also where the server had forgotten that node, and not what came after.

ComfyUI lets go of single results when its memory is short. A real server does so when it likes: here a node of the
test's own makes it, by the same deletion.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.execution.unreported import unreported
from runner.local_server.process import Installation
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info
from tests.runner.studio_page import product
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, node

FORGETTING = """
import gc
from aiohttp import web
from execution import PromptExecutor
from server import PromptServer

NODE_CLASS_MAPPINGS = {}

@PromptServer.instance.routes.post("/forget/{node}")
async def forget(request):
    caches = [one.caches.outputs for one in gc.get_objects() if isinstance(one, PromptExecutor)]
    for cache in caches:
        del cache.cache[cache.cache_key_set.get_data_key(request.match_info["node"])]
    return web.json_response(len(caches))
"""


@pytest.fixture(scope="module")
def forgetful(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("comfy_forgetful"))
    (server.base_dir / "custom_nodes" / "forgetting.py").write_text(FORGETTING)
    # Where the memory is short, a cache that minds it forgets everything.
    server.arguments = ["--whitelist-custom-nodes", "prodgen_nodes", "forgetting.py", "--cache-classic"]
    server.start()
    yield server
    server.kill()


def cutting_out() -> dict[str, Any]:
    return {
        "1": node("LoadImage", image="x.png") | {"_meta": {"title": "input: image"}},
        "2": node("ProdgenSegmentProduct", image=["1", 0], method="plain_backdrop") | {"_meta": {"title": "Cut-out"}},
        "3": node("ImageInvert", image=["2", 0]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x") | {"_meta": {"title": "output: result"}},
    }


def made(desk: Desk, name: str) -> tuple[dict[str, Any], str]:
    photo = product(desk.folder / "bag.png")
    out = desk.folder / name
    run = command(
        "submit", desk.workflow(cutting_out()), str(photo), "--server", desk.url, "--out", str(out), folder=out
    )
    assert run.code == 0, run.err
    (record,) = run.sidecars
    return record, run.err


def test_a_report_that_the_server_forgot_is_made_again(forgetful: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, forgetful.url)
    first, said = made(desk, "first")
    assert "runs again" not in said
    cached, said = made(desk, "cached")
    assert "runs again" not in said
    assert {"1", "2", "3"} <= set(cached["cached_nodes"])
    assert requests.post(f"{forgetful.url}/forget/2", timeout=60).json() == 1

    forgotten, said = made(desk, "forgotten")
    assert "what is to be said of this by Cut-out: that runs again" in said
    assert len(forgotten["replaces"]) == 1
    confidence = first["reports"]["Cut-out"]["confidence"]
    assert cached["reports"]["Cut-out"]["confidence"] == forgotten["reports"]["Cut-out"]["confidence"] == confidence


@pytest.mark.parametrize(
    ("shown", "cached", "missing"),
    [
        (["4"], ["1", "3"], ("2",)),  # forgotten between two jobs
        (["4"], ["1", "2", "3"], ()),  # it was there: nodes of an older pack show nothing then
        (["2", "4"], ["1", "2", "3"], ()),
        (["4"], ["1"], ()),  # nothing after it was cached: it did not run because nothing asked for it
        (["4"], [], ()),
    ],
)
def test_which_reports_are_missing(shown: list[str], cached: list[str], missing: tuple[str, ...]) -> None:
    assert unreported(cutting_out(), shown, cached, ["4"]) == missing


def test_every_node_with_a_report_shows_it_from_the_cache_too(comfy_server: ComfyServer) -> None:
    """Otherwise each cached one would be taken for forgotten, and run again."""
    known = comfy_server.object_info()
    reporting = [kind for kind, of in recorded_object_info(WORKFLOWS_DIR).items() if "report" in of["output_name"]]
    assert len(reporting) > 30
    silent = [
        kind for kind in reporting if not known[kind]["output_node"] and not known[kind]["has_intermediate_output"]
    ]
    assert silent == []
