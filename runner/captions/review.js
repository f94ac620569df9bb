"use strict";
const articles = [...document.querySelectorAll("article")];
const area = (article) => article.querySelector("textarea");
const saved = new Map(articles.map((article) => [article, area(article).value]));
const main = document.querySelector("main");
const state = document.getElementById("state");
const edited = new Set();  // ever, since the page was opened: a file holds them all, whatever was saved before
const written = new Map();  // into the folder: what is in captions.json alone is not there yet
const changed = () => articles.filter((article) => area(article).value !== saved.get(article));

function mark() {
  const now = changed();
  for (const article of now) edited.add(article);
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
  const list = [...edited];
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

// Where a caption belongs below `root`; null where its photo does not lie there: it is another folder.
async function folderOf(article, root) {
  try {
    let folder = root;
    for (const part of article.dataset.file.split("/").slice(0, -1)) folder = await folder.getDirectoryHandle(part);
    await folder.getFileHandle(article.dataset.photo);
    return folder;
  } catch (error) {
    if (error.name === "NotFoundError" || error.name === "TypeMismatchError") return null;
    throw error;
  }
}

async function saveFolder() {
  const list = [...edited].filter((article) => area(article).value !== written.get(article));
  try {
    const root = await window.showDirectoryPicker({ mode: "readwrite" });
    const places = new Map();
    for (const article of list) places.set(article, await folderOf(article, root));
    const strangers = list.filter((article) => places.get(article) === null);
    if (strangers.length) {
      state.textContent = "not saved: " + root.name + " does not hold " + strangers[0].dataset.photo
        + (strangers.length > 1 ? " and " + (strangers.length - 1) + " more of these photos" : "")
        + ". Choose the folder " + main.dataset.root + ".";
      return;
    }
    for (const article of list) {
      const name = article.dataset.file.split("/").pop();
      const file = await places.get(article).getFileHandle(name, { create: true });
      const stream = await file.createWritable();
      await stream.write(area(article).value.split(/\s+/).filter(Boolean).join(" ") + "\n");
      await stream.close();
      written.set(article, area(article).value);
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
