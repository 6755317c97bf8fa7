// The two views: all platforms, and one of them.
import { $, h, text, draw, number, duration, ago, time, seconds, told, latency, platformState, phaseState } from "./base.js";
import { CONDITIONS } from "./terms.js";

const rank = { bad: 0, busy: 1, good: 2, off: 3 };
const cards = new Map();

function platformCard(p) {
  const key = `${p.namespace}/${p.name}`;
  const e = {
    root: h("a", { class: "card platform", href: `#/${encodeURIComponent(p.namespace)}/${encodeURIComponent(p.name)}` }),
    dot: h("i", { class: "dot", "aria-hidden": "true" }), name: h("b"), ns: h("span", { class: "quiet" }), phase: h("span", { class: "pill" }),
    message: h("p", { class: "quiet clamp" }), table: h("div", { class: "mini" }), key,
  };
  e.root.append(h("div", { class: "head" }, e.dot, e.name, e.ns, e.phase), e.table, e.message);
  return e;
}

const mini = (s) => [
  h("span", { class: "mini-name" }, h("i", { class: `dot ${told(s)[0]}`, "aria-hidden": "true" }), s.name),
  h("span", { class: "pods", title: "pods ready and wanted" }, `${s.ready}/${s.desired}`),
  h("span", { title: "queue" }, number(s.queue)), h("span", { title: "requests a second" }, number(s.rate)), h("span", { title: "95th percentile" }, duration(latency(s, "p95"))),
];

function updateCard(e, p) {
  const state = platformState(p);
  e.dot.className = `dot ${state}`;
  text(e.name, p.name);
  text(e.ns, p.namespace);
  text(e.phase, p.phase);
  e.phase.className = `pill ${phaseState(p)}`;
  const why = p.services.map((s) => [s.name, ...told(s)]).filter(([, , words]) => words).map(([name, , words]) => `${name}: ${words}`);
  if (isUnseen(p)) why.push(UNSEEN);
  text(e.message, [why.join(", "), p.ready === "True" ? "" : p.message ?? ""].filter(Boolean).join(" · "));
  e.message.hidden = !e.message.textContent;
  draw(e.table, p.services, () => p.services.length === 0 ? [] : [
    ...["service", "pods", "queue", "req/s", "p95"].map((t) => h("span", { class: "th" }, t)), ...p.services.flatMap(mini)]);
}

function totals(platforms) {
  const services = platforms.flatMap((p) => p.services);
  const sum = (name) => services.reduce((n, s) => n + (s[name] ?? 0), 0);
  const known = (name) => (services.some((s) => s[name] !== null && s[name] !== undefined) ? number(sum(name)) : "–");
  const ready = platforms.filter((p) => p.ready === "True").length;
  return [["platforms ready", `${ready} of ${platforms.length}`], ["pods ready", `${sum("ready")} of ${sum("desired")}`], ["requests queued", known("queue")], ["requests a second", known("rate")]];
}

// A platform without a status; one whose spec is wrong has no services either, but a condition that says so.
export const isUnseen = (p) => p.services.length === 0 && p.ready === "Unknown" && !p.message;
export const UNSEEN = "no operator has looked at it yet (does one run? kubectl lp check tells)";

function nobody({ namespace, name }) {
  const what = name ? `no LearningPlatform “${name}”` : "no LearningPlatform";
  return namespace ? `There is ${what} in namespace ${namespace}. The page shows it as soon as there is one; kubectl lp dashboard -A looks in all namespaces.`
    : `There is ${what} in this cluster. The page shows it as soon as there is one.`;
}

export function renderOverview(overview, filter) {
  const all = overview.platforms;
  const wanted = all.filter((p) => `${p.namespace}/${p.name}`.toLowerCase().includes(filter));
  wanted.sort((a, b) => rank[platformState(a)] - rank[platformState(b)] || `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`));
  $("totals").hidden = all.length === 0;
  draw($("totals"), totals(all), () => totals(all).map(([name, value]) => h("div", { class: "total" }, h("b", {}, value), h("span", {}, name))));
  const order = wanted.map((p) => {
    const key = `${p.namespace}/${p.name}`;
    if (!cards.has(key)) cards.set(key, platformCard(p));
    updateCard(cards.get(key), p);
    return cards.get(key).root;
  });
  const there = new Set(all.map((p) => `${p.namespace}/${p.name}`));
  for (const key of cards.keys()) if (!there.has(key)) cards.delete(key);
  const root = $("platforms");
  if (order.length !== root.children.length || order.some((e, i) => root.children[i] !== e)) root.replaceChildren(...order);
  $("nothing").hidden = order.length > 0;
  text($("nothing"), all.length > 0 ? `No platform has “${filter}” in its name or namespace.` : overview.error ? "" : nobody(overview.where));
}

// ---- one platform ----

function figure(name, value) {
  return h("span", { class: "fig" }, h("b", {}, value), ` ${name}`);
}

