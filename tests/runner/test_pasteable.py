"""What a refused photo is answered with can be typed: every option named is one of that command and its workflow."""

from __future__ import annotations

import re

import pytest

from runner.cli.parser import build_parser
from runner.execution.failures import node_failure
from runner.server.advice import read_refusal, without_options
from runner.workflow.load import load_workflow
from runner.workflow.patch import parse_assignment

COMMANDS = {
    "cutouts": ["cutouts", "cutouts_sam3"],
    "filter": ["filter"],
    "enhance": ["enhance", "enhance_canny", "enhance_depth"],
    "caption": ["caption", "caption_vlm"],
    "check": ["check"],
    "batch": ["packshot", "cutout"],
}
SAID = """The product could not be cut out reliably (confidence 0.31, needed 0.50): the outline is not clear.
What to try: a plain backdrop of another colour, with some room around the product. A background-removal model helps.
On the canvas: paint roughly over the product in the mask editor of 'Load Image'{canvas}.
On the command line: give a rough mask with the product in white: --set hint=FILE{command}. To take the guess: --set \
cutout_confidence=0."""  # as `nodes/segmentation.py` writes it
MORE = {
    "": "",
    "; or method auto": "; or --set cutout=auto",
    "; or parts 'all'": "; or --set cutout=auto; or --set parts=all, which keeps what was left out",
}


@pytest.mark.parametrize(
    ("command", "workflow"), [(command, name) for command, names in COMMANDS.items() for name in names]
)
@pytest.mark.parametrize("canvas", MORE)
def test_every_option_that_is_advised_is_one(command: str, workflow: str, canvas: str) -> None:
    loaded = load_workflow(workflow)
    told = node_failure(
        {
            "node_id": next(iter(loaded.graph)),
            "exception_message": SAID.format(canvas=canvas, command=MORE[canvas]),
            "exception_type": "prodgen_nodes.imaging.errors.UntrustedCutoutError",
        },
        loaded.graph,
    )
    words = re.findall(r"--[a-z][a-z-]*(?: [a-z_]+=\w+)?", told.advice)
    named = [workflow] if command == "batch" else []
    for word in words:
        typed = [command, *named, "photos", "more", *word.split(" ", 1)]
        build_parser(typed).parse_args(typed)
        if word.startswith("--set "):
            parse_assignment(loaded, word.removeprefix("--set "), None)
    assert "plain backdrop" in told.advice and "; ." not in told.advice and not re.search(r"; (or )?$", told.advice)
    if workflow == "packshot":
        assert {"--set hint=FILE", "--set cutout_confidence=0"} <= set(words)
    if workflow == "cutouts":
        assert words == ["--set cutout_confidence=0"]


@pytest.mark.parametrize("more", MORE.values())
def test_a_page_advises_no_option_and_says_that_one_can_paint(more: str) -> None:
    told = without_options(read_refusal(SAID.format(canvas="", command=more)).advice)
    assert "--" not in told and "plain backdrop" in told and "paint over the product" in told
    assert "; ." not in told and "guess" not in told
    assert without_options("Use --x; or a larger photo, if there is one.") == "A larger photo, if there is one."
