"""`help [COMMAND | WORKFLOW | servers]`: what `--help` says, and what concerns every command alike, in one place."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runner import console
from runner.errors import EXIT_OK, UsageError
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "help",
        help="what a command, a workflow or a topic is about",
        description="Help on a command, on a workflow, or on a topic: " + ", ".join(TOPICS) + ".",
        allow_abbrev=False,
    )
    parser.add_argument("about", metavar="COMMAND|WORKFLOW|TOPIC", nargs="*", help="nothing: what there is")
    parser.add_argument(
        "--json", action="store_true", help="of shops (`channels`): JSON lines on standard output, one per shop"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """The `help` command."""
    if args.json:
        for row in _shops_as_data([word.lower() for word in args.about]):
            console.json_line(row)
        return EXIT_OK
    console.show(text_about(args.about))
    return EXIT_OK


def _shops_as_data(names: list[str]) -> list[dict[str, Any]]:
    """The shops that were named, or all. Raises UsageError for any other help, which is a text."""
    from runner.cli import shops as shop_list

    asked = names[1:] if names[:1] and names[0] in shop_list.WORDS else names
    if not names or (asked is names and not set(names) <= set(shop_list.shops())):
        others = f"{spell('workflows', '--json')}, {spell('inputs', 'packshot', '--json')}"
        raise UsageError(
            "--json is for the shops; help is a text for people.",
            advice=f"The shops: {spell('channels', '--json')}\n  What else has it: {others}",
        )
    _check_shops(asked)
    return [{"shop": name, "asks": dict(shop_list.rules()[name])} for name in asked or shop_list.shops()]


def text_about(words: list[str]) -> str:
    """Raises UsageError where there is no help on that, with what is like it."""
    from runner.cli import shops as shop_list
    from runner.cli.about_inputs import about_input
    from runner.cli.parser import COMMANDS, Parser, build_parser
    from runner.cli.typed import is_workflow

    if not words:
        return build_parser([]).format_help().rstrip()
    names = [word.lower() for word in words]
    if names[0] in shop_list.WORDS:
        return _shops(names[1:]) if names[1:] else _channels()
    if names[0] in TOPICS:
        return TOPICS[names[0]]().rstrip()
    if names[0] not in COMMANDS:
        if is_workflow(words[0]):
            return _about_workflow(words[0])
        told = shop_list.about(names[0]) if names[0] in shop_list.shops() else about_input(words[0])
        if not told or len(words) > 1:
            raise _no_help(words[0])
        return _as_text(told)
    parser = build_parser(names[:1])
    for word in names:
        below = parser.commands().get(word)
        if not isinstance(below, Parser):
            raise _no_help(" ".join(words))
        parser = below
    return parser.format_help().rstrip()


def _no_help(word: str) -> UsageError:
    from runner.cli.about_inputs import input_names
    from runner.cli.parser import COMMANDS
    from runner.cli.shops import shops
    from runner.cli.typed import is_photo, kind
    from runner.suggest import nearest
    from runner.workflow.load import available_workflows

    if is_photo(word):
        return UsageError(f"{word} is {kind(word)}; what is to be made of it?", advice=spell("packshot", word))
    like = nearest(word, [*COMMANDS, *TOPICS, *available_workflows(), *shops(), *input_names()])
    advice = f"Did you mean: {spell('help', like)}" if like else f"`{spell('help')}` has all."
    return UsageError(f"there is no help on {word!r}.", advice=advice)


def _shops(names: list[str]) -> str:
    """Those that were named. Raises UsageError for one that there is not."""
    from runner.cli import shops as shop_list

    _check_shops(names)
    return "\n\n".join(_as_text(shop_list.about(name)) for name in names)


def _check_shops(names: list[str]) -> None:
    from runner.cli import shops as shop_list
    from runner.suggest import nearest

    known = shop_list.shops()
    wrong = [name for name in names if name not in known]
    if wrong:
        meant = [nearest(name, known) or "" for name in names]
        advice = spell("channels", *(meant if all(meant) else []))
        raise UsageError(
            f"there is no shop called {wrong[0]!r}.",
            advice=f"Did you mean: {advice}" if all(meant) else f"`{advice}` lists them.",
        )


def _about_workflow(word: str) -> str:
    """What it makes, and what can be set: the same that `inputs` says, shorter."""
    from runner.workflow.index import read_index
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    workflow, index = load_workflow(word), read_index()
    schema = recorded_object_info(WORKFLOWS_DIR)
    pictures = len(workflow.image_inputs(schema))
    inputs = index.inputs.get(workflow.label, {})
    is_behind = "background" in inputs.get("image_2", "background")
    photos = (["photo.jpg", "background.jpg"] if is_behind else ["scene.jpg", "photo.jpg"])[:pictures]
    first = next((name for name in ("channel", "prompt", "seed") if name in inputs), "")
    shown = {"channel": "--set channel=amazon", "prompt": '--prompt "on a beach"', "seed": "--seed 7"}.get(first)
    lines = ["examples:", f"  {spell(workflow.name, *photos)}"]
    lines += [f"  {spell(workflow.name, *photos)} {shown}"] if shown else []
    lines += [f"  {spell(workflow.name, 'photos/')}"] if pictures == 1 else []
    title = index.titles.get(workflow.name, "")
    lines += [
        "",
        *_wrapped(f"{workflow.label}: {title or index.purposes.get(workflow.label, '')}."),
        "",
        "what can be set:",
    ]
    for name, words in inputs.items():
        lines += _wrapped(f"{name}: {words}", "  ", "      ")
    more = f"With types and ranges: {spell('inputs', workflow.name)}. Options of a run: {spell('help', 'submit')}"
    return "\n".join([*lines, "", *_wrapped(more)])


def _wrapped(text: str, indent: str = "", further: str = "") -> list[str]:
    width = shutil.get_terminal_size().columns
    return textwrap.wrap(
        " ".join(text.split()),
        max(40, width - 1),
        initial_indent=indent,
        subsequent_indent=further or indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _servers() -> str:
    """Which server a command uses, how it is let in, and which certificates are believed."""
    blocks = [
        ("examples:", [
            f"  {spell('status')}",
            f"  {spell('packshot', 'photo.jpg', '--server', 'HOST:8188')}",
            f"  {spell('batch', 'packshot', 'photos/', '--servers', 'farm.yaml')}",
        ]),
        ("which ComfyUI is used, in this order:", [
            "--server URL. HOST:PORT is enough; repeatable: `batch` and `cutouts` share their work among all of them, "
            "`status` asks each, every other command uses the first that can be used. One that was named is never "
            "replaced by another: if none can be used, the exit code is 3.",
            "$COMFYUI_URL, named for this terminal.",
            f"`server` in your own prodgen.toml (see `{spell('help', 'configuration')}`).",
            "a ComfyUI at http://127.0.0.1:8188, which gets no secret of the environment.",
            "the installed one. Commands that need a server start it when nothing answers, and it stays; `status`, "
            "`cancel` and `inputs` start nothing.",
        ]),
        ("the installed ComfyUI:", [
            f"{spell('serve')} starts it (--port N: there and nowhere else), {spell('serve', '--stop')} ends it, "
            f"{spell('logs')} shows what it has written. It listens on this machine only. One installation runs one "
            f"server: for another port, end the one that {spell('status')} shows.",
        ]),
        ("where a server asks for a login (never in the command line, where others can read it):", [
            "$COMFYUI_TOKEN: a bearer token. $COMFYUI_BASIC_AUTH: user:password. $COMFYUI_HEADERS: other headers, "
            "`X-API-Key: …`, a line each, or JSON. A ?token=… in the address goes with every request.",
        ]),
        ("certificates (https), with every command that takes --server:", [
            "--ca-file FILE.pem: also believe this certificate, or those that it has signed.",
            "--insecure: believe any certificate, self-signed ones too; never over the internet.",
        ]),
        ("a list of servers, --servers FILE.yaml (batch, cutouts, status):", [
            "each a URL, or `url:` with name, window (jobs in its queue), token_env, basic_env or headers_env (the "
            "environment variables that hold its token, user:password or headers), ca_file, insecure.",
        ]),
        ("on the way:", ["$HTTP_PROXY, $HTTPS_PROXY and $NO_PROXY are honoured. No redirect is followed."]),
    ]  # fmt: skip
    return _as_text(blocks)


def _config() -> str:
    """The settings file."""
    from runner.cli.settings import FILE_NAME, user_folder

    blocks = [
        ("examples:", [f"  {spell('config')}", f"  {spell('config', 'photos/')}", f"  {spell('config', '--json')}"]),
        (f"{FILE_NAME}, in this order; what is typed wins over all of them:", [
            "in the folder of the photos, then in the folder you are in: channel, out, name and set. A folder may come "
            "from anybody: out stays below it, a file that it sets lies in it, and it names no server.",
            f"yours, {user_folder() / FILE_NAME} (or what $PRODGEN_CONFIG names; none: no file): the same, and server.",
        ]),
        ("for example:", [
            '  channel = "amazon"',
            '  out = "shop"',
            '  name = "{image}"',
            '  server = "http://192.168.1.20:8188"  # in yours only',
            "  [set]                  # for all that have the input",
            '  background = "#ffffff"',
            "  [set.relight_iclight]  # for this one",
            "  steps = 25",
        ]),
    ]  # fmt: skip
    return _as_text(blocks)


def _recipes() -> str:
    """A brand's recipe: `--recipe` of `submit` and `batch`."""
    blocks = [
        ("examples:", [
            f"  {spell('packshot', 'photo.jpg', '--recipe', 'brand.yaml')}",
            f"  {spell('batch', 'packshot', 'photos/', '--recipe', 'brand.yaml', '--out', 'shop')}",
            f"  {spell('batch', 'packshot', '--watch', 'photos/', '--recipe', 'brand.yaml')}",
        ]),
        ("a recipe, one look for all products; every word may be left out:", [
            '  backdrop: "#f4f1ec"        # a colour stands in quotes',
            "  light: {from: 10, height: 40, temperature: 5200}",
            "  shadow: 0.25",
            "  fill: 0.8",
            "  style: studio",
            "  prompt: on pale oak",
            "  seed: 7",
            "  lora: brand.safetensors    # and lora_strength",
            "  channels: [amazon, ebay]   # all of them from one cut-out",
            '  name: "{image}_{channel}"',
            "  set:",
            "    parts: all               # any other input",
            "    relight_iclight: {steps: 25}",
        ]),
        ("what holds:", [
            "A word goes to the input that a workflow has for it; what it has none for is said, and left out.",
            "What is typed wins over the recipe, and the recipe over prodgen.toml.",
            "A recipe may come from anybody: no value of it names a file outside of its own folder, and it says "
            "nothing of servers or of where results go.",
            "Several shops: each file is called by its shop at the end, whatever the name says; one .json is for all.",
            "How a LoRA is trained is another recipe, of another command: train --recipe.",
        ]),
    ]  # fmt: skip
    return _as_text(blocks)


def _channels() -> str:
    """The shops, a line each."""
    from runner.cli.shops import overview

    return _as_text(overview())


def _as_text(blocks: list[tuple[str, list[str]]]) -> str:
    lines: list[str] = []
    for title, texts in blocks:
        lines += [*([""] if lines else []), *_wrapped(title)]
        for text in texts:
            lines += [text] if text.startswith("  ") else _wrapped(text, "  ", "    ")
    return "\n".join(lines)


TOPICS: Mapping[str, Callable[[], str]] = {
    "servers": _servers,
    "configuration": _config,
    "recipes": _recipes,
    "channels": _channels,
}
