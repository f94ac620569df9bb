"""What somebody means who types words of his own: the command line that works, with all that was typed in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.cli.parser import COMMANDS
from runner.cli.typed import (
    inputs_of,
    is_bare,
    is_input,
    is_photo,
    is_workflow,
    kind,
    option_with_value,
    options_of,
    sample_value,
    with_inputs,
)
from runner.errors import UsageError
from runner.files.paths import expanded
from runner.invocation import spell
from runner.suggest import alike, is_near

_MEANT = {
    "list": ("workflows",),
    "ls": ("workflows",),
    "workflow": ("workflows",),
    "start": ("serve",),
    "server": ("serve",),
    "stop": ("serve", "--stop"),
    "log": ("logs",),
    "queue": ("status",),
    "download": ("models", "download", "--for"),
    "install": ("models", "download", "--for"),
    "model": ("models",),
    "settings": ("config",),
    "version": ("--version",),
    "examples": ("help",),
    "gui": ("studio", "--open"),
    "ui": ("studio", "--open"),
    "web": ("studio", "--open"),
    "browser": ("studio", "--open"),
    "app": ("studio", "--open"),
}
"""What others call a command → ours. What is spelled nearly like one of ours needs no row."""
_MAKING = {
    **dict.fromkeys(("remove", "rembg", "removebg", "remove-bg", "remove-background", "transparent"), "cutout"),
    **dict.fromkeys(("white", "resize", "square", "amazon-ready", "folder"), "packshot"),
    **dict.fromkeys(("background", "bg", "cut"), "cutout"),
    **dict.fromkeys(("enlarge", "bigger"), "upscale"),
}
"""What somebody wants made → the workflow that makes it; of several words the first of these counts."""
_ANSWERS = {
    "undo": ("nothing needs to be undone: photos are never changed, and every result is a new file.", ("help",)),
    "quit": ("nothing is left open: a command ends by itself, or with Ctrl-C.", ("serve", "--stop")),
    "exit": ("nothing is left open: a command ends by itself, or with Ctrl-C.", ("serve", "--stop")),
    "uninstall": ("`python install.py --uninstall`, where this was installed, removes what it made.", ()),
    "update": ("`git pull` and `python install.py`, where this was installed, bring it up to date.", ()),
    "upgrade": ("`git pull` and `python install.py`, where this was installed, bring it up to date.", ()),
}
"""What there is no command for: why, and what is a next step."""
_FILLING = frozenset({
    "a", "an", "and", "by", "can", "convert", "create", "do", "for", "from", "generate", "get", "give", "how", "i",
    "image", "images", "in", "into", "is", "it", "item", "make", "me", "my", "need", "of", "on", "onto", "or", "out",
    "photo", "picture", "pictures", "please", "process", "product", "run", "shop", "shops", "submit", "take", "the",
    "them", "this", "to", "turn", "up", "want", "with", "you",
})  # fmt: skip
"""Words of a sentence that say nothing of what is to be made."""
_SIZE = re.compile(r"(\d{2,5})(?:[x×*](\d{2,5}))?(?:px)?", re.IGNORECASE)
_MEANT_OPTIONS = {
    "-o": "--out",
    "--output": "--out",
    "--output-dir": "--out",
    "-n": "--count",
    "--number": "--count",
    "-s": "--seed",
    "-p": "--prompt",
    "-w": "--workflow",
    "--continue": "--resume",
    "--host": "--server",
    "--url": "--server",
}
_MEANT_INPUTS = {
    **dict.fromkeys(("--shop", "--marketplace", "--platform", "--for"), "channel"),
    **dict.fromkeys(("--color", "--colour", "--bg", "--bg-color", "--background-color"), "background"),
}
"""What others call an option → the input of a workflow that does it."""
_SIZES = ("--size", "--dimensions", "--resolution")
_MARGINS = ("--margin", "--padding", "--border")
_ENDING = ("cancel", "--stop")
"""What ends or takes back something: never guessed of a word that is more than a slip of the finger away."""
_LIKE = 0.75
"""From which likeness on an option is asked for: `--sed` is `--seed`, `--dry` is not `--ray`."""
_PARTS = 8
"""Words of which the name of a photo is put together again."""
_LEAST = 4
"""Letters from which a word in a sentence may be a shop or a workflow that was mistyped."""


@dataclass
class Line:
    """The words of a command line, by what they are."""

    workflows: list[str] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    shops: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    making: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def says_what(self) -> bool:
        """Whether anything in it says what is to be made."""
        return bool(self.workflows or self.shops or self.making)

    def advice(self, *command: str) -> str:
        """The commands that are meant, the first behind what introduces it."""
        return "\n  ".join(spell(*command, *line) for line in self._lines())

    def _lines(self) -> list[list[str]]:
        made = next((_MAKING[word] for word in _MAKING if word in self.making), "packshot")
        workflows = list(dict.fromkeys(self.workflows or [made]))
        if self.shops and not any(is_input("channel", name) for name in workflows):
            workflows = [*self.workflows, "packshot"]
        photos = self.photos or ["photo.jpg"]
        return [[name, *photos, *self._options(name)] for name in workflows]

    def _options(self, workflow: str) -> list[str]:
        shops = list(dict.fromkeys(self.shops)) if is_input("channel", workflow) else []
        of_shops = ["--channels", ",".join(shops)] if len(shops) > 1 else ["--set", f"channel={''.join(shops)}"]
        whole = with_inputs(["submit", workflow, *_known(self.options, workflow)], 0)[2:]
        return [*(of_shops if shops else []), *whole]


def read_line(words: Sequence[str]) -> Line:
    """What these words are, one by one; what is nothing that we know is among `others`."""
    line, rest = Line(), list(words)
    while rest:
        word = rest.pop(0)
        plain = word.strip(",.;:!?") or word
        if not is_bare(word):
            _read_option(line, option_with_value(word, rest))
        elif is_photo(word):
            line.photos.append(word)
        elif is_workflow(plain):
            line.workflows.append(plain)
        elif _are_shops(plain):
            line.shops += plain.lower().split(",")
        elif "=" in plain.lstrip("="):
            line.options += ["--set", plain]
        elif (size := _SIZE.fullmatch(plain)) is not None:
            line.making.append("resize")
            line.options += _of_size(size)
        else:
            _read_word(line, plain, words)
    _find_choices(line)
    return line


def _read_option(line: Line, option: list[str]) -> None:
    name, _, value = option[-1].partition("=") if option[0] == "--set" else (option[0], "", option[-1])
    if name in ("--channels", "--channel", "channel") and _are_shops(value):
        line.shops += value.lower().split(",")
    else:
        line.options += option


def _read_word(line: Line, word: str, words: Sequence[str]) -> None:
    """A word of a sentence, or a shop or a workflow that was mistyped."""
    from runner.cli.shops import shops
    from runner.workflow.load import available_workflows

    if word.lower() in _MAKING:
        line.making.append(word.lower())
    elif word.lower() in _FILLING:
        return
    elif len(word) >= _LEAST and (like := alike(word, shops())):
        line.shops += like
    elif len(word) >= _LEAST and (like := [one for one in alike(word, available_workflows()) if _takes(one, words)]):
        line.workflows += like
    else:
        line.others.append(word)


def _find_choices(line: Line) -> None:
    """`photo.jpg studio`: what is a choice of one of the workflow's inputs."""
    specs = inputs_of(line.workflows[0]) if line.workflows else []
    for word in list(line.others):
        chooser = next((spec for spec in specs if spec.options and word in map(str, spec.options)), None)
        if chooser is not None:
            line.others.remove(word)
            line.options += ["--set", f"{chooser.name}={word}"]


