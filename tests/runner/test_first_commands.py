"""What somebody types who has never seen this: the commands as they come to mind, written down before they were made.

Each works, or is answered with the command that is meant, and ends with the code that the contract has for it. Without
a server "works" is code 3: everything was understood and found, and only the server is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from runner.cli.shops import rules
from runner.cli.words import parse
from runner.suggest import is_near
from runner.workflow.load import available_workflows
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import command, copying, flat

WORKS, ANSWERED, UNDERSTOOD = 0, 2, 3

FIRST = [
    ("", ANSWERED, "packshot photo.jpg --set channel=amazon"),
    ("--help", WORKS, "examples:"),
    ("help", WORKS, "COMMAND|WORKFLOW"),
    ("--version", WORKS, "prodgen "),
    ("version", ANSWERED, "--version"),
    ("packshot photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("photo.jpg", ANSWERED, "packshot photo.jpg"),
    ("photo.jpg cutout", ANSWERED, "cutout photo.jpg"),
    ("photos", ANSWERED, "packshot photos"),
    ("packshot photo.jpg other.jpg", UNDERSTOOD, "outputs/packshot_"),
    ("packshot photos/", UNDERSTOOD, "outputs/packshot_photos"),
    ("packshot photos/*.jpg", UNDERSTOOD, "outputs/packshot_photos"),
    ("packshot --image photo.jpg other.jpg", UNDERSTOOD, "outputs/packshot_"),
    ("Packshot photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot.json photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("workflows/packshot.v3.json photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    (r"workflows\packshot.v3.json photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot.V2 photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot.v99 photo.jpg", ANSWERED, "it has v1, v2"),
    ("packshto photo.jpg", ANSWERED, "packshot photo.jpg"),
    ("submit packshot photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("SUBMIT packshot photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot", ANSWERED, "needs a photo"),
    ("packshot nowhere/", ANSWERED, "there is no folder nowhere/"),
    ("packshot photo.jpg --best", ANSWERED, "packshot photo.jpg --best-of 4"),
    ("packshot photo.jpg --set", ANSWERED, "--set needs a value behind it"),
    ("packshot photo.jpg --set channel", ANSWERED, " has: image, width"),
    ("packshot nothere.jpg", ANSWERED, "there is no photo nothere.jpg"),
    ("packshot phtoo.jpeg", ANSWERED, "Did you mean 'photo.jpg'?"),
    ("packshot phto.jpg", ANSWERED, "Did you mean 'photo.jpg'?"),
    ("packshot photo.jpg amazon", ANSWERED, "--set channel=amazon"),
    ("packshot photo.jpg channel=amazon", ANSWERED, "--set channel=amazon"),
    ("packshot photo.jpg --channel amazon", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot --channel=amazon photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("packshot photo.jpg --chanel amazon", ANSWERED, "there is no option --chanel. Did you mean --channel"),
    ("packshot photo.jpg --channel amazn", ANSWERED, "amazon"),
    ("packshot photo.jpg --channel", ANSWERED, "--set channel=VALUE"),
    ("packshot photo.jpg --amazon", ANSWERED, "packshot photo.jpg --set channel=amazon\n"),
    ("packshot photo.jpg --steps 25", ANSWERED, "there is no option --steps"),
    ("packshot photo.jpg --shadow -1", UNDERSTOOD, "127.0.0.1:9"),
    ("relight_iclight photo.jpg --denoise=0.4 --steps 25 --dry-run", UNDERSTOOD, "1 job would run"),
    ("packshot photo.jpg --sed 3", ANSWERED, "packshot photo.jpg --seed 3\n"),
    ("batch packshot photos --channel amazon --dry-run", UNDERSTOOD, "2 jobs would run"),
    ("batch pakshot photos", ANSWERED, "batch packshot photos\n"),
    ("submit qqq photo.jpg", ANSWERED, "there is no workflow called 'qqq'.\n"),
    ("inputs qqq", ANSWERED, "runner workflows` lists them"),
    ("packshot photo.jpg -o out", ANSWERED, "--out"),
    ("packshot photo.jpg --output out", ANSWERED, "--out"),
    ("packshot photo.jpg --out bag.jpg", ANSWERED, "--name bag"),
    ("packshot photo.jpg --sed 3", ANSWERED, "--seed"),
    ("packshot --set channel=ebay photo.jpg --seed 3 other.jpg", ANSWERED, "seed"),
    ("packshot photos --best-of 3", ANSWERED, "one photo at a time"),
    ("packshot photos --dry-run", UNDERSTOOD, "2 jobs would run"),
    ("batch packshot photos --dry-run", UNDERSTOOD, "2 jobs would run"),
    ("batch photos packshot --dry-run", ANSWERED, "no workflow called 'photos'"),
    ("relight_iclight_bg photo.jpg other.jpg photos/a.jpg", ANSWERED, "takes 2 pictures"),
    ("cutouts photos --dry-run", UNDERSTOOD, "2 jobs would run"),
    ("lifestyle photo.jpg --prompt x", ANSWERED, "shows the commands"),
    ("packsht photo.jpg --seed 3", ANSWERED, "shows the commands"),
    ("packsht photo.jpg --dry-run", ANSWERED, "packshot photo.jpg --dry-run"),
    ("packshot photo.jpg --size 2000", ANSWERED, "photo.jpg --set width=2000 --set height=2000\n"),
    ("packshot photo.jpg --format png", ANSWERED, "saves (packshot: a .jpg and a .png)"),
    ("packshot --photos photos/", ANSWERED, "packshot photos/\n"),
    ("batch packshot --photos photos/", ANSWERED, "batch packshot photos/\n"),
    ("packshot photos/ --dryrun", ANSWERED, "Did you mean --dry-run?"),
    ("packshot photos/ --force", ANSWERED, "another folder with --out"),
    ("packshot photo.jpg --redo", ANSWERED, "another folder with --out"),
    ("packshot photo.jpg --dry-run", UNDERSTOOD, "1 job would run"),
    ("packshot photo.jpg --best-of 8 --preview --dry-run", UNDERSTOOD, "1 job would run"),
    ("submit packshot --best-of=8 photo.jpg --dry-run", UNDERSTOOD, "1 job would run"),
    ("help submit", WORKS, "--dry-run"),
    ("cutout a.jpg", ANSWERED, "Did you mean 'photos/a.jpg'?"),
    ("packshot emptyd", ANSWERED, "error: emptyd: there is no photo in it"),
    ("batch photos/", ANSWERED, "batch packshot photos/\n"),
    ("batch photos cutout", ANSWERED, "batch cutout photos\n"),
    ("submit photo.jpg", ANSWERED, "submit packshot photo.jpg\n"),
    ("amazon photo.jpg", ANSWERED, "packshot photo.jpg --set channel=amazon"),
    ("eBay photos", ANSWERED, "packshot photos --set channel=ebay"),
    ("relight_iclight_bg photo.jpg --dry-run", ANSWERED, "--set image_2=FILE"),
    ("report photos", ANSWERED, "--out of a batch"),
    ("packshot --help", WORKS, "channel:"),
    ("help packshot", WORKS, "channel:"),
    ("help submit", WORKS, "usage:"),
    ("help servers", WORKS, "--ca-file"),
    ("help modles", ANSWERED, "models"),
    ("workflows", WORKS, "packshot "),
    ("workflows list", WORKS, "packshot "),
    ("list", ANSWERED, "workflows"),
    ("rembg photo.jpg", ANSWERED, "cutout photo.jpg"),
    ("stop", ANSWERED, "serve --stop"),
    ("models", WORKS, "to fetch"),
    ("model list", ANSWERED, "models"),
    ("download packshot_birefnet", ANSWERED, "models download --for packshot_birefnet"),
    ("status", UNDERSTOOD, "127.0.0.1:9"),
    ("config", WORKS, "outputs/run"),
    ("serve --port 99999", ANSWERED, "65535"),
    ("inputs packshot", WORKS, "channel"),
    ("channels", WORKS, "walmart: 2200"),
    ("shops", WORKS, "temu: 1350"),
    ("help channels", WORKS, "amazon: 2000"),
    ("help amazon", WORKS, "product fills: 88 %"),
    ("chanels", ANSWERED, "Did you mean: "),
    ("cancl", ANSWERED, "cancel"),
    ("serve --port abc", ANSWERED, "'abc' is no number"),
    ("packshot photo.jpg --count 1.5", ANSWERED, "'1.5' is no whole number"),
    ("packshot photo.jpg --count 0 --dry-run", ANSWERED, "help submit"),
    ("batch packshot photo.jpg --count 0", ANSWERED, "help batch"),
    ("models --for cutout_birefnet", WORKS, "birefnet"),
    ("models chekc", ANSWERED, "Did you mean 'check'?"),
    ("completion", ANSWERED, "SHELL is one of bash, zsh"),
    ("completion bsh", ANSWERED, "none of: bash, zsh"),
    ("completion", ANSWERED, "help completion"),
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos, and a server that is named and is not there."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "emptyd").mkdir()
    for name in ("photo.jpg", "other.jpg", "photos/a.jpg", "photos/b.jpg"):
        Image.new("RGB", (48, 40), "white").save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMFYUI_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.mark.parametrize(("line", "code", "said"), FIRST, ids=[line or "nothing" for line, _, _ in FIRST])
def test_what_is_typed_first(place: Path, line: str, code: int, said: str) -> None:
    run = command(*line.split(" ") if line else [], folder=place)
    assert said in run.out + run.err, run.out + run.err
    assert run.code == code, run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("word", ["chanel", "channl", "candle", "canceling", "scan", "cance_all"])
def test_no_guess_stops_or_takes_back_anything(place: Path, word: str) -> None:
    """But for a slip of one finger."""
    run = command(word, folder=place)
    assert run.code == ANSWERED
    assert "runner cancel" not in run.err
    assert "--stop" not in run.err


@pytest.mark.parametrize("word", ["cancl", "canecl", "cancell", "cuncel", "cancel", "channel", "cncl", "lecnac", ""])
def test_a_slip_of_one_finger(word: str) -> None:
    near = word in ("cancl", "canecl", "cancell", "cuncel", "cancel")
    assert is_near(word, "cancel") is near
    assert is_near("cancel", word) is near


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize(
    "line", ["help", "help servers", "help configuration", "help packshot", "channels", "workflows", "config"]
)
def test_what_is_shown_fits_the_terminal(place: Path, monkeypatch: pytest.MonkeyPatch, columns: int, line: str) -> None:
    """But for commands: one that is broken over two lines cannot be pasted."""
    monkeypatch.setenv("COLUMNS", str(columns))
    run = command(*line.split(), folder=place)
    wide = [
        text for text in run.out.splitlines() if len(text) > columns and "-m runner" not in text and "/" not in text
    ]
    assert wide == []


@pytest.mark.parametrize("columns", [80, 60])
def test_a_model_is_one_line_or_two(place: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run = command("models", "list", "--for", "grip_klein", folder=place)
    assert run.code == 0
    assert "Apache-2.0" in run.out
    assert [text for text in run.out.splitlines() if len(text) > columns and "/" not in text] == []


@pytest.mark.parametrize("line", ["help", "workflows", "models list", "help servers", "packshot nothere.jpg", "config"])
def test_a_console_of_windows_takes_all_of_it(place: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """cp1252 lacks what UTF-8 has: nothing ends with a traceback, and a table keeps its columns."""
    code = f"import sys; from runner.__main__ import main; sys.exit(main({line.split()!r}))"
    environment = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "PRODGEN_CONFIG": "none", "PATH": "/usr/bin"}
    environment["PYTHONPATH"] = str(REPO)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode("cp1252")
    assert "Traceback" not in text
    assert done.returncode == (2 if "nothere" in line else 0), text


RESULTS = [
    ("made.png photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("made.png photo.jpg other.jpg", UNDERSTOOD, "outputs/made_"),
    ("made.png photos", UNDERSTOOD, "outputs/made_photos"),
    ("made.png --images photos --dry-run", UNDERSTOOD, "2 jobs would run"),
    ("made.png --image photo.jpg", UNDERSTOOD, "127.0.0.1:9"),
    ("painted.png", UNDERSTOOD, "127.0.0.1:9"),
    ("painted.png --out photos", UNDERSTOOD, "127.0.0.1:9"),
    ("made.png", ANSWERED, "is a photo"),
    ("made.png --out photos", ANSWERED, "is a photo"),
    ("made.png cutout", ANSWERED, "cutout made.png"),
    ("cutout made.png", UNDERSTOOD, "127.0.0.1:9"),
    ("photo.jpg made.png", ANSWERED, "is a photo"),
    ("plain.png photo.jpg", ANSWERED, "is a photo"),
    ("nothere.png photo.jpg", ANSWERED, "nothere.png"),
]


@pytest.mark.parametrize(("line", "code", "said"), RESULTS, ids=[line for line, _, _ in RESULTS])
def test_a_result_in_front_of_its_photo_is_its_workflow(place: Path, line: str, code: int, said: str) -> None:
    for name, graph in (("made", copying()), ("painted", flat(1)), ("plain", None)):
        text = PngInfo()
        if graph is not None:
            text.add_text("prompt", json.dumps(graph))
        Image.new("RGB", (8, 8)).save(place / f"{name}.png", pnginfo=text)
    run = command(*line.split(" "), folder=place)
    assert said in run.out + run.err, run.out + run.err
    assert run.code == code, run.err


def test_every_workflow_is_a_command_and_has_its_help(place: Path) -> None:
    for name in available_workflows():
        told = command("help", name, folder=place)
        assert told.code == 0
        assert name in told.out


def test_an_input_typed_as_an_option_is_the_input(place: Path) -> None:
    """And the rest of the line stays what it was: a batch that was called by its name goes on with no other."""
    args = parse(["batch", "packshot", "photos", "--channel", "amazon", "--fill=0.8"])
    assert args.set == ["channel=amazon", "fill=0.8"]
    assert args.photos == ["photos"]
    assert args.is_named
    assert parse(["packshot", "photos", "--channel", "ebay", "--resume"]).command == "batch"


def test_nothing_typed_is_a_short_help_and_no_error(place: Path) -> None:
    run = command(folder=place)
    assert run.code == ANSWERED
    assert "error" not in run.out + run.err
    assert len((run.out + run.err).splitlines()) < 15
    assert run.err.count("runner ") >= 7


def test_what_does_not_exist_is_told_in_two_lines(place: Path) -> None:
    for line in ("batch pakshot photo.jpg", "submit pakshot photo.jpg", "inputs pakshot", "inputs qqqqqq"):
        run = command(*line.split(), folder=place)
        assert run.code == ANSWERED
        assert max(map(len, run.err.splitlines())) < 160, run.err


@pytest.mark.parametrize("line", ["packshot my shoe.jpg", "packshot photo.jpg my shoe.jpg --channel amazon"])
def test_a_name_that_a_shell_took_apart_is_put_together(place: Path, line: str) -> None:
    """ "my is no photo" led to another product's photo."""
    (place / "photo.jpg").rename(place / "my shoe.jpg")
    run = command(*line.split(), folder=place)
    assert run.code == ANSWERED
    assert "my shoe.jpg: a name with spaces needs quotes" in run.err
    assert "packshot 'my shoe.jpg'" in run.err or "packshot photo.jpg 'my shoe.jpg'" in run.err


