"""A value as its widget takes it: from text of a command line, or from what a job file says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.data import without_lone_surrogates
from runner.errors import WorkflowError
from runner.files.paths import is_a_file
from runner.files.tensors import said_of
from runner.suggest import did_you_mean, nearest
from runner.words import shortened
from runner.workflow.schema import COMBO, DYNAMIC_COMBO, InputSchema, is_file_list

_LARGEST = 2**64
"""ComfyUI's whole numbers have 64 bits; a larger one would be refused there, without a name."""
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
"""A whole number as a spreadsheet writes it: beyond 53 bits another one would come of it as a float."""
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_FOLDER_OF_MODELS = re.compile(r"(?:/|[A-Za-z]:/)(?:.*/)?(?:models/[^/]+|output/loras)/(?P<name>.+)")
_TRAINED_HERE = re.compile(r".*/(?P<name>[^/]+_\d{6}_steps_(?P<mark>[0-9a-f]{8})\.safetensors)")
"""A path to a model, and by which name a server lists it; `output/loras` is where it puts those that it has trained,
under names that end with the step and the mark of the training."""
_TOLD = 60
"""Letters of a wrong value that are shown: enough to find it."""
_UNIT = re.compile(r"(\d+(?:\.\d+)?) ?(%|px)", re.IGNORECASE)
_PERCENT = 100
"""A whole, in percent."""
_PIXELS = 64
"""An input that goes so far may count pixels; steps, seconds and shares do not come with `px`."""
_COLOUR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


def convert_value(name: str, value: Any, kind: str, schema: InputSchema | None = None) -> Any:
    """`value` (text from a command line, or a typed value from a job file) as the widget's type."""
    if value is None:
        raise WorkflowError(f"{name}: no value was given.")
    if isinstance(value, str) and without_lone_surrogates(value) != value:
        raise WorkflowError(f"{name}: {without_lone_surrogates(value)[:40]!r} holds bytes that are no text (UTF-8).")
    if kind == "BOOLEAN":
        return _boolean(name, value)
    if kind in ("INT", "FLOAT"):
        read = value if schema is None else _plain_number(value, kind, schema)
        return _in_range(name, _number(name, read, kind, exact=schema is not None), schema)
    if isinstance(value, (dict, list)) and not (kind == "ANY" or (schema and schema.settings.get("multiselect"))):
        raise WorkflowError(f"{name}: a single value is needed here, not {shortened(repr(value), _TOLD)}.")
    if kind in (COMBO, DYNAMIC_COMBO):
        return _choice(name, value, schema)
    if schema is not None and schema.is_colour:
        return _colour(name, str(value))
    return str(value) if kind != "ANY" else value


def whole_number(name: str, value: Any) -> int:
    """`value` (text, or what a job file says) as an input of whole numbers takes it: 7, `7.0`, `1e3`. Raises
    WorkflowError."""
    return int(_number(name, value, "INT", exact=True))


def _colour(name: str, text: str) -> str:
    """As the nodes read it: a name becomes its code. Whether an empty one is a colour is the node's own matter."""
    if not text.strip() or _COLOUR.fullmatch(text.strip()):
        return text
    if (named := named_colour(text.strip())) is not None:
        return named
    raise WorkflowError(
        f"{name}: {text!r} is no colour.{like_a_colour(text)}",
        advice="Write it as #rrggbb, for example #ffffff for white, or as a plain name: white, navy, beige.",
    )


def named_colour(name: str) -> str | None:
    """`navy` as `#000080`; None where no colour is called so."""
    from PIL import ImageColor

    if name.casefold().replace(" ", "") not in ImageColor.colormap:
        return None
    return "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(name.replace(" ", ""))[:3])


def like_a_colour(name: str) -> str:
    """A question for the colour whose name this one is like, with a space before it; empty where there is none."""
    from PIL import ImageColor

    return did_you_mean(name, ImageColor.colormap)


def _plain_number(value: Any, kind: str, schema: InputSchema) -> Any:
    """`80%` of an input that ends at 1, `2000px` of one that counts far: what can only mean one number."""
    unit = _UNIT.fullmatch(value.strip()) if isinstance(value, str) else None
    if unit is None or schema.maximum is None:
        return value
    if unit[2] == "%" and kind == "FLOAT" and schema.maximum <= 1:
        return round(float(unit[1]) / _PERCENT, 6)
    return unit[1] if unit[2].lower() == "px" and schema.maximum >= _PIXELS else value


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().casefold()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise WorkflowError(f"{name}: {value!r} is neither true nor false.", advice="Use true or false.")