def _are_shops(word: str) -> bool:
    from runner.cli.shops import shops

    return all(name in shops() for name in word.lower().split(","))


def _of_size(size: re.Match[str]) -> list[str]:
    return ["--set", f"width={size[1]}", "--set", f"height={size[2] or size[1]}"]


def _known(options: Sequence[str], workflow: str) -> list[str]:
    """Options by the names that they have here."""
    pool = options_of("submit") | options_of("batch")
    known: list[str] = []
    rest = list(options)
    while rest:
        word = rest.pop(0)
        typed = option_with_value(word, rest)
        name, mark, value = word.partition("=")
        value = value if mark else "".join(typed[1:])
        meant = None if name in pool else option_meant(name, value, workflow, pool)
        known += typed if meant is None else meant
    return known


def option_meant(name: str, value: str, workflow: str, pool: frozenset[str] | set[str]) -> list[str] | None:
    """The words in the place of an option that there is not, with its value; None: it is like none."""
    if name in ("-o", "--output", "--out") and is_picture_name(value):
        return named_file(value)
    if name in _SIZES and (size := _SIZE.fullmatch(value)) is not None and is_input("width", workflow):
        return _of_size(size)
    if name in _MARGINS and (share := _fill(value)) and is_input("fill", workflow):
        return ["--set", f"fill={share:g}"]
    if (meant := _MEANT_INPUTS.get(name, "")) and is_input(meant, workflow):
        return ["--set", f"{meant}={value or 'VALUE'}"]
    found = like_option(name, pool)
    value = value or sample_value(found)
    return [found, *([value] if value else [])] if found else None


