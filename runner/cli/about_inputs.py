"""What an input is for, over all workflows: `help shadow`."""

from __future__ import annotations

from runner.invocation import spell


def input_names() -> list[str]:
    """The inputs that the newest version of any workflow has."""
    return list(dict.fromkeys(name for _, inputs in _newest() for name in inputs))


def about_input(word: str) -> list[tuple[str, list[str]]]:
    """Which workflows have it and what it does there, as blocks of a help; nothing where none has."""
    name = next((one for one in input_names() if one.casefold() == word.casefold().replace("-", "_")), None)
    if name is None:
        return []
    by_words: dict[str, list[str]] = {}
    for workflow, inputs in _newest():
        if name in inputs:
            by_words.setdefault(" ".join(inputs[name].split()), []).append(workflow)
    first = next(iter(by_words.values()))[0]
    lines = [f"{', '.join(workflows)}: {words}" for words, workflows in by_words.items()]
    return [
        ("examples:", [f"  {spell('help', first)}", f"  {spell('inputs', first)}"]),
        (f"{name}, an input that is set with --set {name}=…, of:", lines),
    ]


def _newest() -> list[tuple[str, dict[str, str]]]:
    from runner.workflow.index import read_index
    from runner.workflow.load import available_workflows, load_workflow

    inputs = read_index().inputs
    return [(name, dict(inputs.get(load_workflow(name).label, {}))) for name in available_workflows()]
