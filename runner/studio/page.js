// The studio's page: what to make, photos sent, cards that fill, pictures looked at. It keeps nothing of its own but
// what was chosen last; everything else is told by the server (`/events`).
import { openPainter } from "./paint.js";

const byId = id => document.getElementById(id);
const AT_ONCE = 2; // photos on their way at the same time: the others wait their turn
const STATES = {
  waiting: "Waiting", working: "Working", passed: "Ready", warned: "Ready, look at the rules", look: "Ready, look at it", open: "Waiting",
  refused: "Not cut out", failed: "Failed",
};
const MARKS = { passed: "passed", failed: "failed", note: "to look at" };
const shots = new Map(); // id → what the server said of it last
const cards = new Map(); // id → its list item
let options = [];
let order = [];
let heard = false;

/** Speak to the server; its answer, or an Error with its words. */
async function post(path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body, headers: { "x-prodgen": "studio", ...headers } });
  } catch {
    throw new Error("The studio does not answer: is it still running?");
  }
  const said = await answer.json().catch(() => ({ message: "The studio gave no answer that makes sense." }));
  if (!answer.ok) throw new Error([said.message, said.advice].filter(Boolean).join(" "));
  return said;
}

const inHeader = value => encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value));

function say(text) {
  byId("said").textContent = text;
}

// ---- what to make

const choice = byId("choice");
const kindOf = () => choice.elements.kind.value;

/** The workflow that is chosen: that of the menu where there are several. */
function chosen() {
  const fitting = options.filter(option => option.kind === kindOf());
  return fitting.find(option => option.workflow === byId("model").value) || fitting.find(option => !option.problem) || fitting[0];
}

function settings() {
  const option = chosen();
  return {
    workflow: option ? option.workflow : "packshot",
    shop: option && option.shops.length ? (choice.elements.shop || {}).value || option.shops[0][0] : "",
    words: option && option.words ? byId("words").value.trim() : "",
  };
}

function wording(option) {
  return option.kind === "person"
    ? ["Who holds it, and where", "a woman in her fifties, winter street"]
    : ["Describe the scene", "on a wooden table by a window, morning light"];
}

function showChoice() {
  const fitting = options.filter(option => option.kind === kindOf());
  const menu = byId("model");
  const before = menu.value || remembered().workflow;
  menu.replaceChildren(...fitting.map(option => new Option(option.problem ? `${option.title} (not installed)` : option.title, option.workflow)));
  const best = fitting.find(option => option.workflow === before) || fitting.find(option => !option.problem) || fitting[0];
  if (best) menu.value = best.workflow;
  byId("model-field").hidden = fitting.length < 2;
  const option = chosen();
  const shop = (choice.elements.shop || {}).value || remembered().shop;
  const names = option ? option.shops : [];
  const list = byId("shops");
  if (names.length && list.dataset.shops !== names.join()) {
    list.dataset.shops = names.join();
    list.replaceChildren(list.querySelector("legend"), ...names.map(([name, title]) => {
      const label = document.createElement("label");
      const field = Object.assign(document.createElement("input"), { type: "radio", name: "shop", value: name, checked: name === shop });
      label.append(field, Object.assign(document.createElement("span"), { textContent: title }));
      return label;
    }));
    if (!list.querySelector(":checked")) list.querySelector("input").checked = true;
  }
  list.hidden = !names.length;
  byId("words-field").hidden = !(option && option.words);
  if (option && option.words) {
    const [label, example] = wording(option);
    document.querySelector("label[for=words]").textContent = label;
    byId("words").placeholder = example;
  }
  const problem = option ? option.problem : "";
  const missing = byId("missing");
  missing.hidden = !problem;
  missing.querySelector("p").textContent = problem;
  missing.querySelector("code").textContent = option ? option.remedy : "";
  byId("files").disabled = Boolean(problem);
  byId("drop").toggleAttribute("data-off", Boolean(problem));
  showTotals();
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("choice")) || {};
  } catch {
    return {};
  }
}

choice.addEventListener("input", event => {
  if (event.target.name === "kind") byId("model").replaceChildren();
  showChoice();
  try {
    localStorage.setItem("choice", JSON.stringify({ kind: kindOf(), ...settings() }));
  } catch { /* a browser that keeps nothing */ }
});
choice.addEventListener("submit", event => event.preventDefault());
byId("copy").addEventListener("click", async () => {
  const code = byId("missing").querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    say("The command is copied.");
  } catch {
    getSelection().selectAllChildren(code);
    say("The command is selected.");
  }
});

byId("again").addEventListener("click", async () => {
  say("Looking again.");
  await post("look", null).catch(error => refuse(error.message));
});

// ---- photos on their way

const queue = [];
let onTheWay = 0, begun = 0, through = 0;