def like_option(name: str, pool: frozenset[str] | set[str]) -> str:
    """The option that another program calls so, that begins so, or that is spelled nearly so; "" where none is."""
    meant = _MEANT_OPTIONS.get(name, "")
    if meant in pool:
        return meant
    begun = sorted(one for one in pool if one.startswith(name) and len(name) > len("--x"))
    spelled = alike(name, pool, most=3, likeness=_LIKE)
    return next((one for one in [*begun[:1], *spelled] if _may_guess(name, one)), "")


def _fill(margin: str) -> float | None:
    """How much of the picture a product fills that has this margin on each side."""
    try:
        share = float(margin[:-1]) / 100 if margin.endswith("%") else float(margin)
    except ValueError:
        return None
    fill = round(1 - 2 * share, 3)
    return fill if share >= 0 and 0 < fill <= 1 else None


def is_picture_name(value: str) -> bool:
    """Whether somebody who says where results go has named a picture."""
    path = expanded(value)
    return path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff") and not path.is_dir()


def named_file(value: str) -> list[str]:
    """The options by which a result gets the name of this picture."""
    path = Path(value)
    folder = [] if path.parent == Path() else ["--out", str(path.parent)]
    return [*folder, "--name", path.stem]


def no_command(words: Sequence[str], at: int) -> UsageError:
    """What the first word of a line is no command for, with the line that is meant."""
    word, asked, others = words[at], words[at].lower().lstrip("-"), list(words[at + 1 :])
    line = read_line(words)
    if word.strip() and (expanded(word).exists() or "://" in word or word == "-"):
        said, advice = f"{word} is {kind(word)}: say in front of it what is to be made.", line.advice()
        return UsageError(said + _not_understood(line), advice=advice)
    if is_photo(word):
        said, advice = f"there is no file {word}, nor a command or workflow of that name.", _overview()
    elif asked in _ANSWERS and not others:
        answer, step = _ANSWERS[asked]
        said, advice = f"there is no command {asked!r}: {answer}", spell(*step) if step else ""
    elif line.shops[:1] == [asked] and not line.workflows:
        said = f"{word} is a shop: say in front of it what is to be made."
        advice = line.advice() if line.photos else spell("help", asked)
    else:
        said = f"there is no command and no workflow called {word!r}."
        advice = _meant_by(word, asked, others, line)
        said += _not_understood(line, word) if line.photos and line.says_what else ""
    return UsageError(said, advice=advice)


def _meant_by(word: str, asked: str, others: Sequence[str], line: Line) -> str:
    meant = None if line.photos and line.says_what else _command_meant(word, asked, others)
    if meant is not None:
        return f"Did you mean: {spell(*meant)}"
    return f"Did you mean: {line.advice()}" if line.says_what and (line.photos or asked in _MAKING) else _overview()


