"""A picture that was made here says where its product is; `known` is filled from its `.json` and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.execution.known_placement import known_placement
from runner.workflow.load import load_workflow

WORKFLOW = load_workflow("upscale")
PLACEMENT = {"canvas": [768, 768], "product": [640, 640], "transforms": [[1.0, 0.0, 12.0, 0.0, 1.0, 34.0]]}
PHOTO = "a" * 64


def saved(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """A result and its record as the runner leaves them, and the photo that it was made from."""
    picture, photo = folder / "scene.png", folder / "bag.jpg"
    picture.write_bytes(b"picture")
    photo.write_bytes(b"photo")
    record = {
        "workflow": "relight_iclight.v2",
        "images": [{"file": "bag.jpg", "sha256": PHOTO}],
        "files": [{"file": "scene.png", "output": "picture", "node": "9", "bytes": 7}],
        "reports": {
            "Paste": {"passed": True, "scale": 1.0, "placement": PLACEMENT},
            "Fidelity": {"passed": True, "ssim": 0.9},
            "prompt": "a text that is no report",
        },
        **changes,
    }
    picture.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    return picture, photo


def known(picture: Path | None, photo: Path | None, values: dict[str, Any] | None = None) -> dict[str, str]:
    hashes = {} if photo is None else {photo: PHOTO}
    return known_placement(WORKFLOW, values or {}, [picture, photo], hashes)


def test_a_result_of_ours_tells_where_its_product_is(tmp_path: Path) -> None:
    found = known(*saved(tmp_path))
    assert json.loads(found["known"]) == {"reports": {"Paste": {"placement": PLACEMENT}}}


def test_what_register_product_found_stays_the_last_word(tmp_path: Path) -> None:
    reports = {"Register": {"placement": PLACEMENT, "residual_px": 0.1}, "Paste": {"placement": PLACEMENT}}
    found = known(*saved(tmp_path, reports=reports))
    assert json.loads(found["known"])["reports"]["Register"] == {"placement": PLACEMENT, "residual_px": 0.1}


@pytest.mark.parametrize("name", ["known", "KNOWN", "23.value"])
def test_what_the_user_says_stands(name: str, tmp_path: Path) -> None:
    assert known(*saved(tmp_path), {name: ""}) == {}


def test_a_workflow_without_the_input_is_left_alone(tmp_path: Path) -> None:
    picture, photo = saved(tmp_path)
    assert known_placement(load_workflow("upscale.v1"), {}, [picture, photo], {photo: PHOTO}) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"images": [{"file": "bag.jpg", "sha256": "b" * 64}]},  # made from another photo
        {"images": []},
        {"files": [{"file": "scene.png", "bytes": 8}]},  # edited since
        {"files": [{"file": "other.png", "bytes": 7}]},
        {"reports": {}},
        {"reports": {"Paste": {"placement": None}}},
        {"reports": [PLACEMENT]},
    ],
    ids=str,
)
def test_in_doubt_the_product_is_searched(changes: dict[str, Any], tmp_path: Path) -> None:
    assert known(*saved(tmp_path, **changes)) == {}


def test_a_picture_without_a_record_or_none_at_all(tmp_path: Path) -> None:
    picture, photo = saved(tmp_path)
    assert known(None, photo) == {}
    assert known(picture, None) == {}
    assert known_placement(WORKFLOW, {}, [], {}) == {}
    picture.with_suffix(".json").unlink()
    assert known(picture, photo) == {}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["file", "bytes", "x"]), inner),
    max_leaves=8,
)


@given(record=st.dictionaries(st.sampled_from(["files", "images", "reports", "x"]), ANYTHING) | ANYTHING)
def test_any_record_is_read_without_a_fault(record: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    picture, photo = saved(tmp_path_factory.mktemp("known"))
    picture.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    assert known(picture, photo) == {}


@given(text=st.binary(max_size=40))
def test_any_file_beside_a_picture_is_read_without_a_fault(
    text: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picture, photo = saved(tmp_path_factory.mktemp("known"))
    picture.with_suffix(".json").write_bytes(text)
    assert known(picture, photo) == {}
