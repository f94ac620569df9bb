// One click from "this is not all of my product" to a brush over it.
import { app } from "../../../scripts/app.js";
import { word } from "./prodgen_words.js";

const LOADERS = new Set(["LoadImage", "LoadImageOutput"]);
const FAR = 32; // nodes to look back through at most: a graph may hold a ring

/** The node that loads what comes in at `name`, through reroutes, or nothing. */
function loaderOf(node, name) {
    let current = node;
    let slot = node.findInputSlot(name);
    for (let step = 0; step < FAR && slot >= 0; step += 1) {
        current = current.getInputNode?.(slot);
        if (!current) return undefined;
        if (LOADERS.has(current.comfyClass ?? current.type)) return current;
        if (current.type !== "Reroute") return undefined;
        slot = 0;
    }
    return undefined;
}

function connectMask(loader, node, input) {
    const from = loader.findOutputSlot("MASK");
    const to = node.findInputSlot(input);
    if (from >= 0 && to >= 0 && node.inputs[to].link == null) loader.connect(from, node, to);
}

/** Opens the mask editor on the photo of this node; where there is none, puts a Load Image for one beside it. */
export async function paintHint(node) {
    const photo = loaderOf(node, "image");
    if (photo) {
        connectMask(photo, node, "transparency"); // what is painted over the product there is taken for a hint
        await openEditor(photo);
        return photo;
    }
    const rough = loaderOf(node, "hint");
    if (rough) {
        await openEditor(rough);
        return rough;
    }
    const added = globalThis.LiteGraph.createNode("LoadImage");
    node.graph.add(added);
    added.pos = [node.pos[0] - added.size[0] - 60, node.pos[1] + node.size[1] + 60];
    connectMask(added, node, "hint");
    select(added);
    app.extensionManager.toast?.add({
        severity: "info",
        summary: word("chooseTitle"),
        detail: word("chooseDetail"),
        life: 8000,
    });
    return added;
}

function select(node) {
    app.canvas.deselectAll?.();
    app.canvas.selectNode(node);
    app.canvas.setDirty(true, true);
}

async function openEditor(node) {
    select(node);
    await app.extensionManager.command.execute("Comfy.MaskEditor.OpenMaskEditor");
}
