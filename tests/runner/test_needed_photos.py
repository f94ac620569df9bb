"""A bundled workflow is never run on a photo that only happens to lie on the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.validation.pictures import needed_pictures
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.schema import recorded_object_info
from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, Run, command, inverting, pixels


def batch(desk: Desk, workflow: str, *more: str | Path) -> Run:
    return command("batch", workflow, "--server", desk.url, "--out", str(desk.out), *map(str, more), folder=desk.out)


@pytest.mark.parametrize("name", ["packshot", "packshot.v1", str(WORKFLOWS_DIR / "packshot.v2.json")])
def test_a_photo_of_that_name_on_the_server_is_not_taken(comfy_server: ComfyServer, tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    assert comfy_server.upload(desk.photo("handbag.jpg"), "handbag.jpg") == "handbag.jpg"
    with Proxy(comfy_server.port or 0) as proxy:
        desk.url = proxy.url
        run = desk.submit(name)
        assert (run.code, run.out) == (2, "")
        assert run.err == "error: packshot needs a photo: name it behind the workflow, or with --image photo.jpg\n"
        assert proxy.requests == []


def test_a_workflow_of_the_users_own_keeps_the_photo_it_names(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photo = desk.photo("handbag.png", seed=5)
    graph = inverting()
    graph["1"]["inputs"]["image"] = comfy_server.upload(photo, "handbag.png")
    run = desk.submit(graph)
    assert run.code == 0, run.err
    assert (pixels(run.pictures[0]).astype(int) + pixels(photo) >= 254).all()


def test_every_picture_of_every_bundled_workflow_is_asked_for(tmp_path: Path) -> None:
    schema = recorded_object_info(WORKFLOWS_DIR)
    asked = {}
    for name, versions in available_workflows().items():
        for version in versions:
            workflow = load_workflow(f"{name}.v{version}")
            pictures = workflow.image_inputs(schema)
            assert needed_pictures(workflow, [], 0, schema) == pictures
            assert needed_pictures(workflow, [], len(pictures), schema) == []
            assert needed_pictures(workflow, [spec.name for spec in pictures], 0, schema) == []
            assert needed_pictures(workflow, [f"{spec.node_id}.image" for spec in pictures], 0, None) == []
            asked[workflow.label] = [spec.name for spec in pictures]
    assert asked["packshot.v1"] == ["image"]
    assert asked["relight_iclight_bg.v1"] == ["image", "image_2"]
    assert asked["explore.v1"] == []
    copy = tmp_path / "packshot.v2.json"
    shutil.copy(WORKFLOWS_DIR / copy.name, copy)
    assert needed_pictures(load_workflow(str(copy)), [], 0, schema) == []


def test_a_second_picture_is_asked_for_with_what_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")  # no server is needed to find out
    run = desk.submit("upscale", "--image", desk.photo())
    assert run.code == 2
    assert "upscale needs 2 pictures (missing: image_2)" in run.err
    assert "image_2: The product photo that the scene was made from." in run.err
    assert desk.submit("upscale", "--image", desk.photo(), "--set", "image_2=there.png").code == 3
    assert desk.submit("packshot", "--set", "1.image=there.png").code == 3


def test_a_batch_without_its_photos(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("image,channel\nphoto.png,amazon\n,ebay\n", encoding="utf-8")
    desk.photo()
    run = batch(desk, "packshot", "--jobs", jobs)
    assert run.code == 2
    assert "jobs.csv line 3: packshot needs a photo: give it with --images DIR or in --jobs" in run.err
    assert "line 2" not in run.err
    with_second = batch(desk, "upscale", "--images", desk.folder)
    assert with_second.code == 2
    assert (
        "upscale needs image_2: give it with --set image_2=FILE or in --jobs, with the column image_2"
        in with_second.err
    )
    assert batch(desk, "packshot", "--images", desk.folder).code == 3
    assert not desk.out.exists()


def test_a_workflow_that_paints_from_words_needs_no_photo(tmp_path: Path) -> None:
    nowhere = ("--server", "http://127.0.0.1:9", "--dry-run", "--out", str(tmp_path / "out"))
    dry = command("submit", "product_sd15", "--count", "2", *nowhere, folder=tmp_path)
    assert "2 jobs would run" in dry.out + dry.err and "nothing to work on" not in dry.err
    asked = command("submit", "packshot", *nowhere, folder=tmp_path)
    assert asked.code == 2 and "there is nothing to work on: packshot" in asked.err and "takes photos" in asked.err
