"""`vary`: the transforms to the letter, where the prompt comes from, and colours that stay over a chain."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from prodgen_nodes.imaging.color.fix import Settings, fix_color
from prodgen_nodes.imaging.colorspace import delta_e00, lab_to_linear, linear_to_srgb, srgb_to_lab
from torch import Tensor

from runner.errors import UsageError
from runner.vary.colour import FOLLOW, Lightness, colour_values, correction
from runner.vary.prompt import find_prompt, prompt_in_graph
from runner.vary.transforms import TRANSFORMS, find_transform
from runner.workflow.load import load_workflow
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import Run, command, start_command
from tests.support.smoke import colourful_photo, smoke_file, smoke_models
from tests.support.speed import HANG_S

# --- transforms ------------------------------------------------------------------------------------------------------

WANTED: dict[str, tuple[list[tuple[float, float]], int, bool]] = {
    "normal": ([(6, 0.35), (7, 0.45), (10, 0.3)], 1, False),
    "shake": ([(10, 0.3), (5, 0.35), (9, 0.4), (6, 0.45), (8, 0.5), (7, 0.55)], 2, False),
    "focus": ([(7, 0.7), (8, 0.7), (9, 0.7)], 1, False),
    "unstuck": ([(5, 0.8), (6, 0.8), (7, 0.8)], 1, False),
    "unfocus": ([(3, 0.8), (3.5, 0.85), (4, 0.9)], 1, False),
    "beast": ([(6, 0.35), (6, 0.35), (6, 0.35)], 1, True),
    "god": ([(6, 0.35), (9, 0.35), (11, 0.35)], 1, True),
    "enhance": ([(6, 0.2), (6, 0.2), (7, 0.3), (7, 0.5), (9, 0.2)], 1, True),
    "finalize": ([(8, 0.3), (11, 0.2), (15, 0.1)], 1, True),
    "snake": ([(6, 0.35), (8, 0.3), (6, 0.35), (8, 0.3)], 1, True),
}


@pytest.mark.parametrize("name", WANTED)
def test_every_list_is_exact(name: str) -> None:
    passes, each, chained = WANTED[name]
    found = TRANSFORMS[name]
    assert [(one.scale, one.strength) for one in found.passes] == passes
    assert (found.each, found.chained, found.loops) == (each, chained, 1)
    assert len(list(found.loop())) == len(passes) * each == found.pictures


def test_there_are_no_others_but_the_film() -> None:
    assert set(TRANSFORMS) == {*WANTED, "video"}
    assert TRANSFORMS["video"].chained
    assert TRANSFORMS["video"].loops > 1
    assert find_transform("God") is TRANSFORMS["god"]
    with pytest.raises(UsageError, match="Did you mean 'unfocus'"):
        find_transform("unfocused")


# --- the prompt ------------------------------------------------------------------------------------------------------


def picture(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    Image.new("RGB", (32, 32), (90, 120, 60)).save(path, pnginfo=info)
    return path


def test_the_prompt_is_found_where_it_was_left(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert find_prompt(path) is None
    (tmp_path / "prompt.txt").write_text("from the folder\n", encoding="utf-8")
    assert find_prompt(path) == "from the folder"
    picture(path, parameters="from another tool\nsecond line\nNegative prompt: ugly\nSteps: 20, Sampler: Euler")
    assert find_prompt(path) == "from another tool\nsecond line"
    graph = {"1": {"class_type": "X", "inputs": {"value": "from the graph"}, "_meta": {"title": "input: prompt"}}}
    picture(path, parameters="from another tool", prompt=json.dumps(graph))
    assert find_prompt(path) == "from the graph"
    (tmp_path / "a.json").write_text(json.dumps({"inputs": {"prompt": "from the record"}}), encoding="utf-8")
    assert find_prompt(path) == "from the record"


def test_a_graph_without_titles_is_followed_from_its_sampler() -> None:
    graph = {
        "3": {"class_type": "KSampler", "inputs": {"positive": ["8", 0], "negative": ["7", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a bag", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "ugly", "clip": ["4", 1]}},
        "8": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}},
    }
    assert prompt_in_graph(graph) == "a bag"
    broken: Any
    for broken in (None, [], {"1": 3}, {"1": {"inputs": {"positive": ["9", 0]}}}, {"a": {"inputs": {"positive": 1}}}):
        assert prompt_in_graph(broken) is None


def test_a_damaged_record_is_no_prompt(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", prompt="{not json")
    (tmp_path / "a.json").write_text("[1, 2", encoding="utf-8")
    assert find_prompt(path) is None


# --- the numbers of the correction -----------------------------------------------------------------------------------


def test_correction_and_lightness_grow_with_strength() -> None:
    strengths = [0.1, 0.2, 0.3, 0.35, 0.5, 0.9]
    shares = [correction(strength) for strength in strengths]
    assert shares == sorted(shares)
    assert 0.4 < shares[0] < 0.5
    assert shares[3] > 0.9
    assert shares[-1] <= 1
    boosts = [Lightness().boost(strength) for strength in strengths]
    assert boosts == sorted(boosts)
    assert Lightness().boost(0.35) == pytest.approx(0.9)
    assert Lightness().boost(0.7) == pytest.approx(1.8)


def test_lightness_is_led_but_never_driven() -> None:
    lightness = Lightness()
    lightness.learn({"mean_lab_before": [40.0, 0, 0], "mean_lab_reference": [60.0, 0, 0]}, 0.9)
    assert lightness.boost(0.35) == pytest.approx(1.8)  # a picture at night is not made a day
    lightness.learn({"mean_lab_before": [80.0, 0, 0], "mean_lab_reference": [60.0, 0, 0]}, 0.9)
    assert lightness.boost(0.35) == 0.0
    lightness.learn({}, 0.9)
    assert lightness.boost(0.35) == 0.0


# --- the drift -------------------------------------------------------------------------------------------------------


def drifted(srgb: Tensor, shift: tuple[float, float, float]) -> Tensor:
    """A pass of a model that darkens and turns magenta: L*, a* and b* moved."""
    lab = srgb_to_lab(srgb) + torch.tensor(shift)
    return linear_to_srgb(lab_to_linear(lab).clamp(0.0, 1.0))


def as_saved(srgb: Tensor) -> Tensor:
    """As SaveImage writes and LoadImage reads: cut to whole levels, which darkens by half a level a pass."""
    return (srgb.clamp(0.0, 1.0) * 255 + 1e-4).floor() / 255


def target(first: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """The workflow's: both pictures side by side, each with its weight."""
    weights = [torch.full(first.shape[:3], share) for share in (1 - FOLLOW, FOLLOW)]
    return torch.cat((first, before), dim=2), torch.cat(weights, dim=2)


