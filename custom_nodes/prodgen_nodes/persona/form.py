"""The form of a prompt for a person with a product: its fields, their limits, and how they are put together.

<person, physical features>, <garments>, <lighting>, <background>. <how the product is held>. <shot>.
<gaze and expression>. only one person, only the <product> in the hand, photorealistic, tack-sharp, high definition
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from .poses import shot_in

FIELDS = ("person", "garments", "lighting", "background", "held", "shot", "gaze")
"""The text fields in the prompt's order; the pose is the eighth field of an answer."""

LONGEST = 160
"""Characters of one field: a longer one is a story and pushes the others out of what a text encoder reads."""
_SHORTEST = 3
"""Characters: what is shorter names nothing ("a", "no")."""
QUALITY = "photorealistic, tack-sharp, high definition"

_PUNCTUATION = set(" ,.;:'’\"“”-–—/%&°")
_MARKUP = re.compile(r"[()\[\]{}<>|\\=*#_`^~@$]|https?:|www\.|\bembedding:|\blora\b|:\s*\d", re.IGNORECASE)
_ADDRESSES_READER = re.compile(
    r"\b(ignore|disregard|instructions?|prompts?|system|assistant|as an ai|language model|json|output|respond|answer|"
    r"sorry|i can(no|'|’)t|cannot|unable|you|your|please|here is|here's|sure|placeholder|lorem|ipsum|unknown|n/a)\b",
    re.IGNORECASE,
)
_OTHER_PEOPLE = re.compile(
    r"\b((?:wo)?men(?!['’]s)|people|persons|crowds?|couples?|groups?|friends|families|family|passers-by|pedestrians|"
    r"two (?!hand|arm)\w+|three(?!-quarter)|several|another (person|woman|man)|both of them|someone else|twins|"
    r"(a|the|her|his|their) (wife|husband|partner|daughter|son|child|baby(?! blue)|friend|dog|cat))\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r",?\s*\b(with )?(no|without|free of|empty of|devoid of)( any)?( other)? "
    r"(people|persons?|crowds?|passers-by|pedestrians)( (in sight|around|visible|nearby))?\b",
    re.IGNORECASE,
)
_PLAIN_BRACKETS = re.compile(r"\(([\w ,.'’/-]*)\)")
_MINORS = re.compile(
    r"\b(girls?|boys?|child(ren)?|kids?|teen\w*|bab(y|ies)(?! blue)|toddler|infant|minor)\b", re.IGNORECASE
)
_BRANDS = re.compile(
    r"\b(gucci|prada|chanel|herm[eè]s|birkin|louis vuitton|vuitton|dior|fendi|balenciaga|burberry|versace|armani|"
    r"michael kors|coach bag|kate spade|longchamp|samsonite|rimowa|nike|adidas|puma|reebok|converse|levi['’]?s|zara|"
    r"h&m|uniqlo|ikea|iphone|rolex|ray-?ban|coca-cola|starbucks|disney)\b",
    re.IGNORECASE,
)
_ITEMS = (
    r"bags?|handbags?|purses?|clutch\w*|totes?|backpacks?|rucksacks?|suitcases?|briefcases?|luggage|duffels?|phones?|"
    r"smartphones?|cameras?|laptops?|tablets?|books?|newspapers?|magazines?|cups?|mugs?|coffee|glass(?!es)|wine|"
    r"bottles?|jars?|box(es)?|parcels?|shoes?|sneakers?|umbrellas?|flowers?|bouquets?|keys|cigarettes?|sticks?|"
    r"leash|guitars?|tools?|shopping"
)
_ITEM = re.compile(rf"\b({_ITEMS})\b", re.IGNORECASE)
_TO_CAMERA = re.compile(r"\b(to|at|into|towards?|facing|past|before) the camera\b", re.IGNORECASE)
_CARRIES = re.compile(
    rf"\b(hold\w*|carr(y|ies|ied|ying)|clutch\w*|grasp\w*|grip\w*)\b|\bwith an? (\w+ ){{0,2}}({_ITEMS})\b",
    re.IGNORECASE,
)

GARMENT_WORDS = (
    r"wear\w*|dress\w*|shirt|t-shirt|blouse|sweater|jumper|pullover|cardigan|hoodie|coat|jacket|blazer|suit|trousers|"
    r"pants|jeans|chinos|shorts|skirt|turtleneck|overshirt|vest|waistcoat|scarf|parka|tunic|jumpsuit|leggings|boots|"
    r"sandals|knitwear|clothes|clothing|outfit|linen|denim|top|gown|kimono|sari|uniform|gloves|hat|cap"
)
LIGHT_WORDS = (
    r"light\w*|lit|sun\w*|daylight|glow\w*|lamp\w*|shade|shadows?|bright|softbox|flash|overcast|dusk|dawn|golden hour|"
    r"backlit|illuminat\w*|neon|candle\w*|moon\w*"
)
PERSON_WORDS = (
    r"wom[ae]n|m[ae]n|lady|gentleman|person|model|androgynous|non-?binary|girls?|boys?|female|male|adult|child|"
    r"(grand)?(mother|father)|teenager"
)
HOLD_WORDS = r"hold\w*|held|carr\w+|hands?|grip\w*|grasp\w*|arms?|shoulders?|stand\w*|rest\w*|present\w*|hang\w*"
GAZE_WORDS = (
    r"look\w*|gaz\w+|smil\w+|eyes?|face|facing|expression|glanc\w+|calm|confident\w*|serious|laugh\w*|relaxed|friendly|"
    r"star(es|ing)|neutral|happy|thoughtful\w*|profile|grin\w*"
)
_MUST_SAY = {
    "person": PERSON_WORDS,
    "garments": GARMENT_WORDS,
    "lighting": LIGHT_WORDS,
    "background": r"[a-z]{3,}",
    "held": HOLD_WORDS,
    "gaze": GAZE_WORDS,
}


