"""What a file of somebody's may hold is declared once; whatever it holds instead is said in words, all at once."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.batch.servers import FIELDS, read_servers
from runner.errors import UsageError
from runner.files.declared import Declared, DeclaredError, read
from runner.http.auth import Access
from runner.models.manifest import MANIFEST_PATH, Model, load_manifest
from runner.training.recipes import Recipe, recipe_for
from tests.support.spaces import any_json, as_json, mutated

MODEL = {
    "id": "tiny", "purpose": "p", "folder": "loras", "file": "a/tiny.safetensors", "url": "https://host.example/x",
    "licence": "MIT", "bytes": 9, "sha256": "a" * 64, "sha256_status": "mirror", "gated": False, "commercial": None,
    "page": "https://host.example", "note": "n", "used_by": ["packshot"], "alternatives": [], "names": ["other.pth"],
    "smoke": "prodgen_smoke_lora_sd15.pth", "improves": None, "install": True, "instead": "big",
}  # fmt: skip
PACKAGE = {"kind": "npm", "name": "@a/b", "version": "1.2", "bytes": 9, "sha256": "b" * 64, "file": "package/x"}
SOURCE = {**PACKAGE, "kind": "pypi", "name": "a", "sdist": True, "resource": None}
PACKAGED = {**MODEL, "url": None, "package": PACKAGE}
SERVER = {"url": "http://one:8188", "name": "cellar", "window": 2, "token_env": "PATH", "insecure": True}
SENTENCE = re.compile(r"(?s).*[.?]")


@settings(max_examples=150)
@given(mutated([MODEL, PACKAGED, {**PACKAGED, "package": SOURCE}], any_json([*MODEL, *SOURCE])))
def test_any_entry_of_a_manifest_is_read_or_refused_in_words(entry: Any) -> None:
    try:
        model = read(Model, entry)
    except DeclaredError as error:
        assert error.faults and all(SENTENCE.fullmatch(words) for words in error.faults)
        return
    assert entry["id"] == model.id and {".", ".."}.isdisjoint(model.relative_path.parts)
    assert not model.relative_path.is_absolute()
    assert model.is_offered or (model.url is None and model.package is None)


@settings(max_examples=100)
@given(mutated([[SERVER, "http://two"]], any_json(FIELDS)))
def test_any_list_of_servers_is_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, listed: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "servers.yaml"
    path.write_bytes(as_json(listed))
    try:
        servers = read_servers(path, Access())
    except UsageError as error:
        assert str(path) in error.message
    else:
        assert servers and all(1 <= server.window <= 16 and "@" not in server.label for server in servers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"licens": 1, "purpose": None, "bytes": 0}, ["unknown field", "'purpose' is missing", "size in bytes"]),
        ({"used_by": "packshot"}, ["used_by: 'packshot' is no list."]),
        ({"used_by": ["a", 5]}, ["used_by.1: 5 is no text."]),
        ({"gated": "no"}, ["gated: 'no' is neither true nor false."]),
        ({"commercial": 1}, ["commercial: 1 is neither true nor false."]),
        ({"note": ["x" * 999]}, ["note: ['xxx"]),
        ({"names": ["a/b.pth"]}, ["plain file names, without folders"]),
        ({"names": ["..pth"]}, ["leave the models folder"]),
    ],
)
def test_everything_is_told_at_once_and_unknown_fields_first(change: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(DeclaredError) as caught:
        read(Model, {**MODEL, **change})
    assert len(caught.value.faults) == len(said)
    for words, part in zip(caught.value.faults, said, strict=True):
        assert part in words and len(words) < 300


def test_a_record_that_is_no_mapping_is_named() -> None:
    with pytest.raises(DeclaredError, match="5 is no mapping"):
        read(Model, 5)


def test_every_field_is_explained_at_the_head_of_the_manifest() -> None:
    head = MANIFEST_PATH.read_text(encoding="utf-8").partition("models:\n")[0]
    of_themselves = {"id", "purpose", "licence", "url", "page", "note", "alternatives"}
    assert {name for name in Model.model_fields if not re.search(rf"\b{name}\b", head)} <= of_themselves


def test_what_was_read_is_never_changed(tmp_path: Path) -> None:
    model = load_manifest().models[0]
    assert isinstance(model, Declared) and hash(model) == hash(load_manifest().models[0])
    with pytest.raises(ValueError, match="frozen"):
        model.file = "other"


BAD: dict[Any, Any] = {
    "int": st.one_of(st.integers(-(10**12), -1), st.integers(10**6, 10**12), st.floats(), st.text(), st.none()),
    "float": st.one_of(st.floats(max_value=-0.1), st.floats(min_value=2e3), st.text(), st.none(), st.just(math.nan)),
    "text": st.one_of(st.integers(), st.text(max_size=4), st.lists(st.integers()), st.none()),
}
"""Values that a field of a recipe does not take, most of them of its kind and beyond its limits."""
LIBRARY = re.compile(r"[Ii]nput should|valid (integer|number|string)|\{\w+\}|pydantic", re.IGNORECASE)


@settings(max_examples=200)
@given(st.sampled_from(sorted(Recipe.model_fields)), st.one_of(*BAD.values()))
def test_whatever_a_recipe_does_not_take_is_said_with_the_value_and_in_our_words(name: str, value: Any) -> None:
    _, recipe = recipe_for(None, None, [])
    try:
        read(Recipe, {**recipe.model_dump(), name: value})
    except DeclaredError as error:
        words = " ".join(error.faults).replace(repr(value), "VALUE")
        assert not LIBRARY.search(words)
        assert "rise in this order" in words or "more than the resolution" in words or name in words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epochs=-1", "epochs: -1 is too small: at least 1."),
        ("epochs=1.5", "epochs: 1.5 is no whole number."),
        ("epochs=", "epochs: '' is no whole number."),
        ("epochs=99999999", "epochs: 99999999 is too large: at most 10000."),
        ("dropout=1", "dropout: 1.0 is too large: less than 1.0."),
        ("alpha=.nan", "alpha: nan is no finite number."),
        ("side_step=33", "side_step: 33 is no multiple of 16."),
        ("precision=fp8", "precision: 'fp8' is none of these: 'bf16' or 'fp16'."),
    ],
)
def test_a_setting_out_of_its_range_is_told_with_the_range(change: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        recipe_for(None, None, [change])
