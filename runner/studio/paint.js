// A rough mask painted over a photo: with a mouse, a finger, a pen or the keyboard.

const byId = id => document.getElementById(id);
const dialog = byId("painter");
const canvas = byId("canvas");
const ring = byId("ring");
const photo = dialog.querySelector(".easel img");
const COLOUR = "#e8399b"; // stands out from most products and from white, grey and wood
const STEP = 1 / 60; // of the longer side: how far an arrow key moves the brush
let strokes = []; // { erases, size, points: [[x, y, size], …] } in pixels of the canvas
let base = null; // what the mask began with
let stroke = null;
let erases = false;
let cursor = null; // where the keyboard's brush is
let isDown = false;
let use = async () => {};
let after = () => {};

/** Open the canvas over a photo. `start`: a picture whose opaque parts are painted already; `use`: takes the mask. */
export function openPainter(work) {
  use = work.use;
  after = work.after;
  strokes = [];
  base = null;
  cursor = stroke = null;
  isDown = false;
  setErases(false);
  byId("painter-name").textContent = `Paint over the product of ${work.name}`;
  byId("use").textContent = "Use this mask";
  photo.removeAttribute("src");
  photo.onload = () => {
    canvas.width = photo.naturalWidth;
    canvas.height = photo.naturalHeight;
    fit();
    render();
    if (work.start) begin(work.start);
  };
  photo.src = work.photo;
  dialog.showModal();
  canvas.focus({ focusVisible: false });
}

function begin(address) {
  const image = new Image();
  image.onload = () => {
    base = image;
    render();
  };
  image.src = address;
}

/** The photo as large as the stage holds it. */
function fit() {
  const stage = dialog.querySelector(".stage");
  const box = getComputedStyle(stage);
  const width = stage.clientWidth - parseFloat(box.paddingLeft) * 2, height = stage.clientHeight - parseFloat(box.paddingTop) * 2;
  const scale = Math.min(width / photo.naturalWidth, height / photo.naturalHeight);
  photo.style.width = `${Math.max(1, Math.floor(photo.naturalWidth * scale))}px`;
  photo.style.height = `${Math.max(1, Math.floor(photo.naturalHeight * scale))}px`;
  showRing();
}

new ResizeObserver(() => {
  if (dialog.open && photo.naturalWidth) fit();
}).observe(dialog.querySelector(".stage"));

const longest = () => Math.max(canvas.width, canvas.height);
const brushSize = () => Math.max(2, (byId("size").value / 100) ** 1.5 * longest() * 0.4);
const scale = () => canvas.getBoundingClientRect().width / canvas.width || 1;

function draw(pen, one, from = 1) {
  pen.globalCompositeOperation = one.erases ? "destination-out" : "source-over";
  pen.fillStyle = pen.strokeStyle = COLOUR;
  pen.lineCap = "round";
  const [first] = one.points;
  if (from <= 1) {
    pen.beginPath();
    pen.arc(first[0], first[1], first[2] / 2, 0, 2 * Math.PI);
    pen.fill();
  }
  for (let at = Math.max(1, from); at < one.points.length; at += 1) {
    const [x, y, size] = one.points[at];
    pen.lineWidth = size;
    pen.beginPath();
    pen.moveTo(one.points[at - 1][0], one.points[at - 1][1]);
    pen.lineTo(x, y);
    pen.stroke();
  }
}

function drawAll(pen) {
  if (base) {
    pen.globalCompositeOperation = "source-over";
    pen.drawImage(base, 0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = COLOUR;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }
  for (const one of strokes) draw(pen, one);
}

function render() {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  drawAll(pen);
  showButtons();
}

function showButtons() {
  byId("undo").disabled = !strokes.length;
  byId("clear").disabled = byId("use").disabled = !strokes.length && !base;
}

// ---- mouse, finger, pen

function place(event) {
  const box = canvas.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * canvas.width, y = (event.clientY - box.top) / box.height * canvas.height;
  const pressed = event.pointerType === "pen" && event.pressure ? 0.4 + 1.2 * event.pressure : 1;
  return [x, y, brushSize() * pressed];
}

function startStroke(point) {
  stroke = { erases, points: [point] };
  strokes.push(stroke);
  draw(canvas.getContext("2d"), stroke);
  showButtons();
}

function goOn(point) {
  stroke.points.push(point);
  draw(canvas.getContext("2d"), stroke, stroke.points.length - 1 || 1);
}

canvas.addEventListener("pointerdown", event => {
  if (event.button || !event.isPrimary) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  canvas.focus({ focusVisible: false });
  lift();
  startStroke(place(event));
  cursor = place(event);
  showRing();
});
canvas.addEventListener("pointermove", event => {
  if (!event.isPrimary) return;
  cursor = place(event);
  showRing();
  if (!stroke || isDown || !canvas.hasPointerCapture(event.pointerId)) return;
  const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of between.length ? between : [event]) goOn(place(one));
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, () => {
    if (!isDown) stroke = null;
  });
}
canvas.addEventListener("pointerleave", () => {
  if (!isDown) ring.removeAttribute("data-shown");
});

