"""`prodgen.toml`: what holds where nothing is typed, and what a folder of somebody else's cannot make happen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from runner.cli import settings
from runner.cli.parser import DEFAULT_OUT
from runner.cli.words import parse
from runner.errors import UsageError
from tests.support.runs import Run, command, copying


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photos, another one where the user is, and the user's own settings."""
    for name in ("photos", "here", "own"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (48, 40), "white").save(tmp_path / "photos" / "bag.jpg")
    Image.new("L", (48, 40), 255).save(tmp_path / "photos" / "hint.png")
    Image.new("L", (48, 40), 255).save(tmp_path / "secret.png")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PRODGEN_CONFIG", str(tmp_path / "own" / "prodgen.toml"))
    monkeypatch.delenv("COMFYUI_URL", raising=False)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "prodgen.toml").write_text(text, encoding="utf-8")


def settled(place: Path, *more: str, workflow: str = "packshot") -> dict[str, object]:
    args = parse([workflow, str(place / "photos" / "bag.jpg"), *more])
    settings.apply(args)
    return {"out": args.out, "name": args.name, "set": sorted(args.set), "server": args.server}


def test_without_a_file_nothing_is_other_than_it_was(place: Path) -> None:
    assert settled(place) == {"out": DEFAULT_OUT, "name": None, "set": [], "server": []}


def test_each_place_says_what_the_one_before_left_open(place: Path) -> None:
    write(place / "photos", 'channel = "amazon"\nout = "shop"')
    write(place / "here", 'channel = "ebay"\nname = "{image}"\n[set]\nfill = 0.8')
    write(
        place / "own",
        'channel = "etsy"\nname = "x"\nserver = "gpu:8188"\n[set.packshot]\nshadow = 0\n[set.cutout]\nhint="n"',
    )
    assert settled(place) == {
        "out": place / "photos" / "shop",
        "name": "{image}",
        "set": ["channel=amazon", "fill=0.8", "shadow=0"],
        "server": ["gpu:8188"],
    }


def test_what_is_typed_wins(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "photos", 'channel = "amazon"\nout = "shop"\nname = "y"')
    write(place / "own", 'server = "gpu:8188"')
    typed = ("--set", "Channel=ebay", "--out", "o", "--name", "n", "--server", "other:1")
    assert settled(place, *typed) == {"out": Path("o"), "name": "n", "set": ["Channel=ebay"], "server": ["other:1"]}
    monkeypatch.setenv("COMFYUI_URL", "http://third:1")
    assert settled(place)["server"] == []


def test_a_channel_is_for_those_that_have_one(place: Path) -> None:
    write(place / "photos", 'channel = "amazon"')
    assert settled(place, workflow="cutout")["set"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('chanel = "amazon"', "Did you mean 'channel'?"),
        ("channel = 3", "channel is no text"),
        ("[set]\nfil = 0.8", "Did you mean 'fill'?"),
        ("[set.packshot]\nfil = 0.8", "packshot.v6 has no input 'fil'"),
        ('[set]\n"4.width" = 3', "no input of a workflow"),
        ("[set]\nfill = [1, 2]", "fill is no text"),
        ("set = 3", "set is no table"),
        ("channel = ", "not valid TOML"),
        ("a = " + "[" * 10_000, "not valid TOML"),
        ("a = " + "{a=" * 5_000, "not valid TOML"),
        ("a" + ".a" * 2_000 + " = 1", "no setting 'a'"),
        ("out = '/tmp'", "leads out of its folder"),
        ("out = '..'", "leads out of its folder"),
        ("out = 'a/../../b'", "leads out of its folder"),
        ("out = 'C:\\x'", "leads out of its folder"),
        ("out = '\\\\host\\x'", "leads out of its folder"),
        ("out = '~/x/../..'", "leads out of its folder"),
        ("out = 'link'", "leads out of its folder"),
        ("name = '../x'", "leads out of --out"),
        ("name = '{nothing}'", "there is no {nothing}"),
        ("server = 'evil.example.com'", "names a server"),
        ("[set]\nhint = '../secret.png'", "no file in its folder"),
        ("[set]\nhint = '/etc/hostname'", "no file in its folder"),
        ("[set]\nhint = 'leads/secret.png'", "no file in its folder"),
    ],
)
def test_a_folder_of_somebody_else_is_refused_in_words(place: Path, text: str, words: str) -> None:
    (place / "photos" / "link").symlink_to(place / "own")
    (place / "photos" / "leads").symlink_to(place)
    write(place / "photos", text)
    run = command("packshot", str(place / "photos" / "bag.jpg"), "--server", "127.0.0.1:9", folder=place)
    assert run.code == 2, run.err
    assert words in run.err
    assert "prodgen.toml" in run.err or "--name" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("value", ["{0}", "~/key", "leads/key", "inside,{0}", "inside|{0}", " {0} "])
