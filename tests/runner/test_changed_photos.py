"""A batch goes on by what lies in its files, not by their names: what was made from another photo is made again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tests.runner.test_batch import batch, folder_of_photos, results
from tests.runner.test_uploads import a_mask, alpha, masked
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, pixels


def in_older_clothes(photo: Path, value: int) -> None:
    """Another picture by the same name, with the same time as before: as a copy that keeps times puts it there."""
    state = photo.stat()
    Image.fromarray(np.full((32, 48, 3), value, np.uint8)).save(photo)
    os.utime(photo, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_what_was_made_from_another_photo_or_mask_is_made_again(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "b.png")
    with Image.open(photos / "b.png") as picture:  # turned upright before it is sent: other bytes than the file's
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.convert("RGB").rotate(90, expand=True).save(photos / "b.jpg", exif=exif)
    (photos / "b.png").unlink()
    graph = masked("input: mask")
    graph["1"]["_meta"]["title"] = "input: image"
    given = (graph, "--images", photos, "--set", f"mask={a_mask(tmp_path)}")
    first = batch(desk, *given)
    assert first.code == 0, first.err
    before = pixels(desk.out / "a.png")

    in_older_clothes(photos / "a.png", 77)
    os.utime(photos / "b.jpg")  # touched, and the same
    dry = batch(desk, *given, "--resume", "--dry-run")
    assert "b  <-" in dry.out and dry.out.count("(done already)") == 1 and "1 job would run" in dry.out
    assert "1 job would be made again: a.png has changed since" in dry.err
    again = batch(desk, *given, "--resume", "--json")
    assert again.code == 0, again.err
    assert len(again.of("done")) == 1, again.of("done")
    assert (pixels(desk.out / "a.png") == 77).all()
    (kept,) = (desk.out / ".prodgen" / "earlier").rglob("a.png")
    assert (pixels(kept) == before).all(), "what was made before is not lost"
    assert "1 job is made again: a.png has changed since" in again.err

    still = batch(desk, *given, "--resume")
    assert still.code == 0 and "again" not in still.err, still.err
    a_mask(tmp_path, seed=8)
    last = batch(desk, *given, "--resume")
    assert "2 jobs are made again: mask.png has changed since" in last.err
    wanted = np.asarray(Image.open(tmp_path / "mask.png")).astype(int)
    shown = [name for name in results(desk.out) if not name.startswith(".prodgen")]
    assert shown == ["a.png", "b.png"]
    for name in shown:
        assert np.abs(alpha(desk.out / name) - wanted).max() <= 1

    (photos / "a.png").unlink()
    gone = batch(desk, *given, "--resume")
    assert gone.code == 0 and "made again" not in gone.err, "a photo that went leaves its result as it is"
