"""`explore`: rounds of seeds with the facts in the names, a conversation about them, rests, days without growing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.__main__ import main
from runner.cli.gallery import make_run_spec
from runner.cli.parser import build_parser
from runner.errors import UsageError
from runner.explore.shapes import SHAPES, shape_and_cfg
from runner.explore.viewer import viewer_command
from runner.gallery.folder import facts, prompt_folder, prompt_hash
from runner.gallery.rest import Rest, rest
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import Graph, Run, command, node, start_command
from tests.support.smoke import smoke_file, smoke_models
from tests.support.speed import HANG_S, within

# --- what is asked for -----------------------------------------------------------------------------------------------


def test_shapes_and_scale_in_any_order() -> None:
    assert SHAPES == {"portrait": (448, 768), "landscape": (768, 448), "square": (576, 576), "square512": (512, 512)}
    assert shape_and_cfg([]) == (None, None)
    assert shape_and_cfg(["portrait"]) == ((448, 768), None)
    assert shape_and_cfg(["Landscape", "7.5"]) == ((768, 448), 7.5)
    assert shape_and_cfg(["12", "square"]) == ((576, 576), 12.0)
    for words, said in (
        (["potrait"], "Did you mean 'portrait'"),
        (["31"], "from 1 to 30"),
        (["0.5"], "from 1 to 30"),
        (["nan"], "from 1 to 30"),
        (["square", "portrait"], "one too many"),
        (["6", "7"], "one too many"),
    ):
        with pytest.raises(UsageError, match=said):
            shape_and_cfg(words)


def test_rests_come_after_one_three_and_nine() -> None:
    pause = rest("2,10,30")
    assert [pause.after(made) for made in range(10)] == [0, 2, 2, 10, 2, 2, 10, 2, 2, 30]
    assert rest("5").after(9) == 5
    assert rest("0,4").after(1) == 0
    assert not rest("0")
    slept: list[float] = []
    said: list[str] = []
    for made in range(1, 10):
        pause.take(made, said.append, slept.append)
    assert sum(slept) == 2 * 6 + 10 * 2 + 30
    assert len(said) == 3
    assert Rest().after(9) == 0
    for wrong in ("", "a", "1,2,3,4", "-1", "inf", "nan"):
        with pytest.raises(Exception, match="seconds"):
            rest(wrong)


def test_a_folder_per_prompt(tmp_path: Path) -> None:
    folder = prompt_folder(tmp_path, "  a red bag,\n on a table ")
    assert folder == prompt_folder(tmp_path, "a red bag, on a table") == tmp_path / prompt_hash("a red bag, on a table")
    assert (folder / "prompt.txt").read_text(encoding="utf-8") == "a red bag,\n on a table\n"
    assert prompt_folder(tmp_path, "a blue bag") != folder
    assert [path.name for path in folder.iterdir()] == ["prompt.txt"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        prompt_folder(tmp_path / "file", "x")


def test_where_pictures_are_shown(tmp_path: Path) -> None:
    assert viewer_command(None, {}, "linux") is None
    assert viewer_command(None, {}, "darwin") == ["open"]
    assert viewer_command("feh --scale-down", {"DISPLAY": ":0"}, "linux") == ["feh", "--scale-down"]
    assert viewer_command(None, {"PRODGEN_VIEWER": "eog"}, "linux") == ["eog"]
    assert viewer_command("none", {"DISPLAY": ":0", "PRODGEN_VIEWER": "eog"}, "darwin") is None


def test_a_viewer_that_is_no_command_is_refused_in_words() -> None:
    for given in ('"x', "feh 'a", "a\\"):
        with pytest.raises(UsageError, match="opens pictures") as caught:
            viewer_command(given, {}, "linux")
        assert "PRODGEN_VIEWER" in caught.value.advice


def test_mistakes_are_told_before_anything_is_queued(tmp_path: Path) -> None:
    for arguments, code, said in (
        (("a bag", "potrait"), 2, "Did you mean 'portrait'"),
        (("  ",), 2, "prompt is empty"),
        (("a bag", "--size", "100x100"), 2, "multiples of 8"),
        (("a bag", "--rest", "soon"), 2, "seconds"),
        (("a bag", "--rest", "1e10"), 2, "86400"),
        (("a bag", "--rest", "2,inf"), 2, "86400"),
        (("a bag", "--number", "0"), 2, "at least 1"),
        (("a bag", "--set", "nothing=1"), 2, "nothing called"),
        (("a bag", "--set", "steps=2"), 2, "Use --steps"),
        (("a bag", "--set", "Width=128"), 2, "Use --size"),
        (("a bag", "--set", "cfg=7"), 2, "Use a number after the prompt"),
        (("a bag", "--set", "seed=7"), 2, "Use --seed"),
        (("a bag", "--interactive", "--json"), 2, "give one of them"),
        (("a bag", "--workflow", "serie"), 2, "Did you mean 'series'"),
        (("a bag",), 3, "No ComfyUI answers"),
    ):
        ran = command("explore", *arguments, "--server", "http://127.0.0.1:9", folder=tmp_path / "out")
        assert ran.code == code, (arguments, ran.err)
        assert said in ran.err, (arguments, ran.err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["explore", "product_sd15"])
def test_what_is_not_typed_is_the_workflows_own(name: str, tmp_path: Path) -> None:
    words = ["explore", "a bag", "--workflow", name, "--steps", "2", "--out", str(tmp_path)]
    args = build_parser(words).parse_args(words)
    spec = make_run_spec(args, args.workflow, args.prompt, {"cfg": None, "width": 64, "height": None}, {})
    assert spec.values == {"prompt": "a bag", "steps": 2, "width": 64}
    assert args.sampler is None


def test_names_tell_what_is_known() -> None:
    assert facts(scale=7.5, steps=20, sampler="euler") == "scale7.5_steps20_euler"
    assert facts(scale=6, strength=0.35, steps=2, sampler="heun") == "scale6_strength0.35_steps2_heun"
    assert facts(scale=None, steps=4, sampler=None) == "steps4"


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for name, words in (("explore", ("portrait 448×768", "--interactive", "--rest")), ("vary", ("6/0.35", "--follow"))):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        text = capsys.readouterr().out
        assert all(word in text for word in words), text


# --- on a real server, with a smoke model ----------------------------------------------------------------------------


EXPLORE = (sys.executable, "-m", "runner", "explore", "--interactive", "--number", "2")


def small(server: ComfyServer) -> list[str]:
    return ["--server", server.url, "--model", smoke_file("sd15"), "--steps", "2", "--size", "64x64"]


def test_a_round_of_seeds(comfy_server: ComfyServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with smoke_models(comfy_server, "sd15"):
        asked = ["explore", "a red bag", "7.5", "--seed", "40", "--number", "3", "--out", str(out)]
        ran = command(*asked, *small(comfy_server), folder=out)
    assert ran.code == 0, ran.err
    folder = out / prompt_hash("a red bag")
    assert (folder / "prompt.txt").read_text(encoding="utf-8") == "a red bag\n"
    pictures = sorted(folder.glob("*.png"), key=lambda path: path.name.partition("_seed")[2])
    ends = [f"scale7.5_steps2_euler_seed{seed}.png" for seed in (40, 41, 42)]
    assert [path.name.split("_", 1)[1] for path in pictures] == ends
    record = json.loads(pictures[0].with_name(pictures[0].name[:-4] + ".json").read_text(encoding="utf-8"))
    facts = {"prompt": "a red bag", "cfg": 7.5, "steps": 2, "sampler": "euler", "seed": 40, "width": 64, "height": 64}
    assert {name: record["inputs"][name] for name in facts} == facts
    with Image.open(pictures[0]) as opened:
        assert opened.size == (64, 64)
        assert "a red bag" in opened.info["prompt"]
    assert len({path.read_bytes() for path in pictures}) == 3
    assert set(ran.out.split()) == {str(path) for path in pictures}


def test_a_conversation(comfy_server: ComfyServer, tmp_path: Path) -> None:
    out, shown = tmp_path / "out", tmp_path / "shown.txt"
    viewer = tmp_path / "viewer.sh"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {shown}\n', encoding="utf-8")
    viewer.chmod(0o755)
    answers = "/keep 2 9\n\n+in the rain\na blue bag\n/what\n/quit\n"
    with smoke_models(comfy_server, "sd15"):
        ran = subprocess.run(
            [*EXPLORE, "a red bag", "--seed", "7", "--viewer", str(viewer), "--out", str(out), *small(comfy_server)],
            cwd=REPO,
            input=answers,
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "scratch").glob("*.json")]
    made = sorted((record["inputs"]["prompt"], record["seed"]) for record in records)
    first, more, other = "a red bag", "a red bag, in the rain", "a blue bag"
    assert made == sorted(
        [(first, 7), (first, 8), (first, 9), (first, 10), (more, 7), (more, 8), (other, 7), (other, 8)]
    )
    kept = out / prompt_hash(first)
    assert [path.suffix for path in sorted(kept.iterdir())] == [".json", ".png", ".txt"]
    assert "seed8" in next(kept.glob("*.png")).name
    assert "no picture 9" in ran.stderr
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline and len(shown.read_text(encoding="utf-8").split()) < 8:
        time.sleep(0.05)
    assert set(shown.read_text(encoding="utf-8").split()) == {str(path) for path in (out / "scratch").glob("*.png")}


def test_a_terminal_without_a_viewer_works(comfy_server: ComfyServer, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with smoke_models(comfy_server, "sd15"):
        ran = subprocess.run(
            [*EXPLORE, "a bag", "--out", str(tmp_path / "out"), *small(comfy_server)],
            cwd=REPO,
            env={**environment, "PRODGEN_VIEWER": ""},
            input="",  # the end of the input ends the conversation
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert "No picture viewer here" in ran.stderr
    assert [Path(line).is_file() for line in ran.stdout.split()] == [True] * 2


# --- for days --------------------------------------------------------------------------------------------------------


def tiny() -> Graph:
    """A workflow with explore's inputs that paints in milliseconds: a square of a colour by its seed."""
    graph = {
        "1": node("PrimitiveStringMultiline", "input: prompt", value=""),
        "2": node("PrimitiveInt", "input: seed", value=0),
        "3": node("PrimitiveInt", "input: steps", value=1),
        "4": node("PrimitiveFloat", "input: cfg", value=1.0),
        "5": node("PrimitiveString", "input: sampler", value=""),
        "6": node("PrimitiveInt", "input: width", value=16),
        "7": node("PrimitiveInt", "input: height", value=16),
        "8": node("ComfyMathExpression", expression="(a % 1000 + 1) * 16000"),
        "9": node("EmptyImage", width=["6", 0], height=["7", 0], batch_size=1, color=["8", 1]),
        "10": node("SaveImage", "output: picture", images=["9", 0], filename_prefix="tiny"),
    }
    graph["8"]["inputs"]["values.a"] = ["2", 0]
    return graph