def chain(first: Tensor, strengths: list[float], shift: Callable[[float], tuple[float, float, float]]) -> Tensor:
    """What `vary` does, with the node's own maths and files of 8 bits between the passes."""
    lightness, current = Lightness(), first
    for strength in strengths:
        boost = lightness.boost(strength)
        values = colour_values(strength, boost, FOLLOW)
        reference, weights = target(first, current)
        settings = Settings("lab_histogram", values["color_strength"], values["lightness_boost"], 1)
        fixed, (report,) = fix_color(drifted(current, shift(strength)), reference, None, weights, settings)
        lightness.learn(report, boost)
        current = as_saved(fixed)
    return current


def ramp() -> Tensor:
    """A smooth grey ramp, every 8-bit level from 38 to 217 in it."""
    line = as_saved(torch.linspace(0.15, 0.85, 1024))
    return line[None, None, :, None].expand(1, 6, 1024, 3).contiguous()


def jar() -> Tensor:
    with Image.open(REPO / "examples" / "jar.jpg") as opened:
        return torch.from_numpy(np.asarray(opened.convert("RGB").resize((96, 96))) / 255).float()[None]


def levels(srgb: Tensor) -> list[int]:
    return [len(torch.unique((srgb[..., channel] * 255).round())) for channel in range(3)]


def widest_step(srgb: Tensor) -> int:
    """The largest step between neighbours of a ramp, in 8-bit levels."""
    line = (srgb[0, 0] * 255).round()
    return int(line.diff(dim=0).abs().max())


def mean_difference(first: Tensor, second: Tensor) -> float:
    return float(delta_e00(srgb_to_lab(first), srgb_to_lab(second)).mean())


@pytest.mark.parametrize("make", [ramp, jar])
@pytest.mark.parametrize(
    "shift", [(-0.9, 1.5, -1.0), (-1.4, 3.0, -2.5), (-0.5, 0.8, -0.4)], ids=["usual", "strong", "weak"]
)
def test_ten_passes_keep_the_colours_without_banding(
    make: Callable[[], Tensor], shift: tuple[float, float, float]
) -> None:
    first = make()
    uncorrected = first
    for _ in range(10):
        uncorrected = as_saved(drifted(uncorrected, shift))
    assert mean_difference(uncorrected, first) > 4
    last = chain(first, [0.35] * 10, lambda _: shift)
    assert mean_difference(last, first) < 1.5
    assert min(after / before for after, before in zip(levels(last), levels(first), strict=True)) > 0.97


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_ten_passes_of_any_transform_keep_the_colours(name: str) -> None:
    """The drift of a pass grows with its strength, as does what is done against it."""
    first = ramp()
    passes = (list(TRANSFORMS[name].passes) * 10)[:10]

    def shift(strength: float) -> tuple[float, float, float]:
        share = strength / 0.35
        return -0.9 * share, 1.5 * share, -1.0 * share

    last = chain(first, [one.strength for one in passes], shift)
    assert mean_difference(last, first) < 1.5
    # A file's whole levels may fall on their neighbours here and there; a band would be a step that is seen.
    assert min(levels(last)) > 0.85 * min(levels(first))
    assert widest_step(last) <= 2