def test_what_comes_through_a_pipe_is_made_by_itself(place: Path) -> None:
    run = command("cutout", "-", "--dry-run", folder=place)
    assert run.code == ANSWERED
    assert "a batch has many" not in run.err and "--dry-run" in run.err


@pytest.mark.parametrize("name", ["nothere.jpg", "bag.jpg", "p.jpg", "sofa.png"])
def test_two_photos_are_not_alike_for_their_endings(place: Path, name: str) -> None:
    (place / "photos" / "text.jpg").touch()
    run = command("packshot", f"photos/{name}", folder=place)
    assert "there is no photo" in run.err
    assert "Did you mean" not in run.err


def test_a_dry_run_answers_in_json_and_keeps_quiet(place: Path) -> None:
    rows = command("packshot", "photos", "--dry-run", "--json", folder=place)
    *jobs, last, failed = rows.events
    assert [Path(job["photos"][0]).name for job in jobs] == ["a.jpg", "b.jpg"]
    assert {job["event"] for job in jobs} == {"planned"}
    assert (last["event"], last["jobs"], last["workflow"].partition(".")[0]) == ("plan", 2, "packshot")
    assert failed["code"] == "no_server"
    quiet = command("packshot", "photos", "--dry-run", "--quiet", folder=place)
    assert quiet.out == ""
    assert quiet.code == rows.code == UNDERSTOOD


def test_every_shop_says_what_it_asks(place: Path) -> None:
    assert len(rules()) > 5
    for name, asked in rules().items():
        told = command("help", name, folder=place)
        assert told.code == 0
        assert asked["pixels"] in told.out
        assert asked["file"] in told.out


def test_where_advice_writes_file_a_file_of_ones_own_belongs(
    place: Path, comfy_server: ComfyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMFYUI_URL", comfy_server.url)
    run = command("packshot", "photo.jpg", "--set", "hint=FILE", folder=place)
    assert run.code == ANSWERED
    assert "FILE stands for the path of a file of yours" in run.err
    assert "white where the product is" in run.err and "studio" in run.err


def test_a_real_packshot_by_two_words(place: Path, comfy_server: ComfyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_URL", comfy_server.url)
    small = ["--set", "width=320", "--set", "height=320"]
    run = command("packshot", str(REPO / "examples" / "handbag.jpg"), *small, folder=place)
    assert run.code == 0, run.err
    made = [Path(line) for line in run.out.splitlines()]
    assert {path.suffix for path in made} == {".jpg", ".png"}
    assert all(path.is_file() for path in made)