@pytest.mark.parametrize("many", [False, True])
def test_no_folder_hands_over_a_file_outside_whatever_the_node_is(
    place: Path, monkeypatch: pytest.MonkeyPatch, value: str, many: bool
) -> None:
    """Only the server knows that `Load3D` takes a file, and it says so when the value has been taken already."""
    monkeypatch.setenv("HOME", str(place / "own"))
    (place / "own" / "key").write_text("geheim")
    (place / "here" / "leads").symlink_to(place / "own")
    graph = copying()
    graph["3d"] = {
        "class_type": "Load3D",
        "inputs": {"model_file": "none", "image": "", "width": 64, "height": 64},
        "_meta": {"title": "input: model = model_file"},
    }
    (place / "w.json").write_text(json.dumps(graph))
    write(place / "photos", f"[set]\nmodel = '{value.format(place / 'own' / 'key')}'")
    words = [str(place / "w.json"), str(place / "photos" / ("" if many else "bag.jpg"))]
    run = command(*words, "--server", "127.0.0.1:9", folder=place)
    assert run.code == 2, run.err
    assert "is no file in its folder" in run.err
    write(place / "own", f"[set]\nmodel = '{place / 'own' / 'key'}'")
    (place / "photos" / "prodgen.toml").unlink()
    assert command(*words, "--server", "127.0.0.1:9", folder=place).code == 3  # one's own settings may


def test_a_folder_hands_over_its_own_files_only(place: Path) -> None:
    write(place / "photos", "[set]\nhint = 'hint.png'")
    assert settled(place)["set"] == [f"hint={place / 'photos' / 'hint.png'}"]


@pytest.mark.parametrize("where", ["photos", "here"])
def test_no_folder_names_a_server_for_any_command(place: Path, where: str) -> None:
    """Also not the one that the user has gone into."""
    write(place / where, 'server = "http://evil.example.com"')
    for words in (["packshot", str(place / "photos" / "bag.jpg")], ["packshot", str(place / "photos"), "--dry-run"]):
        run = command(*words, folder=place)
        assert (run.code, "names a server" in run.err) == (2, True)
    if where == "here":
        assert command("status", folder=place).code == 2


def test_ones_own_holds_no_password(place: Path) -> None:
    write(place / "own", 'server = "http://me:geheim@gpu:8188"')
    run = command("status", folder=place)
    assert run.code == 2
    assert "geheim" not in run.err
    assert "$COMFYUI_BASIC_AUTH" in run.err


def test_what_holds_is_told_on_every_run(place: Path) -> None:
    write(place / "photos", 'channel = "amazon"\nout = "shop"')
    run = command("packshot", str(place / "photos" / "bag.jpg"), "--server", "127.0.0.1:9", folder=place)
    assert run.code == 3
    assert f"{place / 'photos' / 'prodgen.toml'}: out={place / 'photos' / 'shop'}, channel=amazon" in run.err


