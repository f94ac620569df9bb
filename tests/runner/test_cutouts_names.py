"""What objects are called on the disk, whatever their labels are and whatever a server says they are."""

from __future__ import annotations

import argparse
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.objects import file_label, labels_of

from runner.cli.cutouts import add_parser, batch_order
from runner.cli.named_batch import label_text
from runner.errors import UsageError
from runner.execution.save import Abort, reserve
from runner.files.naming import ResultFile, distinct_names, leads_out, part_of_output
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.patch import parse_assignment, patch_workflow
from runner.workflow.schema import recorded_object_info

HOSTILE = [
    "../../etc/passwd",
    "con",
    "=cmd|' /C calc'!A1",
    "a/b\\c",
    "\u202egpj.exe",
    "ＡＢ 鞋",
    ".",
    "",
    "x" * 300,
    "{a|b}",
]
PART = r"\d{2,4}_"


def saved(label: str, number: int = 1, end: str = "") -> str:
    """The name under which the node saves an object."""
    return f"cutouts_12ab34cd_00001_{number:02}_{file_label(label)}{end}.png"


@pytest.mark.parametrize("label", HOSTILE)
def test_the_label_is_in_the_name_and_leads_nowhere(label: str) -> None:
    part = part_of_output(saved(label))
    assert part == f"01_{file_label(label)}"
    (name,) = distinct_names("objects", [ResultFile("objects", ".png", part)])
    assert name == f"{part}.png" and not leads_out(name)


@given(st.lists(st.text(max_size=70), min_size=1, max_size=6))
def test_objects_of_any_label_have_each_a_name(labels: list[str]) -> None:
    files = [saved(label, number) for number, label in enumerate(labels, 1)]
    names = distinct_names("objects", [ResultFile("objects", ".png", part_of_output(file)) for file in files])
    assert len({name.lower() for name in names}) == len(names)
    for number, name in enumerate(names, 1):
        assert name.startswith(f"{number:02}_") and not leads_out(name)


@given(st.text(max_size=200))
def test_whatever_a_server_calls_its_files(name: str) -> None:
    named = part_of_output(f"x_00001_{name}")
    for stem in ("objects", "objects_2", "bag"):
        (found,) = distinct_names(stem, [ResultFile("out", ".png", named)])
        assert not leads_out(found) and len(found.encode("utf-8")) <= 120


def test_other_results_are_called_as_before() -> None:
    files = [ResultFile("packshot", ".jpg"), ResultFile("packshot", ".png"), ResultFile("packshot", ".png", "mask")]
    assert distinct_names("objects", files) == ["objects.jpg", "objects.png", "objects_mask.png"]
    assert distinct_names("bag", [ResultFile("objects", ".png", "01_shoe")]) == ["bag_01_shoe.png"]
    assert part_of_output("cutout_00001_mask.png") == "mask"
    assert part_of_output("cutout_00001_.png") == ""


def test_two_pictures_that_would_share_a_folder_keep_apart(tmp_path: Path) -> None:
    """`bag.png` and `bag.jpg`, and a folder that held such files before."""
    abort = Abort()
    planned = [ResultFile("objects", ".png", "01_shoe"), ResultFile("objects", ".jpg")]
    seen: set[str] = set()
    for stem in ("objects", "objects", "objects_2"):
        finals, parts = reserve(tmp_path / stem, lambda name: [*distinct_names(name, planned), f"{name}.json"], abort)
        for final, part in zip(finals, parts, strict=True):
            part.replace(final)
        assert not seen & {final.name for final in finals}
        seen |= {final.name for final in finals}
    assert {"01_shoe.png", "01_shoe_2.png"} <= seen


def given_arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    return parser.parse_args(["cutouts", "--images", "x", *words])


@given(st.text(max_size=60))
def test_labels_arrive_as_they_were_meant(text: str) -> None:
    """No wildcard of a prompt, no list of several values: one text that the node reads as these labels."""
    given_text = label_text(text)
    assert not set(given_text) & set("{}|%\n")
    assert label_text(given_text) == given_text
    if labels_of(given_text):
        schema = recorded_object_info(WORKFLOWS_DIR)
        workflow = load_workflow("cutouts")
        settings = batch_order(given_arguments(f"--labels={text}")).set
        values = dict(parse_assignment(workflow, one, schema) for one in settings)
        graph = patch_workflow(workflow, values, (), schema)
        assert graph["2"]["inputs"]["value"] == given_text


def test_the_command_is_a_batch() -> None:
    asked = batch_order(given_arguments("--crop", "--overlap", "split", "--min-area", "0.002"))
    assert (asked.workflow, asked.name) == ("cutouts", "{image}/objects")
    assert asked.set == ["overlap=split", "crop=true", "min_area=0.002"]
    with pytest.raises(UsageError, match="labels"):
        batch_order(given_arguments("--sam3", "--labels", " , "))
    assert batch_order(given_arguments("--sam3", "--labels", "bag")).workflow == "cutouts_sam3"


def test_a_photo_of_any_name_has_a_folder() -> None:
    from runner.files.naming import expand

    for name in [*HOSTILE, "objects", "bag.png"]:
        path = PurePosixPath(expand("{image}/objects", {"image": name}).as_posix())
        assert len(path.parts) == 2 and path.name == "objects" and not leads_out(path.as_posix())
