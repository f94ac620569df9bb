"""A number that goes through a switch or an expression keeps its range: nothing is enlarged 0 times."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import WorkflowError
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.patch import patch_workflow
from runner.workflow.schema import recorded_object_info
from tests.support.runs import command

OPEN_ENDED = {"seed", "width", "height"}
"""Any seed; and sizes of which 0 means the photo's."""


@pytest.mark.parametrize("name", [name for name in available_workflows() if "." not in name])
def test_every_number_of_the_newest_workflows_has_a_range(name: str) -> None:
    for spec in load_workflow(name).inputs(recorded_object_info(WORKFLOWS_DIR)):
        if spec.type in ("INT", "FLOAT") and spec.name not in OPEN_ENDED:
            assert spec.minimum is not None and spec.maximum is not None, spec.name
            assert -100_000 <= spec.minimum < spec.maximum <= 100_000, spec.name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("upscale", {"times": 0}, "too small"),
        ("creative_upscale", {"times": -1}, "too small"),
        ("creative_upscale_sd15", {"times": 0.001}, "too small"),
        ("series", {"times": 1e5}, "too large"),
        ("series", {"hires_scale": 0}, "too small"),
        ("series", {"refiner_at": 2}, "from 0 to 1"),
        ("relight_iclight", {"denoise": 1.5}, "from 0 to 1"),
        ("scene_qwen", {"cfg": -3}, "too small"),
    ],
)
def test_what_leaves_nothing_of_a_picture_is_refused(name: str, value: dict[str, float], said: str) -> None:
    with pytest.raises(WorkflowError, match=said):
        patch_workflow(load_workflow(name), value, object_info=recorded_object_info(WORKFLOWS_DIR))


def test_it_is_refused_before_any_work(tmp_path: Path) -> None:
    run = command("series", "--set", "times=0", "--dry-run", folder=tmp_path)
    assert run.code == 2
    assert "times: 0.0 is too small; it goes from 0.01 to 100" in run.err
