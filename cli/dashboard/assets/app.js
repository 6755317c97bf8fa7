// Where the page is, what it was told, and the keys. One stream of events feeds all of it.
import { $, h, text, time, latency, phaseState } from "./base.js";
import { TimeLine, merge } from "./charts.js";
import { offerWhatIf, redrawWhatIf, startWhatIf } from "./whatif.js";
import { offerTeaching, startTeaching } from "./teaching.js";
import { UNSEEN, isUnseen, renderOverview, renderServices, renderBreakers, renderDetail, renderMissing } from "./views.js";

const RANGES = [["15 min", 900], ["1 h", 3600], ["3 h", 10800], ["6 h", 21600], ["24 h", 86400]];
const state = { key: "", service: "", overview: null, detail: null, past: {}, range: 3600, filter: "", heard: 0 };
const tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const NOBODY = "no connection to kubectl lp dashboard; trying again";
const QUIET = 20; // seconds, or three looks where those are rarer
let source = null, line = null, again = 0;

const platform = () => state.overview?.platforms.find((p) => `${p.namespace}/${p.name}` === state.key);

// ---- what comes in ----

function live(kind, what) {
  $("live").className = `live ${kind}`;
  text($("live-text"), what);
}

const events = () => `api/events?tab=${tab}&platform=${encodeURIComponent(state.key)}`;

function connect() {
  clearTimeout(again);
  source?.close();
  source = new EventSource(events());
  source.addEventListener("overview", (e) => takeOverview(JSON.parse(e.data)));
  source.addEventListener("platform", (e) => takeDetail(JSON.parse(e.data)));
  source.onopen = readPast; // also after a sleep or a break: what was missed is in it
  source.onerror = () => {
    state.heard = 0;
    if (source.readyState === EventSource.CLOSED) tellWhy(source);
    else live("bad", NOBODY);
  };
}

// A stream that was refused tells no script why, so it is asked for once more in a way that does: too many tabs, or a dashboard that was
// started anew and has another token.
async function tellWhy(refused) {
  let why = "";
  try {
    const answer = await fetch(events());
    if (answer.ok) answer.body.cancel();
    else why = (await answer.json()).error;
  } catch { /* nobody is there */ }
  if (refused !== source) return;
  live("bad", why ? "not let in; trying again" : NOBODY);
  if (why) tellBanner(`kubectl lp dashboard does not let this tab look: ${why}`);
  again = setTimeout(connect, 2000);
}

function tellBanner(what) {
  $("banner").hidden = !what;
  text($("banner"), what);
}

async function readPast() {
  const key = state.key;
  if (!key) return;
  try {
    const answer = await fetch(`api/past?platform=${encodeURIComponent(key)}`);
    if (!answer.ok || key !== state.key) return;
    state.past = await answer.json();
    render();
  } catch { /* the stream says that nobody is there */ }
}

function takeOverview(o) {
  if (o.error && state.overview) o = { ...o, platforms: state.overview.platforms };
  const wasSet = state.overview && Math.abs(o.shift - state.overview.shift) > 2000; // the wall clock, and with it all times of the past
  state.overview = o;
  state.heard = performance.now();
  if (wasSet) readPast();
  live(o.error ? "bad" : "good", o.error ? "the cluster cannot be read" : `live, ${time(new Date(o.time).toISOString())}`);
  tellBanner(o.error ? `The cluster cannot be read: ${o.error}` : "");
  for (const s of platform()?.services ?? []) append(s, o.time / 1000);
  render();
}

// Each look is told, so nothing for so long means that nobody looks: the API server is slow, or this machine slept.
function stillHeard() {
  const quiet = (performance.now() - state.heard) / 1000;
  if (state.heard && quiet > Math.max(QUIET, 3 * (state.overview?.every ?? 0) / 1000)) live("bad", `nothing new for ${Math.round(quiet)} s`);
}

function append(s, at) {
  const past = (state.past[s.name] ??= { time: [] });
  if (past.time.length && past.time[past.time.length - 1] >= at) return;
  past.time.push(at);
  for (const name of ["ready", "desired", "queue", "rate", "demand", "errors"]) (past[name] ??= []).push(s[name] ?? null);
  for (const name of ["p50", "p95", "p99"]) (past[name] ??= []).push(latency(s, name));
  if (past.time.length > 5000) for (const row of Object.values(past)) row.splice(0, 1000);
}

function takeDetail(d) {
  if (`${d.namespace}/${d.name}` !== state.key) return;
  for (const x of d.decisions ?? []) {
    x.at = Date.parse(x.time) / 1000;
    x.clock = time(x.time);
  }
  state.detail = d;
  render();
}

// ---- what is shown ----

