// The dialogs: photo and result in full size, beside each other or under a slider; and the table of how it was made.

const viewer = byId("viewer");
const stage = viewer.querySelector(".stage");
const sides = ["photo", "result"].map(name => stage.querySelector(`figure.${name}`));
const views = sides.map(figure => figure.querySelector(".view"));
let viewed = null; // {card, small, tiles: {photo: […], result: […]}, chosen: {photo, result}}
let mode = matchMedia("(min-width: 700px)").matches ? "side" : "slide";

function make(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function open(card, tile) {
  draw(card);
  const tiles = Object.fromEntries(["photo", "result"].map(name =>
    [name, [...card.querySelectorAll(`figure.${name} .tile`)]]));
  viewed = { card, tiles, chosen: { photo: tiles.photo[0], result: tiles.result[0] } };
  if (tile) viewed.chosen[tile.closest("figure").className] = tile;
  byId("viewed").textContent = nameOf.get(card);
  const state = viewer.querySelector(".state");
  state.textContent = card.querySelector(".state").textContent;
  viewer.dataset.state = card.dataset.state;
  viewer.querySelector(".instead").textContent = tiles.result.length ? "" : card.querySelector(".instead")?.textContent ?? "";
  const shown = shownCards();
  byId("previous").disabled = shown.indexOf(card) <= 0;
  byId("next").disabled = shown.indexOf(card) >= shown.length - 1;
  strip();
  if (!viewer.open) viewer.showModal();
  show();
}

/** All pictures of the product, where there are more than the two that are compared. */
function strip() {
  const all = [...viewed.tiles.photo, ...viewed.tiles.result];
  const buttons = all.length < 3 ? [] : all.map(tile => {
    const button = make("button", "", { type: "button", "aria-label": tile.getAttribute("aria-label") });
    const image = tile.querySelector("img");
    button.append(Object.assign(new Image(), { src: image.src, alt: "", className: image.className }));
    button.addEventListener("click", () => {
      viewed.chosen[tile.closest("figure").className] = tile;
      show();
    });
    return button;
  });
  viewer.querySelector(".strip").replaceChildren(...buttons);
}

function show() {
  const both = Boolean(viewed.chosen.photo && viewed.chosen.result);
  stage.dataset.mode = both ? mode : "side";
  viewer.querySelector(".note").textContent = "";
  for (const figure of sides) {
    const tile = viewed.chosen[figure.className];
    figure.hidden = !tile;
    if (tile) showPicture(figure, tile);
  }
  for (const button of viewer.querySelectorAll("[data-mode]")) {
    if (button === stage) continue;
    button.setAttribute("aria-pressed", String(button.dataset.mode === stage.dataset.mode));
    button.disabled = !both;
  }
  viewer.querySelector(".split").hidden = stage.dataset.mode !== "slide";
  const all = [...viewed.tiles.photo, ...viewed.tiles.result];
  viewer.querySelectorAll(".strip button").forEach((button, number) =>
    button.setAttribute("aria-pressed", String(Object.values(viewed.chosen).includes(all[number]))));
  fit();
}

/** The small picture at once, and the file in its place when it is there. */
function showPicture(figure, tile) {
  const image = figure.querySelector("img");
  const small = tile.querySelector("img");
  image.src = small.src;
  image.alt = small.alt;
  image.className = small.className;
  image.dataset.width = tile.dataset.width;
  image.dataset.height = tile.dataset.height;
  const words = figure.className === "photo" ? "Photo" : "Result";
  figure.querySelector("figcaption").textContent =
    `${words}: ${small.title}, ${tile.dataset.width} × ${tile.dataset.height}`;
  const missing = () => {
    if (viewed?.chosen[figure.className] !== tile) return;
    viewer.querySelector(".note").textContent =
      "Shown from the small copy in this page: the file itself is not there any more, or not for a browser.";
  };
  if (!tile.dataset.full) return missing();
  const file = new Image();
  file.addEventListener("load", () => {
    if (viewed?.chosen[figure.className] === tile) image.src = file.src;
  });
  file.addEventListener("error", missing);
  file.src = tile.dataset.full;
}

/** Give every picture the size it has in its half of the stage, or its own. */
function fit() {
  const isReal = byId("real").getAttribute("aria-pressed") === "true";
  for (const figure of sides) {
    if (figure.hidden) continue;
    const view = figure.querySelector(".view");
    const image = view.querySelector("img");
    const [width, height] = [Number(image.dataset.width), Number(image.dataset.height)];
    const scale = isReal ? 1 : Math.min((view.clientWidth - 2) / width, (view.clientHeight - 2) / height);
    image.style.width = `${Math.max(1, Math.floor(width * scale))}px`;
    image.style.height = `${Math.max(1, Math.floor(height * scale))}px`;
  }
}

function split(value) {
  const at = Math.min(100, Math.max(0, value));
  byId("split").value = String(at);
  byId("split").setAttribute("aria-valuetext", `${Math.round(at)} % photo`);
  stage.style.setProperty("--split", `${at}%`);
}

function step(by) {
  const shown = shownCards();
  const next = shown[shown.indexOf(viewed.card) + by];
  if (next) open(next);
}

/** Two pictures of different size scroll alike. */
function scrollAlike(from, to) {
  const part = (at, whole, seen) => whole > seen ? at / (whole - seen) : 0.5;
  to.scrollLeft = part(from.scrollLeft, from.scrollWidth, from.clientWidth) * (to.scrollWidth - to.clientWidth);
  to.scrollTop = part(from.scrollTop, from.scrollHeight, from.clientHeight) * (to.scrollHeight - to.clientHeight);
}

function table([title, rows]) {
  const made = make("table");
  made.append(make("caption", title));
  const marks = { passed: "passed", failed: "not met", note: "note" };
  for (const [what, value, mark] of rows) {
    const row = make("tr", "", mark ? { class: mark } : {});
    const cell = make("td", value);
    if (mark) cell.prepend(make("b", `${marks[mark]}${value ? ": " : ""}`));
    row.append(make("th", what, { scope: "row" }), cell);
    made.append(row);
  }
  return made;
}

list.addEventListener("click", event => {
  const card = event.target.closest("article");
  const tile = event.target.closest(".tile");
  if (tile) return open(card, tile);
  const button = event.target.closest(".made");
  if (!button) return;
  byId("recorded-how").textContent = `${button.textContent}.`;
  byId("recorded").textContent = nameOf.get(card);
  const tables = byId("record").querySelector(".tables");
  const { made, record } = dataOf(card);
  tables.replaceChildren(...made.map(table));
  const file = byId("recorded-file");
  file.hidden = !record;
  file.setAttribute("href", record);
  byId("record").showModal();
  tables.scrollTop = 0;
});
for (const button of viewer.querySelectorAll("button[data-mode]")) {
  button.addEventListener("click", () => {
    mode = button.dataset.mode;
    show();
  });
}
byId("real").addEventListener("click", event => {
  const isReal = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(isReal));
  fit();
  for (const view of views) {
    view.scrollLeft = (view.scrollWidth - view.clientWidth) / 2;
    view.scrollTop = (view.scrollHeight - view.clientHeight) / 2;
  }
});
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("split").addEventListener("input", event => split(Number(event.target.value)));
stage.addEventListener("pointermove", event => {
  if (stage.dataset.mode !== "slide" || !(event.buttons & 1)) return;
  const box = stage.getBoundingClientRect();
  split(100 * (event.clientX - box.left) / box.width);
});
stage.addEventListener("dragstart", event => event.preventDefault());
views.forEach((view, number) => view.addEventListener("scroll", () => {
  if (view.matches(":hover, :focus")) scrollAlike(view, views[1 - number]);
}));
viewer.addEventListener("keydown", event => {
  if (event.target.matches("input") || byId("real").getAttribute("aria-pressed") === "true") return;
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
viewer.addEventListener("close", () => {
  if (viewer.open || !viewed) return; // it was opened again meanwhile
  const tile = viewed.card.querySelector(".tile");
  viewed = null;
  if (tile) tile.focus();
});
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => {
    if (event.target === dialog) dialog.close(); // beside it
  });
}
addEventListener("resize", () => {
  if (viewed) fit();
});
split(50);
