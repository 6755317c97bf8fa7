// What the views share: elements made of text alone, numbers and times as people read them.

// Everything that is shown goes through here: children that are no elements become text.
export function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, f] of Object.entries(value)) e.addEventListener(event, f);
    else if (name === "class") e.className = value;
    else e.setAttribute(name, value === true ? "" : String(value));
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return e;
}

export const $ = (id) => document.getElementById(id);

// Nothing is touched that is the same already, so that screen readers and selections stay in peace.
export function text(e, value) {
  if (e.textContent !== value) e.textContent = value;
}

const known = new WeakMap();
// Calls `make` only where `data` is not what was drawn into `e` last.
export function draw(e, data, make) {
  const now = JSON.stringify(data) ?? "";
  if (known.get(e) === now) return;
  known.set(e, now);
  e.replaceChildren(...make());
}

export function number(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  const size = Math.abs(x);
  if (size >= 10000) return `${(x / 1000).toFixed(size >= 100000 ? 0 : 1)}k`;
  if (size >= 100 || Number.isInteger(x)) return String(Math.round(x));
  return x.toFixed(size >= 10 ? 1 : 2);
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms >= 1000 ? `${(ms / 1000).toFixed(ms >= 10000 ? 0 : 1)} s` : `${Math.round(ms)} ms`;
}

export function ago(seconds) {
  const s = Math.abs(Math.round(seconds));
  const told = s < 90 ? `${s} s` : s < 5400 ? `${Math.round(s / 60)} min` : s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
  return seconds < 0 ? `in ${told}` : `${told} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const seconds = (iso) => { const ms = Date.parse(iso); return Number.isNaN(ms) ? null : ms / 1000; };
export function time(iso) {
  const s = seconds(iso);
  if (s === null) return "";
  return (Math.abs(Date.now() / 1000 - s) < 43200 ? clock : date).format(new Date(s * 1000));
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
// Labels of a time axis whose ticks are `step` seconds apart; where a day begins, that day.
export function axisTimes(ticks, step) {
  return ticks.map((t) => new Date(t * 1000)).map((d) => (step < 60 ? clock : d.getHours() + d.getMinutes() === 0 ? day : hour).format(d));
}
// The same where time begins with 0.
export function axisElapsed(ticks, step) {
  const [unit, name] = step < 60 ? [1, "s"] : step < 3600 ? [60, "min"] : [3600, "h"];
  return ticks.map((t) => `${number(t / unit)} ${name}`);
}

// "good", "bad", "busy" or "off" of a service, and why in words; nothing to say of one that is as wanted.
export function told(s) {
  if (s.paused) return ["off", "paused"];
  if (s.ready === 0 && s.idle) return ["off", s.idle === "ScaledToZero" ? "asleep until asked" : "none wanted"];
  if (s.ready === 0) return ["bad", "no pod is ready"];
  // One answer in a hundred, and more than one or two in the half minute that the rate is of.
  if ((s.errors ?? 0) >= Math.max(0.1, (s.rate ?? 0) / 100)) return ["bad", `${number(Math.min(100, Math.round((1000 * s.errors) / Math.max(s.rate ?? 0, s.errors)) / 10))} % errors`];
  if (s.ready < s.desired) return ["busy", `${s.desired - s.ready} not ready yet`];
  if (s.max && s.desired >= s.max && s.max > (s.min ?? 1)) return ["busy", "at its limit"];
  return ["good", ""];
}
// Of nobody's requests there is no latency; the metrics API says 0.
export const latency = (s, name) => (s.rate === 0 ? null : s[name] ?? null);
export const stateOf = (s) => told(s)[0];
// What has been asked for and is under way is no failure.
export function phaseState(p) {
  if (p.ready === "True") return "good";
  if (["Paused", "Plan", "Unknown"].includes(p.phase)) return "off";
  return ["Pending", "Progressing", "Scaling"].includes(p.phase) ? "busy" : "bad";
}
export function platformState(p) {
  const states = p.services.map(stateOf);
  if (p.ready === "False" || states.includes("bad")) return "bad";
  if (p.ready !== "True" || states.includes("busy")) return "busy";
  return "good";
}
