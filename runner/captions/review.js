"use strict";
const articles = [...document.querySelectorAll("article")];
const area = (article) => article.querySelector("textarea");
const saved = new Map(articles.map((article) => [article, area(article).value]));
const main = document.querySelector("main");
const state = document.getElementById("state");
const changed = () => articles.filter((article) => area(article).value !== saved.get(article));

function mark() {
  const now = changed();
  for (const article of articles) article.classList.toggle("changed", now.includes(article));
  state.textContent = now.length ? now.length + " changed, not saved yet" : "";
}

function filter() {
  const word = document.getElementById("find").value.toLowerCase();
  const bad = document.getElementById("bad").checked;
  for (const article of articles) {
    const text = (article.dataset.file + " " + area(article).value).toLowerCase();
    article.hidden = !text.includes(word) || (bad && !article.querySelector(".why").textContent);
  }
}

function done(list, where) {
  for (const article of list) saved.set(article, area(article).value);
  mark();
  state.textContent = list.length + " captions saved " + where;
}

function saveFile() {
  const list = changed();
  const captions = Object.create(null);
  for (const article of list) captions[article.dataset.file] = area(article).value;
  const data = JSON.stringify({ prodgen_captions: captions, tag: main.dataset.tag }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type: "application/json" }));
  link.download = "captions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  done(list, "as captions.json. Then type: " + main.dataset.how);
}

async function saveFolder() {
  const list = changed();
  try {
    const root = await window.showDirectoryPicker({ mode: "readwrite" });
    for (const article of list) {
      const parts = article.dataset.file.split("/");
      let folder = root;
      for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part);
      const file = await folder.getFileHandle(parts[parts.length - 1], { create: true });
      const stream = await file.createWritable();
      await stream.write(area(article).value.split(/\s+/).filter(Boolean).join(" ") + "\n");
      await stream.close();
    }
    done(list, "into " + root.name);
  } catch (error) {
    if (error.name !== "AbortError") state.textContent = "not saved: " + error.message;
  }
}

main.addEventListener("input", mark);
document.getElementById("find").addEventListener("input", filter);
document.getElementById("bad").addEventListener("change", filter);
document.getElementById("file").addEventListener("click", saveFile);
const button = document.getElementById("folder");
button.hidden = !window.showDirectoryPicker;
button.addEventListener("click", saveFolder);
window.addEventListener("beforeunload", (event) => { if (changed().length) event.preventDefault(); });
