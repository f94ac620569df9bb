"""Three examples of each command, in the order in which they are tried."""

from __future__ import annotations

from runner.invocation import spell

_EXAMPLES = {
    "": ("packshot photo.jpg", "cutout photos/", "help packshot"),
    "submit": (
        "packshot photo.jpg",
        "packshot photo.jpg --channels amazon,ebay",
        "grip_sdxl photo.jpg --best-of 8 --seed 7",
    ),
    "batch": (
        "batch packshot photos/ --out shop",
        "batch packshot photos/ --out shop --recipe brand.yaml",
        "batch relight_iclight --jobs jobs.csv --dry-run",
    ),
    "studio": ("studio --open", "studio --out shop", "studio --phone"),
    "mcp": ("mcp --root photos", "mcp --root photos --root more --out shop", "mcp --root photos --server HOST:8188"),
    "cutouts": (
        "cutouts pictures/ --out objects",
        "cutouts pictures/ --labels bag --crop",
        "cutouts pictures/ --out objects --min-confidence 0.3",
    ),
    "filter": (
        "filter pictures/ --reference bag.jpg --out sorted",
        'filter pictures/ --sam3 --product "hand bag, shoe"',
        "filter pictures/ --reference bag.jpg --out sorted --dry-run",
    ),
    "enhance": (
        "enhance pictures/ --reference bag.jpg",
        "enhance pictures/ --reference bag.jpg --control canny --denoise 0.25",
        "enhance pictures/ --reference bag.jpg --preset original",
    ),
    "check": (
        "check bag.jpg picture.png",
        "check bag.jpg picture.png --channel amazon",
        "check bag.jpg pictures/ --out checked",
    ),
    "recolor": (
        'recolor bag.jpg --to "#7a1f2b" --to navy --to leather.jpg',
        'recolor bag.jpg --to navy --part "#a8743f"',
        'recolor photos/ --to "lab(40, 20, 10)" --part mask.png --out range',
    ),
    "spin": (
        "spin turntable/",
        "spin bag_*.jpg --out shop --fps 10",
        'spin turntable/ --background "#f4f1ec" --size 1600',
    ),
    "caption": (
        "caption photos/ --tag ohwx-bag --class handbag --review",
        "caption photos/ --tag ohwx-bag --class handbag --in-place",
        "caption photos/ --in-place --apply captions.json",
    ),
    "train": (
        "train mybag --images photos/ --tag ohwx-bag --class handbag --check",
        "train mybag --images photos/ --tag ohwx-bag --class handbag --best",
        "train mybag --images photos/ --tag ohwx-bag --class handbag --export kohya",
    ),
    "report": ("report shop", "report shop --html page.html", "report outputs/packshot_photos"),
    "explore": (
        'explore "a red teapot on slate" portrait',
        'explore "a red teapot on slate" square 7 --number 3',
        'explore "a red teapot on slate" --interactive',
    ),
    "vary": (
        "vary picture.png finalize",
        'vary picture.png finalize "steam rising"',
        "vary picture.png finalize --loops 2 --chain",
    ),
    "workflows": ("workflows", "workflows list", "workflows list --json"),
    "inputs": ("inputs packshot", "inputs my_workflow.json --all", "inputs packshot --json"),
    "validate": ("validate packshot", "validate my_workflow.json", "validate my_workflow.json --server HOST:8188"),
    "models": ("models list --for grip_sdxl", "models download --for packshot_birefnet", "models check"),
    "models list": ("models list", "models list --for grip_sdxl", "models list sdxl-base --json"),
    "models check": ("models check", "models check --for grip_sdxl", "models check --default"),
    "models download": (
        "models download --for packshot_birefnet",
        "models download --default",
        "models download sdxl-base",
    ),
    "models smoke": ("models smoke", "models smoke --for grip_sdxl", "models smoke sdxl-base"),
    "serve": ("serve", "serve --port 8190", "serve --stop"),
    "logs": ("logs", "logs --lines 200", "logs --follow"),
    "status": ("status", "status --server HOST:8188", "status --servers farm.yaml --json"),
    "cancel": ("cancel", "cancel 1b4e28ba-2fa1-41d2-883f-0016d3cca427", "cancel --server HOST:8188"),
    "smoke": ("smoke", "smoke packshot cutout", "smoke --server HOST:8188 --full"),
    "config": ("config", "config --json", "config photos/"),
    "completion": ("completion bash", "completion zsh", "completion powershell"),
    "help": ("help", "help packshot", "help servers"),
}


def examples_of(command: str) -> tuple[str, ...]:
    """The examples of `submit`, `models list`, … as they can be pasted; "" is the program itself."""
    return tuple(f"{spell()} {example}" for example in _EXAMPLES.get(command, ()))
