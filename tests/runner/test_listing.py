"""What a picture says of itself: XMP in every kind of file, its pixels untouched, and what each workflow's is."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from runner.desk.with_cutout import with_cutout
from runner.errors import UsageError
from runner.execution.listing import asked_of, inscribe, listing
from runner.files.credentials import decide
from runner.files.verify import png_has_graph
from runner.files.xmp import SOURCES, add_xmp, packet
from runner.workflow.graph import Workflow
from runner.workflow.index import read_index
from runner.workflow.load import available_workflows, load_workflow
from tests.runner.test_channels import bag
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, inverting

FACTS = {
    "title": "Brown & <black> bag",
    "alt": "A brown & <black> bag on a plain ground – “left”.",
    "digital_source_type": "compositeWithTrainedAlgorithmicMedia",
}
CORE, EXT = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def told(path: Path) -> dict[str, str]:
    """What Pillow finds in a file, read as XML."""
    root = ElementTree.fromstring(packet_in(path))
    words = {"title": "{http://purl.org/dc/elements/1.1/}title", "alt": f"{{{CORE}}}AltTextAccessibility"}
    found = {key: root.find(f".//{name}") for key, name in words.items()}
    said = {key: "".join(one.itertext()) for key, one in found.items() if one is not None}
    (about,) = root.iter(f"{{{RDF}}}Description")
    return said | {"digital_source_type": about.attrib[f"{{{EXT}}}DigitalSourceType"].removeprefix(URI)}


def packet_in(path: Path) -> str:
    with Image.open(path) as picture:
        found = picture.info.get("XML:com.adobe.xmp") or picture.info.get("xmp") or ""
    return found.decode() if isinstance(found, bytes) else str(found)


@pytest.fixture(params=["png", "rgba.png", "jpg", "exif.jpg", "webp", "lossless.webp", "exif.webp"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A picture of each kind, with its graph or its EXIF where it has one."""
    noise = np.random.default_rng(3).integers(0, 256, (37, 53, 4), dtype=np.uint8)
    image = Image.fromarray(noise if request.param in ("rgba.png", "lossless.webp") else noise[..., :3])
    path = tmp_path / f"picture.{request.param}"
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps({"1": {}}))
    exif = Image.Exif()
    exif[0x010F] = "prompt: {}"
    options = {"pnginfo": info} if path.suffix == ".png" else {"exif": exif} if "exif" in path.name else {}
    image.save(path, **options, **({"lossless": True} if "lossless" in path.name else {}))
    return path


def test_a_file_says_it_and_keeps_every_pixel_and_whatever_it_carried(picture: Path) -> None:
    with Image.open(picture) as before:
        pixels, exif, texts = np.asarray(before), dict(before.getexif()), dict(getattr(before, "text", {}))
    inscribe(picture, picture.suffix, FACTS)
    assert told(picture) == FACTS
    with Image.open(picture) as after:
        assert np.array_equal(np.asarray(after), pixels)
        assert dict(after.getexif()) == exif
        assert {key: getattr(after, "text", {}).get(key) for key in texts} == texts
    if picture.suffix == ".png":
        assert png_has_graph(picture)
    whole = picture.read_bytes()
    assert not add_xmp(picture, packet(source="humanEdits")), "what says it already is left alone"
    assert picture.read_bytes() == whole


