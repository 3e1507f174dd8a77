// A video with its timeline: spans of parts are drawn, moved, trimmed and deleted on lanes.
// Gradio gives: element, props (props.value is the state that the server sees), watch.
const LANES = ["hands", "arms", "head", "face"];
const SHORTEST = 0.4, MOST_SPANS = 64, EDGE = 10;
const NS = "gt-";
let spans = [], selected = null, undone = [], done = [], inPoint = null, looping = false;
let shown = null, drag = null;

function make(tag, name, parent, attributes) {
  const made = document.createElement(tag);
  if (name) made.className = name.split(" ").map((one) => NS + one).join(" ");
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}
function button(parent, text, title, act) {
  const made = make("button", "button", parent, { type: "button", title: title });
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

const root = element.querySelector(".gt-root") || element;
const empty = make("p", "empty", root);
empty.textContent = "Choose a video above, and its timeline appears here.";
const all = make("div", "all", root, { hidden: "" });
const video = make("video", "video", all, { playsinline: "", preload: "auto" });
const bar = make("div", "bar", all, { role: "toolbar", "aria-label": "Playing and editing" });
const play = button(bar, "Play", "Space", togglePlay);
const loop = button(bar, "Loop span", "L", () => setLoop(!looping));
const clock = make("span", "clock", bar);
button(bar, "Mark in", "I", markIn);
button(bar, "Mark out", "O", markOut);
const undoButton = button(bar, "Undo", "Ctrl+Z", undo);
const redoButton = button(bar, "Redo", "Ctrl+Y", redo);
const remove = button(bar, "Delete span", "Delete", () => deleteSpan(selected));
const tracks = make("div", "tracks", all, {
  tabindex: "0", role: "group",
  "aria-label": "Timeline. Space plays, arrows step, I and O mark a span, Delete removes it.",
});
const strip = make("div", "strip", tracks);
const wave = make("canvas", "wave", tracks, { "aria-hidden": "true" });
const lanes = {};
for (const name of LANES) {
  const lane = make("div", "lane", tracks, { "data-part": name });
  make("canvas", "activity", lane, { "aria-hidden": "true" });
  make("span", "name", lane).textContent = name;
  make("div", "blocks", lane);
  lanes[name] = lane;
}
const head = make("div", "playhead", tracks, { "aria-hidden": "true" });
const table = make("table", "table", all);
const said = make("p", "said", all, { role: "status", "aria-live": "polite" });
make("p", "help", all).textContent =
  "Draw on a lane to mark a span; drag over several lanes to mark several parts. Drag a span to " +
  "move it, its edges to trim it; click another lane within it to add or drop that part. Keys: " +
  "Space play, arrows step, I and O mark, [ and ] trim to the playhead, L loop, Delete, Ctrl+Z.";

const seconds = () => (shown ? shown.seconds : 1);
const frame = () => 1 / (shown ? shown.fps : 25);
const snap = (time) => Math.round(Math.round(time / frame()) * frame() * 1000) / 1000;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const byId = (id) => spans.find((span) => span.id === id);
const say = (text) => { said.textContent = text; };
const newId = () => "s" + Math.random().toString(36).slice(2, 10);
const percent = (time) => (100 * time) / seconds() + "%";

function keep() {
  done.push(JSON.stringify(spans));
  if (done.length > 200) done.shift();
  undone = [];
}
function undo() {
  if (!done.length) return say("Nothing to undo.");
  undone.push(JSON.stringify(spans));
  spans = JSON.parse(done.pop());
  tell("Undone.");
}
function redo() {
  if (!undone.length) return say("Nothing to redo.");
  done.push(JSON.stringify(spans));
  spans = JSON.parse(undone.pop());
  tell("Done again.");
}
function tell(text) {
  spans.sort((a, b) => a.from - b.from);
  if (!byId(selected)) selected = null;
  props.value = { ...props.value, spans: spans.map((span) => ({ ...span })), selected };
  draw();
  if (text) say(text);
}
function gap(time, except) {
  let low = 0, high = seconds();
  for (const span of spans) {
    if (span.id === except) continue;
    if (span.to <= time + 1e-6) low = Math.max(low, span.to);
    else if (span.from >= time - 1e-6) high = Math.min(high, span.from);
    else return null;
  }
  return [low, high];
}
function addSpan(from, to, parts) {
  const room = gap((from + to) / 2, null) || gap(from, null);
  if (!room) return say("There is a span already. Click a lane within it to add a part.");
  from = snap(clamp(from, room[0], room[1]));
  to = snap(clamp(to, room[0], room[1]));
  if (to - from < SHORTEST - 1e-6) return say("A span needs at least " + SHORTEST + " s.");
  if (spans.length >= MOST_SPANS) return say("No more than " + MOST_SPANS + " spans.");
  keep();
  const span = { id: newId(), from, to, parts };
  spans.push(span);
  selected = span.id;
  tell("Marked " + describe(span) + ".");
}
function change(id, from, to, remember) {
  const span = byId(id), room = gap((span.from + span.to) / 2, id);
  if (!room) return;
  const [f, t] = [snap(clamp(from, room[0], room[1])), snap(clamp(to, room[0], room[1]))];
  if (t - f < SHORTEST - 1e-6) return say("A span needs at least " + SHORTEST + " s.");
  if (remember) keep();
  span.from = f;
  span.to = t;
  delete span.photo;
}
function move(id, by, remember) {
  const span = byId(id), length = span.to - span.from, room = gap((span.from + span.to) / 2, id);
  const from = clamp(span.from + by, room[0], room[1] - length);
  change(id, from, from + length, remember);
}
function togglePart(id, part) {
  const span = byId(id), has = span.parts.includes(part);
  if (has && span.parts.length === 1) return say("A span needs a part. Delete it instead.");
  keep();
  span.parts = LANES.filter((name) => (name === part ? !has : span.parts.includes(name)));
  selected = id;
  tell(describe(span) + ".");
}
function deleteSpan(id) {
  if (!byId(id)) return say("No span is chosen.");
  keep();
  spans = spans.filter((span) => span.id !== id);
  selected = null;
  tell("Deleted.");
  tracks.focus();
}
function describe(span) {
  return span.from.toFixed(2) + " to " + span.to.toFixed(2) + " s, " + span.parts.join(" and ");
}

function togglePlay() {
  if (video.paused) {
    const span = looping && byId(selected);
    if (span && (video.currentTime < span.from || video.currentTime >= span.to)) {
      video.currentTime = span.from;
    }
    video.play();
  } else video.pause();
}
function setLoop(on) {
  looping = on && Boolean(byId(selected));
  if (on && !looping) say("Choose a span to loop.");
  loop.setAttribute("aria-pressed", String(looping));
  if (looping) { video.currentTime = byId(selected).from; video.play(); }
}
function seek(time) { video.currentTime = clamp(time, 0, seconds()); tick(); }
function markIn() { inPoint = video.currentTime; say("In at " + inPoint.toFixed(2) + " s."); }
function markOut() {
  if (inPoint === null || video.currentTime <= inPoint) return say("Mark in first, before it.");
  addSpan(inPoint, video.currentTime, ["hands", "arms"]);
  inPoint = null;
}
function tick() {
  const span = looping && byId(selected);
  if (span && video.currentTime >= span.to) video.currentTime = span.from;
  head.style.left = percent(clamp(video.currentTime, 0, seconds()));
  clock.textContent = video.currentTime.toFixed(2) + " / " + seconds().toFixed(2) + " s";
  play.textContent = video.paused ? "Play" : "Pause";
}
function animate() {
  if (!element.isConnected) return;
  tick();
  requestAnimationFrame(animate);
}

function timeAt(event) {
  const box = tracks.getBoundingClientRect();
  return clamp((event.clientX - box.left) / box.width, 0, 1) * seconds();
}
function laneAt(event) {
  const found = LANES.findIndex((name) => {
    const box = lanes[name].getBoundingClientRect();
    return event.clientY < box.bottom;
  });
  return found < 0 ? LANES.length - 1 : found;
}
tracks.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  const block = event.target.closest(".gt-block"), lane = event.target.closest(".gt-lane");
  const time = timeAt(event);
  if (block) {
    const span = byId(block.dataset.id), box = block.getBoundingClientRect();
    const edge = Math.min(EDGE, box.width / 4);
    const kind = event.clientX - box.left < edge ? "from" : box.right - event.clientX < edge ? "to" : "move";
    drag = { kind, id: span.id, at: time, from: span.from, to: span.to, before: JSON.stringify(spans), part: lane.dataset.part };
    selected = span.id;
  } else if (lane) {
    const over = spans.find((span) => span.from <= time && time < span.to);
    drag = over
      ? { kind: "part", id: over.id, part: lane.dataset.part }
      : { kind: "draw", at: time, to: time, lane: laneAt(event) };
  } else {
    drag = { kind: "seek" };
    seek(time);
  }
  tracks.setPointerCapture(event.pointerId);
  draw();
});
tracks.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const time = timeAt(event);
  if (drag.kind === "seek") return seek(time);
  if (drag.kind === "draw") { drag.to = time; drag.end = laneAt(event); }
  if (["from", "to", "move"].includes(drag.kind)) {
    const span = byId(drag.id), by = time - drag.at;
    span.from = drag.from;
    span.to = drag.to;
    if (drag.kind === "move") move(drag.id, by, false);
    else if (drag.kind === "from") change(drag.id, Math.min(drag.from + by, drag.to - SHORTEST), drag.to, false);
    else change(drag.id, drag.from, Math.max(drag.to + by, drag.from + SHORTEST), false);
  }
  draw();
});
tracks.addEventListener("pointerup", (event) => {
  const was = drag;
  drag = null;
  if (!was) return;
  if (was.kind === "part") togglePart(was.id, was.part);
  if (was.kind === "draw") {
    const [from, to] = [Math.min(was.at, was.to), Math.max(was.at, was.to)];
    const low = Math.min(was.lane, was.end ?? was.lane), high = Math.max(was.lane, was.end ?? was.lane);
    if (to - from > 0.1) addSpan(from, to, LANES.slice(low, high + 1));
    else { selected = null; seek(was.at); tell(""); }
  }
  if (was.before) {
    if (was.before !== JSON.stringify(spans)) { done.push(was.before); undone = []; }
    tell(describe(byId(was.id)) + ".");
    focusSpan(was.id);
  }
  draw();
});
tracks.addEventListener("pointercancel", () => {
  if (drag && drag.before) spans = JSON.parse(drag.before);
  drag = null;
  draw();
});

