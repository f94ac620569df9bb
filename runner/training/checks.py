"""What is wrong with the photos and captions of a training, found before a minute of a GPU is spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from PIL import Image

from runner.errors import PhotoError
from runner.training import captions, likeness
from runner.training.buckets import Size, crop_box
from runner.training.dataset import Sample, product_box, share
from runner.training.recipes import Recipe
from runner.words import counted

ERROR, WARNING, NOTE = "error", "warning", "note"
FEW, ENOUGH = 5, 15
"""Photos of one product: fewer than the first teach one view by heart, the second and more are what people use."""
SMALL_SHARE, LARGE_SHARE = 0.08, 0.92
FEW_STEPS, MANY_STEPS = 300, 6000
_MOST_CUT = 0.15
_STARVED = 0.6
"""Beyond these people warn: of the frame; of steps for one product; cut away; of the side that training asks for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found: how grave, of which photos (none: of all), what, and what to do."""

    grade: str
    check: str
    photos: tuple[str, ...]
    text: str
    advice: str


@dataclass(frozen=True)
class Look:
    """What a photo looks like to the checks."""

    sample: Sample
    size: Size
    bucket: Size
    crop: tuple[float, float, float, float]
    share: float | None
    touches: bool
    blur: float
    copy: likeness.Pixels


def look_at(sample: Sample, recipe: Recipe) -> Look:
    """Raises PhotoError for what is no usable photo."""
    picture = sample.picture()
    alpha = sample.alpha()
    box = None if alpha is None else product_box(alpha)
    size = picture.size
    bucket = recipe.buckets.size_of(*size)
    crop = crop_box(size, bucket, box)
    seen = picture.resize(bucket, Image.Resampling.LANCZOS, box=crop)
    around = None if box is None else _in_crop(box, crop, bucket)
    touches = box is not None and (box[0] <= 0 or box[1] <= 0 or box[2] >= size[0] or box[3] >= size[1])
    return Look(
        sample,
        size,
        bucket,
        crop,
        None if alpha is None else share(alpha),
        touches,
        likeness.blur(seen if around is None else seen.crop(around)),
        likeness.thumbnail(picture),
    )


def _in_crop(box: Sequence[float], crop: Sequence[float], bucket: Size) -> tuple[int, int, int, int] | None:
    """The product's box in the bucket's pixels; None where hardly anything of it is left."""
    across, down = bucket[0] / (crop[2] - crop[0]), bucket[1] / (crop[3] - crop[1])
    left, right = (int(min(max((x - crop[0]) * across, 0), bucket[0])) for x in (box[0], box[2]))
    top, bottom = (int(min(max((y - crop[1]) * down, 0), bucket[1])) for y in (box[1], box[3]))
    return (left, top, right, bottom) if right - left >= 32 and bottom - top >= 32 else None


@dataclass(frozen=True)
class Check:
    """All looks and all findings."""

    looks: list[Look]
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        return not any(one.grade == ERROR for one in self.findings)


def check(samples: Sequence[Sample], recipe: Recipe, tag: str, kind: str) -> Check:
    """Look at every photo and say what is wrong, the gravest first."""
    looks, findings = [], []
    for sample in samples:
        try:
            looks.append(look_at(sample, recipe))
        except PhotoError as error:
            findings.append(
                Finding(
                    ERROR,
                    "photo",
                    (sample.name,),
                    error.message.removesuffix("."),
                    error.advice or "Take it out of the folder.",
                )
            )
    findings += [*_number(looks, recipe), *_duplicates(looks), *_each(looks, recipe), *_masks(looks)]
    findings += [*_tag(tag, kind), *_captions([look.sample for look in looks], tag, kind), *_buckets(looks, recipe)]
    order = {ERROR: 0, WARNING: 1, NOTE: 2}
    return Check(looks, sorted(_at_once(findings), key=lambda one: order[one.grade]))


def _at_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same, what is said of several photos one by one in the same words said of all of them together."""
    together: dict[Finding, list[str]] = {}
    for one in findings:
        key, photos = (replace(one, photos=()), one.photos) if len(one.photos) == 1 else (one, ())
        together.setdefault(key, []).extend(photos)
    return (replace(key, photos=tuple(photos)) if photos else key for key, photos in together.items())


def _number(looks: Sequence[Look], recipe: Recipe) -> Iterator[Finding]:
    count, steps = len(looks), recipe.steps(*in_buckets(looks))
    if not count:
        yield Finding(ERROR, "photos", (), "no photo is left to train on", "Add photos of the product.")
        return
    if count < FEW:
        yield Finding(
            WARNING, "photos", (), f"only {count} photos: their views are learnt by heart", f"Take {ENOUGH} or more."
        )
    elif count < ENOUGH:
        yield Finding(NOTE, "photos", (), f"{count} photos", f"{ENOUGH} to 70, from all sides, are better.")
    if not FEW_STEPS <= steps <= MANY_STEPS:
        few = steps < FEW_STEPS
        more = " or --set accumulation=1" if few and recipe.accumulation > 1 else ""
        yield Finding(
            WARNING,
            "steps",
            (),
            f"{counted(steps, 'step')} {'is' if steps == 1 else 'are'} {'few' if few else 'many'} for one product",
            f"Change them: --set epochs=N or --set repeats=N{more}.",
        )


def _duplicates(looks: Sequence[Look]) -> Iterator[Finding]:
    shapes = [look.size[0] / look.size[1] for look in looks]
    for first, second, how in likeness.duplicates([look.copy for look in looks], shapes):
        names = (looks[first].sample.name, looks[second].sample.name)
        small = min((looks[first], looks[second]), key=lambda look: look.size[0] * look.size[1]).sample.name
        keep = f"Take {small} out: what is there twice counts twice."
        yield Finding(WARNING, "duplicate", names, how, keep)


