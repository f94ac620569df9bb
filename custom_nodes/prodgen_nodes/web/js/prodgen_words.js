// Words of this front end, and the nodes' own in a language that ComfyUI's front end does not ship.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";

export const LANGUAGE = "prodgen.Language";
export const AS_COMFYUI = "auto";

/** In English; `locales/<language>/main.json` has the others under `prodgen`. */
export const ENGLISH = {
    passed: "passed",
    failed: "failed",
    found: "found",
    notFound: "not found",
    unsure: "unsure",
    confidence: "confidence",
    paintHint: "Paint a hint",
    chooseTitle: "Choose the photo",
    chooseDetail: "Pick the photo in the new Load Image node, then press Paint a hint again.",
    refused: "refused",
    unread: "could not be read",
    notPassed: "Not everything passed",
    unreadable: "This picture could not be read. Choose another one, or save it again as PNG or JPEG and choose that.",
    hintGraph: "Press “{button}” on this node and paint roughly over the product.",
    hintForm: "At “hint” choose a picture with the product roughly in white, or switch to the graph (top left) and paint over the product there.",
};

/** Runs something that must never break the canvas: a front end that has changed loses a comfort, nothing else. */
export function safely(what, ...given) {
    try {
        return what(...given);
    } catch (error) {
        console.debug("prodgen:", error);
        return undefined;
    }
}

export function setting(id, fallback) {
    return safely(() => app.extensionManager.setting.get(id)) ?? fallback;
}

/** The language asked for at the nodes, or the one of ComfyUI. */
export function language() {
    const own = setting(LANGUAGE, AS_COMFYUI);
    return own === AS_COMFYUI ? setting("Comfy.Locale", "en") : own;
}

let served;

/** What the server has of all languages; an empty object where it has none. */
export function translations() {
    served ??= api
        .fetchApi("/i18n")
        .then((reply) => reply.json())
        .catch(() => ({}));
    return served;
}

let words = {};

export async function loadWords() {
    words = (await translations())[language()]?.prodgen ?? {};
}

export function word(key) {
    return typeof words[key] === "string" ? words[key] : ENGLISH[key];
}

let ownNodes = {};

/** Title, description and tooltips of the nodes in the language chosen for them, put into what the server sent. */
export async function translateNodes(definitions) {
    const chosen = setting(LANGUAGE, AS_COMFYUI);
    ownNodes = chosen === AS_COMFYUI ? {} : ((await translations())[chosen]?.nodeDefs ?? {});
    for (const [name, own] of Object.entries(ownNodes)) {
        const definition = definitions[name];
        if (!definition || !name.startsWith("Prodgen")) continue;
        definition.display_name = own.display_name ?? definition.display_name;
        definition.description = own.description ?? definition.description;
        for (const section of ["required", "optional"]) {
            for (const [key, spec] of Object.entries(definition.input?.[section] ?? {})) {
                if (spec[1] && own.inputs?.[key]?.tooltip) spec[1].tooltip = own.inputs[key].tooltip;
            }
        }
    }
}

/** The names at a node's slots and widgets in that language; what is saved keeps the English ones. */
export function labelNode(node) {
    const own = ownNodes[node.comfyClass];
    if (!own) return;
    for (const input of node.inputs ?? []) {
        const name = own.inputs?.[input.widget?.name ?? input.name]?.name;
        if (name) input.localized_name = name;
    }
    (node.outputs ?? []).forEach((output, number) => {
        const name = own.outputs?.[number]?.name;
        if (name) output.localized_name = name;
    });
    for (const widget of node.widgets ?? []) {
        const name = own.inputs?.[widget.name]?.name;
        if (name) widget.label = name;
    }
}