root.addEventListener("keydown", (event) => {
  if (event.target.closest("input")) return;
  const key = event.key, more = event.ctrlKey || event.metaKey;
  const block = event.target.closest(".gt-block"), id = block ? block.dataset.id : selected;
  const step = frame() * (event.shiftKey ? 10 : 1), way = key === "ArrowLeft" ? -1 : 1;
  if (more && key.toLowerCase() === "z") { if (event.shiftKey) redo(); else undo(); }
  else if (more && key.toLowerCase() === "y") redo();
  else if (more || (key === " " && event.target.closest("button") && !block)) return;
  else if (key === " ") togglePlay();
  else if (key === "ArrowLeft" || key === "ArrowRight") {
    if (!block) seek(video.currentTime + way * step);
    else {
      const span = byId(id);
      if (event.altKey) change(id, span.from, span.to + way * step, true);
      else move(id, way * step, true);
      tell(describe(span) + ".");
      focusSpan(id);
    }
  } else if ((key === "[" || key === "]") && byId(id)) {
    const span = byId(id);
    if (key === "[") change(id, video.currentTime, span.to, true);
    else change(id, span.from, video.currentTime, true);
    tell(describe(span) + ".");
    focusSpan(id);
  } else if (key === "Delete" || key === "Backspace") deleteSpan(id);
  else if (key.toLowerCase() === "i") markIn();
  else if (key.toLowerCase() === "o") markOut();
  else if (key.toLowerCase() === "l") setLoop(!looping);
  else return;
  event.preventDefault();
});
function focusSpan(id) {
  const block = tracks.querySelector('.gt-block[data-id="' + id + '"]');
  if (block) block.focus();
}