def test_forty_passes_do_not_wander_off() -> None:
    first = ramp()
    assert mean_difference(chain(first, [0.35] * 40, lambda _: (-1.1, 2.0, -1.5)), first) < 1.5


def save(srgb: Tensor) -> Image.Image:
    return Image.fromarray((srgb[0] * 255).round().to(torch.uint8).numpy())


def test_the_published_workflow_corrects_the_same(comfy_server: ComfyServer) -> None:
    """Ten passes through vary.v1's own nodes on a real server. Where the model would be, red and green lose one and
    three levels: L* about -0.9, a* +1.3, b* -1.4 a pass."""
    first = as_saved(jar())
    graph = load_workflow("vary.v1").graph
    decode = next(key for key, node in graph.items() if node["class_type"] == "VAEDecode")
    wanted = {node["_meta"]["title"]: key for key, node in graph.items()}
    needed = {"Fix Product Color", "output: picture", "input: image", "input: image_2"}
    assert needed <= set(wanted)
    first_name, current, lightness = comfy_server.upload(save(first)), first, Lightness()
    for _ in range(10):
        boost = lightness.boost(0.35)
        values = colour_values(0.35, boost, FOLLOW)
        made: dict[str, Any] = {key: json.loads(json.dumps(node)) for key, node in graph.items()}
        source = made[wanted["The picture at a size the model paints"]]["inputs"]
        made["colour"] = {
            "class_type": "EmptyImage",
            "inputs": {"width": source["width"], "height": source["height"], "batch_size": 1, "color": 0x010300},
        }
        made[decode] = {
            "class_type": "ImageBlend",
            "inputs": {
                "image1": [wanted["The picture at a size the model paints"], 0],
                "image2": ["colour", 0],
                "blend_factor": 1.0,
                "blend_mode": "difference",
            },
        }
        made[wanted["input: image"]]["inputs"]["image"] = comfy_server.upload(save(current))
        made[wanted["input: image_2"]]["inputs"]["image"] = first_name
        for name, value in values.items():
            made[wanted[f"input: {name}"]]["inputs"]["value"] = value
        outputs = comfy_server.run(_leading_to(made, wanted["output: picture"]))
        lightness.learn(json.loads(outputs[wanted["Fix Product Color"]]["text"][0]), boost)
        shown = comfy_server.picture(outputs[wanted["output: picture"]]["images"][0])
        current = torch.from_numpy(np.asarray(shown.convert("RGB")) / 255).float()[None]
    assert mean_difference(current, first) < 1.5
    assert min(after / before for after, before in zip(levels(current), levels(first), strict=True)) > 0.97


def _leading_to(graph: dict[str, Any], node_id: str) -> dict[str, Any]:
    needed: set[str] = set()
    todo = [node_id]
    while todo:
        current = todo.pop()
        if current not in needed:
            needed.add(current)
            todo += [value[0] for value in graph[current]["inputs"].values() if isinstance(value, list)]
    return {key: graph[key] for key in needed}


# --- the command, on a real server with a smoke model ----------------------------------------------------------------


@pytest.fixture
def first_picture(tmp_path: Path) -> Path:
    path = tmp_path / "first.png"
    colourful_photo(96).save(path)
    return path


def vary(server: ComfyServer, folder: Path, *arguments: str | Path) -> Run:
    more = ["--server", server.url, "--out", str(folder), "--model", smoke_file("sd15"), "--steps", "2"]
    return command("vary", *map(str, arguments), *more, folder=folder)


def mean_lab(path: Path) -> Tensor:
    with Image.open(path) as opened:
        return srgb_to_lab(torch.from_numpy(np.asarray(opened.convert("RGB")) / 255).float()).mean(dim=(0, 1))


