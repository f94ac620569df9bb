"""`--recipe`: one look for all products; what a recipe may say, and what one of somebody else's cannot make happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from prodgen_nodes.shops.channels import CHANNELS

from runner.cli import settings
from runner.cli.recipe import read_recipe
from runner.cli.words import parse
from runner.errors import UsageError
from runner.workflow.shop_musts import MUSTS
from tests.support.runs import command

FULL = """\
backdrop: "#f4f1ec"
light: {from: 10, height: 40, color: "#ffeedd"}
shadow: 0.25
fill: 0.7
seed: 7
lora: brand.safetensors
lora_strength: 0.8
channels: [Amazon, ebay]
name: "{image}_{channel}"
set:
  cutout_confidence: 0.4
  relight_iclight: {steps: 12, hint: none}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe's folder with a mask in it, and photos elsewhere."""
    for name in ("brand", "photos"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (48, 40), "white").save(tmp_path / "photos" / "bag.jpg")
    Image.new("L", (48, 40), 255).save(tmp_path / "brand" / "hint.png")
    Image.new("L", (48, 40), 255).save(tmp_path / "secret.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMFYUI_URL", raising=False)
    return tmp_path


def settled(place: Path, text: str, *more: str, workflow: str = "packshot") -> tuple[dict[str, object], list[str]]:
    """What a command is told by a recipe, and what is said of it."""
    (place / "brand" / "brand.yaml").write_text(text, encoding="utf-8")
    args = parse([workflow, "photos/bag.jpg", "--recipe", "brand/brand.yaml", *more])
    said = [setting.key for setting in settings.apply(args) if not setting.value and not setting.is_warning]
    return {"name": args.name, "set": sorted(args.set), "channels": args.channels}, said


def test_each_word_goes_to_the_input_that_a_workflow_has_for_it(place: Path) -> None:
    assert settled(place, FULL) == (
        {
            "name": "{image}_{channel}",
            "set": ["background=#f4f1ec", "cutout_confidence=0.4", "fill=0.7", "shadow=0.25"],
            "channels": ("Amazon", "ebay"),
        },
        ["packshot.v6 takes no seed, lora, lora_strength, light.from, light.height, light.color"],
    )
    scene, said = settled(place, FULL.replace(", hint: none", ""), workflow="relight_iclight")
    assert scene["channels"] == ()
    assert {"seed=7", "light_from=10.0", "contact_shadow=0.25", "steps=12", "light_color=#ffeedd"} <= set(scene["set"])  # type: ignore[call-overload]
    assert said == ["relight_iclight.v3 takes no backdrop, lora, lora_strength, channels"]


