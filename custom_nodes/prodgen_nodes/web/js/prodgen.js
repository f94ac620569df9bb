// What the pack adds to ComfyUI's canvas: verdicts above nodes, a brush for hints, colours by stage, its own language.
import { app } from "../../../scripts/app.js";
import { paintHint } from "./prodgen_hint.js";
import { dressNode } from "./prodgen_stages.js";
import { listen } from "./prodgen_told.js";
import { drawReasons, hear, verdictColour, verdictText } from "./prodgen_verdict.js";
import { AS_COMFYUI, LANGUAGE, labelNode, loadWords, safely, setting, translateNodes, word } from "./prodgen_words.js";

const VERDICTS = "prodgen.Verdicts";
const COLOURS = "prodgen.StageColours";
const PAINT = "prodgen.PaintHint";
const BRUSH = "#3f5e9e";

const isOurs = (name) => typeof name === "string" && name.startsWith("Prodgen");
const takesHints = (node) => node?.comfyClass === "ProdgenSegmentProduct";

/** What stands above a node's title. The front end asks for each badge when it draws. */
function addBadges(node) {
    const Badge = globalThis.LGraphBadge;
    if (!Badge || !Array.isArray(node.badges)) return;
    node.badges.push(() => {
        const text = setting(VERDICTS, true) ? verdictText(node) : undefined; // a badge without text is not drawn
        return new Badge({ text: text ?? "", fgColor: "white", bgColor: verdictColour(node) });
    });
    if (takesHints(node)) {
        const brush = new Badge({ text: word("paintHint"), fgColor: "white", bgColor: BRUSH });
        brush.onClick = () => safely(paintHint, node)?.catch?.((error) => console.debug("prodgen:", error));
        node.badges.push(() => brush);
    }
}

app.registerExtension({
    name: "prodgen.canvas",

    settings: [
        {
            id: LANGUAGE,
            category: ["prodgen", "prodgen", "Language"],
            name: "Language of the prodgen nodes",
            tooltip: "German is not among the languages of this ComfyUI: here the nodes alone can speak it. Reload the page after a change.",
            type: "combo",
            defaultValue: AS_COMFYUI,
            options: [
                { text: "as ComfyUI", value: AS_COMFYUI },
                { text: "Deutsch", value: "de" },
            ],
        },
        {
            id: VERDICTS,
            category: ["prodgen", "prodgen", "Verdicts"],
            name: "Show above a node what it found",
            tooltip: "passed or failed in colour, with the reasons below the node; how sure a cut-out is.",
            type: "boolean",
            defaultValue: true,
        },
        {
            id: COLOURS,
            category: ["prodgen", "prodgen", "StageColours"],
            name: "Colour new nodes by their stage",
            tooltip: "Cut out, place, finish, check: the colours that the groups of the bundled workflows have.",
            type: "boolean",
            defaultValue: true,
        },
    ],

    commands: [
        {
            id: PAINT,
            icon: "pi pi-pencil",
            label: "Paint a hint over the product",
            function: () => {
                const node = Object.values(app.canvas.selected_nodes ?? {}).find(takesHints);
                if (node) safely(paintHint, node)?.catch?.((error) => console.debug("prodgen:", error));
            },
        },
    ],

    getSelectionToolboxCommands(item) {
        return takesHints(item) ? [PAINT] : [];
    },

    getNodeMenuItems(node) {
        return takesHints(node) ? [{ content: word("paintHint"), callback: () => safely(paintHint, node) }] : [];
    },

    setup() {
        safely(listen);
    },

    async addCustomNodeDefs(definitions) {
        await safely(loadWords)?.catch?.(() => {});
        await safely(translateNodes, definitions)?.catch?.(() => {});
    },

    async beforeRegisterNodeDef(nodeType, nodeData) {
        if (!isOurs(nodeData?.name)) return;
        const executed = nodeType.prototype.onExecuted;
        nodeType.prototype.onExecuted = function (message) {
            executed?.apply(this, arguments);
            safely(hear, this, message);
        };
        const drawn = nodeType.prototype.onDrawForeground;
        nodeType.prototype.onDrawForeground = function (context) {
            const answer = drawn?.apply(this, arguments);
            if (setting(VERDICTS, true)) safely(drawReasons, this, context);
            return answer;
        };
    },

    nodeCreated(node) {
        if (!isOurs(node.comfyClass)) return;
        safely(addBadges, node);
        safely(labelNode, node);
        safely(dressNode, node, setting(COLOURS, true));
    },

    loadedGraphNode(node) {
        if (isOurs(node.comfyClass)) safely(labelNode, node);
    },
});