def test_a_chain_feeds_each_result_into_the_next(
    comfy_server: ComfyServer, tmp_path: Path, first_picture: Path
) -> None:
    with smoke_models(comfy_server, "sd15"):
        ran = vary(
            comfy_server, tmp_path / "out", first_picture, "snake", "at dusk", "--prompt", "a disc", "--seed", "4"
        )
    assert ran.code == 0, ran.err
    pictures = ran.pictures[:-1] if ran.pictures[-1].suffix == ".txt" else ran.pictures
    assert [path.name.split("_", 1)[1] for path in pictures] == [
        "snake_0001_scale6_strength0.35_steps2_euler_seed4.png",
        "snake_0002_scale8_strength0.3_steps2_euler_seed5.png",
        "snake_0003_scale6_strength0.35_steps2_euler_seed6.png",
        "snake_0004_scale8_strength0.3_steps2_euler_seed7.png",
    ]
    assert (pictures[0].parent / "prompt.txt").read_text(encoding="utf-8") == "a disc, at dusk\n"
    notes = [record["vary"] for record in ran.sidecars]
    assert [note["from"] for note in notes] == ["first.png", *(path.name for path in pictures[:-1])]
    assert [record["inputs"]["denoise"] for record in ran.sidecars] == [0.35, 0.3, 0.35, 0.3]
    with Image.open(pictures[1]) as opened:
        graph = json.loads(opened.info["prompt"])
    loaded = [node["inputs"]["image"] for node in graph.values() if node["class_type"] == "LoadImage"]
    assert "snake_0001" in loaded[0]
    assert "first" in loaded[1]
    reports = [record["reports"]["Fix Product Color"] for record in ran.sidecars]
    assert abs(reports[0]["mean_lab_before"][1] - reports[0]["mean_lab_reference"][1]) > 4  # the model loses colour
    assert (mean_lab(pictures[-1]) - mean_lab(first_picture))[1:].abs().max() < 1.5
    assert [report["lightness_boost_total"] > 0.7 for report in reports] == [True] * 4


@pytest.mark.slow
def test_apart_from_a_chain_every_pass_begins_with_the_picture(
    comfy_server: ComfyServer, tmp_path: Path, first_picture: Path
) -> None:
    (tmp_path / "prompt.txt").write_text("a disc", encoding="utf-8")
    with smoke_models(comfy_server, "sd15"):
        ran = vary(comfy_server, tmp_path / "out", first_picture, "finalize", "--loops", "2", "--rest", "0,0.01")
        apart = vary(comfy_server, tmp_path / "apart", first_picture, "normal")
    assert ran.code == apart.code == 0, ran.err + apart.err
    assert [record["vary"]["loop"] for record in ran.sidecars] == [1, 1, 1, 2, 2, 2]
    assert {record["vary"]["from"] for record in apart.sidecars} == {"first.png"}
    assert len(apart.sidecars) == 3
    assert len({record["seed"] for record in apart.sidecars}) == 3


# --- what can go wrong -----------------------------------------------------------------------------------------------


def test_mistakes_are_told_before_anything_is_queued(tmp_path: Path, first_picture: Path) -> None:
    nowhere = ("--server", "http://127.0.0.1:9")
    text = tmp_path / "notes.txt"
    text.write_text("no picture", encoding="utf-8")
    for arguments, code, said in (
        ((str(first_picture), "shak", "--prompt", "x"), 2, "Did you mean 'shake'"),
        ((str(first_picture), "god"), 2, "--prompt"),
        ((str(tmp_path / "gone.png"), "god", "--prompt", "x"), 2, "no such file"),
        ((str(tmp_path / "gone.png"), "god"), 2, "no such file"),
        ((str(text), "god", "--prompt", "x"), 2, "not a picture"),
        ((str(first_picture), "god", "--prompt", "x", "--follow", "2"), 2, "0 to 1"),
        ((str(first_picture), "god", "--prompt", "x", "--set", "nothing=1"), 2, "nothing called"),
        ((str(first_picture), "god", "--prompt", "x"), 3, "No ComfyUI answers"),
    ):
        ran = command("vary", *arguments, *nowhere, folder=tmp_path / "out")
        assert ran.code == code, (arguments, ran.err)
        assert said in ran.err, (arguments, ran.err)


def test_ctrl_c_ends_a_chain_and_leaves_nothing_half_written(
    comfy_server: ComfyServer, tmp_path: Path, first_picture: Path
) -> None:
    out = tmp_path / "out"
    with smoke_models(comfy_server, "sd15"):
        process = start_command(
            *("vary", str(first_picture), "video", "--prompt", "a disc", "--loops", "0", "--steps", "2"),
            *("--server", comfy_server.url, "--out", str(out), "--model", smoke_file("sd15")),
        )
        deadline = time.monotonic() + HANG_S
        while len(list(out.rglob("*.png"))) < 2 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, err
    assert len(list(out.rglob("*.png"))) >= 2
    assert not list(out.rglob("*.part"))
    jobs = comfy_server.get("/queue")
    assert not jobs["queue_running"]
    assert not jobs["queue_pending"]