def test_what_is_typed_wins_over_a_recipe_and_a_recipe_over_a_folder(place: Path) -> None:
    (place / "photos" / "prodgen.toml").write_text('channel = "etsy"\nname = "n"\n[set]\nfill = 0.9\nparts = "largest"')
    typed = ("--set", "fill=0.6", "--channels", "google,temu", "--name", "x")
    assert settled(place, "fill: 0.8\nchannels: [amazon, ebay]\nname: y", *typed)[0] == {
        "name": "x", "set": ["fill=0.6", "parts=largest"], "channels": ("google", "temu"),
    }  # fmt: skip
    assert settled(place, "fill: 0.8\nchannels: amazon")[0] == {
        "name": "n", "set": ["channel=amazon", "fill=0.8", "parts=largest"], "channels": (),
    }  # fmt: skip
    assert settled(place, "channels: [amazon, ebay]", "--set", "channel=temu")[0]["channels"] == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bakdrop: x", "Did you mean 'backdrop'?"),
        ("light: {frm: 3}", "Did you mean 'light.from'?"),
        ("set: {fil: 0.8}", "Did you mean 'fill'?"),
        ("channels: 3", "no list of shops"),
        ("channels: [amason, ebay]", "Did you mean 'amazon'?"),
        ("set: {packshoot: {fill: 0.5}}", "there is no workflow 'packshoot'. Did you mean 'packshot'?"),
        ("set: {nosuchflow: {fill: 0.5}}", "there is no workflow 'nosuchflow'."),
        ("backdrop: #f4f1ec", "backdrop: it is empty. A colour stands in quotes"),
        ("light: {color: #f4f1ec}", "not valid YAML"),
        ("light:\n  color: #f4f1ec", "light.color: it is empty. A colour stands in quotes"),
        ("background: red", "there is no 'background' in a recipe. Did you mean 'backdrop'?"),
        ("contact_shadow: 0.2", "Did you mean 'shadow'?"),
        ("fill: big", "fill: "),
        ("seed: -1", "seed: "),
        ('name: ""', "name: "),
        ("set: {fill: [1]}", "fill is no text"),
        ("- a", "no set of `word: value` lines"),
        ("fill: [", "this is not valid YAML: line 1"),
        ("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + "d: [" + "*c," * 9 + "*c]", "there is no 'a'"),
        ("set: {hint: ../secret.png}", "is no file in its folder"),
        ("set: {hint: {SECRET}}", "is no file in its folder"),
        ("lora: {SECRET}", "is no file in its folder"),
        ("#" * 70_000, "larger than 64 kB"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_and_nothing_of_it_is_done(place: Path, text: str, words: str) -> None:
    from runner.cli.submit import run_spec_of

    (place / "brand" / "brand.yaml").write_text(text.replace("{SECRET}", str(place / "secret.png")), encoding="utf-8")
    workflow = "product_sdxl" if text.startswith("lora") else "packshot"
    args = parse([workflow, "photos/bag.jpg", "--recipe", "brand/brand.yaml"])
    with pytest.raises(UsageError) as told:
        settings.apply(args)
        args.image = ["photos/bag.jpg"]
        run_spec_of(args)
    assert words in str(told.value)


def test_a_recipe_may_speak_of_a_file_of_ones_own(place: Path) -> None:
    (place / "brand" / "mine.v2.json").write_text("{}")
    assert settled(place, "set: {mine: {x: 1}, cutout: {hint: n}, 'packshot.v5': {fill: 0.5}}")[0]["set"] == []


def test_a_file_beside_the_recipe_can_be_named_in_it(place: Path) -> None:
    assert settled(place, "set: {hint: hint.png}")[0]["set"] == [f"hint={Path('brand', 'hint.png')}"]


def test_no_recipe_there_names_the_one_that_may_be_meant(place: Path) -> None:
    (place / "brand" / "brand.yaml").write_text("fill: 0.8")
    with pytest.raises(UsageError, match="there is no such file"):
        read_recipe(place / "brand" / "brnd.yaml")
    with pytest.raises(UsageError, match="--channels and --set channel"):
        settings.apply(parse(["packshot", "photos/bag.jpg", "--set", "channel=ebay", "--channels", "temu,etsy"]))


def warned(place: Path, text: str, *more: str, workflow: str = "packshot") -> list[str]:
    (place / "brand" / "brand.yaml").write_text(text, encoding="utf-8")
    args = parse([workflow, "photos/bag.jpg", "--recipe", "brand/brand.yaml", *more])
    return [setting.key for setting in settings.apply(args) if setting.is_warning]


def test_what_a_shop_would_refuse_is_said_before_anything_is_made(place: Path) -> None:
    look = 'backdrop: "#f4f1ec"\nfill: 0.8\nshadow: 0.25\n'
    (said,) = warned(place, look + "channels: [shopify, etsy, amazon]")
    assert said == (
        "Amazon asks for a pure white ground (backdrop is #f4f1ec), no shadow (shadow is 0.25), 85% to 100% of the "
        "frame (fill is 0.8); its pictures will not pass. For this shop alone: --channels amazon "
        "--set background=#ffffff --set shadow=0 --set fill=0.88"
    )
    way = said.partition("alone: ")[2].split()
    assert warned(place, look + "channels: [shopify, etsy, amazon]", *way) == [], "the way out is one"
    assert len(warned(place, look + "channels: amazon")) == len(warned(place, look, "--set", "channel=Amazon")) == 1
    assert warned(place, look + "channels: [shopify, etsy]") == []
    assert warned(place, look + "channels: [amazon]", workflow="relight_iclight") == []
    (place / "brand" / "brand.yaml").write_text(look + "channels: [amazon, ebay]", encoding="utf-8")
    run = command("batch", "packshot", "photos", "--recipe", "brand/brand.yaml", "--dry-run", folder=place / "out")
    assert "Amazon asks for a pure white ground" in run.err, "a rehearsal says it, too"


def test_what_shops_insist_on_is_what_the_pack_checks() -> None:
    assert set(MUSTS) == set(CHANNELS)
    for name, musts in MUSTS.items():
        channel = CHANNELS[name]
        asked = channel.white, not channel.allows_shadow, channel.fill_range, channel.fill
        assert (musts.white, musts.bare, musts.fill, musts.own) == asked, name
