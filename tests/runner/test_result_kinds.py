"""What a result is called is what it is: a picture of another kind gets its own suffix, what is none is refused."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.recover import tidy
from runner.errors import NodeFailedError
from runner.files.verify import png_has_graph
from tests.runner.test_results import outputs_of, save
from tests.support.fake import FakeServer

KINDS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "AVIF": ".avif"}
CALLED = {**{suffix: kind for kind, suffix in KINDS.items()}, ".jpeg": "JPEG", ".tiff": "TIFF", ".apng": "PNG"}


def as_kind(kind: str, colour: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (colour, 30, 30)).save(stream, kind)
    return stream.getvalue()


class Says:
    """A server whose every file is `data`, or what `files` has for its name."""

    def __init__(self) -> None:
        self.data = b""
        self.files: dict[str, bytes] = {}
        self.server = FakeServer(self.answer)

    def answer(self, path: str) -> tuple[int, bytes]:
        return 200, next((data for name, data in self.files.items() if f"filename={name}" in path), self.data)


@pytest.fixture(scope="module")
def says() -> Iterator[Says]:
    made = Says()
    with made.server:
        yield made


@pytest.mark.parametrize("called", CALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_saved_as_what_it_is(says: Says, tmp_path: Path, kind: str, called: str) -> None:
    """A JPEG that was called .png was saved as one: a shop refuses it."""
    says.data = as_kind(kind)
    saved = save(says.server, outputs_of({"filename": f"made_00001_{called.upper()}"}), tmp_path / "bag")
    suffix = called if CALLED[called] == kind else KINDS[kind]
    assert [path.name for path in sorted(tmp_path.iterdir())] == sorted(["bag.json", f"bag{suffix}"])
    assert [file.path.name for file in saved.files] == [f"bag{suffix}"]
    assert json.loads(saved.sidecar.read_text())["files"][0]["file"] == f"bag{suffix}"
    with Image.open(saved.files[0].path) as picture:
        assert picture.format == kind
    assert kind != "PNG" or suffix != ".png" or png_has_graph(saved.files[0].path)


def test_several_of_one_job_keep_their_own_names(says: Says, tmp_path: Path) -> None:
    says.files = {"a": as_kind("JPEG"), "b": as_kind("PNG"), "c": as_kind("JPEG", 90), "d": as_kind("JPEG", 20)}
    (tmp_path / "bag.jpg").write_bytes(b"somebody's own")
    listed = [{"filename": f"{name}_00001_.png"} for name in says.files]
    saved = save(says.server, outputs_of(*listed), tmp_path / "bag")
    says.files = {}
    assert [file.path.name for file in saved.files] == ["bag_01.jpg", "bag.png", "bag_02.jpg", "bag_03.jpg"]
    assert len({file.path.read_bytes() for file in saved.files}) == 4
    assert (tmp_path / "bag.jpg").read_bytes() == b"somebody's own"
    assert len(list(tmp_path.iterdir())) == 6


CUT = st.builds(lambda kind, end: as_kind(kind)[:end], st.sampled_from([*KINDS]), st.integers(1, 40))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=40) | CUT, st.sampled_from([*CALLED]))
def test_what_is_no_whole_picture_is_never_saved_as_one(says: Says, data: bytes, called: str) -> None:
    says.data = data
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(NodeFailedError):
            save(says.server, outputs_of({"filename": f"made_00001_{called}"}), Path(folder) / "bag")
        assert not list(Path(folder).iterdir())


@pytest.mark.parametrize("called", [".mp4", ".txt", ".glb", ".exe", "", ".html"])
def test_other_kinds_of_files_are_left_as_they_are(says: Says, tmp_path: Path, called: str) -> None:
    says.data = as_kind("JPEG")
    saved = save(says.server, outputs_of({"filename": f"made_00001_{called}"}), tmp_path / "bag")
    assert saved.files[0].path.suffix == (called if called in (".mp4", ".txt", ".glb") else ".bin")


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
PASSIVE = (
    '<defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs><path d="M0 0L9 9" fill="url(#g)"/>',
    '<style>.a{fill:url("#g");stroke:red}</style><use xlink:href="#a"/><text x="2">onload=script</text>',
    '<image href="data:image/png;base64,iVBORw0KGgo="/><animate attributeName="fill" to="red"/>',
)
ACTIVE = (
    "<script>alert(1)</script>",
    "<s:script xmlns:s='http://www.w3.org/2000/svg'>alert(1)</s:script>",
    "<path onload='alert(1)'/>",
    "<a xlink:href='javascript:alert(1)'><path/></a>",
    "<a xmlns:x='http://www.w3.org/1999/xlink' x:href=' javascript:alert(1)'/>",
    "<a><set attributeName='href' to='javascript:alert(1)'/></a>",
    "<a><animate attributeName='xlink:href' values='javascript:alert(1)'/></a>",
    "<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>a page</p></foreignObject>",
    "<image href='http://evil.example/seen.png'/>",
    "<image href='data:image/svg+xml;base64,AAAA'/>",
    "<use href='other.svg#a'/>",
    "<style>@import 'http://evil.example/a.css';</style>",
    "<style>@\\69mport 'http://evil.example/a.css';</style>",
    "<style>a{fill:url(http://evil.example/a)}</style>",
    "<style>a{fill:u<!-- -->rl(http://evil.example/a)}</style>",
    "<path style='fill:url( \"//evil.example/a\")'/>",
    "<path fill='url(//evil.example/a)'/>",
    "<path",
    "</svg><svg>",
)


@pytest.mark.parametrize("inner", PASSIVE)
def test_a_drawing_stays_a_drawing(says: Says, tmp_path: Path, inner: str) -> None:
    says.data = SVG.format(inner).encode()
    saved = save(says.server, outputs_of({"filename": "made_00001_.svg"}), tmp_path / "bag")
    assert [file.path.name for file in saved.files] == ["bag.svg"]
    assert saved.files[0].path.read_bytes() == says.data


@pytest.mark.parametrize(
    "data",
    [
        *(SVG.format(inner).encode() for inner in ACTIVE),
        b'<?xml-stylesheet href="http://evil.example/a.css"?>' + SVG.format("").encode(),
        b'<!DOCTYPE svg [<!ENTITY a "&#60;script&#62;">]>' + SVG.format("&a;").encode(),
        b"<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>",
        SVG.format("<script>alert(1)</script>").encode("utf-16"),
        b'<?xml version="1.0" encoding="nothing"?>' + SVG.format("").encode(),
        b"\xff\xd8\xff",
    ],
)
def test_a_drawing_that_runs_or_fetches_something_is_kept_as_text(says: Says, tmp_path: Path, data: bytes) -> None:
    says.data = data
    saved = save(says.server, outputs_of({"filename": "made_00001_.SVG"}), tmp_path / "bag")
    assert [file.path.name for file in saved.files] == ["bag.txt"]
    assert saved.files[0].path.read_bytes() == data


def test_what_a_killed_runner_was_fetching_is_taken_away_by_the_next(tmp_path: Path) -> None:
    """Of every output; that of other jobs is left."""
    for name in ("bag.0.part", "bag.1.part", "bag_mask.0.part", "bag.0.0.part", "Bag 2.0.part"):
        (tmp_path / name).write_bytes(b"half")
    assert tidy(tmp_path / "bag", "id") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Bag 2.0.part", "bag.0.0.part", "bag_mask.0.part"]
