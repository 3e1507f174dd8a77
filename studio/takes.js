// Takes side by side, played in step; for each span one is chosen.
// Gradio gives: element, props (props.value is the state that the server sees), watch.
const root = element.querySelector(".gk-root") || element;
let players = [], shown = null, span = null;

function make(tag, name, parent, attributes) {
  const made = document.createElement(tag);
  if (name) made.className = "gk-" + name;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}
const lead = () => players[0];
function each(act) { players.forEach(act); }
function hear(at) { each((player, one) => { player.muted = one !== at; }); }
function togglePlay() {
  if (!players.length) return;
  if (lead().paused) each((player) => { player.currentTime = lead().currentTime; player.play(); });
  else each((player) => player.pause());
}
function seek(time) { each((player) => { player.currentTime = time; }); }

function build() {
  root.replaceChildren();
  players = [];
  span = null;
  const value = shown;
  if (!value || !value.takes || !value.takes.length) return;
  const grid = make("div", "grid", root);
  value.takes.forEach((take, at) => {
    const figure = make("figure", "take", grid);
    const player = make("video", "", figure, { playsinline: "", preload: "auto", src: take.video });
    player.muted = at > 0;
    players.push(player);
    const line = make("figcaption", "", figure);
    const name = make("button", "name", line, { type: "button", title: "Hear this one" });
    name.textContent = take.label;
    name.addEventListener("click", () => hear(at));
  });
  const bar = make("div", "bar", root, { role: "toolbar", "aria-label": "Playing the takes" });
  const play = make("button", "play", bar, { type: "button" });
  play.textContent = "Play all";
  play.addEventListener("click", togglePlay);
  const slider = make("input", "seek", bar, { type: "range", min: "0", max: String(value.seconds), step: "0.01", "aria-label": "Time in all takes" });
  slider.addEventListener("input", () => seek(Number(slider.value)));
  const loops = make("select", "loop", bar, { "aria-label": "What is played" });
  make("option", "", loops, { value: "" }).textContent = "the whole video";
  value.spans.forEach((one, at) => {
    make("option", "", loops, { value: String(at) }).textContent = "span " + (at + 1) + ", again and again";
  });
  loops.addEventListener("change", () => {
    span = loops.value === "" ? null : value.spans[Number(loops.value)];
    if (span) { seek(span.from); if (lead().paused) togglePlay(); }
  });
  value.spans.forEach((one, at) => choices(one, at));
  shownBar = { play, slider };
}
let shownBar = null;
function choices(one, at) {
  const set = make("fieldset", "choice", root);
  make("legend", "", set).textContent = "Span " + (at + 1) + " (" + one.from.toFixed(2) + " to " + one.to.toFixed(2) + " s)";
  shown.takes.forEach((take, number) => {
    const label = make("label", "", set);
    const box = make("input", "", label, { type: "radio", name: "gk-" + at + "-" + one.id, value: String(number) });
    box.checked = (shown.chosen || [])[at] === number;
    label.append(" " + take.label);
    box.addEventListener("change", () => {
      const chosen = [...(shown.chosen || [])];
      chosen[at] = number;
      shown = { ...shown, chosen };
      props.value = shown;
    });
  });
}
function animate() {
  if (!element.isConnected) return;
  if (players.length && shownBar) {
    const now = lead().currentTime;
    if (span && now >= span.to) seek(span.from);
    if (!lead().paused) each((player) => { if (Math.abs(player.currentTime - now) > 0.08) player.currentTime = now; });
    if (document.activeElement !== shownBar.slider) shownBar.slider.value = String(now);
    shownBar.play.textContent = lead().paused ? "Play all" : "Pause all";
  }
  requestAnimationFrame(animate);
}
function load() {
  const value = props.value || {};
  if (JSON.stringify(value) === JSON.stringify(shown)) return;
  const same = shown && JSON.stringify(value.takes) === JSON.stringify(shown.takes);
  shown = value;
  if (!same) build();
}
watch("value", load);
load();
animate();