@pytest.fixture
def tiny_workflow(tmp_path: Path) -> str:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(tiny()), encoding="utf-8")
    return str(path)


def explore_tiny(server: ComfyServer, workflow: str, out: Path, *more: str) -> Run:
    asked = ["explore", "grey", "--workflow", workflow, "--size", "64x64", "--seed", "1", "--out", str(out)]
    return command(*asked, "--server", server.url, *more, folder=out)


def test_rounds_go_on_with_the_next_seeds(comfy_server: ComfyServer, tmp_path: Path, tiny_workflow: str) -> None:
    ran = explore_tiny(comfy_server, tiny_workflow, tmp_path / "a", "--number", "4", "--rounds", "3")
    assert ran.code == 0, ran.err
    assert sorted(record["seed"] for record in ran.sidecars) == list(range(1, 13))
    began = time.monotonic()
    rested = explore_tiny(comfy_server, tiny_workflow, tmp_path / "b", "--number", "4", "--rest", "0.1,0.5")
    assert rested.code == 0, rested.err
    assert time.monotonic() - began >= 0.1 + 0.1 + 0.5  # after the first, the second and the third; not at the end
    assert len(rested.sidecars) == 4


@pytest.mark.slow
def test_memory_stays_flat_over_hundreds_of_pictures(
    comfy_server: ComfyServer, tmp_path: Path, tiny_workflow: str
) -> None:
    """Between one round and thirty, next to nothing is held on to."""

    def held(rounds: str) -> int:
        tracemalloc.start()
        try:
            ran = explore_tiny(comfy_server, tiny_workflow, tmp_path / rounds, "--number", "12", "--rounds", rounds)
            assert ran.code == 0, ran.err
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    held("1")  # what is imported and cached once
    short, long = held("2"), held("30")
    assert long < short + 600_000


