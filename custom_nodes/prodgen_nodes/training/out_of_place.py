"""Networks whose gradients are right although they were written to compute in place.

ComfyUI's networks are written for painting: a block may say `img += attention`, which spares a copy and changes a
tensor that training needs as it was. Without gradient checkpointing torch then refuses; with it, the block is computed
again from inputs that its first pass has changed, and the gradients are wrong without a word. For the time of a
training `out_of_place` gives such modules a `forward` that is their own but for one thing: `name += value` makes a new
tensor.
"""

from __future__ import annotations

import ast
import inspect
import operator
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.MatMult: "matmul", ast.Pow: "pow",
    ast.FloorDiv: "floordiv", ast.Mod: "mod",
}  # fmt: skip
_NAME = "_prodgen_augmented"
_PATCHED = ("forward", "org_forward")
"""What is set on a module while it is trained, the second by core's gradient checkpointing."""


@contextmanager
def out_of_place(network: nn.Module) -> Iterator[None]:
    """Inside, every module of `network` whose `forward` has `name op= value` computes it out of place.

    Modules are left as they were found, after an error, too. What is no tensor is handled as it was. Not reached: what
    is changed in place in functions that a `forward` calls (`super().forward` is one), and a `forward` that another
    program has put there.
    """
    before: list[tuple[nn.Module, dict[str, Any]]] = []
    written: dict[Any, Callable[..., Any] | None] = {}
    try:
        for module in network.modules():
            own = type(module).forward
            if getattr(module.forward, "__func__", None) is not own:
                continue
            if own not in written:
                written[own] = rewritten(own)
            forward = written[own]
            if forward is not None:
                before.append((module, {key: vars(module)[key] for key in _PATCHED if key in vars(module)}))
                module.forward = types.MethodType(forward, module)
        yield
    finally:
        for module, kept in before:
            for key in _PATCHED:
                vars(module).pop(key, None)
            vars(module).update(kept)


def rewritten(function: Any) -> Callable[..., Any] | None:
    """The function with every `name op= value` out of place; None where it has none, or its source is not there."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    (defined,) = tree.body[:1]
    if not isinstance(defined, ast.FunctionDef) or defined.name != getattr(function, "__name__", ""):
        return None
    change = _OutOfPlace()
    change.visit(defined)
    if not change.found:
        return None
    defined.decorator_list = []
    # Its defaults, globals and cells are taken over from the function itself, so here they are only names.
    defined.args.defaults = [ast.Constant(None) for _ in defined.args.defaults]
    defined.args.kw_defaults = [one and ast.Constant(None) for one in defined.args.kw_defaults]
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cells[_NAME] = types.CellType(augmented)
    outside = ast.parse(f"def outside({', '.join(cells)}): pass")
    outside.body[0].body = [defined]  # type: ignore[attr-defined]
    ast.fix_missing_locations(outside)
    code = _found(compile(outside, f"<{function.__qualname__} out of place>", "exec"), function.__name__)
    made = types.FunctionType(
        code, function.__globals__, code.co_name, function.__defaults__,
        tuple(cells[name] for name in code.co_freevars),
    )  # fmt: skip
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _found(module: types.CodeType, name: str) -> types.CodeType:
    """The code of `outside`'s only function."""
    inner = [one for one in module.co_consts if isinstance(one, types.CodeType)]
    return next(one for one in inner[0].co_consts if isinstance(one, types.CodeType) and one.co_name == name)


def augmented(name: str, left: Any, right: Any) -> Any:
    """`left op= right`, but a tensor is left as it is."""
    if not isinstance(left, Tensor):
        return getattr(operator, f"i{name}")(left, right)
    made = getattr(operator, name)(left, right)
    return made.to(left.dtype) if isinstance(made, Tensor) else made


class _OutOfPlace(ast.NodeTransformer):
    """`x += y` to `x = augmented("add", x, y)`; parts of a tensor (`x[0] += y`) and attributes stay."""

    def __init__(self) -> None:
        self.found = 0

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        name = _OPERATORS.get(type(node.op))
        if name is None or not isinstance(node.target, ast.Name):
            return node
        self.found += 1
        left = ast.Name(node.target.id, ast.Load())
        value = ast.Call(ast.Name(_NAME, ast.Load()), [ast.Constant(name), left, node.value], [])
        return ast.Assign([ast.Name(node.target.id, ast.Store())], value)
