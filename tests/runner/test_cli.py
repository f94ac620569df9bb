"""A command must start fast: what is imported before a job is on its way is part of what it does."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.batch import order_of
from runner.cli.examples import examples_of
from runner.cli.parser import COMMANDS, build_parser, load_command
from runner.cli.words import parse
from runner.execution.session import owner
from runner.invocation import spell
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import Desk, command, inverting

HEAVY = ("requests", "rich", "yaml", "websocket", "numpy", "PIL", "torch", "concurrent.futures")


def imported_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize("name", ["submit", "status", "cancel", "serve"])
def test_the_command_line_is_parsed_without_anything_heavy(name: str) -> None:
    words = [name, "packshot"] if name == "submit" else [name]
    loaded = imported_after(
        f"import runner.__main__\nfrom runner.cli.parser import build_parser\nbuild_parser({words}).parse_args({words})"
    )
    assert not loaded & set(HEAVY)


def test_a_whole_submit_in_a_pipe_never_needs_what_it_does_not_show(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    arguments = desk.arguments(inverting(), "--image", desk.photo())
    loaded = imported_after(
        f"from runner.__main__ import main\nimport contextlib, io\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n    assert main({arguments!r}) == 0"
    )
    assert not loaded & {"requests", "rich", "yaml", "torch", "numpy"}


def test_every_command_has_its_parser_and_its_help() -> None:
    parser = build_parser([])
    shown = parser.format_help()
    for name in COMMANDS:
        assert f"    {name} " in shown
        assert len(examples_of(name)) == 3
        assert callable(load_command(name).run)


def test_the_command_is_recognised_wherever_it_stands() -> None:
    args = build_parser(["submit", "status", "--count", "2"]).parse_args(["submit", "status", "--count", "2"])
    assert (args.command, args.workflow, args.count) == ("submit", "status", 2)


STARTING = [
    "studio",
    "mcp",
    "spin",
    "check",
    "recolor",
    "submit",
    "batch",
    "studio",
    "mcp",
    "cutouts",
    "filter",
    "enhance",
    "caption",
    "train",
    "explore",
    "vary",
    "validate",
    "smoke",
]
ASKING = ["status", "cancel", "inputs"]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_does_without_a_named_server_is_what_its_help_says(name: str) -> None:
    """`serve --server` started nothing there, `status --server` said that it starts something."""
    told = " ".join(command(name, "--help", folder=REPO).out.split())
    assert ("--server URL" in told) == (name in [*STARTING, *ASKING])
    assert ("which is started when nothing answers" in told) == (name in STARTING)
    assert ("then the one that was started here; nothing is started;" in told) == (name in ASKING)
    assert ("help servers`)" in told) == (name in [*STARTING, *ASKING])
    assert "--ca-file" not in told and "--insecure" not in told


def test_logins_and_certificates_are_told_in_one_place() -> None:
    told = command("help", "servers", folder=REPO).out
    for word in ("--ca-file", "--insecure", "$COMFYUI_URL", "$COMFYUI_TOKEN", "$COMFYUI_BASIC_AUTH", "--servers"):
        assert word in told


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_examples_of_a_command_are_lines_of_it(name: str) -> None:
    """Each is parsed as it is shown; what it would do with photos that are not there is another matter."""
    for example in examples_of(name):
        words = shlex.split(example.removeprefix(spell()))
        args = parse(words)
        assert args.command in COMMANDS
        assert name in ("", "submit", args.command)


@pytest.mark.parametrize(
    "name", ["submit", "batch", "cutouts", "report", "models", "explore", "vary", "smoke", "validate", "inputs"]
)
def test_nothing_is_taken_for_the_folder_one_is_in(tmp_path: Path, name: str) -> None:
    """`--images "$PHOTOS"` where that is not set: every picture below the folder one is in was a job."""
    options = {
        "submit": ["--image", "--out", "--server", "--ca-file"],
        "batch": ["--images", "--jobs", "--out", "--metrics"],
        "cutouts": ["--images", "--out", "--metrics", "--servers"],
    }
    words = {"report": [["report", ""]], "models": [["models", "check", "--comfyui", ""]]}
    for given in words.get(name) or [
        [name, "x", option, " "] for option in options.get(name, ["--server", "--ca-file"])
    ]:
        run = command(*given, folder=tmp_path)
        assert run.code == 2
        assert "empty" in run.err


@pytest.mark.parametrize(
    "words",
    [
        "filter p --reference b.jpg",
        "enhance p --sam3",
        "caption p",
        "cutouts p",
        "check bag.jpg p",
        "recolor p --to navy",
    ],
)
def test_every_batch_by_another_name_can_be_tried_as_it_is_advised(words: str) -> None:
    """The same command with --smoke: what is advised where models are missing."""
    assert order_of(parse([*words.split(), "--smoke"]), workflow="cutout").smoke


def test_captions_that_are_made_up_are_put_beside_no_photo(tmp_path: Path) -> None:
    run = command("caption", str(tmp_path), "--tag", "ohwx-bag", "--in-place", "--smoke", folder=tmp_path)
    assert run.code == 2 and "--smoke makes captions up" in run.err


def test_a_glob_that_is_none_is_refused(tmp_path: Path) -> None:
    run = command(
        "batch", "cutout", "--images", f"{tmp_path}/a***b*/x**", "--out", str(tmp_path / "o"), folder=tmp_path
    )
    assert run.code == 2
    assert "Traceback" not in run.err


def test_a_user_whose_name_is_no_text_is_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "\udcff")
    assert len(owner()) == 16