function take(files) {
  const photos = [...files].filter(file => file.size || file.type);
  if (!photos.length) return;
  const option = chosen();
  if (option && option.problem) {
    refuse(option.problem);
    return;
  }
  const wanted = settings();
  for (const file of photos) queue.push([file, wanted]);
  begun += photos.length;
  say(photos.length === 1 ? `${photos[0].name} is sent.` : `${photos.length} photos are sent.`);
  showSending();
  while (onTheWay < AT_ONCE && queue.length) sendNext();
}

async function sendNext() {
  const [file, wanted] = queue.shift();
  const before = new Set(shots.keys()); // the answer may come behind the event that tells of the new shot
  onTheWay += 1;
  try {
    const { id } = await post("photos", file, { "x-name": inHeader(file.name), "x-settings": inHeader(wanted) });
    if (before.has(id)) found(id);
  } catch (error) {
    refuse(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
  }
  onTheWay -= 1;
  through += 1;
  if (through === begun) begun = through = 0;
  showSending();
  if (queue.length) sendNext();
}

function showSending() {
  byId("sending").textContent = begun ? `Sending ${Math.min(through + 1, begun)} of ${begun} …` : "";
  byId("sent").hidden = !begun;
  byId("sent").max = begun || 1;
  byId("sent").value = through;
}

function refuse(words) {
  const item = document.createElement("li");
  item.setAttribute("role", "alert");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Dismiss" });
  button.addEventListener("click", () => item.remove());
  item.append(Object.assign(document.createElement("span"), { textContent: words }), button);
  byId("refused").prepend(item);
  item.scrollIntoView({ block: "nearest" });
}

/** A photo that is here already is shown, not made again. */
function found(id) {
  const card = cards.get(id);
  if (!card) return;
  card.scrollIntoView({ block: "nearest" });
  card.firstElementChild.classList.remove("found");
  requestAnimationFrame(() => card.firstElementChild.classList.add("found"));
  say(`${shots.get(id).name} is here already.`);
}

byId("files").addEventListener("change", event => {
  take(event.target.files);
  event.target.value = "";
});
const carriesFiles = event => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
addEventListener("dragover", event => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dragged");
});
addEventListener("dragleave", event => {
  if (!event.relatedTarget) document.body.classList.remove("dragged");
});
addEventListener("drop", event => {
  document.body.classList.remove("dragged");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
addEventListener("paste", event => {
  if (event.clipboardData && event.clipboardData.files.length) take(event.clipboardData.files);
});

// ---- cards

const isThrough = shot => !["waiting", "working", "open"].includes(shot.state);
const isMade = shot => Boolean(shot.result);
const isCutout = shot => shot.workflow.startsWith("cutout"); // its result is the cut-out itself
const address = (shot, what) => `shots/${shot.id}/small/${what}?v=${encodeURIComponent(shot.version)}`;

function draw(shot) {
  const item = cards.get(shot.id) || document.importNode(byId("card").content, true).firstElementChild;
  const find = selector => item.querySelector(selector);
  const card = find("article");
  if (!cards.has(shot.id)) {
    cards.set(shot.id, item);
    card.tabIndex = -1;
    card.setAttribute("aria-labelledby", `name-${shot.id}`);
    find("h3").id = `name-${shot.id}`;
    for (const button of item.querySelectorAll(".shot")) button.addEventListener("click", () => look(shot.id, button.dataset.what));
    for (const button of item.querySelectorAll(".paint, .mend")) button.addEventListener("click", () => paint(shot.id));
  }
  card.dataset.state = shot.state;
  find("h3").textContent = shot.name;
  find(".state").textContent = STATES[shot.state] || shot.state;
  find(".what").textContent = makes(shot);
  const through = isThrough(shot), made = isMade(shot);
  for (const what of ["photo", "cutout", "result"]) {
    const button = find(`.${what}`), image = button.querySelector("img");
    const there = what === "photo" || (made && Boolean(shot[what]));
    const source = what === "photo" ? `shots/${shot.id}/small/photo` : address(shot, what);
    if (there && image.getAttribute("src") !== source) image.src = source;
    if (!there) image.removeAttribute("src");
    button.disabled = !there;
    button.hidden = what === "result" ? !made : what === "cutout" && isCutout(shot);
    button.setAttribute("aria-label", `${{ photo: "Photo", cutout: "Cut-out", result: "Result" }[what]} of ${shot.name}, in full size`);
  }
  find(".result").classList.toggle("clear", made && isCutout(shot));
  find(".photo").classList.toggle("alone", isCutout(shot));
  find(".instead").hidden = made;
  const option = options.find(one => one.workflow === shot.workflow);
  const takesMask = Boolean(option && option.takes_mask);
  find(".doing").textContent = through ? shot.why : shot.state === "working" ? `${shot.doing || "working"} …` : "Waiting its turn";
  const bar = find(".instead progress");
  bar.hidden = shot.state !== "working";
  bar.setAttribute("aria-label", `How far ${shot.name} is`);
  if (typeof shot.share === "number") bar.value = shot.share;
  else bar.removeAttribute("value");
  find(".paint").hidden = made || shot.state !== "refused" || !takesMask;
  find(".why").textContent = made ? shot.why : "";
  find(".trust").textContent = made ? shot.trust : "";
  find(".advice").hidden = !shot.advice;
  find(".advice p").textContent = shot.advice;
  drawRules(item, shot);
  const get = find(".get"), cut = find(".cut");
  get.hidden = !made;
  cut.hidden = !shot.cutout;
  if (made) {
    get.href = `shots/${shot.id}/file/${encodeURIComponent(shot.result)}`;
    get.setAttribute("aria-label", `Download the result of ${shot.name}`);
  }
  if (shot.cutout) {
    cut.href = `shots/${shot.id}/file/${encodeURIComponent(shot.cutout)}`;
    cut.setAttribute("aria-label", `Download the cut-out of ${shot.name}`);
  }
  find(".mend").hidden = !made || !takesMask;
  find(".mend").setAttribute("aria-label", `Mend the cut-out of ${shot.name}`);
  find(".paint").setAttribute("aria-label", `Paint over the product of ${shot.name}`);
  find("footer").hidden = !made;
  return item;
}

function makes(shot) {
  const option = options.find(one => one.workflow === shot.workflow);
  const title = { shop: "Shop picture", cutout: "Cut-out", scene: "New scene", person: "Held by a person" }[option ? option.kind : ""] || shot.workflow;
  const parts = [shot.shop ? `${title} for ${shot.shop === "master" ? "any shop" : shot.shop_title}` : title];
  if (shot.words) parts.push(`“${shot.words}”`);
  if (shot.has_mask) parts.push("with your mask");
  return parts.join(" · ");
}

function drawRules(item, shot) {
  const box = item.querySelector(".rules");
  box.hidden = !shot.rules.length;
  const seen = JSON.stringify(shot.rules);
  if (box.dataset.seen === seen) return;
  box.dataset.seen = seen;
  const failed = shot.rules.filter(rule => rule.mark === "failed").length;
  const passed = shot.rules.filter(rule => rule.mark === "passed").length;
  box.querySelector("summary").textContent = failed ? `Rules: ${passed} passed, ${failed} failed` : `Rules: all ${passed} passed`;
  const rank = { failed: 0, note: 1, passed: 2 };
  const rows = [...shot.rules].sort((a, b) => rank[a.mark] - rank[b.mark]).map(rule => {
    const row = document.createElement("tr");
    row.dataset.mark = rule.mark;
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: rule.what });
    head.append(Object.assign(document.createElement("b"), { textContent: MARKS[rule.mark] || rule.mark }));
    row.append(head, ...[rule.found, rule.asked].map(text => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  });
  box.querySelector("tbody").replaceChildren(...rows);
}

// ---- the list

function showTotals() {
  const all = order.map(id => shots.get(id)).filter(Boolean);
  const made = all.filter(isMade).length, through = all.filter(isThrough).length;
  const look = all.filter(shot => isMade(shot) && shot.look).length;
  const without = all.filter(shot => isThrough(shot) && !isMade(shot)).length;
  const parts = [through < all.length ? `${made} of ${all.length} done` : `${made} ${made === 1 ? "picture" : "pictures"} made`];
  if (without) parts.push(`${without} not made`);
  if (look) parts.push(`${look} to look at`);
  byId("totals").textContent = all.length ? parts.join(" · ") : "Your pictures";
  byId("empty").hidden = all.length > 0 || !heard;
  byId("all").hidden = !made;
  byId("open-way").hidden = !made || isSecureContext;
  byId("all").textContent = made === 1 ? "Download it with all its files" : `Download all ${made}`;
  document.title = through < all.length ? `(${through}/${all.length}) prodgen studio` : "prodgen studio";
  const lacking = withoutChosen(all);
  const option = chosen();
  byId("too").hidden = !lacking.length || !option || Boolean(option.problem);
  if (option && lacking.length) {
    const what = option.kind === "shop" ? `for ${shopTitle(option)}` : { cutout: "as cut-outs", scene: "in this scene", person: "held by a person" }[option.kind];
    byId("too").textContent = `Make ${lacking.length === 1 ? "the photo" : `all ${lacking.length} photos`} ${what}, too`;
  }
}

function shopTitle(option) {
  const title = (option.shops.find(([name]) => name === settings().shop) || ["", ""])[1];
  return title === "Any shop" ? "any shop" : title;
}

/** One shot of each photo that has none yet of what is chosen now. */
function withoutChosen(all) {
  const wanted = settings();
  const has = shot => shot.workflow === wanted.workflow && shot.shop === wanted.shop && shot.words === wanted.words;
  const done = new Set(all.filter(has).map(shot => shot.photo));
  const first = new Map();
  for (const shot of all) if (!done.has(shot.photo) && !first.has(shot.photo)) first.set(shot.photo, shot);
  return [...first.values()];
}

byId("too").addEventListener("click", async () => {
  const wanted = inHeader(settings());
  byId("too").disabled = true;
  for (const shot of withoutChosen(order.map(id => shots.get(id)).filter(Boolean)).reverse()) {
    try {
      await post(`shots/${shot.id}/make`, null, { "x-settings": wanted });
    } catch (error) {
      refuse(`${shot.name}: ${error.message}`);
    }
  }
  byId("too").disabled = false;
});

function hear(message) {
  const first = !heard;
  heard = true;
  byId("lost").hidden = true;
  const standing = byId("standing");
  standing.dataset.server = message.standing.server;
  const words = message.standing.server === "ready" ? "Ready" : message.standing.said;
  if (standing.textContent !== words) standing.textContent = words;
  if (JSON.stringify(options) !== JSON.stringify(message.options)) {
    options = message.options;
    if (first && remembered().kind) choice.elements.kind.value = remembered().kind;
    if (first && remembered().words) byId("words").value = remembered().words;
    showChoice();
  }
  const ended = [];
  for (const shot of message.shots) {
    const before = shots.get(shot.id);
    if (!first && isThrough(shot) && !(before && isThrough(before) && before.version === shot.version)) ended.push(shot);
    shots.set(shot.id, shot);
    draw(shot);
  }
  order = message.order;
  arrange();
  showTotals();
  if (ended.length) tellEnds(ended);
}

function arrange() {
  const list = byId("shots");
  for (const [id, item] of cards) {
    if (order.includes(id)) continue;
    item.remove();
    cards.delete(id);
    shots.delete(id);
  }
  order.forEach((id, place) => {
    const item = cards.get(id);
    if (item && list.children[place] !== item) list.insertBefore(item, list.children[place] || null);
  });
}

function tellEnds(ended) {
  if (ended.length > 3) {
    say(`${ended.length} more are done: ${byId("totals").textContent}.`);
    return;
  }
  say(ended.map(shot => `${shot.name}: ${(STATES[shot.state] || shot.state).toLowerCase()}. ${shot.why}`).join(" "));
}

function listen() {
  const source = new EventSource("events");
  source.addEventListener("message", event => hear(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    byId("lost").textContent = "The studio does not answer: it was closed, or starts again. This page goes on by itself when it is back.";
    byId("lost").hidden = false;
    byId("standing").dataset.server = "away";
    byId("standing").textContent = "Not connected";
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

// ---- looking

const viewer = byId("viewer");

function look(id, what) {
  const shot = shots.get(id);
  const names = [["photo", "Photo"], ["cutout", "Cut-out"], ["result", "Result"]].filter(([name]) => name === "photo" || shot[name]);
  const image = viewer.querySelector(".stage img");
  const show = name => {
    for (const tab of viewer.querySelectorAll(".tabs button")) tab.setAttribute("aria-pressed", String(tab.dataset.what === name));
    image.src = `shots/${id}/full/${name}?v=${encodeURIComponent(shot.version)}`;
    image.alt = `${names.find(([one]) => one === name)[1]} of ${shot.name}`;
    image.classList.toggle("clear", name === "cutout" || (name === "result" && isCutout(shot)));
  };
  byId("viewer-name").textContent = shot.name;
  viewer.querySelector(".tabs").replaceChildren(...names.map(([name, title]) => {
    const tab = Object.assign(document.createElement("button"), { type: "button", textContent: title });
    tab.dataset.what = name;
    tab.addEventListener("click", () => show(name));
    return tab;
  }));
  show(what);
  viewer.showModal();
}

viewer.querySelector(".close").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", event => {
  if (event.target === viewer) viewer.close();
});

function paint(id) {
  const shot = shots.get(id);
  openPainter({
    name: shot.name,
    photo: `shots/${id}/paint`,
    start: shot.cutout || (isMade(shot) && isCutout(shot)) ? `shots/${id}/full/cutout?v=${encodeURIComponent(shot.version)}` : "",
    use: async mask => {
      await post(`shots/${id}/mask`, mask, { "content-type": "image/png" });
      say(`${shot.name} is tried again with your mask.`);
    },
    after: () => cards.get(id).firstElementChild.focus({ preventScroll: true }), // its button may be gone
  });
}

listen();
