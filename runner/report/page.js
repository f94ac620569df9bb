"use strict";
const [state, group, find] = ["state", "group", "find"].map(id => document.getElementById(id));
const cards = [...document.querySelectorAll("article")];
const dialog = document.querySelector("dialog");

function filter() {
  const text = find.value.toLowerCase();
  let shown = 0;
  for (const card of cards) {
    card.hidden = (state.value && card.dataset.state !== state.value)
      || (group.value && card.dataset.group !== group.value)
      || (text && !card.querySelector("h2").textContent.toLowerCase().includes(text));
    shown += card.hidden ? 0 : 1;
  }
  document.getElementById("shown").textContent = `${shown} of ${cards.length}`;
}

for (const kind of ["input", "change"]) {
  for (const field of [state, group, find]) field.addEventListener(kind, filter);
}
document.querySelector("main").addEventListener("click", event => {
  const button = event.target.closest("button[data-record]");
  if (!button) return;
  dialog.querySelector("pre").textContent = button.dataset.record;
  dialog.showModal();
});
filter();
