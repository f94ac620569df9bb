"""`submit --preview` against a real server: the picture so far, as a file that is renewed while the job samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, node
from tests.support.smoke import smoke_file, smoke_models


def sampling(steps: int = 3) -> Graph:
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=smoke_file("sd15")),
        "2": node("CLIPTextEncode", text="a jar", clip=["1", 1]),
        "3": node("EmptyLatentImage", width=128, height=64, batch_size=1),
        "4": node("KSampler", "Sampler", model=["1", 0], positive=["2", 0], negative=["2", 0], latent_image=["3", 0],
                  seed=5, steps=steps, cfg=1.0, sampler_name="euler", scheduler="normal", denoise=1.0),
        "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
        "6": node("SaveImage", "output: picture", images=["5", 0], filename_prefix="t"),
    }  # fmt: skip


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Desk:
    with smoke_models(comfy_server, "sd15"):
        return Desk(tmp_path, comfy_server.url)


def test_the_picture_so_far_is_saved_on_request(desk: Desk) -> None:
    run = desk.submit(sampling(), "--preview", "--json", "--name", "one")
    assert run.code == 0, run.err
    previews = run.of("preview")
    assert [preview["title"] for preview in previews] == ["Sampler"] * 3
    assert {preview["path"] for preview in previews} == {str(desk.out / "one_preview.jpg")}
    assert not {"stem", "image"} & previews[0].keys()
    with Image.open(desk.out / "one_preview.jpg") as picture:
        assert picture.format == "JPEG"
        assert picture.width == 2 * picture.height
        assert max(high - low for low, high in picture.convert("RGB").getextrema()) > 20
    assert sorted(path.name for path in run.files) == ["one.json", "one.png", "one_preview.jpg"]


def test_an_earlier_preview_stays_and_none_comes_unasked(desk: Desk) -> None:
    first = desk.submit(sampling(4), "--preview", "--name", "one")
    assert "preview, renewed as it goes: " in first.err
    assert first.err.count("one_preview.jpg") == 1
    kept = (desk.out / "one_preview.jpg").read_bytes()
    desk.submit(sampling(5), "--preview", "--name", "one")
    assert (desk.out / "one_preview.jpg").read_bytes() == kept
    assert (desk.out / "one_preview_2.jpg").is_file()
    plain = desk.submit(sampling(6), "--json", "--name", "two")
    assert not plain.of("preview")
    assert not list(desk.out.glob("two_preview*"))


def test_a_preview_that_cannot_be_saved_does_not_stop_the_job(desk: Desk) -> None:
    desk.out.mkdir()
    (desk.out / "one_preview.jpg.part").mkdir()  # in the way
    run = desk.submit(sampling(7), "--preview", "--name", "one")
    assert run.code == 0, run.err
    assert run.err.count("Previews cannot be saved") == 1
    assert (desk.out / "one.png").is_file()
