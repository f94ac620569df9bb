// What a node found, in a word and a colour above its title, and below it why not. Drawn as text; nothing is markup.
import { safely, word } from "./prodgen_words.js";

const VERDICT = Symbol("prodgen verdict");
const COLOURS = { good: "#1f7a3d", bad: "#b3261e", doubt: "#8a6100", plain: "#444c56" };
const WHY = "#ff9a94"; // light red: readable on the canvas' dark ground, and on the light one's grey
const LINES = 4; // reasons below a node; the report has them all
const LETTERS = 400; // of one reason: a report comes from a server, and may hold anything

/** A report as a word and its reasons; nothing where it judges nothing. */
export function verdictOf(report) {
    if (report === null || typeof report !== "object" || Array.isArray(report)) return undefined;
    const reasons = (Array.isArray(report.reasons) ? report.reasons : [])
        .filter((reason) => typeof reason === "string")
        .map((reason) => reason.slice(0, LETTERS));
    if (typeof report.passed === "boolean") {
        return { key: report.passed ? "passed" : "failed", kind: report.passed ? "good" : "bad", reasons };
    }
    const looked = { found: ["found", "good"], "not found": ["notFound", "bad"], unsure: ["unsure", "doubt"] };
    if (typeof report.verdict === "string" && Object.hasOwn(looked, report.verdict)) {
        const [key, kind] = looked[report.verdict];
        return { key, kind, reasons };
    }
    if (typeof report.confidence === "number") {
        return { key: "confidence", kind: "plain", figure: report.confidence.toFixed(2), reasons: [] };
    }
    return undefined;
}

/** Keeps what the node has just said; called with what the server sent for it. */
export function hear(node, message) {
    const text = message?.prodgen_report?.[0];
    if (typeof text !== "string") return;
    node[VERDICT] = safely(() => verdictOf(JSON.parse(text)));
    node.setDirtyCanvas?.(true, true);
}

/** What an earlier run said is no news of this one. */
export function forget(node) {
    delete node[VERDICT];
    node.setDirtyCanvas?.(true, true);
}

/** The node made nothing: why not is told elsewhere, in full. */
export function refuse(node) {
    node[VERDICT] = { key: "refused", kind: "bad", reasons: [] };
    node.setDirtyCanvas?.(true, true);
}

/** What did not pass, in lines for a person: the reasons, and what a shop advises against. */
export function doubtsOf(report) {
    const verdict = verdictOf(report);
    const rules = Array.isArray(report?.rules) ? report.rules : [];
    const notes = rules
        .filter((line) => typeof line === "string" && line.startsWith("note  "))
        .filter((line) => report.states?.[line.slice(6).split(":")[0]] === "failed")
        .map((line) => line.slice(6, 6 + LETTERS));
    return [...(verdict && verdict.kind !== "good" ? verdict.reasons : []), ...notes];
}

export function verdictText(node) {
    const verdict = node[VERDICT];
    return verdict && `${word(verdict.key)}${verdict.figure ? ` ${verdict.figure}` : ""}`;
}

export function verdictColour(node) {
    return COLOURS[node[VERDICT]?.kind ?? "plain"];
}

/** The reasons below the node, as wide as it is. */
export function drawReasons(node, context) {
    const verdict = node[VERDICT];
    if (!verdict || verdict.kind === "good" || !verdict.reasons.length || node.flags?.collapsed) return;
    context.save();
    context.font = "12px sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillStyle = WHY;
    let top = node.size[1] + 6;
    for (const line of lines(verdict.reasons.join("; "), node.size[0], context)) {
        context.fillText(line, 0, top);
        top += 15;
    }
    context.restore();
}

function lines(text, width, context) {
    const found = [];
    let line = "";
    for (const part of text.split(/\s+/)) {
        const longer = line ? `${line} ${part}` : part;
        if (line && context.measureText(longer).width > width) {
            found.push(line);
            line = part;
        } else {
            line = longer;
        }
        if (found.length === LINES) return [...found.slice(0, -1), `${found[LINES - 1]} …`];
    }
    return [...found, line];
}