def test_config_shows_what_holds_and_from_where(place: Path) -> None:
    write(place / "photos", 'channel = "amazon"')
    write(place / "own", 'channel = "ebay"\nserver = "gpu:8188"\n[set]\nsteps = 25')
    run = command("config", str(place / "photos"), "--json", folder=place)
    rows = {row["key"]: row for row in map(json.loads, run.out.splitlines())}
    own = str(place / "own" / "prodgen.toml")
    assert rows["channel"] == {"key": "channel", "value": "amazon", "from": str(place / "photos" / "prodgen.toml")}
    assert (rows["server"]["value"], rows["server"]["from"]) == ("gpu:8188", own)
    assert (rows["set.steps"]["value"], rows["out"]["from"]) == ("25", "default")
    shown: Run = command("config", str(place / "photos"), folder=place)
    assert "amazon" in shown.out and own in shown.out


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("out = '../x'", "out"),
        ("name = '../x'", "name"),
        ("channel = 'amazn'", "channel"),
        ("[set]\nhint = '../secret.png'", "set.hint"),
        ("[set]\nfill = '/etc/passwd'", "set.fill"),
        ("[set]\nfil = 1", "set.fil"),
        ("[set]\nfill = 'abc'", "set.fill"),
        ("[set.packshot]\nfil = 1", "set.packshot.fil"),
    ],
)
def test_config_does_not_show_as_what_holds_what_a_run_refuses(place: Path, text: str, key: str) -> None:
    write(place / "photos", text + "\n")
    refused = command("packshot", str(place / "photos" / "bag.jpg"), "--server", "127.0.0.1:9", folder=place)
    told = command("config", str(place / "photos"), folder=place)
    assert (refused.code, told.code) == (2, 2), refused.err
    assert key not in told.out.split()
    assert "A run refuses this" in told.err
    asked = command("config", str(place / "photos"), "--json", folder=place)
    rows = {row["key"]: row for row in map(json.loads, asked.out.splitlines())}
    assert asked.code == 2
    assert [name for name, row in rows.items() if "refused" in row] == [key]


@pytest.mark.parametrize("text", ["channel = 'amazon'", "[set]\nfill = '0.8,0.9'", "[set.mine]\nx = 1", "out = 'shop'"])
def test_config_refuses_nothing_that_a_run_takes(place: Path, text: str) -> None:
    write(place / "photos", text)
    assert command("config", str(place / "photos"), folder=place).code == 0


def test_config_tells_all_that_is_wrong_at_once(place: Path) -> None:
    text = 'server = "http://x:1"\nchanel = "a"\nout = 3\nname = "{nope}"\n[set]\n"a.b" = 1\nfill = 0.8\n'
    text += "[set.packshot]\nshadow = [1]\n"
    (place / "prodgen.toml").write_text(text, encoding="utf-8")
    run = command("config", str(place), folder=place)
    assert run.code == 2
    for fault in ("names a server", "'chanel'", "out is no text", "{nope}", "'a.b' is no input", "shadow is no text"):
        assert fault in run.err, fault
    assert "set.fill" in run.out
    assert '"refused"' in command("config", str(place), "--json", folder=place).out


def test_the_usual_place_is_that_of_the_system(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRODGEN_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "xdg"))
    own = settings.own_file()
    assert own is not None and own.parts[-2:] == ("prodgen", "prodgen.toml")
    monkeypatch.setenv("PRODGEN_CONFIG", "none")
    assert settings.own_file() is None


def test_a_file_that_is_none_is_not_waited_for(place: Path) -> None:
    import os

    os.mkfifo(place / "photos" / "prodgen.toml")
    assert settled(place)["set"] == []
    write(place / "here", "#" * 70_000)
    with pytest.raises(UsageError, match="larger than"):
        settled(place)


@pytest.mark.parametrize("named", ["packshoot", "pakshot.v5", "cutuot", "packshot.v99"])
def test_a_mistyped_workflow_is_no_workflow(place: Path, named: str) -> None:
    write(place / "photos", f'[set."{named}"]\nfill = 0.5')
    with pytest.raises(UsageError, match=r"there is no workflow .*Did you mean '(packshot|cutout)'|no version v99"):
        settled(place)
    told = command("config", str(place / "photos"), folder=place)
    assert told.code == 2 and named not in told.out and "A run refuses this" in told.err


def test_a_section_is_for_a_workflow_in_any_case_for_one_version_or_for_a_file_of_ones_own(place: Path) -> None:
    text = '[set.Packshot]\nfill = 0.5\nshadow = 0\n[set."packshot.v5"]\nfill = 0.6\n[set.mine]\nx = 1'
    write(place / "photos", text)
    assert settled(place)["set"] == ["fill=0.5", "shadow=0"]
    assert settled(place, workflow="packshot.v5")["set"] == ["fill=0.6", "shadow=0"]
    args = parse(["packshot", str(place / "photos" / "bag.jpg")])
    assert "there is no workflow 'mine' here" in [one.key for one in settings.apply(args)]