def _each(looks: Iterable[Look], recipe: Recipe) -> Iterator[Finding]:
    for look in looks:
        name, (width, height) = (look.sample.name,), look.size
        if min(width, height) < recipe.side_step * 2:
            yield Finding(ERROR, "size", name, f"{width} × {height} pixels", "Take it out, or find the original.")
        elif width * height < (recipe.resolution * _STARVED) ** 2:
            yield Finding(
                WARNING,
                "size",
                name,
                f"{width} × {height} pixels, trained at {look.bucket[0]} × {look.bucket[1]} instead of about "
                f"{recipe.resolution}²",
                "Find the original, or take it out.",
            )
        kept = (look.crop[2] - look.crop[0]) * (look.crop[3] - look.crop[1]) / (width * height)
        if 1 - kept > _MOST_CUT:
            yield Finding(
                WARNING,
                "crop",
                name,
                f"{1 - kept:.0%} are cut away for its bucket",
                f"Crop it yourself to {look.bucket[0]}:{look.bucket[1]}.",
            )
        if look.blur >= likeness.BLURRED:
            yield Finding(
                WARNING, "blur", name, f"blurred at the size it is trained at ({look.blur:.2f})", "Take it out."
            )


def _masks(looks: Sequence[Look]) -> Iterator[Finding]:
    unknown = tuple(look.sample.name for look in looks if look.share is None)
    if unknown:
        yield Finding(
            NOTE,
            "mask",
            unknown,
            "nobody knows yet what is product in it, so its share of the frame was not checked",
            "A training cuts the product out first; where that fails, give --masks DIR.",
        )
    for look in looks:
        name = (look.sample.name,)
        if look.share is None:
            continue
        if look.share == 0:
            yield Finding(ERROR, "mask", name, "its mask is empty: there is no product", "Mend the mask: --masks DIR.")
        elif look.share < SMALL_SHARE:
            yield Finding(
                WARNING,
                "share",
                name,
                f"the product is {look.share:.1%} of the frame",
                "Crop it closer.",
            )
        elif look.share > LARGE_SHARE:
            yield Finding(
                WARNING,
                "share",
                name,
                f"the product is {look.share:.0%} of the frame",
                "Check its mask.",
            )
        elif look.touches:
            yield Finding(
                NOTE, "share", name, "the product touches the frame's edge", "Fine for close-ups; not for every photo."
            )


def _tag(tag: str, kind: str) -> Iterator[Finding]:
    if captions.is_common(tag):
        yield Finding(
            WARNING,
            "tag",
            (),
            f"{tag!r} is made of words that the model knows: it would mix your product with what they mean",
            f"Use a tag that means nothing: --tag ohwx-{kind.rsplit(maxsplit=1)[-1].lower()}.",
        )


def _captions(samples: Sequence[Sample], tag: str, kind: str) -> Iterator[Finding]:
    standard = captions.standard_caption(tag, kind)
    missing = tuple(one.name for one in samples if not one.caption)
    if missing:
        yield Finding(
            WARNING,
            "caption",
            missing,
            f"no caption: trained as {standard!r}, so that backdrop and view are learnt as part of the product",
            "Write <photo>.txt beside it: `tag, class, what else is to be seen`.",
        )
    for one in samples:
        if not one.caption:
            continue
        if captions.UNREADABLE in one.caption:
            yield Finding(ERROR, "caption", (one.name,), "its caption is no UTF-8 text", "Save <photo>.txt as UTF-8.")
            continue
        rest = captions.rest_of(one.caption, tag, kind)
        tokens = captions.about_tokens(one.caption)
        if rest is None:
            yield Finding(
                WARNING,
                "caption",
                (one.name,),
                f"does not begin with {standard!r}, so the tag is not taught",
                "Begin it so, and go on with what is not the product.",
            )
        if tokens > captions.MOST_TOKENS:
            yield Finding(
                WARNING,
                "caption",
                (one.name,),
                f"about {tokens} tokens; {captions.MOST_TOKENS} are read, the rest is cut off",
                "Make it one plain sentence.",
            )
    by_text = sorted((" ".join(one.caption.lower().split()), one.name) for one in samples if one.caption)
    for text, group in groupby(by_text, key=lambda entry: entry[0]):
        names = tuple(name for _, name in group)
        if len(names) > 1 and captions.rest_of(text, tag, kind) != "":
            yield Finding(
                WARNING,
                "caption",
                names,
                "one and the same caption",
                "Say of each what is different: view, surroundings, light.",
            )


def _buckets(looks: Sequence[Look], recipe: Recipe) -> Iterator[Finding]:
    for bucket, members in by_bucket(looks):
        if len(members) * recipe.repeats < recipe.batch:
            yield Finding(
                NOTE,
                "bucket",
                tuple(look.sample.name for look in members),
                f"{'alone' if len(members) == 1 else f'only {len(members)}'} in the bucket {bucket[0]} × {bucket[1]}: "
                f"its batches are smaller than {recipe.batch}",
                "Crop them to the shape of the others.",
            )


def in_buckets(looks: Sequence[Look]) -> tuple[int, ...]:
    """How many looks there are in each bucket."""
    return tuple(len(members) for _, members in by_bucket(looks))


def by_bucket(looks: Sequence[Look]) -> list[tuple[Size, list[Look]]]:
    """The looks of each bucket, the fullest first."""
    groups: dict[Size, list[Look]] = {}
    for look in looks:
        groups.setdefault(look.bucket, []).append(look)
    return sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0]))
