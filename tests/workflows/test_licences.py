"""A run on a real server says which of its models forbid selling, a single time, and each record keeps it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from PIL import Image

from tests.support.comfy import ComfyServer
from tests.support.runs import command, node


def test_a_run_says_and_records_what_must_not_be_sold(smoke_server: ComfyServer, tmp_path: Path) -> None:
    upscalers = smoke_server.models_dir / "upscale_models"
    shutil.copy(
        upscalers / "prodgen_smoke_upscaler_4x.pth", upscalers / "4x-UltraSharp.pth"
    )  # its name, not its weights
    Image.new("RGB", (16, 16), "red").save(tmp_path / "photo.png")
    graph = {
        "1": node("LoadImage", "input: image", image="photo.png"),
        "2": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth"),
        "3": node("ImageUpscaleWithModel", upscale_model=["2", 0], image=["1", 0]),
        "4": node("PrimitiveInt", "input: seed", value=0),
        "5": node("ImageFromBatch", image=["3", 0], batch_index=["4", 0], length=1),
        "6": node("SaveImage", "output: picture", images=["5", 0], filename_prefix="x"),
    }
    (tmp_path / "job.json").write_text(json.dumps(graph), encoding="utf-8")
    asked = ["submit", str(tmp_path / "job.json"), "--image", str(tmp_path / "photo.png"), "--count", "2"]
    ran = command(*asked, "--server", smoke_server.url, "--out", str(tmp_path / "out"), folder=tmp_path)
    assert ran.code == 0, ran.err
    assert (ran.out + ran.err).count("not for sale: 4x-UltraSharp.pth") == 1
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "out").glob("*.json")]
    assert len(records) == 2
    for record in records:
        (line,) = record["licences"]
        assert line.startswith("not for sale: 4x-UltraSharp.pth (CC-BY-NC-SA-4.0)")
