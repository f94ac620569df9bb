"""`packshot_video` on a real ComfyUI: a film whose every frame is a crop of the finished packshot."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.runner.test_channels import bag
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk


@pytest.mark.slow
def test_a_film_begins_with_the_whole_product_and_comes_nearer(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    values = {"cutout": "plain_backdrop", "seconds": 0.4, "fps": 10, "width": 160, "height": 120, "amount": 0.5}
    sets = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    run = desk.submit("packshot_video", bag(tmp_path / "bag.png"), *sets)
    assert run.code == 0, run.err
    assert [path.name for path in run.pictures] == ["bag_packshot_video.mp4"]
    with av.open(str(run.pictures[0])) as film:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert [frame.shape for frame in frames] == [(120, 160, 3)] * 4
    red = [(frame[..., 0] - frame[..., 1] > 40) for frame in frames]
    widths = [int(np.ptp(np.nonzero(one)[1])) for one in red]
    assert widths[-1] / widths[0] == np.clip(widths[-1] / widths[0], 1.4, 1.6), widths
    assert frames[0][:4].min() > 245, "the ground is white"
    (record,) = run.sidecars
    assert record["reports"]["input: move = move"]["frames"] == 4
    assert record["reports"]["Product Fidelity"]["passed"] is True
