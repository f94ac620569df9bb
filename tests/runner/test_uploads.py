"""Files of the user's own in every upload widget: pictures, masks, sound, film, by `--set` and in tables."""

from __future__ import annotations

import argparse
import json
import re
import wave
from email import message_from_bytes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from runner.cli.submit import add_parser, run_spec_of
from runner.errors import PhotoError, WorkflowError
from runner.execution.attachments import attachments, check_files
from runner.http.bodies import multipart
from runner.photos.prepare import prepare_photo
from runner.server.view import ServerView
from runner.workflow.graph import Workflow
from runner.workflow.patch import patch_workflow
from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, Graph, Run, command, node, pixels

HINT: dict[str, Any] = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}, "output": ["IMAGE", "MASK"]},
    "LoadHint": {
        "input": {"required": {"mask": ["COMBO", {"options": ["none", "a.png"], "image_upload": True}]}},
        "output": ["MASK"],
    },
    "LoadSound": {"input": {"required": {"sound": [["a.wav"], {"audio_upload": True}]}}, "output": ["AUDIO"]},
    "Words": {"input": {"required": {"text": ["STRING", {}]}}, "output": []},
}


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, comfy_server.url)


def hinted(hint: str = "none") -> Workflow:
    graph = {
        "1": node("LoadImage", "input: image", image="photo.jpg"),
        "2": node("LoadHint", "input: hint", mask=hint),
        "3": node("LoadSound", "input: sound", sound="a.wav"),
        "4": node("Words", "input: words", text="none"),
    }
    return Workflow("test", 1, Path("test.v1.json"), graph)


def masked(mask_title: str = "mask") -> Graph:
    """A photo and a mask in, the photo with that mask as its alpha out."""
    return {
        "1": node("LoadImage", "Load Image", image="plain.png"),
        "2": node("LoadImageMask", mask_title, image="m.png", channel="red"),
        "3": node("InvertMask", mask=["2", 0]),
        "4": node("JoinImageWithAlpha", image=["1", 0], alpha=["3", 0]),
        "5": node("SaveImage", "output: result", images=["4", 0], filename_prefix="masked"),
    }


def a_mask(folder: Path, name: str = "mask.png", size: tuple[int, int] = (48, 32), seed: int = 3) -> Path:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    Image.fromarray(values).save(folder / name)
    return folder / name