function serviceCard(s, selected, choose) {
  const [state, words] = told(s);
  return h("button", { type: "button", class: `card service ${state}`, "aria-pressed": selected ? "true" : "false", "data-service": s.name, on: { click: () => choose(s.name) } },
    h("span", { class: "head" }, h("i", { class: `dot ${state}`, "aria-hidden": "true" }), h("b", {}, s.name), words ? h("span", { class: `pill ${state}` }, words) : null),
    h("span", { class: "big" }, `${s.ready}`, h("small", {}, ` of ${s.desired} pods`)),
    h("span", { class: "quiet" }, s.max === null ? "limits not known" : `limits ${number(s.min)} to ${number(s.max)}`),
    h("span", { class: "figs" }, figure("queue", number(s.queue)), figure("req/s", number(s.rate)), figure("p95", duration(latency(s, "p95"))), s.errors === undefined || s.errors === null ? null : figure("err/s", number(s.errors))),
    s.circuits > 0 ? h("span", {}, h("span", { class: "pill bad" }, "breaker open")) : null);
}

export function renderServices(p, selected, choose) {
  const root = $("services"), focused = root.contains(document.activeElement) ? document.activeElement.dataset.service : null;
  draw(root, [p.services, selected], () => p.services.map((s) => serviceCard(s, s.name === selected, choose)));
  if (focused && !root.contains(document.activeElement)) root.querySelector(`[data-service="${CSS.escape(focused)}"]`)?.focus();
}

// The gateway's circuit breaker for each service behind it, in words.
export function renderBreakers(p) {
  const told = p.services.filter((s) => s.circuits !== null && s.circuits !== undefined).map((s) => [s.name, s.circuits]);
  const row = ([name, open]) => h("li", {}, h("span", { class: `pill ${open > 0 ? "bad" : "good"}` }, open > 0 ? "open" : "closed"), ` ${name}`,
    open > 0 ? h("span", { class: "quiet" }, ` · ${open === 1 ? "one worker of a gateway leaves it" : `${number(open)} workers of gateways leave it`} alone after failures until a try succeeds`) : null);
  draw($("breakers"), told, () => (told.length ? told.map(row) : none("Not known.")));
}

// A condition asks for somebody in one state (terms.js, of docs/terms.yaml); of the others nobody has to do anything.
const conditionState = (c) => (c.status === "Unknown" || !(c.type in CONDITIONS) || CONDITIONS[c.type] === null ? "off" : c.status === CONDITIONS[c.type] ? "bad" : "good");

function conditionRow(c, i, all) {
  const same = all.findIndex((x) => x.message === c.message); // one sentence once
  return h("li", {}, h("span", { class: `pill ${conditionState(c)}` }, c.type), ` ${c.status}`,
    h("span", { class: "quiet" }, c.reason ? ` · ${c.reason}` : "", c.lastTransitionTime ? `, ${time(c.lastTransitionTime)}` : ""), c.message ? h("div", { class: "quiet" }, same < i ? `as ${all[same].type} says` : c.message) : null);
}

function scheduleRow(s) {
  const start = seconds(s.from), now = Date.now() / 1000;
  return h("li", {}, h("b", {}, s.schedule), ` ${time(s.from)} to ${time(s.until)}`,
    h("div", { class: "quiet" }, start > now ? ago(now - start) : "now", s.leadSeconds ? `, pods ${s.leadSeconds} s before` : ""));
}

const none = (what) => [h("li", { class: "quiet" }, what)];

export function renderDetail(d, service, onMark) {
  const conditions = d?.conditions ?? [], schedules = d?.schedules ?? [], events = d?.events ?? [];
  draw($("conditions"), conditions, () => (conditions.length ? conditions.map(conditionRow) : none("None yet.")));
  draw($("schedules"), schedules, () => (schedules.length ? schedules.map(scheduleRow) : none("None.")));
  draw($("events"), events, () => (events.length ? [h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), h("th", { scope: "col" }, "What"))),
    h("tbody", {}, events.map((e) => h("tr", { class: e.type === "Warning" ? "warn" : null }, h("td", {}, time(e.time)), h("td", {}, h("b", {}, e.reason ?? ""), ` ${e.note ?? ""}`, h("span", { class: "quiet" }, ` ${e.kind ?? ""} ${e.about}`))))))] : [h("p", { class: "quiet" }, "None in the last hour.")]));
  renderDecisions(d, service, onMark);
}

function renderDecisions(d, service, onMark) {
  const shown = (d?.decisions ?? []).filter((x) => !service || x.service === service).slice(-100).reverse();
  const row = (x) => h("tr", { tabindex: "0", on: { mouseenter: () => onMark(x, false), focus: () => onMark(x, false), mouseleave: () => onMark(null, false), blur: () => onMark(null, false), click: () => onMark(x, true), keydown: (e) => { if (e.key === "Enter") onMark(x, true); } } },
    h("td", {}, time(x.time)), h("td", { class: x.to > x.from ? "up" : x.to < x.from ? "down" : "" }, `${x.from ?? "?"} → ${x.to ?? "?"}`), h("td", {}, x.why ?? ""));
  draw($("decisions"), [shown, service], () => (shown.length ? [h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), h("th", { scope: "col" }, "Pods"), h("th", { scope: "col" }, "Why"))), h("tbody", {}, shown.map(row)))]
    : [h("p", { class: "quiet" }, "Nothing was decided about this service in the last day.")]));
}

export function renderMissing(overview, detail) {
  const all = [...(overview?.missing ?? []), ...(detail?.missing ?? [])], root = $("missing");
  root.hidden = all.length === 0;
  text(root.querySelector("summary"), `Not known: ${all.slice(0, 4).map((m) => m.what).join(", ")}${all.length > 4 ? ` and ${all.length - 4} more` : ""}`);
  draw(root.querySelector("ul"), all, () => all.map((m) => h("li", {}, h("b", {}, m.what), `: ${m.why}`)));
}
