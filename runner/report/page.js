"use strict";
// The list: pictures as they come into view, totals that filter, search, order, and names to copy.

const byId = id => document.getElementById(id);
const list = byId("products");
const cards = [...list.querySelectorAll(":scope > article")];
const nameOf = new Map(cards.map(card => [card, card.querySelector("h2").textContent]));
const searched = new Map(cards.map(card => {
  const told = [nameOf.get(card), ...[...card.querySelectorAll(".why, details p")].map(said => said.textContent)];
  return [card, told.join("\n").toLowerCase()];
}));
const copied = JSON.parse(byId("names").textContent);
const totals = [...document.querySelectorAll("[data-filter]")];
const groups = byId("group");
let outcome = "";

/** What a card knows beside what it shows: its small pictures, and how it was made. */
function dataOf(card) {
  return JSON.parse(card.querySelector(":scope > script").textContent);
}

function draw(card) {
  const waiting = card.querySelectorAll("img[data-small]");
  if (!waiting.length) return;
  const { small } = dataOf(card);
  for (const image of waiting) {
    image.src = small[image.dataset.small];
    image.removeAttribute("data-small");
  }
}

const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "900px 0px" });

function shownCards() {
  return [...list.querySelectorAll(":scope > article:not([hidden])")];
}

function isNarrowed() {
  return Boolean(outcome || byId("find").value.trim() || (groups && groups.value));
}

/** The cards whose names the button copies: those shown, or all that want a look where nothing is chosen. */
function cardsToCopy() {
  return isNarrowed() ? shownCards() : shownCards().filter(card => "look" in card.dataset);
}

function filter() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards) {
    card.hidden = Boolean((outcome && card.dataset.state !== outcome)
      || (groups && groups.value && card.dataset.group !== groups.value)
      || !words.every(word => searched.get(card).includes(word)));
    shown += card.hidden ? 0 : 1;
  }
  for (const total of totals) total.setAttribute("aria-pressed", String(total.dataset.filter === outcome));
  byId("said").textContent = `${shown} of ${cards.length} shown`;
  byId("nothing").hidden = shown > 0 || !cards.length;
  const number = cardsToCopy().length;
  byId("copy").hidden = !number;
  byId("copy").textContent = `Copy ${number} ${isNarrowed() ? "shown " : ""}${number === 1 ? "name" : "names"}${isNarrowed() ? "" : " to look at"}`;
}

function order() {
  const by = byId("sort").value;
  const number = (card, key) => Number(card.dataset[key]);
  const natural = new Intl.Collator(undefined, { numeric: true });
  const compare = {
    rank: (a, b) => number(a, "rank") - number(b, "rank"),
    place: (a, b) => number(a, "place") - number(b, "place"),
    seconds: (a, b) => number(b, "seconds") - number(a, "seconds"),
    name: (a, b) => natural.compare(nameOf.get(a), nameOf.get(b)),
  };
  list.append(...[...cards].sort(compare[by]));
}

async function copyNames() {
  const names = cardsToCopy().map(card => copied[Number(card.dataset.rank)]);
  try {
    await navigator.clipboard.writeText(names.join("\n"));
    byId("said").textContent = names.length === 1 ? "1 name copied" : `${names.length} names copied`;
  } catch {
    const dialog = byId("names-by-hand");
    const field = dialog.querySelector("textarea");
    field.value = names.join("\n");
    dialog.showModal();
    field.select();
  }
}

for (const total of totals) {
  total.addEventListener("click", () => {
    outcome = total.dataset.filter;
    filter();
  });
}
byId("find").addEventListener("input", filter);
if (groups) groups.addEventListener("change", filter);
byId("sort").addEventListener("change", order);
byId("copy").addEventListener("click", copyNames);
byId("larger").addEventListener("click", event => {
  const isLarge = list.classList.toggle("large");
  event.currentTarget.setAttribute("aria-pressed", String(isLarge));
});
addEventListener("beforeprint", () => cards.forEach(draw));
byId("sort").value = "rank"; // a browser that reloads a page keeps what was chosen
byId("find").value = "";
if (groups) groups.value = "";
filter();
for (const card of cards) seen.observe(card);