function renderPlatform() {
  const p = platform(), gone = !p && (state.detail?.gone || state.overview);
  text($("platform-title"), state.key);
  text($("phase"), p ? p.phase : gone ? "gone" : "…");
  $("phase").className = `pill ${p ? phaseState(p) : "off"}`;
  const bare = p?.services.length === 0;
  text($("platform-message"), p ? (isUnseen(p) ? `Of this platform nothing is known: ${UNSEEN}.` : p.ready === "True" ? "" : p.message ?? "") : gone ? "This platform is not there (any more). The page shows it as soon as it is." : "");
  // Of a platform that is not there nothing is shown; the token and answers of the one before go, too.
  for (const part of $("platform").children) if (part.id !== "platform-message" && !part.classList.contains("bar")) part.hidden = !p;
  $("platform").classList.toggle("bare", bare); // without services there are conditions and Events at most
  offerTeaching(state.key);
  if (!p) return;
  if (!p.services.some((s) => s.name === state.service)) state.service = p.services[0]?.name ?? "";
  renderServices(p, state.service, choose);
  renderBreakers(p);
  const s = p.services.find((x) => x.name === state.service);
  text($("why"), s?.why || "Nothing is known yet.");
  renderDetail(state.detail, state.service, mark);
  offerWhatIf(state.detail, state.service);
  if (bare) return;
  const decisions = (state.detail?.decisions ?? []).filter((d) => d.service === state.service && !Number.isNaN(d.at));
  line ??= new TimeLine($("charts"), zoomed);
  line.range = state.range;
  line.show(merge(decisions, state.past[state.service], { min: s?.min, max: s?.max }), decisions, state.detail?.schedules ?? []);
}

function render() {
  const one = state.key !== "";
  $("overview").hidden = one;
  $("platform").hidden = !one;
  if (!state.overview) return;
  if (one) renderPlatform();
  else renderOverview(state.overview, state.filter);
  renderMissing(state.overview, one ? state.detail : null);
  document.documentElement.dataset.drawn = "true";
}

function crumbs() {
  const parts = state.key ? [h("li", {}, h("a", { href: "#/" }, "All")), h("li", { "aria-current": "page" }, state.key)] : [h("li", { "aria-current": "page" }, "All")];
  $("crumbs").replaceChildren(...parts);
  document.title = state.key ? `${state.key} · Learning platforms` : "Learning platforms";
}

// ---- what the user does ----

function choose(service) {
  state.service = service;
  history.replaceState(null, "", `#/${state.key.split("/").map(encodeURIComponent).join("/")}/${encodeURIComponent(service)}`);
  render();
}

function mark(decision, zoom) {
  line.mark(decision);
  if (zoom && decision) line.zoomTo([decision.at - 600, decision.at + 600]);
}

function zoomed(is) {
  for (const b of $("ranges").children) b.setAttribute("aria-pressed", String(!is && Number(b.dataset.range) === state.range));
}

function setRange(seconds) {
  state.range = seconds;
  if (line) { line.range = seconds; line.zoomTo(null); } else zoomed(false);
  zoomed(false);
}

function route() {
  if (source && location.hash && !location.hash.startsWith("#/")) return; // no place of ours; at the start it is that of all
  const [ns, name, service] = location.hash.replace(/^#\/?/, "").split("/").map((s) => { try { return decodeURIComponent(s); } catch { return ""; } });
  const key = ns && name ? `${ns}/${name}` : "";
  if (service) state.service = service;
  if (key !== state.key || !source) {
    Object.assign(state, { key, detail: null, past: {}, service: service ?? "" });
    connect();
  }
  crumbs();
  render();
}

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  const next = dark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem("lp-theme", next); } catch { /* it holds until the page is left */ }
  line?.build();
  redrawWhatIf();
}

function step(by) {
  const names = platform()?.services.map((s) => s.name) ?? [];
  if (names.length) choose(names[(names.indexOf(state.service) + by + names.length) % names.length]);
}

const KEYS = {
  "?": ["these keys", () => $("help").showModal()],
  "/": ["to the filter", () => { if (state.key) location.hash = "#/"; $("filter").focus(); }],
  o: ["all platforms", () => { location.hash = "#/"; }],
  t: ["dark or light", toggleTheme],
  w: ["what if", () => { $("whatif").scrollIntoView(); $("whatif-fields").querySelector("input")?.focus(); }],
  l: ["what learners do", () => { $("teaching").scrollIntoView(); $("teaching-token").focus(); }],
  j: ["next service", () => step(1)],
  k: ["service before", () => step(-1)],
  "0": ["whole range again", () => line?.zoomTo(null)],
  ...Object.fromEntries(RANGES.map(([name, s], i) => [String(i + 1), [`last ${name}`, () => setRange(s)]])),
};

function start() {
  $("ranges").replaceChildren(...RANGES.map(([name, s]) => h("button", { type: "button", "data-range": s, on: { click: () => setRange(s) } }, name)));
  setRange(state.range);
  text($("zone"), `times in ${Intl.DateTimeFormat().resolvedOptions().timeZone || "the browser's zone"}`);
  $("keys").replaceChildren(...Object.entries(KEYS).flatMap(([key, [what]]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]), h("dt", {}, "drag"), h("dd", {}, "zooms into the time line; a double click shows all of it"));
  document.querySelector(".skip").addEventListener("click", (e) => { e.preventDefault(); $("main").focus(); }); // its fragment is no place of ours
  $("theme").addEventListener("click", toggleTheme);
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("filter").addEventListener("input", () => { state.filter = $("filter").value.trim().toLowerCase(); render(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => line?.build());
  startWhatIf();
  startTeaching();
  setInterval(stillHeard, 5000);
  addEventListener("hashchange", route);
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog")) return;
    const known = KEYS[e.key];
    if (!known) return;
    e.preventDefault();
    known[1]();
  });
  route();
}

start();
