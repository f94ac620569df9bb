// A node's colour says at which stage of the work it stands; the groups of the bundled workflows have the same ones.
import { app } from "../../../scripts/app.js";

export const STAGES = {
    models: { colour: "#777777", nodes: "LoadBackgroundRemoval OptionalLora LoadSam3" },
    cutout: { colour: "#3f789e", nodes: "SegmentProduct Cutouts RequireProduct CropRegions" },
    words: { colour: "#8888aa", nodes: "Persona Caption PersonaQuestion" },
    place: { colour: "#88aaaa", nodes: "PlaceProduct EraseHandle GripZone Channel Light" },
    guide: { colour: "#b58b2a", nodes: "SplitTiles" },
    paint: { colour: "#a1309b", nodes: "ICLight TCDSampler TileNoise" },
    hands: { colour: "#aa8888", nodes: "CropHands HandCheck RedrawHands StitchHands" },
    finish: {
        colour: "#b06634",
        nodes: "StitchRegions RegisterProduct KeepInFront ColorFix JoinTiles GroundShadow PasteBack Style Recolor",
    },
    check: { colour: "#446666", nodes: "Fidelity Check" },
    results: { colour: "#3f5e9e", nodes: "Export SaveCutout SaveCutouts" },
};
const COLOUR_OF = Object.fromEntries(
    Object.values(STAGES).flatMap(({ colour, nodes }) => nodes.split(" ").map((name) => [`Prodgen${name}`, colour])),
);
const TITLE = 0.5; // how much of the stage's colour is left in the title bar: white writing stands out on it
const BODY = 0.3; // and in the body, darker, so that widgets stand out
const WIDE = 300; // pixels: the longest label and its value fit side by side

function darker(colour, share) {
    const parts = [1, 3, 5].map((start) => Math.round(parseInt(colour.slice(start, start + 2), 16) * share));
    return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** A node that somebody puts down anew: what comes from a file keeps its own size and colour. */
export function dressNode(node, withColour) {
    if (app.configuringGraph) return;
    const colour = COLOUR_OF[node.comfyClass];
    if (withColour && colour && !node.color) {
        node.color = darker(colour, TITLE);
        node.bgcolor = darker(colour, BODY);
    }
    if (node.size?.[0] < WIDE && node.widgets?.length) node.setSize?.([WIDE, node.size[1]]);
}
