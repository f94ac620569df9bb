"""A run of `cutouts` that is killed, and two that finish it together: each object there, once."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

from runner.errors import EXIT_OK
from tests.imaging.object_scenes import group
from tests.runner.test_cutouts import arguments, save
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, start_command

PICTURES = 5


def test_killed_and_finished_by_two(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    wanted = {}
    for number in range(PICTURES):
        made = group(20 + number, 2, 192)
        save(made, tmp_path / "photos" / "Shoes" / f"{number}.png")
        wanted[f"Shoes/{number}.png"] = len(made.alphas)
    first = start_command(*arguments(desk))
    deadline = time.monotonic() + 240
    while not list(desk.out.rglob("objects.json")):
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.02)
    first.kill()
    first.communicate()
    assert not (desk.out / "index.csv").exists()

    both = [start_command(*arguments(desk, "--resume")) for _ in range(2)]
    told = [one.communicate(timeout=300)[1] for one in both]
    assert [one.returncode for one in both] == [EXIT_OK, EXIT_OK], told
    files = sorted(path.relative_to(desk.out).as_posix() for path in desk.out.rglob("0*.png"))
    assert files == sorted(
        f"{name[:-4]}/{n:02}_object.png" for name, count in wanted.items() for n in range(1, count + 1)
    )
    assert not list(desk.out.rglob("*.part"))
    with (desk.out / "index.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["file"] for row in rows) == files
    assert {(row["group"], row["state"]) for row in rows} == {("Shoes", "done")}
    assert len(json.loads((desk.out / "coco.json").read_text(encoding="utf-8"))["annotations"]) == len(files)