def test_exiftool_reads_it(picture: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("NOT RUN: no exiftool (Debian: libimage-exiftool-perl)")
    inscribe(picture, picture.suffix, FACTS)
    asked = ["exiftool", "-j", "-n", "-XMP:all", "-warning", str(picture)]
    (read,) = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    assert read["DigitalSourceType"] == URI + FACTS["digital_source_type"]
    assert (read["Title"], read["AltTextAccessibility"]) == (FACTS["title"], FACTS["alt"])
    assert "Warning" not in read


def gif(path: Path) -> Path:
    first, *more = [Image.new("RGB", (20, 16), (shade, 90, 30)) for shade in (3, 90, 200)]
    first.save(path, save_all=True, append_images=more, duration=80)
    return path


def mp4(path: Path) -> Path:
    """The boxes of a film, the large one with a length of 64 bits; none of them is looked into."""
    boxes = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4sQ", 1, b"mdat", 20) + b"\0\1\2\3"
    path.write_bytes(boxes + struct.pack(">I4s", 8, b"moov"))
    return path


def test_a_moving_picture_says_it_too_and_what_was_there_stays_where_it_was(tmp_path: Path) -> None:
    moving, film = gif(tmp_path / "a.gif"), mp4(tmp_path / "a.mp4")
    with Image.open(moving) as before:
        shown = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(before)]
    whole = film.read_bytes()
    inscribe(moving, ".gif", FACTS)
    inscribe(film, ".mp4", FACTS)
    told_by, _, rest = moving.read_bytes().partition(b"\x21\xff\x0bXMP DataXMP")[2].partition(b"\x01\xff\xfe")
    assert ElementTree.fromstring(told_by) is not None and b"digitalsourcetype/composite" in told_by
    assert (rest[:1], rest[-5:]) == (b"\xfd", b"\x02\x01\0\0;")
    with Image.open(moving) as after:
        again = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(after)]
    assert len(shown) == 3 and all(np.array_equal(*pair) for pair in zip(shown, again, strict=True))
    said = film.read_bytes()
    assert said.startswith(whole)
    size, kind = struct.unpack_from(">I4s", said, len(whole))
    assert (size, kind) == (len(said) - len(whole), b"uuid")
    assert said[len(whole) + 8 :][:16].hex() == "be7acfcb97a942e89c71999491e3afac"
    assert b"digitalsourcetype/composite" in said[len(whole) + 24 :]
    for path in (moving, film):
        held = path.read_bytes()
        assert not add_xmp(path, packet(source="humanEdits")) and path.read_bytes() == held
    if shutil.which("exiftool") is not None:
        asked = ["exiftool", "-j", "-XMP:all", "-warning", str(moving)]
        (read,) = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
        assert read["Title"] == FACTS["title"] and "Warning" not in read


def test_a_film_whose_last_box_has_no_end_is_left_alone(tmp_path: Path) -> None:
    path = mp4(tmp_path / "a.mp4")
    for rest in (struct.pack(">I4s", 0, b"free"), b"\0\0", struct.pack(">I4s", 99, b"free")):
        whole = mp4(path).read_bytes() + rest
        path.write_bytes(whole)
        assert not add_xmp(path, packet(source="humanEdits")) and path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture at all"])
def test_what_takes_no_xmp_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    assert not add_xmp(path, packet(source="humanEdits"))
    assert path.read_bytes() == content


def test_every_published_workflow_says_where_its_pictures_come_from() -> None:
    known = read_index().listing
    assert set(known) == set(available_workflows())
    for name, one in known.items():
        graph = load_workflow(name).graph
        paints = any("Sampler" in node["class_type"] or "Upscale" in node["class_type"] for node in graph.values())
        source = one.get("source")
        assert source is None or source in SOURCES, name
        assert not (paints and source == "humanEdits"), f"{name} generates pixels"


def test_words_of_a_node_are_made_harmless_and_unknown_ones_are_left_out() -> None:
    asked = asked_of(load_workflow("packshot"))
    assert asked == {"digital_source_type": "humanEdits", "shows": "on a plain ground"}
    reports = {"a": "text", "b": {"listing": {"title": "Bag\x1b[31m\x00", "thing": "A bag" + "x" * 900}}}
    facts = listing(asked, reports)
    assert "\x1b" not in facts["title"] and "\x00" not in facts["title"]
    assert len(facts["alt"]) < 250
    assert listing(asked, {"b": {"listing": 3}}) == {"digital_source_type": "humanEdits"}
    assert listing({}, reports) == {}


def longer(name: str, folder: Path, **changed: Any) -> Workflow:
    """A workflow that saves its cut-out as well, with some of its nodes changed."""
    workflow = with_cutout(load_workflow(name), folder)
    workflow.path.write_text(json.dumps({**workflow.graph, **changed}))
    return load_workflow(str(workflow.path))


@pytest.mark.parametrize(
    "name", ["packshot", "relight_iclight", "scene_sdxl", "scene_klein", "grip_sdxl", "grip_klein"]
)
def test_with_its_cut_out_saved_as_well_a_workflow_says_the_same(name: str, tmp_path: Path) -> None:
    """The studio makes pictures so, also those that a model painted."""
    workflow = longer(name, tmp_path)
    assert workflow.name != name
    assert asked_of(workflow) == asked_of(load_workflow(name)) != {}