function draw() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : null;
  for (const name of LANES) lanes[name].querySelector(".gt-blocks").replaceChildren();
  spans.forEach((span, at) => {
    span.parts.forEach((part, first) => {
      const block = make("div", "block", lanes[part].querySelector(".gt-blocks"), {
        role: "button", tabindex: first ? "-1" : "0", "data-id": span.id,
        "aria-label": "Span " + (at + 1) + ": " + describe(span),
      });
      block.style.left = percent(span.from);
      block.style.width = percent(span.to - span.from);
      block.textContent = String(at + 1) + (span.speech ? " (new speech)" : "");
      block.classList.toggle(NS + "chosen", span.id === selected);
      block.addEventListener("focus", () => { if (selected !== span.id) { selected = span.id; tell(""); focusSpan(span.id); } });
    });
  });
  if (drag && drag.kind === "draw") {
    const low = Math.min(drag.lane, drag.end ?? drag.lane), high = Math.max(drag.lane, drag.end ?? drag.lane);
    for (const name of LANES.slice(low, high + 1)) {
      const ghost = make("div", "ghost", lanes[name].querySelector(".gt-blocks"));
      ghost.style.left = percent(Math.min(drag.at, drag.to));
      ghost.style.width = percent(Math.abs(drag.to - drag.at));
    }
  }
  undoButton.disabled = !done.length;
  redoButton.disabled = !undone.length;
  remove.disabled = !byId(selected);
  if (!drag) rows();
  if (focused && byId(focused)) focusSpan(focused);
}
function rows() {
  if (table.contains(document.activeElement) && document.activeElement.type === "number") {
    if (table.rows.length === spans.length + 1) return fill();
  }
  table.replaceChildren();
  table.hidden = !spans.length;
  const top = make("tr", "", make("thead", "", table));
  for (const text of ["Span", "From (s)", "To (s)", ...LANES, "", ""]) make("th", "", top, { scope: "col" }).textContent = text;
  const body = make("tbody", "", table);
  spans.forEach((span, at) => {
    const row = make("tr", "", body, { "data-id": span.id });
    make("th", "", row, { scope: "row" }).textContent = String(at + 1);
    for (const end of ["from", "to"]) {
      const box = make("input", "", make("td", "", row), {
        type: "number", step: String(frame()), min: "0", max: String(seconds()), "data-end": end,
        "aria-label": "Span " + (at + 1) + " " + end + ", seconds",
      });
      box.addEventListener("change", () => {
        const value = Number(box.value);
        if (box.value === "" || !Number.isFinite(value)) return fill();
        change(span.id, end === "from" ? value : span.from, end === "to" ? value : span.to, true);
        selected = span.id;
        tell(describe(span) + ".");
        fill();
      });
    }
    for (const part of LANES) {
      const box = make("input", "", make("td", "", row), {
        type: "checkbox", "data-part": part, "aria-label": "Span " + (at + 1) + ": " + part,
      });
      box.checked = span.parts.includes(part);
      box.addEventListener("change", () => { togglePart(span.id, part); rows(); });
    }
    make("td", "", row).textContent = span.speech ? "speech: " + span.speech : "";
    const last = make("td", "", row);
    button(last, "Choose", "Choose this span", () => { selected = span.id; seek(span.from); tell("Chosen: " + describe(span) + "."); });
    button(last, "Delete", "Delete this span", () => deleteSpan(span.id));
  });
  fill();
}
function fill() {
  spans.forEach((span) => {
    const row = table.querySelector('tr[data-id="' + span.id + '"]');
    if (!row) return;
    row.classList.toggle(NS + "chosen", span.id === selected);
    for (const end of ["from", "to"]) {
      const box = row.querySelector('input[data-end="' + end + '"]');
      if (box !== document.activeElement || !drag) box.value = span[end].toFixed(2);
    }
  });
}

