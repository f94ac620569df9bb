// What a run has to say to a person, in the graph and in the form: why a node refused, and which rules did not pass.
import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { doubtsOf, forget, refuse } from "./prodgen_verdict.js";
import { safely, word } from "./prodgen_words.js";

const LETTERS = 1200; // of one message: it comes from a server, and may be of any length
const DOUBTS = 8; // lines at the end of a run: more than these nobody reads in a corner of the window
const HEADS = { advice: "What to try: ", canvas: "On the canvas: ", command: "On the command line: " }; // as the nodes write them
const LOADERS = new Set(["LoadImage", "LoadImageMask", "LoadImageOutput"]);

let shown = []; // messages of the run before: gone when the next one starts
let said = new Set(); // nodes that have spoken in this run
let doubts = new Map(); // by node: what did not pass

const isOurs = (type) => typeof type === "string" && type.startsWith("Prodgen");
const inForm = () => Boolean(document.querySelector("[data-testid=linear-widgets]"));

/** Every node on the canvas and in its subgraphs, with the id that the server knows it by. */
function* everyNode(graph = app.rootGraph ?? app.graph, before = "") {
    for (const node of graph?._nodes ?? graph?.nodes ?? []) {
        yield [`${before}${node.id}`, node];
        if (node.subgraph) yield* everyNode(node.subgraph, `${before}${node.id}:`);
    }
}

function nodeOf(id) {
    for (const [key, node] of everyNode()) if (key === String(id)) return node;
    return undefined;
}

const hasOurs = () => [...everyNode()].some(([, node]) => isOurs(node.comfyClass));

/** A node's name for people: the marks of a workflow's inputs and results are for programs. */
const nameOf = (node) => String(node?.title ?? "").replace(/^(input|output): ([^=]*).*$/, "$2").trim().replaceAll("_", " ");

/** First what is wrong, then the way out; nothing of the command line, which nobody has open here. */
export function refusalText(detail, form) {
    if (LOADERS.has(detail.node_type)) return word("unreadable");
    const lines = String(detail.exception_message ?? "").slice(0, LETTERS).split("\n").map((line) => line.trim());
    const unsure = String(detail.exception_type ?? "").endsWith("UntrustedCutoutError");
    const told = [];
    for (const line of lines) {
        if (!line || line.startsWith(HEADS.command)) continue;
        if (line.startsWith(HEADS.canvas)) {
            if (!form) told.push(line.slice(HEADS.canvas.length));
        } else {
            told.push(line);
        }
    }
    if (unsure) told.splice(1, 0, form ? word("hintForm") : word("hintGraph").replace("{button}", word("paintHint")));
    return told.join("\n");
}

function tell(severity, summary, detail) {
    const message = { severity, summary, detail }; // shown as text by the front end, never as markup; stays until closed
    app.extensionManager.toast?.add(message);
    shown.push(message);
}

function started() {
    for (const message of shown) safely(() => app.extensionManager.toast?.remove(message));
    [shown, said, doubts] = [[], new Set(), new Map()];
    for (const [, node] of everyNode()) if (isOurs(node.comfyClass)) forget(node);
}

/** The pictures of an earlier run, on a node that has made none in this one. */
function clearPictures(id, node) {
    for (const kept of [app.nodeOutputs, app.nodePreviewImages]) if (kept) delete kept[id];
    node.imgs = undefined;
    node.images = undefined;
    node.setDirtyCanvas?.(true, true);
}

function failed({ detail }) {
    for (const [id, node] of everyNode()) if (isOurs(node.comfyClass) && !said.has(id)) clearPictures(id, node);
    const ours = isOurs(detail?.node_type);
    if (!ours && !(LOADERS.has(detail?.node_type) && hasOurs())) return;
    const node = nodeOf(detail.node_id);
    if (ours && node) refuse(node);
    tell("error", `${nameOf(node) || detail.node_type}: ${word(ours ? "refused" : "unread")}`, refusalText(detail, inForm()));
}

function executed({ detail }) {
    const text = detail?.output?.prodgen_report?.[0];
    const id = String(detail?.node ?? "");
    said.add(id);
    if (typeof text !== "string") return;
    const found = doubtsOf(JSON.parse(text));
    if (found.length) doubts.set(id, found);
}

function ended() {
    const lines = [...new Set([...doubts.values()].flat())];
    if (!lines.length) return;
    const more = lines.length > DOUBTS ? ["…"] : [];
    tell("warn", word("notPassed"), [...lines.slice(0, DOUBTS), ...more].join("\n"));
}

/** Listens to the runs of this window. */
export function listen() {
    const style = document.createElement("style");
    style.textContent = ".p-toast-detail { white-space: pre-line; overflow-wrap: anywhere; }"; // a message has lines
    document.head.append(style);
    const events = { execution_start: started, execution_error: failed, executed, execution_success: ended };
    for (const [name, hear] of Object.entries(events)) api.addEventListener(name, (event) => safely(hear, event));
}