def test_somebodys_own_file_of_such_a_name_says_nothing(tmp_path: Path) -> None:
    graph = longer("packshot", tmp_path).graph
    last = str(1 + max(map(int, graph)))
    painting = {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "KSampler"}}
    assert asked_of(longer("packshot", tmp_path, **{last: painting})) == {}
    result, node = next(
        (key, one) for key, one in graph.items() if one["_meta"]["title"].startswith("output: packshot")
    )
    name = next(name for name, value in node["inputs"].items() if isinstance(value, list))
    rewired = {**node, "inputs": {**node["inputs"], name: ["1", 0]}}
    assert asked_of(longer("packshot", tmp_path, **{result: rewired})) == {}
    assert asked_of(longer("packshot", tmp_path)) != {}


@pytest.mark.parametrize(("verdict", "told"), [("found", True), ("unsure", False), ("not found", False)])
def test_what_was_passed_on_untouched_is_not_called_generated(verdict: str, told: bool) -> None:
    """`enhance` leaves a picture without the product as it is; where that comes from nobody knows here."""
    seen = {"verdict": verdict, "found_from": 0.5, "passed": told}
    facts = listing({"digital_source_type": "compositeWithTrainedAlgorithmicMedia"}, {"Require Product": seen})
    assert ("digital_source_type" in facts) is told


def test_a_real_packshot_says_it_in_every_file_and_in_its_record(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    values = ("--set", "width=300", "--set", "height=300", "--set", "cutout=plain_backdrop")
    run = desk.submit("packshot", bag(tmp_path / "bag.png"), *values)
    assert run.code == 0, run.err
    (record,) = run.sidecars
    assert record["listing"]["digital_source_type"] == "humanEdits"
    assert record["listing"]["title"].split()[0] in ("Red", "Dark", "Crimson", "Burgundy", "Berry", "Maroon", "Wine")
    assert record["listing"]["alt"].endswith(" on a plain ground.")
    assert [told(path) for path in run.pictures] == [record["listing"]] * 2
    assert all(file["bytes"] == (desk.out / file["file"]).stat().st_size for file in record["files"])
    own = Desk(tmp_path / "own", comfy_server.url)
    own.folder.mkdir()
    mine = own.submit(inverting(), own.photo())
    (record,) = mine.sidecars
    assert "listing" not in record
    assert not packet_in(mine.pictures[0]), "a workflow of somebody's own is not spoken for"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for signing, signed by an authority that was made for this test, and its key."""
    pytest.importorskip("c2pa", reason="NOT RUN: no c2pa-python (pip install -e '.[c2pa]')")
    from tests.support.certificate import for_signing

    return for_signing(tmp_path_factory.mktemp("signer"))


def credentials_in(path: Path) -> dict[str, Any]:
    import c2pa

    with path.open("rb") as stream:
        mime = {".jpg": "image/jpeg"}.get(path.suffix, f"image/{path.suffix[1:]}")
        return dict(json.loads(c2pa.Reader(mime, stream).json()))


def test_a_signed_picture_says_who_made_it_how_and_keeps_pixels_and_words(
    signer: tuple[Path, Path], picture: Path
) -> None:
    with Image.open(picture) as before:
        pixels = np.asarray(before)
    decide(*signer)
    try:
        inscribe(picture, picture.suffix, FACTS)
    finally:
        decide(None, None)
    said = credentials_in(picture)
    manifest = said["manifests"][said["active_manifest"]]
    (action,) = next(one for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))["data"][
        "actions"
    ]
    assert action["digitalSourceType"] == URI + FACTS["digital_source_type"]
    assert manifest["signature_info"]["issuer"] == "A test shop"
    assert {one["code"] for one in said.get("validation_status", [])} == {"signingCredential.untrusted"}, "a made one"
    assert told(picture) == FACTS
    with Image.open(picture) as after:
        assert np.array_equal(np.asarray(after), pixels)


def test_what_cannot_sign_is_refused_before_anything_is_made(signer: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = signer
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate", encoding="utf-8")
    for given, words in (
        ((certificate, None), "go together"),
        ((certificate, tmp_path / "none.pem"), "cannot be read"),
        ((certificate, junk), "no key in PEM"),
        ((junk, key), "cannot be signed"),
    ):
        with pytest.raises(UsageError, match=words):
            decide(*given)


def test_without_the_library_the_way_to_get_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    run = command("packshot", "x.jpg", "--c2pa-cert", "a.pem", "--c2pa-key", "b.pem", folder=tmp_path)
    assert run.code == 2
    assert "pip install -e '.[c2pa]'" in run.err
