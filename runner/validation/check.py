"""Every problem of a graph at once, from the server's own description of its nodes.

The server stops at the first missing node and names inputs by their internal names; this check follows its rules
(`validate_prompt` of ComfyUI 0.30) but goes on to the end and says how to put each thing right. Like the server it
looks at the values only of nodes that an output node needs.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from itertools import islice
from typing import Any

from runner.suggest import Suggestions
from runner.validation.missing import FileCheck, missing_node
from runner.validation.problem import Problem
from runner.workflow.canvas_text import NodeNames, is_prompt, not_expanded, unknown_tokens
from runner.workflow.graph import Graph, consumers_of, describe_node, is_link, node_title, parse_title
from runner.workflow.links import cycles, reached, type_name, types_fit
from runner.workflow.schema import COMBO, DYNAMIC_COMBO, InputSchema, ObjectInfo, node_inputs, output_types

__all__ = ["Problem", "check_graph", "types_fit"]

_LONG_LIST = 20
"""Entries of a list in a message: what is read."""
_MOST_CYCLES = 20
"""Of one graph that are reported: their number grows without bound."""
# Core nodes that check a choice themselves, so that it need not be in the list the schema shows
_CHECKED_BY_THE_NODE = {("CustomCombo", "choice"), ("LoadLatent", "latent")}


def check_graph(
    graph: Graph,
    object_info: ObjectInfo,
    *,
    uploaded: Collection[str] = (),
    replaced: Collection[str] = (),
    find_model: FileCheck | None = None,
) -> list[Problem]:
    """All problems of `graph` on the server that `object_info` describes, in the graph's order.

    `uploaded` are file names known to be in the server's input folder; `replaced` are node classes that the server
    itself rewrites to newer ones; `find_model` knows where missing models come from (default: the manifest).
    """
    return _Check(graph, object_info, frozenset(uploaded), frozenset(replaced), find_model or FileCheck()).run()


class _Check:
    def __init__(
        self,
        graph: Graph,
        object_info: ObjectInfo,
        uploaded: frozenset[str],
        replaced: frozenset[str],
        models: FileCheck,
    ) -> None:
        self.graph, self.object_info, self.models = graph, object_info, models
        self.uploaded, self.replaced = uploaded, replaced
        self.suggestions = Suggestions()
        self.names, self.consumers = NodeNames(graph), consumers_of(graph)
        self.problems: list[Problem] = []
        self.node_id = ""
        self.node: Mapping[str, Any] = {}

    def run(self) -> list[Problem]:
        outputs = [node_id for node_id, node in self.graph.items() if self._info(node).get("output_node")]
        unknown = [n for n, node in self.graph.items() if not self._info(node) and not self._is_replaced(node)]
        for node_id in unknown:
            self._at(node_id)
            message, advice = missing_node(node_id, self.node, self.object_info, self.suggestions)
            self._report("missing_node", message, advice)
        if not outputs and not unknown:
            self.problems.append(
                Problem(
                    "no_output",
                    "the workflow saves nothing: it has no output node.",
                    "Add a Save Image (or Preview Image) node at its end.",
                )
            )
        needed = reached(self.graph, outputs, self._links) if outputs else set(self.graph)
        followed = reached(self.graph, outputs, self._all_links) if outputs else set(self.graph)
        for node_id, node in self.graph.items():
            self._at(node_id)
            checked = node_id in needed and self._is_known(node)
            if checked:
                self._check_node()
            if node_id in followed:
                self._check_other_links(self._schemas(node_id) if checked else {})
        self._check_cycles(needed)
        return self.problems

    # -- what is looked at ---------------------------------------------------------------------------------------

    def _info(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        info = self.object_info.get(str(node["class_type"]))
        return info if isinstance(info, Mapping) else {}

    def _is_known(self, node: Mapping[str, Any]) -> bool:
        return bool(self._info(node))

    def _is_replaced(self, node: Mapping[str, Any]) -> bool:
        return str(node["class_type"]) in self.replaced

    def _all_links(self, node_id: str) -> Iterator[tuple[str, str]]:
        """(source node, input name) of every link of a node."""
        inputs = self.graph[node_id]["inputs"]
        return ((value[0], name) for name, value in inputs.items() if is_link(value))

    def _links(self, node_id: str) -> Iterator[tuple[str, str]]:
        """Those of inputs that the node's class has; all of an unknown class."""
        schemas = self._schemas(node_id)
        return ((source, name) for source, name in self._all_links(node_id) if name in schemas)

    def _schemas(self, node_id: str) -> Mapping[str, Any]:
        node = self.graph[node_id]
        return node_inputs(self._info(node), node["inputs"]) if self._is_known(node) else node["inputs"]

    def _at(self, node_id: str) -> None:
        self.node_id, self.node = node_id, self.graph[node_id]

    def _report(self, kind: str, message: str, advice: str = "", **more: Any) -> None:
        title, class_type = node_title(self.node), str(self.node["class_type"])
        self.problems.append(Problem(kind, message, advice, self.node_id, class_type, title, **more))

    # -- one node ------------------------------------------------------------------------------------------------

    def _check_node(self) -> None:
        given: Mapping[str, Any] = self.node["inputs"]
        schemas = node_inputs(self._info(self.node), given)
        where = describe_node(self.node_id, self.node)
        for name, schema in schemas.items():
            if name in given:
                self._check_input(where, name, given[name], schema)
            elif schema.required:
                self._report(
                    "missing_input", f"{where}: its input {name!r} is not set.", _how_to_fill(schema), input=name
                )
        for name, value in given.items():
            if name in schemas:
                continue
            free = tuple(unset for unset in schemas if unset not in given)
            match = self.suggestions.nearest(name, free, free)
            if match is not None and not is_link(value):
                message = f"{where}: it has no input {name!r}, so its value does nothing. Did you mean {match!r}?"
                self._report("bad_value", message, input=name, severity="warning", certain=False)

    def _check_other_links(self, checked: Collection[str]) -> None:
        """Links of inputs that the class does not have, of an unknown class, or of a node no output needs.

        ComfyUI does not look at them before it queues a graph, but follows them when it runs it: a source that is
        not there then ends its worker, and the server runs nothing any more.
        """
        for source, name in self._all_links(self.node_id):
            if source not in self.graph and name not in checked:
                self._report_absent(describe_node(self.node_id, self.node), name, [source, 0])

    def _report_absent(self, where: str, name: str, value: Any) -> None:
        message = f"{where}: its input {name!r} is linked to node {value[0]}, which is not in the workflow."
        self._report("bad_link", message, "Open the workflow in ComfyUI, reconnect it and export it again.", input=name)

    def _check_input(self, where: str, name: str, value: Any, schema: InputSchema) -> None:
        if isinstance(value, list):
            self._check_link(where, name, value, schema)
            return
        if isinstance(value, Mapping) and "__value__" in value:
            value = value["__value__"]
        if name == "filename_prefix" and isinstance(value, str):
            self._check_prefix(where, name, value)
        elif isinstance(value, str):
            self._check_prompt(where, name, value, schema)
        checks: dict[str, Callable[[str, str, Any, InputSchema], None]] = {
            "INT": self._check_number,
            "FLOAT": self._check_number,
            "BOOLEAN": self._check_boolean,
            COMBO: self._check_choice,
            DYNAMIC_COMBO: self._check_choice,
        }
        check = checks.get(schema.type)
        if check is not None:
            check(where, name, value, schema)

    def _bad_value(self, where: str, name: str, what: str, advice: str = "") -> None:
        self._report("bad_value", f"{where}: {name!r} {what}", advice, input=name, certain=self._is_own_or_core())

    def _is_own_or_core(self) -> bool:
        module = str(self._info(self.node).get("python_module", "nodes"))
        return not module.startswith("custom_nodes.") or str(self.node["class_type"]).startswith("Prodgen")

    # -- links ---------------------------------------------------------------------------------------------------

    def _check_link(self, where: str, name: str, value: list[Any], schema: InputSchema) -> None:
        if not is_link(value):
            message = f"{where}: its input {name!r} is a list that is no link [node id, output number]: {value!r}."
            self._report("bad_link", message, 'A list as a value must be written {"__value__": […]}.', input=name)
            return
        source_id, slot = value
        source = self.graph.get(source_id)
        if source is None:
            self._report_absent(where, name, value)
            return
        if not self._is_known(source):
            return
        types = output_types(self._info(source))
        source_name = describe_node(source_id, source)
        if not 0 <= slot < len(types):
            message = (
                f"{where}: its input {name!r} is linked to output {slot} of {source_name}, which has {len(types)}."
            )
            self._report("bad_link", message, "Reconnect it in ComfyUI and export it again.", input=name)
        elif not types_fit(types[slot], schema.raw_type):
            message = f"{where}: its input {name!r} takes {type_name(schema.raw_type)}, but {source_name} gives "
            message += f"{type_name(types[slot])} at output {slot}."
            self._report("type_mismatch", message, "Reconnect it in ComfyUI and export it again.", input=name)

    def _check_cycles(self, needed: Set[str]) -> None:
        starts = [node_id for node_id in self.graph if node_id in needed]
        for cycle in islice(cycles(self.graph, starts, self._links), _MOST_CYCLES):
            self._report_cycle(cycle)

    def _report_cycle(self, cycle: list[str]) -> None:
        self._at(cycle[0])
        shown = cycle if len(cycle) <= _LONG_LIST else [*cycle[: _LONG_LIST // 2], "…", *cycle[-_LONG_LIST // 2 :]]
        labels = {node_id: describe_node(node_id, self.graph[node_id]) for node_id in shown if node_id in self.graph}
        names = " ← ".join(labels.get(node_id, node_id) for node_id in [*shown, cycle[0]])
        self._report("cycle", f"these nodes wait for each other: {names}.", "Remove one of the links.")

    # -- values --------------------------------------------------------------------------------------------------

    def _check_number(self, where: str, name: str, value: Any, schema: InputSchema) -> None:
        try:
            number = int(value) if schema.type == "INT" else float(value)
        except (TypeError, ValueError, OverflowError):
            noun = "a whole number" if schema.type == "INT" else "a number"
            self._bad_value(where, name, f"must be {noun}, not {value!r}.")
            return
        if isinstance(number, float) and not math.isfinite(number):
            self._bad_value(where, name, f"must be a finite number, not {value!r}.")
        elif schema.minimum is not None and number < schema.minimum:
            self._bad_value(where, name, f"is {number}, below its minimum of {schema.minimum}.")
        elif schema.maximum is not None and number > schema.maximum:
            self._bad_value(where, name, f"is {number}, above its maximum of {schema.maximum}.")
        elif schema.type == "INT" and isinstance(value, float) and value != number:
            message = f"{where}: {name!r} takes whole numbers: {value} becomes {number}."
            self._report("bad_value", message, input=name, severity="warning")

    def _check_prefix(self, where: str, name: str, value: str) -> None:
        parts = posixpath.normpath(value).split("/")
        advice = "It is a name below that folder, like set1/bag; where results are put here, --out and --name say."
        if "\0" in value or parts[0] == "..":
            self._bad_value(where, name, f"leads out of the server's output folder: {value[:200]!r}.", advice)
        elif ".." in parts[-1]:  # its /view takes that for a way out
            self._bad_value(where, name, f"holds “..”: ComfyUI hands out no file that is called so ({value[:200]!r}).")
        for token in unknown_tokens(value, self.names):
            message = f"{where}: nothing fills in %{token}% of {name!r}: it will stand in the file's name as it is."
            advice = "There are %date:yyyy-MM-dd%, %Node.widget% (a node's class or title), %width%, %year% …"
            self._report("bad_value", message, advice, input=name, severity="warning")

    def _check_prompt(self, where: str, name: str, value: str, schema: InputSchema) -> None:
        marks = not_expanded(value)
        if marks and is_prompt(self.node_id, schema, self.graph, self.consumers, self.object_info):
            message = f"{where}: {name!r} holds {', '.join(marks)}, which reaches the model as it stands."
            advice = "Only {red|green} is chosen from, also in one another. For more, write the prompts out in --jobs."
            self._report("bad_value", message, advice, input=name, severity="warning")

    def _check_boolean(self, where: str, name: str, value: Any, _: InputSchema) -> None:
        if not isinstance(value, (bool, int)):
            message = f"{where}: {name!r} is true or false; the server reads {value!r} as {str(bool(value)).lower()}."
            self._report("bad_value", message, input=name, severity="warning")

    def _check_choice(self, where: str, name: str, value: Any, schema: InputSchema) -> None:
        class_type = str(self.node["class_type"])
        options = schema.options
        if options is None or "remote" in schema.settings or (class_type, name) in _CHECKED_BY_THE_NODE:
            return
        values = value if schema.settings.get("multiselect") and isinstance(value, list) else [value]
        absent = schema.settings.get("missing")
        for single in values:
            if isinstance(absent, Mapping) and isinstance(single, str) and single in absent:
                message, advice, model_id = self.models.optional_model(single, str(absent[single]))
                where_now = f"{where}: {message}"
                self._report("missing_model", where_now, advice, input=name, model_id=model_id, severity="warning")
            if single in options:
                continue
            if schema.is_upload:
                self._check_upload(where, name, single)
            elif missing := self.models.missing_model(class_type, name, single, options, self._called(name)):
                message, advice, model_id = missing
                self._report("missing_model", f"{where}: {message}", advice, input=name, model_id=model_id)
            else:
                listed = ", ".join(str(option) for option in options[:_LONG_LIST])
                more = f" and {len(options) - _LONG_LIST} more" if len(options) > _LONG_LIST else ""
                choices = (str(option) for option in options)
                hint = self.suggestions.did_you_mean(str(single), choices, (class_type, name))
                advice = f"Choose one of: {listed}{more}." if options else "The server offers nothing to choose from."
                self._bad_value(where, name, f"has no choice {single!r}.{hint}", advice)

    def _called(self, name: str) -> str:
        """What a user sets this input by: its name on the canvas where the node has a title that gives it one."""
        mark = parse_title(node_title(self.node))
        is_input = mark is not None and mark.kind == "input" and mark.widget in (None, name)
        return mark.name if mark is not None and is_input else name

    def _check_upload(self, where: str, name: str, value: Any) -> None:
        # The list shows only the top of the input folder; a sub-folder or "[output]" is checked by the server alone.
        if isinstance(value, str) and (value in self.uploaded or "/" in value or value.endswith("]")):
            return
        self._report(
            "missing_file",
            f"{where}: the file {value!r} is not in the server's input folder.",
            f"Give a file of your own with --set {self.node_id}.{name}=FILE, a workflow's photo with --image FILE.",
            input=name,
        )


def _how_to_fill(schema: InputSchema) -> str:
    if not schema.is_value:
        return f"Connect a node that gives {schema.type}, and export the workflow again."
    return f"Its usual value is {schema.default!r}." if schema.default is not None else ""
