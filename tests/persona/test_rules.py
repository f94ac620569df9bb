"""The rule book: garments that separate from the product, people drawn evenly, poses by kind, wishes."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch
from prodgen_nodes.imaging.colorspace import chroma, delta_e00, hue_difference, lab_to_srgb
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.posing import POSES
from prodgen_nodes.imaging.product.kinds import KINDS, Guess
from prodgen_nodes.imaging.product.measure import Facts
from prodgen_nodes.imaging.product.palette import Color, Palette, lab_of, name_of
from prodgen_nodes.imaging.product.shape import Shape
from prodgen_nodes.persona import people, poses, scenes, wardrobe
from prodgen_nodes.persona.form import FIELDS, fault
from prodgen_nodes.persona.persona import invent

SHAPE = Shape(1.2, "arch", 1.0, 0.4, 0.9, 0.95, 0.95, 0.9, 1.0, 0.9, legs=False, parts=1, cut_off=False)


def palette(*labs: tuple[float, float, float]) -> Palette:
    return Palette(tuple(Color(lab, 1 / len(labs), name_of(torch.tensor(lab))) for lab in labs))


def product(kind: str = "handbag", lab: tuple[float, float, float] = (42.0, 18.0, 22.0), size: str = "medium") -> Facts:
    return Facts(SHAPE, Guess(kind, 0.9, "drawn", size, "drawn", None), palette(lab))


def in_gamut() -> list[tuple[float, float, float]]:
    grid = [
        (float(L), float(a), float(b)) for L, a, b in itertools.product(range(5, 100, 9), *[range(-80, 81, 20)] * 2)
    ]
    rgb = lab_to_srgb(torch.tensor(grid))
    inside = ((rgb >= -1e-3) & (rgb <= 1 + 1e-3)).all(dim=-1)
    return [lab for lab, ok in zip(grid, inside.tolist(), strict=True) if ok]


def test_every_garment_separates_from_every_color_a_product_can_have() -> None:
    colors = in_gamut()
    assert len(colors) > 150
    for lab in colors:
        target = torch.tensor(lab)
        for relation, names in wardrobe.suitable(palette(lab)).items():
            for name in names:
                garment = lab_of(name)
                step = abs(float(garment[0]) - lab[0])
                assert step >= 25 or float(delta_e00(garment, target)) >= 25, (lab, name)
                if relation == "complementary":
                    assert float(hue_difference(garment, target)) >= 150
                if relation == "analogous":
                    assert 20 <= float(hue_difference(garment, target)) <= 50


def test_two_colors_of_any_kind_have_something_to_wear() -> None:
    """Of two important colours both must separate; a fallback is allowed only where no cloth separates from both."""
    colors = in_gamut()[::7]
    for first, second in itertools.combinations(colors, 2):
        both = [torch.tensor(first), torch.tensor(second)]
        for name in wardrobe.suitable(palette(first, second))["neutral"]:
            assert wardrobe.separated(lab_of(name), both[0]), (first, second, name)


def test_product_of_several_hues_gets_neutral_garments_only() -> None:
    found = wardrobe.suitable(palette((45.0, 60.0, 40.0), (35.0, 15.0, -50.0)))
    assert set(found) == {"neutral"} and found["neutral"]
    assert all(float(chroma(lab_of(name))) < 12 for name in found["neutral"])


def test_relations_all_occur_and_second_color_is_neutral() -> None:
    clothes = [wardrobe.dress(palette((45.0, 5.0, 35.0)), seed) for seed in range(120)]
    assert {entry.relation for entry in clothes} == {"complementary", "analogous", "neutral"}
    assert all(float(chroma(lab_of(entry.colors[1]))) < 12 for entry in clothes)
    assert all(entry.colors[0] in entry.words and " a i" not in entry.words for entry in clothes)


@pytest.mark.parametrize(
    ("trait", "options"),
    [
        (lambda text: text.split(" in ")[0], [name for name, share in people.GENDERS.items() for _ in range(share)]),
        (lambda text: text.split(",")[0].split()[-1], people.AGES),
        (lambda text: text.split(", ")[1], people.BUILDS),
        (lambda text: text.split(", ")[2], people.SKINS),
        (lambda text: text.split(", ")[3].split()[0], people.HAIR_LENGTHS),
    ],
)
def test_traits_are_drawn_evenly(trait, options) -> None:  # type: ignore[no-untyped-def]
    count = 3000
    drawn = Counter(trait(people.describe(seed)) for seed in range(count))
    expected = {option: count * n / len(options) for option, n in Counter(options).items()}
    assert set(drawn) == set(expected)
    # chi square, 99.9 % of its distribution at 7 degrees of freedom is below 24.4
    assert sum((n - expected[option]) ** 2 / expected[option] for option, n in drawn.items()) < 24.4


def test_a_few_seeds_show_people_as_mixed_as_many() -> None:
    """Any 24 seeds in a row: every age and every build is there, and none is every third."""
    for start in range(0, 2000, 37):
        drawn = [people.traits(seed) for seed in range(start, start + 24)]
        ages = Counter(one["age"].split()[-1] for one in drawn)
        assert set(ages) == set(people.AGES) and max(ages.values()) < 8
        builds = Counter(one["build"] for one in drawn)
        assert set(builds) == set(people.BUILDS) and max(builds.values()) < 9
        genders = Counter(one["gender"] for one in drawn)
        assert abs(genders["woman"] - genders["man"]) <= 4 and genders["androgynous person"] <= 5


def test_seed_0_is_an_ordinary_person() -> None:
    assert people.describe(0) == (
        "woman in her thirties, average build, light brown skin, shoulder-length wavy dark brown hair"
    )


@pytest.mark.parametrize("seed", [1, 2**32, 2**63, 2**64 - 1, 10**30])
def test_any_seed_is_a_person(seed: int) -> None:
    assert people.describe(seed).count(",") == 3


def test_traits_do_not_depend_on_each_other_or_on_the_product() -> None:
    pairs = Counter((people.traits(seed)["gender"], people.traits(seed)["age"][-8:]) for seed in range(3600))
    expected = {gender: 3600 / 6 * share / 20 for gender, share in people.GENDERS.items()}
    assert len(pairs) == 18
    chi = sum((n - expected[gender]) ** 2 / expected[gender] for (gender, _), n in pairs.items())
    assert chi < 40.8  # 99.9 % at 17 degrees of freedom
    for seed in range(30):
        persons = {invent(product(kind), seed=seed).fields["person"] for kind in KINDS}
        assert persons == {people.describe(seed)}


def test_outfits_do_not_depend_on_the_person() -> None:
    pairs: dict[str, Counter[str]] = {gender: Counter() for gender in people.GENDERS}
    for seed in range(900):
        words = wardrobe.dress(palette((42.0, 18.0, 22.0)), seed).words
        cut = next(part for part in ("sweater", "shirt", "blazer", "turtleneck", "coat") if part in words)
        pairs[people.traits(seed)["gender"]][cut] += 1
    shares = [{cut: n / sum(counts.values()) for cut, n in counts.items()} for counts in pairs.values()]
    for cut in shares[0]:
        assert max(share[cut] for share in shares) - min(share[cut] for share in shares) < 0.13, cut


def test_place_is_lighter_or_darker_than_the_product() -> None:
    tones = {scene.words: scene.lightness for scene in scenes.SCENES}
    for kind, lightness, seed in itertools.product(KINDS.values(), range(5, 100, 10), range(12)):
        _, words = scenes.stage(kind.group, lightness, seed)
        assert abs(tones[words] - lightness) >= 20


def test_seasons_of_a_wish_show() -> None:
    winter = [invent(product(), wish="winter", seed=seed) for seed in range(30)]
    assert any("coat" in one.fields["garments"] or "quilted" in one.fields["garments"] for one in winter)
    assert not any("linen" in one.fields["garments"] for one in winter)


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("handbag", "medium", {"held_beside_hips", "held_by_legs"}),
        ("handbag", "large", {"held_by_legs"}),
        ("shoulder_bag", "medium", {"held_by_legs"}),
        ("suitcase", "large", {"held_by_legs"}),
        ("clutch", "small", {"held_in_front"}),
        ("jar", "small", {"held_in_front"}),
        ("furniture", "large", {"on_surface"}),
    ],
)
def test_pose_by_kind_and_size(kind: str, size: str, expected: set[str]) -> None:
    found = [invent(product(kind, size=size), seed=seed) for seed in range(40)]
    assert {one.pose for one in found} == expected
    assert all(one.fields["shot"] in poses.shots_of(one.pose) for one in found)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("pose", poses.POSES)
def test_every_kind_in_every_pose_makes_a_prompt_of_the_form(kind: str, pose: str) -> None:
    for seed in range(12):
        facts = product(kind)
        found = invent(facts, seed=seed, pose=pose)
        assert found.pose == pose and found.pose in POSES
        assert list(found.fields) == list(FIELDS)
        for name, text in found.fields.items():
            assert fault(name, text, noun=facts.noun) is None, (name, text, fault(name, text, noun=facts.noun))
        where = [found.prompt.index(text) for text in found.fields.values()]
        assert where == sorted(where)
        assert found.prompt.endswith("photorealistic, tack-sharp, high definition")
        assert f"only one person, only the {facts.noun}" in found.prompt
        assert not set("()[]{}<>:") & set(found.prompt)
        assert set(found.source.values()) <= {"rules", "user"} and found.model == "none"


def test_same_seed_same_prompt_other_seed_other_prompt() -> None:
    assert invent(product(), seed=7) == invent(product(), seed=7)
    assert len({invent(product(), seed=seed).prompt for seed in range(200)}) > 195


def test_own_prompt_wins_unchanged_and_tells_the_pose() -> None:
    text = "  my (own:1.2) prompt, he holds it in front of his chest "
    found = invent(product(), prompt=text, wish="a woman", description='{"person": "a man"}')
    assert found.prompt == text and found.pose == "held_in_front"
    assert found.source == {"prompt": "user", "pose": "user"}
    assert invent(product("suitcase"), prompt="portrait").pose == "held_by_legs"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("a woman in her fifties, winter street", {"person": "a woman in her fifties", "background": "winter street"}),
        ("golden hour", {"lighting": "golden hour"}),
        ("full body, smiling", {"shot": "full body shot", "gaze": "smiling"}),
        ("in a red wool coat", {"garments": "in a red wool coat"}),
        ("neon city", {"lighting": "neon city"}),
    ],
)
def test_wish_is_kept_and_the_rest_filled_in(wish: str, said: dict[str, str]) -> None:
    found = invent(product(), wish=wish, seed=3)
    for name, text in said.items():
        assert text in found.fields[name] and found.source[name].startswith("wish")
        assert text in found.prompt
    assert found.fields["held"] and found.fields["person"]


def test_wished_person_has_no_second_gender_age_or_hair() -> None:
    for seed in range(40):
        person = invent(product(), wish="an elderly man with a white beard", seed=seed).fields["person"]
        assert person.startswith("an elderly man with a white beard, ")
        assert " in " not in person and "hair" not in person and "skin" in person


def test_one_clause_may_say_several_things() -> None:
    found = invent(product(), wish="a man in a green parka on a snowy street at dusk")
    assert found.fields["garments"] == found.fields["lighting"] == found.fields["background"] == ""
    assert found.prompt.startswith("a man in a green parka on a snowy street at dusk, ")
    assert "wearing" not in found.prompt


def test_wished_pose_and_forced_pose() -> None:
    wish = "a man, holding it in front of his chest"
    found = invent(product(), wish=wish)
    assert found.pose == "held_in_front" and "holding the handbag in front of his chest" in found.prompt
    assert invent(product(), wish=wish, pose="centered").pose == "centered"
    with pytest.raises(ParameterError, match="marketplace"):
        invent(product(), pose="marketplace")
