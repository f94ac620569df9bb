"""A failure names the photo it is about as its owner calls it, never as we called it for the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.execution.attachments import Attachment
from runner.execution.blame import in_own_names
from runner.execution.failures import NodeExecutionError, node_failure
from runner.execution.job import Attempt, JobSpec, Upload
from runner.execution.upload import lacks_photos
from tests.runner.test_batch import batch
from tests.support.runs import Desk, Graph, node

REFUSAL = "custom_nodes.prodgen_nodes.imaging.errors.UntrustedCutoutError"


def two_photos() -> Graph:
    return {
        "1": node("LoadImage", image="0123_bag.png"),
        "2": node("LoadImage", image="f567_street.png [input]"),
        "3": node("ProdgenSegmentProduct", image=["1", 0]),
        "4": node("ImageCompositeMasked", source=["3", 0], destination=["2", 0]),
        "5": node("SaveImage", images=["4", 0], filename_prefix="x"),
    }


def attempted() -> Attempt:
    uploads = tuple(
        Upload(Attachment(Path(f"/home/me/{own}"), is_picture=True, is_mask=False), name)
        for own, name in (("Tasche rot.jpg", "0123_bag.png"), ("street.heic", "f567_street.png"))
    )
    return Attempt(JobSpec(1, "w", two_photos(), {}, Path("x"), uploads=uploads))


def failed(node_id: str, kind: str, message: str, *, first: bool = True) -> NodeExecutionError:
    attempt, graph = attempted(), two_photos()
    said: dict[str, Any] = {"node_id": node_id, "exception_type": kind, "exception_message": message, "traceback": []}
    error = node_failure(said, graph)
    assert isinstance(error, NodeExecutionError)
    named = in_own_names(error, attempt, first=first)
    assert (named.node_id, named.kind, type(named)) == (error.node_id, error.kind, type(error))
    return named


@pytest.mark.parametrize(
    ("node_id", "kind", "begins"),
    [
        ("3", REFUSAL, "Tasche rot.jpg\n  It cannot be done"),
        ("4", REFUSAL, "Tasche rot.jpg, street.heic\n  It cannot be done"),
        ("2", "OSError", "street.heic\n  Load Image failed: it cannot be done"),
        ("3", "ValueError", "Segment Product failed"),
        ("9", REFUSAL, "It cannot be done"),
        ("4", "torch.OutOfMemoryError", "Image Composite Masked failed"),
    ],
)
def test_the_photo_is_named_where_it_is_to_blame(node_id: str, kind: str, begins: str) -> None:
    assert str(failed(node_id, kind, "it cannot be done")).startswith(begins)
    assert "Tasche" not in str(failed(node_id, kind, "it cannot be done", first=False))


def test_a_sentence_that_begins_with_our_name_for_it_is_told_in_the_owners() -> None:
    assert failed("2", REFUSAL, "f567_street.png marks no product.").message.startswith("street.heic marks")


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("[Errno 2] No such file or directory: '/srv/input/0123_bag.png'", True),
        ("Invalid image file: 0123_bag.png", True),
        ("cannot identify image file '/srv/input/0123_bag.png'", True),
        ("0123_bag.png marks no product: nothing in it is white.", False),
        ("0123_bag.png is no mask: much of it is neither black nor white.", False),
        ("[Errno 2] No such file or directory: '/srv/input/other.png'", False),
    ],
)
def test_a_photo_that_was_read_is_not_given_again(message: str, missing: bool) -> None:
    """Nine runs of a large workflow, each of which said the same of a hint."""
    said: dict[str, Any] = {"node_id": "1", "exception_type": "E", "exception_message": message, "traceback": []}
    assert lacks_photos(attempted(), node_failure(said, two_photos())) is missing


@pytest.mark.parametrize("kind", ["OSError", "PIL.UnidentifiedImageError", REFUSAL])
def test_our_own_name_for_it_is_never_told(kind: str) -> None:
    for first in (True, False):
        said = failed("1", kind, "cannot identify image file '/srv/input/0123_bag.png'", first=first)
        assert "0123_bag" not in str(said)
        assert said.message.count("Tasche rot.jpg") == 1
        assert said.photos == (("Tasche rot.jpg",) if first else ())


def test_a_photo_that_is_refused_is_named_by_submit_and_by_batch_once(desk: Desk) -> None:
    photo = desk.folder / "flat grey.png"
    Image.new("RGB", (64, 64), (128, 128, 128)).save(photo)
    run = desk.submit("cutout", "--image", photo)
    assert run.code == 5, run.err
    assert "failed: flat grey.png\n  The product could not be cut out" in run.err
    several = batch(desk, cut(), "--images", photo)
    assert several.code == 5, several.err
    assert "flat grey.png: failed: " in several.err
    assert max(line.count("flat grey.png") for line in several.err.splitlines()) == 1, several.err


def cut() -> Graph:
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("ProdgenSegmentProduct", image=["1", 0], method="auto", parts="all"),
        "3": node("SaveImage", "output: result", images=["2", 0], filename_prefix="x"),
    }