def tidy(text: str) -> str:
    """`text` on one line without quotes around it or a full stop after it."""
    return " ".join(text.split()).strip(" \"'“”‘’.,;:-–—")


def cleaned(text: str) -> str:
    """`text` tidied, without plain brackets (a weight to a text encoder) and without "no people" and the like: a
    picture shows what its prompt names, wanted or not."""
    return tidy(_NOBODY.sub("", _PLAIN_BRACKETS.sub(r"\1", text)))


def fault(name: str, text: str, *, noun: str, minors: bool = False) -> str | None:
    """Why `text` cannot be the field `name` of a prompt, in words; None where it can.

    `noun` is the product's own word; `minors` allows words for children, which a user must have asked for.
    """
    if len(text) < _SHORTEST:
        return "it is empty"
    if len(text) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    for why, broken in (_language_fault(text), _meaning_fault(name, text, noun=noun, minors=minors)):
        if broken:
            return why
    return None


def _language_fault(text: str) -> tuple[str, bool]:
    """The characters and words of any field."""
    if _MARKUP.search(text):
        return "it holds markup, weights or an address", True
    if not all(_plain(character) for character in text):
        return "it holds characters that are no English text", True
    words = re.findall(r"[^\W\d_]+", text)
    # The longest English words anybody puts into a description are shorter; letters one by one are no words.
    if not words or max(map(len, words)) > 22 or sum(len(word) > 1 for word in words) < len(words) / 2:
        return "it is no text in words", True
    if _ADDRESSES_READER.search(text):
        return "it speaks to the reader instead of describing", True
    return "it names a brand", bool(_BRANDS.search(text))


def _meaning_fault(name: str, text: str, *, noun: str, minors: bool) -> tuple[str, bool]:
    """What a field must and must not say."""
    if name == "shot":
        return "it names no close, half body or full body shot", shot_in(text) is None
    if not re.search(rf"\b({_MUST_SAY[name]})", text, re.IGNORECASE):
        return f"it says nothing about {_ABOUT[name]}", True
    if _OTHER_PEOPLE.search(text):
        return "it speaks of more than one person", True
    if not minors and _MINORS.search(text):
        return "it speaks of a child, which was not asked for", True
    return "it puts something else into the hand", _other_item(name, text, noun)


_ABOUT = {
    "person": "a person",
    "garments": "clothes",
    "lighting": "light",
    "background": "a place",
    "held": "holding the product",
    "gaze": "gaze or expression",
}


def _other_item(name: str, text: str, noun: str) -> bool:
    """Whether a field has the person hold another thing than the product."""
    text = _TO_CAMERA.sub("", text)
    items = {match[0].lower().rstrip("s") for match in _ITEM.finditer(text)}
    own = set(noun.lower().replace("bags", "bag").split()) | ({"bag", "handbag", "purse"} if "bag" in noun else set())
    if name == "held":
        # A product that the rules could not name may be any one of them.
        return len(items - own) > (1 if noun == "product" else 0)
    if name == "background":
        return bool(_CARRIES.search(text)) and bool(items - own)
    return bool(_CARRIES.search(text))


def _plain(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _PUNCTUATION
    return character in _PUNCTUATION or unicodedata.name(character, "").startswith("LATIN ")


def put_together(fields: Mapping[str, str], noun: str, pose: str) -> str:
    """The prompt of the form; a field that is empty (because another one already says it) is left out."""
    first = ", ".join(part for part in (tidy(fields.get(name, "")) for name in FIELDS[:4]) if part)
    rest = [part for part in (tidy(fields.get(name, "")) for name in FIELDS[4:]) if part]
    where = "in the picture" if pose == "on_surface" else "in the hand"
    return ". ".join([first, *rest, f"only one person, only the {noun} {where}, {QUALITY}"])


def negative(noun: str) -> str:
    """What the picture must not show."""
    return (
        f"two people, crowd, extra person, second {noun}, other items in the hand, extra hands, extra fingers, fused "
        "fingers, deformed hands, floating product, duplicate, text, watermark, logo, brand name, blurry, low quality, "
        "cartoon, painting"
    )


def asks_for_child(text: str) -> bool:
    """Whether a user's words name a child."""
    return bool(_MINORS.search(text))
