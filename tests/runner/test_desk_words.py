"""What the studio's card says of a result and what a photo is called that came without an ending."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from runner.desk.keeping import kept_photo
from runner.desk.shots import Shots
from tests.runner.report_folder import Job, batch_folder, picture

UNCHECKED = {"title": "out", "rules": ["note  whole product: not checked: it touches the border (asked: none)"]}


@pytest.mark.parametrize(
    ("reports", "why", "trust"),
    [
        ({"out": UNCHECKED}, "Whether the product is whole was not checked (it touches the border).", ""),
        ({"cut": {"confidence": 0.55}}, "The cut-out is only 55% certain: look at its edges.", ""),
        (
            {"cut": {"confidence": 0.55}, "out": UNCHECKED},
            "The cut-out is only 55% certain: look at its edges. "
            "Whether the product is whole was not checked (it touches the border).",
            "",
        ),
        ({"cut": {"confidence": 0.95}}, "", "The cut-out is sure (95% certain)."),
    ],
)
def test_a_card_that_asks_for_a_look_says_at_what_and_says_it_once(
    tmp_path: Path, reports: dict[str, object], why: str, trust: str
) -> None:
    folder = tmp_path / "packshot.v6"
    folder.mkdir()
    picture(folder / "a.png")
    batch_folder(folder, [Job("/in/a.png", files=["a.png"], record={"reports": reports})])
    (shot,) = Shots(tmp_path).read()
    data = shot.as_data()
    assert (data["why"], data["trust"]) == (why, trust)
    assert data["state"] == ("look" if why else "passed")


@pytest.mark.parametrize(("kind", "ending"), [("JPEG", ".jpg"), ("PNG", ".png"), ("TIFF", ".tif"), ("WEBP", ".webp")])
@pytest.mark.parametrize("name", ["noext", "noext.tmp"])
def test_a_photo_without_an_ending_is_called_by_what_is_in_it(
    tmp_path: Path, name: str, kind: str, ending: str
) -> None:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(data, kind)
    assert kept_photo(tmp_path, name, data.getvalue()).name == f"noext{ending}"
