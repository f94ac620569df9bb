"""Which of the files a job made are its result, and what its nodes reported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.data import not_numbers, parse_report, without_lone_surrogates
from runner.server.node_report import failed_rules, report_texts, shown_texts
from runner.server.records import ServerFile
from runner.untrusted import LONGEST_NAME, cut, mapping, texts, told
from runner.workflow.graph import node_title

FOUND, UNSURE, NOT_FOUND = "found", "unsure", "not found"
VERDICTS = (FOUND, UNSURE, NOT_FOUND)
"""Whether a picture holds a product, as a node says it that looked for one."""
NO_NUMBER = " is no number"
"""How a line ends that says so of a figure: what is reckoned from it is no verdict, whatever it says."""
NOT_PASSED = "not_passed"
"""Where a record lists the checks that did not pass."""
_LOOKED_AT = 2000
"""Characters of a text that are looked at for what it is."""


@dataclass(frozen=True)
class OutputFile:
    """A file of the result; `output` is the `<name>` of the title `output: <name>`, or what the node is called."""

    output: str
    node_id: str
    file: ServerFile


@dataclass(frozen=True)
class OutputText:
    """Text that is a result by itself: the output's node showed text and made no file."""

    output: str
    node_id: str
    text: str


@dataclass(frozen=True)
class NodeReport:
    """What one node said; `value` is a dict or a list where it was JSON, else text. `name`: the node's title."""

    node_id: str
    name: str
    value: Any


@dataclass(frozen=True)
class JobOutputs:
    files: tuple[OutputFile, ...]
    texts: tuple[OutputText, ...]
    node_reports: tuple[NodeReport, ...] = ()

    @property
    def reports(self) -> dict[str, Any]:
        """What the nodes reported, by node title: objects, or the text that was shown where it is no JSON."""
        reports: dict[str, Any] = {}
        for report in self.node_reports:
            key = report.name if report.name not in reports else f"{report.name} (node {report.node_id})"
            reports[key] = report.value
        return reports


def collect(outputs: Mapping[str, Any], graph: Mapping[str, Any], wanted: Mapping[str, str]) -> JobOutputs:
    """Read the `outputs` of a job record.

    Args:
        outputs: node id → kind (`images`, `gifs`, `video`, `audio`, `text`, …) → list of files or strings.
        graph: the graph as submitted.
        wanted: node id → output name, from the titles `output: <name>`; empty: every file is a result (previews, of
            type `temp`, only where nothing else is).
    """
    names = dict(wanted) or {node_id: _name(graph, node_id) for node_id in outputs}
    files = [
        OutputFile(name, node_id, file) for node_id, name in names.items() for file in node_files(outputs.get(node_id))
    ]
    if not wanted and any(item.file.type == "output" for item in files):
        files = [item for item in files if item.file.type == "output"]
    with_files = {item.node_id for item in files}
    texts = [
        OutputText(name, node_id, "\n".join(shown_texts(outputs.get(node_id))))
        for node_id, name in names.items()
        if node_id not in with_files and shown_texts(outputs.get(node_id)) and (wanted or not files)
    ]
    return JobOutputs(tuple(_distinct(files)), tuple(texts), tuple(_node_reports(outputs, graph)))


def node_files(entry: Any) -> list[ServerFile]:
    """Every file one node lists, of whatever kind."""
    files = []
    for items in (entry or {}).values() if isinstance(entry, Mapping) else ():
        for item in items if isinstance(items, list) else ():
            if isinstance(item, Mapping) and isinstance(item.get("filename"), str) and item["filename"]:
                subfolder, kind = str(item.get("subfolder") or ""), str(item.get("type") or "output")
                files.append(ServerFile(item["filename"], subfolder, kind))
    return files


def _distinct(files: list[OutputFile]) -> list[OutputFile]:
    seen: dict[ServerFile, OutputFile] = {}
    for item in files:
        seen.setdefault(item.file, item)
    return list(seen.values())


def _name(graph: Mapping[str, Any], node_id: str) -> str:
    return node_title(graph.get(node_id) or {}) or node_id


def _node_reports(outputs: Mapping[str, Any], graph: Mapping[str, Any]) -> Iterator[NodeReport]:
    for node_id, entry in outputs.items():
        values = [_parsed(text) for text in report_texts(entry) if not is_print(text)]
        if values:
            yield NodeReport(node_id, _name(graph, node_id), values[0] if len(values) == 1 else values)


def failed_checks(reports: Mapping[str, Any]) -> list[str]:
    """What reports say did not pass: a line each, from those that carry `passed: false` or a figure that is none. Of
    endless ones, and of an endless one, the beginning."""
    lines = []
    for name, value in reports.items():
        for report in value if isinstance(value, list) else [value]:
            if isinstance(report, Mapping) and not is_sighting(report):
                title = cut(str(report.get("title") or name), LONGEST_NAME)
                lines += [f"{title}: {reason}" for reason in why_failed(report)]
    return told(sorted(lines, key=lambda line: not line.endswith(NO_NUMBER)))  # none of these is cut off


def not_passed(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The same of the `.json` beside a result, whoever wrote it. What it says by itself counts, too: a figure that was
    no number is none there any more."""
    try:
        return tuple(dict.fromkeys([*texts(record.get(NOT_PASSED)), *failed_checks(mapping(record.get("reports")))]))
    except RecursionError:
        return ("its record is nested too deeply to be judged",)


def is_sighting(report: Mapping[str, Any]) -> bool:
    """Whether a report says if a picture holds a product: that it does not is an answer, and breaks no rule. What is
    reckoned from a figure that is no number is none."""
    return "found_from" in report and report.get("verdict") in VERDICTS and not not_numbers(report)


def why_failed(report: Mapping[str, Any]) -> list[str]:
    """Why a report does not pass, in its own words; empty where it does. No number (NaN, infinite) never passes."""
    reasons = [f"{figure}{NO_NUMBER}" for figure in not_numbers(report)]
    if report.get("passed") is False:
        own = texts_of(report.get("reasons")) or [*failed_rules(report)] or texts_of(report.get("failed"))
        reasons = [*(own or ["no reason given"]), *reasons]
    return told(reasons)


def texts_of(value: Any) -> list[str]:
    """What a report lists, as lines: also where it says a single thing, or only that there is something (`true`)."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, Mapping):
        return [f"{key}: {item}" for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    return [] if value is None or isinstance(value, bool) else [str(value)]


_PRINT = re.compile(r"(?:^|[\s\[({=:,])(?:tensor|array|Parameter)\(\s*[\[(\d<-]|<[\w.]+ object at 0x[0-9a-fA-F]+>")


def is_print(text: str) -> bool:
    """Whether a node showed what Python prints of a tensor or another object: no report, and megabytes of one."""
    return _PRINT.search(text[:_LOOKED_AT]) is not None


def _parsed(text: str) -> Any:
    """The report that a node showed as text; the text itself where it is none, or too deep to be one."""
    try:
        value = parse_report(text)
    except ValueError:
        return without_lone_surrogates(text)
    return value if isinstance(value, (dict, list)) else without_lone_surrogates(text)
