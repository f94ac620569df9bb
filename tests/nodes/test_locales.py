"""Every word of the nodes in five languages: none missing, none left over, none changed on the way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.cli.record_labels import FILE, LOCALES_DIR, SOURCE, flat, in_line, labels_of, load
from tests.support.comfy import PACK, ComfyServer

LANGUAGES = ("de", "es", "fr", "ja", "zh")
OTHER_FILES = ("commands.json", "main.json", "settings.json")
SAME_IN_ALL = {"x", "y", "CLIP", "VAE", "LoRA", "JSON"}
"""Names that are the same word everywhere."""
LATIN = re.compile(r"^[\x00-\x7f]*$")
NOT_TRANSLATED = re.compile(
    r"#rrggbb|#[0-9a-f]{6}\b|%date:[^%]+%|\b(?:[a-z0-9]+_[a-z0-9_]+|[a-z0-9_]+\.safetensors)\b|\d{4}-\d{2}"
)
"""What a text says in letters that a program reads: colours, dates, files, values of a combo."""
NAMES_OF_INPUTS = {"keep_in_front", "keypoints_before", "canvas_mask", "hand_at_grip", "grip_point", "moved_mask"}
"""Inputs that an English text calls by their names; in the other languages they have one of their own."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_is_missing_or_left_over(language: str) -> None:
    english, words = flat(load(LOCALES_DIR / SOURCE)), flat(load(LOCALES_DIR / language / FILE))
    assert sorted(set(english) - set(words)) == [], "to be translated"
    assert sorted(set(words) - set(english)) == [], "no node has these any more"
    assert [path for path, text in words.items() if not text.strip()] == []


def test_the_english_that_was_translated_is_what_the_nodes_say(comfy_server: ComfyServer) -> None:
    assert load(LOCALES_DIR / SOURCE) == labels_of(comfy_server.object_info()), (
        "run python -m runner.cli.record_labels, then translate what the test above names"
    )


@pytest.mark.parametrize("name", OTHER_FILES)
def test_settings_and_commands_have_the_same_words_in_every_language(name: str) -> None:
    def of(language: str) -> dict[str, str]:
        return flat(json.loads((LOCALES_DIR / language / name).read_text(encoding="utf-8")))

    first = of(LANGUAGES[0])
    assert set(first) == _said_by_the_front_end()[name]
    for language in LANGUAGES[1:]:
        assert set(of(language)) == set(first), language


def _said_by_the_front_end() -> dict[str, set[str]]:
    """What the scripts under `web/js` show, as the locale files call it."""
    script = (PACK / "web" / "js" / "prodgen.js").read_text(encoding="utf-8")
    words = (PACK / "web" / "js" / "prodgen_words.js").read_text(encoding="utf-8")
    english = words.split("ENGLISH = {")[1].split("};")[0]
    ids = dict(re.findall(r'const ([A-Z]+) = "prodgen\.(\w+)"', script + words))
    settings = re.findall(r"\n {12}id: ([A-Z]+),\n {12}category", script)
    commands = re.findall(r"\n {12}id: ([A-Z]+),\n {12}icon", script)
    assert settings and commands
    options = {f"prodgen_Language.options.{text}" for text in re.findall(r'\{ text: "([^"]+)"', script)}
    return {
        "main.json": {f"prodgen.{key}" for key in re.findall(r"(\w+): \"", english)},
        "commands.json": {f"prodgen_{ids[key]}.label" for key in commands},
        "settings.json": {f"prodgen_{ids[key]}.{part}" for key in settings for part in ("name", "tooltip")} | options,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_programs_read_is_not_translated(language: str) -> None:
    english, words = flat(load(LOCALES_DIR / SOURCE)), flat(load(LOCALES_DIR / language / FILE))
    for path, text in english.items():
        kept = set(NOT_TRANSLATED.findall(text)) - NAMES_OF_INPUTS
        if path.endswith(".tooltip") or path.endswith(".description"):
            lost = [word for word in kept if word not in words[path]]
            assert lost == [], f"{language} {path}: {words[path]}"
        assert not re.search(r"[{}|@]", words[path]), f"{path}: signs that the front end's own format would read"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_was_left_in_english(language: str) -> None:
    english, words = flat(load(LOCALES_DIR / SOURCE)), flat(load(LOCALES_DIR / language / FILE))
    same = [path for path, text in english.items() if words[path] == text and " " in text]
    assert same == [], language
    if language in ("ja", "zh"):  # names that are abbreviations everywhere may stay in Latin letters
        latin = {words[path] for path in words if LATIN.match(words[path])}
        assert latin - SAME_IN_ALL - {"min-SNR", "Alpha"} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_word_for_one_thing(language: str) -> None:
    """The same English is the same word everywhere, and no two nodes have one name."""
    english, words = flat(load(LOCALES_DIR / SOURCE)), flat(load(LOCALES_DIR / language / FILE))
    seen: dict[str, str] = {}
    for path, text in english.items():
        assert seen.setdefault(text, words[path]) == words[path], f"{text}: {path}"
    titles = [node["display_name"] for node in load(LOCALES_DIR / language / FILE).values()]
    assert len(titles) == len(set(titles))
    for node in load(LOCALES_DIR / language / FILE).values():
        names = [slot["name"] for slot in node["inputs"].values()]
        assert len(names) == len(set(names)), names


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_node_is_called_in_texts_as_on_its_title(language: str) -> None:
    """Where an English text names a node of the pack, the translation names it by its title there."""
    english, words = load(LOCALES_DIR / SOURCE), load(LOCALES_DIR / language / FILE)

    def short(title: str) -> str:
        return re.sub(r"\s*[(（].*$", "", title)

    texts, translated = flat(english), flat(words)
    names = {short(english[name]["display_name"]): short(words[name]["display_name"]) for name in english}
    for path, text in texts.items():
        if path.endswith(".display_name") or path.endswith(".name"):
            continue
        for name, title in names.items():
            if f"'{name}'" in text:
                assert title in translated[path], f"{language} {path}: {translated[path]}"


def test_what_a_node_says_anew_is_to_be_translated_again(tmp_path: Path) -> None:
    old: dict[str, Any] = {"N": {"display_name": "One", "description": "Two", "inputs": {"a": {"name": "a"}}}}
    new: dict[str, Any] = {"N": {"display_name": "One", "description": "Other", "inputs": {"b": {"name": "b"}}}}
    word = {"N": {"display_name": "Eins", "description": "Zwei", "inputs": {"a": {"name": "A"}}}}
    assert in_line(word, old, new) == {"N": {"display_name": "Eins"}}
    assert load(tmp_path / FILE) == {}


def test_comfyui_serves_them(comfy_server: ComfyServer) -> None:
    served = comfy_server.get("/i18n")
    for language in LANGUAGES:
        nodes = served[language]["nodeDefs"]
        assert nodes["ProdgenFidelity"] == load(LOCALES_DIR / language / FILE)["ProdgenFidelity"]
        assert served[language]["commands"] and served[language]["settings"]