def alpha(picture: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return pixels(picture, "RGBA")[..., 3]


def batch(desk: Desk, workflow: str, *more: str | Path) -> Run:
    return command("batch", workflow, "--server", desk.url, "--out", str(desk.out), *map(str, more), folder=desk.out)


# -- which inputs are pictures of `--image`, and which values are files ------------------------------------------------


@pytest.mark.parametrize("said", ["none", "None", "[none]", "(NONE)"])
def test_an_upload_that_says_none_is_no_second_photo(said: str) -> None:
    assert [spec.name for spec in hinted(said).image_inputs(HINT)] == ["image"]
    assert [spec.name for spec in hinted("mask.png").image_inputs(HINT)] == ["image", "hint"]


def test_only_a_file_that_is_there_and_a_widget_that_takes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mask, sound = a_mask(tmp_path), tmp_path / "b.wav"
    sound.write_bytes(b"sound")
    values = {"hint": "mask.png", "sound": str(sound), "words": "mask.png", "image": "none.png", "1.image": ""}
    found = attachments(hinted(), values, HINT)
    assert {name: (one.path.name, one.is_picture, one.is_mask) for name, one in found.items()} == {
        "hint": (mask.name, True, True),
        "sound": (sound.name, False, False),
    }
    assert attachments(hinted(), {"hint": "none"}, HINT) == {}
    (tmp_path / "none").write_bytes(mask.read_bytes())
    assert list(attachments(hinted(), {"hint": "none"}, HINT)) == ["hint"]


@pytest.mark.parametrize(
    ("name", "value", "there"),
    [("hint", "none", True), ("hint", "NONE", True), ("hint", "a.png", True), ("hint", "sub/b.png", True),
     ("hint", "b.png [output]", True), ("hint", "c.png", False), ("hint", "sub/c.png", False), ("hint", "", False),
     ("hint", "sub\\c.png", False), ("hint", "/no/such/c.png", False), ("sound", "none", False), ("hint", ".", False),
     ("words", "c.png", True)],
)  # fmt: skip
def test_a_file_that_is_nowhere_is_said(name: str, value: str, there: bool) -> None:
    asked = {name: value}
    graph = patch_workflow(hinted(), asked, (), HINT)
    view = ServerView(HINT, has_file=lambda file: file in ("sub/b.png", "b.png [output]"))
    if there:
        check_files(hinted(), asked, graph, view)
        return
    with pytest.raises(PhotoError, match="neither on this computer nor") as caught:
        check_files(hinted(), asked, graph, view)
    assert ("'none'" in caught.value.advice) == (name == "hint")


def test_what_can_be_set_says_how(tmp_path: Path) -> None:
    (tmp_path / "info.json").write_text(json.dumps(HINT))
    (tmp_path / "a.json").write_text(json.dumps(hinted().graph))
    said = ["inputs", str(tmp_path / "a.json"), "--object-info", str(tmp_path / "info.json")]
    listed = command(*said, folder=tmp_path)
    ways = [line.strip() for line in listed.out.splitlines() if line.strip().startswith("--")]
    assert ways == ["--image FILE", "--set hint=FILE", "--set sound=FILE", "--set words=VALUE"]
    types = {spec["name"]: spec["type"] for spec in command(*said, "--json", folder=tmp_path).events}
    assert types == {"image": "IMAGE", "hint": "IMAGE", "sound": "FILE", "words": "STRING"}


def test_advice_names_every_upload_widget() -> None:
    graph = {
        "1": node("LoadImage", "A", image="a.png"),
        "2": node("LoadImage", "B", image="b.png"),
        "3": node("X", x=1),
    }
    workflow = Workflow("test", None, Path("test.json"), graph)
    with pytest.raises(WorkflowError) as caught:
        patch_workflow(workflow, {}, ["photo.png"], HINT)
    assert "--set 1.image=FILE, --set 2.image=FILE" in caught.value.advice
    sound = Workflow("test", None, Path("test.json"), {"1": node("LoadSound", "A", sound="a.wav")})
    with pytest.raises(WorkflowError) as caught:
        patch_workflow(sound, {}, ["photo.png"], HINT)
    assert caught.value.advice == "Use --set 1.sound=FILE."


# -- a mask is data ----------------------------------------------------------------------------------------------------


def test_a_masks_values_are_no_colours(tmp_path: Path) -> None:
    values = np.arange(48 * 32, dtype=np.uint32).reshape(32, 48) % 256
    flat = Image.fromarray(values.astype(np.uint8))
    gamma = PngInfo()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    flat.save(tmp_path / "gamma.png", pnginfo=gamma)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.merge("RGB", [flat] * 3).save(tmp_path / "profile.png", icc_profile=profile)
    exif = Image.Exif()
    exif[0x0112] = 6
    flat.save(tmp_path / "turned.png", exif=exif)
    flat.save(tmp_path / "gray.tif")
    Image.fromarray((values * 257).astype(np.uint16)).save(tmp_path / "deep.png")
    for name in ("gamma.png", "profile.png", "turned.png", "gray.tif", "deep.png"):
        prepared = prepare_photo(tmp_path / name, is_mask=True)
        (tmp_path / "sent").write_bytes(prepared.data)
        expected = values if name != "turned.png" else np.rot90(values, -1)
        assert (pixels(tmp_path / "sent", "RGB") == expected[..., None]).all(), name
    (tmp_path / "sent").write_bytes(prepare_photo(tmp_path / "gamma.png").data)
    assert (pixels(tmp_path / "sent", "RGB") != values[..., None]).any()  # as a photo it is converted


def test_a_mask_given_with_image_is_one_too(tmp_path: Path) -> None:
    graph = masked("input: mask = image")
    graph["1"]["_meta"] = {"title": "input: image"}
    (tmp_path / "a.json").write_text(json.dumps(graph))
    flat = Image.fromarray(np.arange(48 * 32, dtype=np.uint32).reshape(32, 48).astype(np.uint8))
    gamma = PngInfo()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    for name in ("photo.png", "mask.png"):
        flat.save(tmp_path / name, pnginfo=gamma)
    pictures = [str(tmp_path / "photo.png"), str(tmp_path / "mask.png")]
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    words = ["submit", str(tmp_path / "a.json"), *(word for picture in pictures for word in ("--image", picture))]
    request = run_spec_of(parser.parse_args([*words, "--out", str(tmp_path / "out")]))
    sent = [request.photos[Path(picture)].data for picture in pictures]
    for data, same in zip(sent, (False, True), strict=True):
        (tmp_path / "sent").write_bytes(data)
        assert (pixels(tmp_path / "sent", "L") == np.asarray(flat)).all() == same


# -- on a server -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["mask", "input: mask = image"])
def test_a_mask_and_a_photo_each_by_its_own_way(desk: Desk, title: str) -> None:
    photo, mask = desk.photo(), a_mask(desk.folder)
    name = "mask" if "input" in title else "2.image"
    by_name = ["--set", f"1.image={photo}"]
    for way in [by_name] if "input" in title else [by_name, ["--image", str(photo)]]:
        run = desk.submit(masked(title), *way, "--set", f"{name}={mask}", out=desk.folder / f"out{way[0]}")
        assert run.code == 0, run.err
        assert np.abs(alpha(run.pictures[0]).astype(int) - pixels(mask, "L")).max() <= 1
        assert np.abs(pixels(run.pictures[0]).astype(int) - pixels(photo)).max() <= 1
        assert {"input": name, "file": "mask.png"}.items() <= run.sidecars[0]["uploads"][-1].items()


def test_sound_and_film_go_byte_for_byte(desk: Desk, comfy_server: ComfyServer) -> None:
    sound = desk.folder / "Klang ü.WAV"
    with wave.open(str(sound), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(np.random.default_rng(0).integers(-9999, 9999, 4000, dtype=np.int16).tobytes())
    graph = {
        "1": node("LoadAudio", "input: audio", audio="x.wav"),
        "2": node("SaveAudio", audio=["1", 0], filename_prefix="a"),
    }
    run = desk.submit(graph, "--set", f"audio={sound}")
    assert run.code == 0, run.err
    assert [picture.suffix for picture in run.pictures] == [".flac"]
    film = {
        "1": node("EmptyImage", width=32, height=32, batch_size=4, color=255),
        "2": node("CreateVideo", images=["1", 0], fps=8.0),
        "3": node("SaveVideo", video=["2", 0], filename_prefix="v", format="mp4", codec="h264"),
    }
    made = desk.submit(film, out=desk.folder / "film")
    assert made.code == 0, made.err
    again = {
        "1": node("LoadVideo", file="x.mp4"),
        "2": {**film["3"], "inputs": {**film["3"]["inputs"], "video": ["1", 0]}},
    }
    run = desk.submit(again, "--set", f"LoadVideo.file={made.pictures[0]}", out=desk.folder / "again")
    assert run.code == 0, run.err
    sent = [path.read_bytes() for path in comfy_server.input_dir.iterdir() if path.is_file()]
    assert sound.read_bytes() in sent
    assert made.pictures[0].read_bytes() in sent


@pytest.mark.parametrize("missing", ["nowhere.png", "sub/nowhere.png", "sub\\nowhere.png", "{folder}/nowhere.png"])
def test_a_missing_file_is_one_error_before_anything_is_sent(
    desk: Desk, comfy_server: ComfyServer, missing: str
) -> None:
    value = missing.format(folder=desk.folder)
    with Proxy(comfy_server.port or 0) as proxy:
        desk.url = proxy.url
        run = desk.submit(masked(), "--image", desk.photo(), "--set", f"2.image={value}")
        assert run.code == 2, run.err
        assert "2.image: there is no file" in run.err
        assert not [line for line in proxy.requests if "POST" in str(line)]
        run = batch(desk, desk.workflow(masked()), "--images", desk.folder, "--set", f"2.image={value}")
        assert run.code == 2, run.err
        assert run.err.count("there is no file") == 1
        assert not [line for line in proxy.requests if "POST" in str(line)]


def test_a_file_that_the_server_has_is_named_as_there(desk: Desk, comfy_server: ComfyServer) -> None:
    mask = a_mask(desk.folder)
    folder = comfy_server.input_dir / "masks"
    folder.mkdir(exist_ok=True)
    (folder / "theirs.png").write_bytes(prepare_photo(mask).data)
    run = desk.submit(masked(), "--image", desk.photo(), "--set", "2.image=masks/theirs.png")
    assert run.code == 0, run.err
    assert np.abs(alpha(run.pictures[0]).astype(int) - pixels(mask, "L")).max() <= 1


def test_a_damaged_picture_is_told_before_a_server_is_asked(desk: Desk) -> None:
    torn = desk.folder / "torn.png"
    torn.write_bytes(a_mask(desk.folder).read_bytes()[:-40])
    desk.url = "http://127.0.0.1:9"
    run = desk.submit(masked(), "--image", desk.photo(), "--set", f"2.image={torn}")
    assert (run.code, "damaged or cut off" in run.err) == (2, True), run.err
    with pytest.raises(PhotoError):
        prepare_photo(torn, is_mask=True)


@pytest.mark.parametrize("titled", [False, True])
def test_a_table_takes_files_seen_from_its_own_folder(desk: Desk, titled: bool) -> None:
    lists = desk.folder / "lists"
    lists.mkdir()
    graph = masked("input: mask = image") if titled else masked()
    if titled:
        graph["1"]["_meta"] = {"title": "input: image"}
    column = "mask" if titled else "2.image"
    (lists / "deep").mkdir()
    masks = [a_mask(lists / "deep", f"m{number}.png", seed=number) for number in range(2)]
    photo = desk.photo("lists/deep/photo.png")
    lines = [f"{column},image", *(f"deep/{mask.name},deep\\{photo.name}" for mask in masks)]
    (lists / "jobs.csv").write_text("\n".join(lines))
    run = batch(desk, desk.workflow(graph), "--jobs", lists / "jobs.csv")
    assert run.code == 0, run.err
    assert [path.name for path in run.pictures if path.parent == desk.out] == ["photo.png", "photo_2.png"]
    for picture, mask in zip(("photo.png", "photo_2.png"), masks, strict=True):
        assert np.abs(alpha(desk.out / picture).astype(int) - pixels(mask, "L")).max() <= 1


def test_a_batch_tries_several_files(desk: Desk) -> None:
    photos = desk.folder / "photos"
    photos.mkdir()
    desk.photo("photos/bag.png")
    masks = [a_mask(desk.folder, f"m{number}.png", seed=number) for number in range(2)]
    run = batch(desk, desk.workflow(masked()), "--images", photos, "--set", f"2.image={masks[0]}|{masks[1]}")
    assert run.code == 0, run.err
    record = json.loads((desk.out / "bag_imagem1.json").read_text())
    assert [facts["file"] for facts in record["images"]] == ["bag.png"]
    assert [(facts["input"], facts["file"]) for facts in record["uploads"]] == [("2.image", "m1.png")]
    assert np.abs(alpha(desk.out / "bag_imagem1.png").astype(int) - pixels(masks[1], "L")).max() <= 1


@pytest.mark.parametrize("name", ["a.png", 'a".png', "a\\b.png", "a\r\nX-Evil: 1.png", "Täsche.png", "a;b='c'.png", ""])
def test_a_file_is_packed_as_one_part_whatever_it_is_called(name: str) -> None:
    data = b"\x89PNG\r\n\x1a\n\0\xff--\r\n"
    body, kind = multipart(data, name)
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    (part,) = message.get_payload()
    assert part.get_payload(decode=True) == data
    assert set(part.keys()) == {"Content-Disposition", "Content-Type"}
    assert part.get_param("name", header="content-disposition") == "image"
    if name.isascii():
        assert part.get_filename("") == re.sub(r'[\\"\r\n]', "_", name)