def _number(name: str, value: Any, kind: str, *, exact: bool) -> int | float:
    noun = "a whole number" if kind == "INT" else "a number"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise WorkflowError(f"{name}: {shortened(repr(value), _TOLD)} is not {noun}.")
    if isinstance(value, str) and (whole := _WHOLE.fullmatch(value.strip())) is not None:
        value = whole[1]
    number: int | float
    try:
        number = int(value) if not isinstance(value, float) else value
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            raise WorkflowError(f"{name}: {shortened(repr(value), _TOLD)} is not {noun}.") from None
    if isinstance(number, int) and abs(number) > _LARGEST:
        raise WorkflowError(f"{name}: {str(value)[:40]} is too large a number.")
    if isinstance(number, float) and not math.isfinite(number):
        raise WorkflowError(f"{name}: {shortened(repr(value), _TOLD)} is not {noun}.")
    if kind == "FLOAT":
        return float(number)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, float) and exact:
        raise WorkflowError(f"{name}: {value!r} is not a whole number.")
    # Without a schema `8` may as well be a float widget that happens to hold a round value.
    return number


def _in_range(name: str, number: int | float, schema: InputSchema | None) -> int | float:
    low, high = (schema.minimum, schema.maximum) if schema else (None, None)
    if low is not None and number < low:
        raise WorkflowError(f"{name}: {number} is too small; {_span(low, high)}.")
    if high is not None and number > high:
        percent = high <= 1 and 1 < number <= _PERCENT
        raise WorkflowError(
            f"{name}: {number} is too large; {_span(low, high)}.",
            advice=f"If {number:g} percent are meant, write {number / _PERCENT:g} or {number:g}%." if percent else "",
        )
    return number


def _span(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"it goes from {low} to {high}"
    return f"the smallest is {low}" if low is not None else f"the largest is {high}"


def listed(value: Any, schema: InputSchema) -> Any:
    """The server's own name for a file that `value` names in another system's way; None where it lists no such file.

    `SDXL\\a.safetensors` and `SDXL/a.safetensors` are the same file, and on most systems `sdxl/A.safetensors` is too.
    So is a whole path into a folder of models: `…/models/loras/SDXL/a.safetensors`, and the copy of a LoRA that was
    trained on that server: its name says of which training it is.
    """
    if not isinstance(value, str) or schema.options is None:
        return None
    for spell in (_posix, lambda text: _posix(text).casefold()):
        alike = [option for option in schema.options if isinstance(option, str) and spell(option) == spell(value)]
        if len(alike) == 1:
            return alike[0]
    for pattern in (_FOLDER_OF_MODELS, _TRAINED_HERE):
        name = pattern.fullmatch(_posix(value))
        if name and name["name"] in map(str, schema.options):
            if trained := _TRAINED_HERE.fullmatch(_posix(value)):
                _check_training(Path(value), trained["mark"])
            return name["name"]
    return _posix(value) if schema.is_upload and "\\" in value else None


def _check_training(path: Path, mark: str) -> None:
    """Raises WorkflowError for a file here that is not the one that a server made under this name: that one would be
    used without a word."""
    if is_a_file(path) and not said_of(path, "prodgen.training").startswith(mark):
        raise WorkflowError(
            f"{path} is not the LoRA that the server lists as {path.name}: it is damaged, or another file.",
            advice="Name the server's by its name alone, or put this one into its models/loras under another name.",
        )


def _posix(name: str) -> str:
    return re.sub(r"[\\/]+", "/", name.strip()).removeprefix("./")


def _choice(name: str, value: Any, schema: InputSchema | None) -> Any:
    options = schema.options if schema else None
    if options is None:
        return value
    if isinstance(value, list) and schema is not None and schema.settings.get("multiselect"):
        return [_choice(name, item, schema) for item in value]
    for option in options:
        if option == value and isinstance(option, bool) == isinstance(value, bool):
            return option
    for option in options:
        if str(option) == str(value):
            return option
    folded = [option for option in options if str(option).casefold() == str(value).strip().casefold()]
    option_meant = folded[0] if len(folded) == 1 else listed(value, schema) if schema is not None else None
    if option_meant is not None:
        return option_meant
    if is_file_list(options) or (schema is not None and schema.is_upload):
        return str(value)  # a file the server may not have: the check before submitting says how to get it
    match = nearest(str(value), [str(option) for option in options])
    raise WorkflowError(
        f"{name}: there is no choice {value!r}.{f' Did you mean {match!r}?' if match else ''}",
        advice=f"Choose one of: {', '.join(str(option) for option in options)}.{_of_several(name, value, options)}",
    )


def _of_several(name: str, value: Any, options: Sequence[Any]) -> str:
    """What takes several choices, where a value is a list of them: a batch makes a picture for each."""
    known = {str(option).casefold(): str(option) for option in options}
    typed = [known.get(part.strip().casefold()) for part in str(value).split(",")]
    if len(typed) < 2 or None in typed:
        return ""
    return f" For each of several, `batch` takes them: --set {name}={','.join(map(str, typed))}."
