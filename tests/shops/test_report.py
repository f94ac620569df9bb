"""From a picture to its files and one report: what Product Fidelity said, and the worst of a batch."""

from __future__ import annotations

import json

import pytest
import torch
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.shops.channels import CHANNELS
from prodgen_nodes.shops.finish import Tags, finish
from prodgen_nodes.shops.inspection import inspect
from prodgen_nodes.shops.report import export_report, together
from prodgen_nodes.shops.rule import Rule
from prodgen_nodes.shops.verdict import Verdict, read_verdict

GOOD = {"delta_e00_mean": 0.4, "passed": True, "whole": True, "reasons": []}
TORN = {"delta_e00_mean": 0.4, "passed": False, "whole": False, "missing": ["lower left"], "reasons": ["a piece"]}


def test_without_a_report_nothing_is_known() -> None:
    assert read_verdict(None) == read_verdict("") == Verdict()
    missing, unchecked = Verdict().of(3)
    assert missing == () and "Product Fidelity" in str(unchecked)


def test_each_picture_of_a_batch_has_its_own_verdict() -> None:
    verdict = read_verdict(json.dumps({"delta_e00_mean": 0.4, "passed": False, "items": [GOOD, TORN]}))
    assert verdict.of(0) == ((), None)
    assert verdict.of(1) == verdict.of(7) == (("lower left",), None)
    assert [rule.passed for rule in verdict.rules] == [False]


@pytest.mark.parametrize("text", ["nonsense", "[]", "{}", '{"passed": true, "items": [3]}', '"passed"'])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="connect its report"):
        read_verdict(text)


def test_a_fault_goes_before_a_note_and_says_which_picture() -> None:
    fine, note, fault = (Rule("fill", i == 0, f"{i}", "0", "advice" if i == 1 else "must") for i in range(3))
    (line,) = together([[fine], [note], [fault]])
    assert (line.level, line.measured) == ("must", "picture 3: 2")
    assert together([[note]]) == [note] and together([[fine], [fine]]) == [fine]


def test_a_picture_on_its_way_to_the_report() -> None:
    picture, mask = torch.ones(1000, 1000, 3), torch.zeros(1000, 1000)
    picture[60:940, 100:900], mask[60:940, 100:900] = 0.2, 1.0
    channel = CHANNELS["amazon"]
    done = finish(picture, mask, None, channel, verdict=read_verdict(json.dumps(TORN)), tags=Tags({"prompt": "{}"}))
    assert done.png.data.find(b"prompt") > 0 and done.missing == ("lower left",)
    report = export_report(channel, [inspect(done, channel)], [{"file": "a.jpg"}])
    assert report["failed"] == ["whole product"] and report["passed"] is False
    assert report["files"] == [{"file": "a.jpg"}] and list(report["checks"]) == list(report["sources"])


def test_a_program_can_tell_what_was_not_checked_from_what_failed() -> None:
    rules = [
        Rule("fill", True, "80%", "75%"),
        Rule("border", False, "grey", "white"),
        Rule("whole product", False, "not checked: too busy", "whole", "advice", checked=False),
    ]
    for pictures in ([rules], [rules, rules]):
        report = export_report(CHANNELS["amazon"], pictures, [])
        assert report["states"] == {"fill": "passed", "border": "failed", "whole product": "not checked"}
        assert report["checks"] == {"fill": True, "border": False, "whole product": False}