function paint(canvas, values, filled) {
  const width = Math.max(1, canvas.clientWidth), height = Math.max(1, canvas.clientHeight);
  const ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  pen.scale(ratio, ratio);
  pen.fillStyle = getComputedStyle(canvas).color;
  (values || []).forEach((value, at) => {
    const x = (at / values.length) * width, wide = Math.max(1, width / values.length - (filled ? 0 : 0.5));
    const tall = Math.max(1, clamp(value, 0, 1) * height);
    pen.fillRect(x, filled ? height - tall : (height - tall) / 2, wide, tall);
  });
}
function paintAll() {
  if (!shown || all.hidden) return;
  paint(wave, shown.waveform, false);
  for (const name of LANES) paint(lanes[name].querySelector("canvas"), (props.lanes || {})[name], true);
}
function load() {
  const value = props.value || {};
  all.hidden = !value.video;
  empty.hidden = Boolean(value.video);
  if (!value.video) { shown = null; video.removeAttribute("src"); return; }
  if (!shown || shown.video !== value.video) {
    video.src = value.video;
    strip.style.backgroundImage = value.strip ? 'url("' + value.strip + '")' : "none";
    done = [];
    undone = [];
    inPoint = null;
  }
  shown = value;
  spans = (value.spans || []).map((span) => ({ ...span }));
  selected = value.selected || null;
  draw();
  requestAnimationFrame(paintAll);
}
watch("value", () => {
  const value = props.value || {};
  const same = shown && shown.video === value.video && JSON.stringify(value.spans || []) === JSON.stringify(spans);
  if (same) { shown = value; paintAll(); } else { if (shown && shown.video === value.video) keep(); load(); }
});
watch("lanes", paintAll);
new ResizeObserver(paintAll).observe(tracks);
load();
animate();