def test_a_round_that_fails_altogether_ends_it(comfy_server: ComfyServer, tmp_path: Path) -> None:
    broken: dict[str, Any] = tiny()
    broken["8"]["inputs"]["expression"] = "a / (a - a)"  # fails whatever the seed is
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken), encoding="utf-8")
    ran = explore_tiny(comfy_server, str(path), tmp_path / "out", "--number", "2", "--rounds", "0")
    assert ran.code == 5, ran.err
    assert [line[:11] for line in ran.err.splitlines() if " failed: " in line] == ["1/2 failed:", "2/2 failed:"]


def test_ctrl_c_ends_it_at_once_even_while_resting(
    comfy_server: ComfyServer, tmp_path: Path, tiny_workflow: str
) -> None:
    out = tmp_path / "out"
    process = start_command(
        *("explore", "grey", "--workflow", tiny_workflow, "--size", "64x64", "--rounds", "0", "--rest", "60"),
        *("--server", comfy_server.url, "--out", str(out)),
    )
    _wait(lambda: len(list(out.rglob("*.json"))) >= 1, process)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, err
    assert within(5, began)
    assert len(list(out.rglob("*.png"))) == 1
    assert not list(out.rglob("*.part"))


def test_ctrl_c_at_the_question_ends_a_conversation(
    comfy_server: ComfyServer, tmp_path: Path, tiny_workflow: str
) -> None:
    out = tmp_path / "out"
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    asked = [*EXPLORE[3:], "grey", "--workflow", tiny_workflow, "--size", "64x64", "--viewer", "none"]
    start = f"{listening}; from runner.__main__ import main; raise SystemExit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *asked, "--server", comfy_server.url, "--out", str(out)],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait(lambda: len(list(out.rglob("*.json"))) == 2, process)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=HANG_S) == 130
    _, err = process.communicate()
    assert "/quit" in err
    assert "Interrupted" in err


def _wait(done: Callable[[], bool], process: subprocess.Popen[str], seconds: float = HANG_S) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