def _command_meant(word: str, asked: str, others: Sequence[str]) -> list[str] | None:
    from runner.cli import shops as shop_list
    from runner.workflow.load import available_workflows

    if asked in _MEANT:
        meant = _MEANT[asked]
        return [*meant, *others] if others or not meant[-1].startswith("--for") else ["models"]
    like = (
        name
        for name in alike(word, [*COMMANDS, *available_workflows(), *shop_list.WORDS[:1]], most=5)
        if _takes(name, others) and _may_guess(word, name)
    )
    found = next(like, None)
    return None if found is None else [found, *others]


def _not_understood(line: Line, word: str = "") -> str:
    words = [other for other in line.others if other != word]
    return f" Not understood: {', '.join(words)}." if words else ""


def _takes(name: str, typed: Sequence[str]) -> bool:
    """Whether a workflow has the inputs that are set in a command line; a command is asked nothing."""
    from runner.workflow.load import available_workflows

    if name in COMMANDS or name not in available_workflows():
        return True
    options = {word.partition("=")[0] for word in typed if word.startswith("--")}
    known = options_of("submit") | options_of("batch")
    asked = {option.lstrip("-") for option in options if option in ("--prompt", "--seed") or option not in known}
    return all(
        is_input(one, name) or (f"--{one}" not in known and option_meant(f"--{one}", "1000", name, known))
        for one in asked
    )


def _may_guess(word: str, name: str) -> bool:
    return name not in _ENDING or is_near(word, name)


def _overview() -> str:
    return f"`{spell('help')}` shows the commands, `{spell('workflows')}` the workflows."


def rejoined(words: Sequence[str]) -> tuple[list[str], str]:
    """The words with what a shell has taken apart put together again: the name of a file that holds spaces; and the
    first such name, "" where there is none."""
    joined, first, rest = [], "", list(words)
    while rest:
        parts = next((n for n in range(min(len(rest), _PARTS), 1, -1) if _is_spaced_file(rest[:n])), 1)
        word = " ".join(rest[:parts])
        joined.append(word)
        first = first or (word if parts > 1 else "")
        del rest[:parts]
    return joined, first


def _is_spaced_file(words: Sequence[str]) -> bool:
    return all(map(is_bare, words)) and expanded(" ".join(words)).is_file() and not expanded(words[0]).exists()


def no_photos(argv: Sequence[str], photos: Sequence[str], workflow: str) -> UsageError | None:
    """Words where photos belong that are something else: a shop, a value, a workflow; with the whole line."""
    whole, spaced = rejoined(argv)
    if spaced:
        command, line = line_of(whole)
        return UsageError(f"{spaced}: a name with spaces needs quotes.", advice=f"Write: {line.advice(*command)}")
    word = next((word for word in photos if not is_photo(word)), None)
    if word is None:
        return None
    told = _told_of(word, workflow)
    if told is None:
        return None
    command, line = line_of(argv)
    return UsageError(told + _not_understood(line, word), advice=f"Write: {line.advice(*command)}")


def line_of(argv: Sequence[str]) -> tuple[list[str], Line]:
    """The command of a line, where one was typed, and what the words behind it are."""
    at = next(at for at, word in enumerate(argv) if is_bare(word))
    command = [argv[at].lower()] if argv[at].lower() in COMMANDS else []
    return command, read_line([*argv[:at], *argv[at + len(command) :]])


def _told_of(word: str, workflow: str) -> str | None:
    from runner.cli.shops import shops

    name, mark, _ = word.partition("=")
    if mark and is_input(name, workflow):
        return f"{word} is no photo but a value."
    specs = inputs_of(workflow)
    chooser = next((spec for spec in specs if spec.options and word in map(str, spec.options)), None)
    if chooser is not None:
        return f"{word} is no photo but a choice of {chooser.name}."
    if _are_shops(word) or (len(word) >= _LEAST and not Path(word).suffix and alike(word, shops())):
        return f"{word} is no photo but a shop." if _are_shops(word) else f"there is no photo {word}."
    if word.lower() in _FILLING or word.lower() in _MAKING:
        return f"{word} is no photo."
    return f"{word} is a workflow, too: one at a time." if is_workflow(word) and not Path(word).suffix else None