function showRing() {
  if (!cursor || !canvas.width) {
    ring.removeAttribute("data-shown");
    return;
  }
  const size = brushSize() * scale();
  Object.assign(ring.style, { left: `${cursor[0] * scale()}px`, top: `${cursor[1] * scale()}px`, width: `${size}px`, height: `${size}px` });
  ring.setAttribute("data-shown", "");
  ring.toggleAttribute("data-down", isDown);
}

// ---- keyboard

function lift() {
  if (isDown) tell("The brush is lifted.");
  isDown = false;
  stroke = null;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key.toLowerCase() === "z") {
      event.preventDefault();
      undo();
    }
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const arrow = ARROWS[key];
  const keys = { " ": toggle, e: () => setErases(true), b: () => setErases(false), u: undo, "[": () => resize(-5), "]": () => resize(5) };
  if (!arrow && !keys[key]) return;
  event.preventDefault();
  if (!cursor) cursor = [canvas.width / 2, canvas.height / 2, brushSize()];
  if (!arrow) {
    keys[key]();
    showRing();
    return;
  }
  const far = longest() * STEP * (event.shiftKey ? 4 : 1);
  const within = (value, most) => Math.min(most, Math.max(0, value));
  cursor = [within(cursor[0] + arrow[0] * far, canvas.width), within(cursor[1] + arrow[1] * far, canvas.height), brushSize()];
  if (isDown) goOn(cursor);
  showRing();
});
canvas.addEventListener("blur", () => {
  lift();
  showRing();
});

function toggle() {
  if (isDown) {
    lift();
    return;
  }
  isDown = true;
  startStroke([cursor[0], cursor[1], brushSize()]);
  tell(erases ? "The brush erases." : "The brush paints.");
}

function resize(by) {
  byId("size").value = Number(byId("size").value) + by;
}

function tell(text) {
  byId("painter-said").textContent = text;
}

// ---- tools

function setErases(on) {
  erases = on;
  byId("erase").setAttribute("aria-pressed", String(on));
  byId("brush").setAttribute("aria-pressed", String(!on));
  if (isDown) {
    lift();
    toggle();
  }
}

function undo() {
  if (!strokes.length) return;
  lift();
  strokes.pop();
  render();
  tell("The last stroke is gone.");
}

byId("brush").addEventListener("click", () => setErases(false));
byId("erase").addEventListener("click", () => setErases(true));
byId("size").addEventListener("input", showRing);
byId("undo").addEventListener("click", undo);
byId("clear").addEventListener("click", () => {
  lift();
  strokes = [];
  base = null;
  render();
  tell("Nothing is painted.");
});
byId("leave").addEventListener("click", () => dialog.close());

byId("use").addEventListener("click", async () => {
  const button = byId("use");
  button.disabled = true;
  try {
    await use(await mask());
    dialog.close();
    after();
  } catch (error) {
    byId("painter-how").textContent = error.message;
    tell(error.message);
  }
  showButtons();
});
dialog.addEventListener("close", () => {
  byId("painter-how").textContent = "Roughly is enough: what you paint counts as product, everything else does not.";
});

/** White where it is painted, black elsewhere. */
function mask() {
  const painted = new OffscreenCanvas(canvas.width, canvas.height);
  const white = painted.getContext("2d");
  drawAll(white);
  white.globalCompositeOperation = "source-in";
  white.fillStyle = "#fff";
  white.fillRect(0, 0, canvas.width, canvas.height);
  white.globalCompositeOperation = "destination-over";
  white.fillStyle = "#000";
  white.fillRect(0, 0, canvas.width, canvas.height);
  return painted.convertToBlob({ type: "image/png" });
}
