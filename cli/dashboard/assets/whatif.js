// The what-if panel: a form of the service's autoscaling, the simulator's answer beside what was recorded, and the YAML to copy.
import { $, h, text, draw, number, duration } from "./base.js";
import { line } from "./charts.js";

const FIELDS = [
  ["least pods", "minReplicas", "number"], ["most pods", "maxReplicas", "number"], ["queue depth a pod", "queueDepth.target", "text"],
  ["CPU, % of the request", "cpu.averageUtilization", "number"], ["memory, % of the request", "memory.averageUtilization", "number"],
  ["burst factor", "burst.factor", "text"], ["seconds before scaling up", "behavior.scaleUp.stabilizationWindowSeconds", "number"], ["seconds before scaling down", "behavior.scaleDown.stabilizationWindowSeconds", "number"],
];
const KEYS = { "ai-feedback": "aiFeedback" };
const MOST = 16 * 1024 * 1024;
let asked = null, csv = null, plot = null, answer = null, turn = 0, taken = 0;

const at = (o, path) => path.split(".").reduce((x, k) => x?.[k], o);
function put(o, path, value) {
  const keys = path.split("."), last = keys.pop();
  for (const k of keys) o = o[k] ??= {};
  o[last] = value;
}

function inputs() {
  return [...$("whatif-fields").querySelectorAll("input")];
}

// What of the form differs from what is there, as spec.services.<service>.autoscaling has it.
function change() {
  const autoscaling = {};
  for (const i of inputs()) if (i.value.trim() !== i.dataset.now) put(autoscaling, i.name, i.type === "number" ? Number(i.value) : i.value.trim());
  return autoscaling;
}

function yaml(o, indent = "") {
  return Object.entries(o).map(([k, v]) => (typeof v === "object" ? `${indent}${k}:\n${yaml(v, `${indent}  `)}` : `${indent}${k}: ${typeof v === "string" ? JSON.stringify(v) : v}`)).join("\n");
}

function merge(into, from) {
  for (const [k, v] of Object.entries(from)) if (v && typeof v === "object") merge(into[k] ??= {}, v); else into[k] = v;
  return into;
}

function forget() {
  turn++; // an answer that is still to come is of the service before
  answer = null;
  $("whatif-result").hidden = true;
  say(csv ? "The dropped trace is the load of the next simulation." : "");
}

export function offerWhatIf(detail, service) {
  if (detail && asked?.of && asked.of !== `${detail.namespace}/${detail.name}/${service}`) forget(); // of another service nothing stays
  asked = { detail, service, of: detail ? `${detail.namespace}/${detail.name}/${service}` : asked?.of };
  const key = KEYS[service] ?? service, now = detail?.spec?.services?.[key]?.autoscaling ?? {};
  draw($("whatif-fields"), [now, service, detail?.namespace, detail?.name], () => FIELDS.map(([label, path, type]) => {
    const value = at(now, path) ?? "";
    return h("label", {}, h("span", {}, label), h("input", { type, name: path, value: String(value), "data-now": String(value), min: type === "number" ? "0" : null, placeholder: "as by default", autocomplete: "off" }));
  }));
}

function say(what, bad) {
  text($("whatif-note"), what);
  $("whatif-note").className = bad ? "bad-text" : "quiet";
}

async function simulate(e) {
  e.preventDefault();
  const d = asked?.detail, mine = ++turn, service = asked?.service, trace = csv, key = KEYS[asked?.service] ?? asked?.service, autoscaling = change();
  if (!d?.spec) return say("The platform's spec is not known yet.", true);
  const changed = merge(structuredClone(d.spec), { services: { [key]: { autoscaling } } });
  say("Simulating…");
  try {
    const reply = await fetch("api/what-if", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({
      namespace: d.namespace, name: d.name, status: d.status, spec: d.spec, changed, service, ...(trace ? { csv: trace } : { decisions: d.decisions }) }) });
    const body = await reply.json();
    if (mine !== turn) return;
    if (!reply.ok) return say(body.error ?? `status ${reply.status}`, true);
    answer = { ...body, seen: trace ? [] : (d.decisions ?? []).filter((x) => x.service === service && !Number.isNaN(x.at)) };
    const waits = body.before.waitP95Ms === null ? " It has no arrival_rate, so nothing is known of waits." : "";
    say(`${trace ? "By the dropped trace." : "By the load that was recorded with the decisions of the last day."}${waits}`);
    show(Object.keys(autoscaling).length ? { spec: { services: { [key]: { autoscaling } } } } : null);
  } catch { if (mine === turn) say("There is no connection to kubectl lp dashboard.", true); }
}

function show(patch) {
  $("whatif-result").hidden = false;
  const rows = [["pod hours (pods × hours)", "podHours", number], ["most pods", "most", number], ["changes of the number of pods", "changes", number],
    ["p95 of the wait for a place", "waitP95Ms", duration], [`minutes in which over 5 % waited longer than ${duration(answer.before.targetWaitMs)}`, "minutesOver", number]];
  $("whatif-table").replaceChildren(h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Simulated"), h("th", { scope: "col" }, "as it is"), h("th", { scope: "col" }, "with the change"))),
    h("tbody", {}, rows.map(([name, k, f]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, f(answer.before[k])), h("td", {}, f(answer.after[k]))))));
  text($("whatif-yaml"), patch ? yaml(patch) : "# nothing is changed");
  redrawWhatIf();
}

// The recorded pods, the simulator's of the spec as it is, and of the changed one.
export function redrawWhatIf() {
  if (!answer || !$("whatif-plot").clientWidth) return;
  const seen = answer.seen;
  const times = [...new Set([...answer.before.time, ...answer.after.time, ...seen.map((d) => d.at)])].sort((a, b) => a - b);
  const row = (time, values) => { const m = new Map(time.map((t, i) => [t, values[i]])); return times.map((t) => m.get(t)); };
  plot?.destroy();
  const recorded = seen.length ? [["recorded", "--c-1", row(seen.map((d) => d.at), seen.map((d) => d.to))]] : [];
  const lines = [...recorded, ["simulated as it is", "--c-limit", row(answer.before.time, answer.before.pods)], ["with the change", "--c-2", row(answer.after.time, answer.after.pods)]];
  plot = line($("whatif-plot"), lines, [times, ...lines.map(([, , values]) => values)]);
}

// Of two that are chosen one after the other the second counts, whichever is read first.
async function take(file) {
  const mine = ++taken;
  csv = null;
  if (!file) return say("");
  if (file.size > MOST) return say(`${file.name}: must have at most 16 MB, has ${Math.ceil(file.size / 1048576)} MB.`, true);
  try {
    const read = await file.text();
    if (mine !== taken) return;
    csv = read;
    say(`${file.name} is the load of the next simulation.`);
  } catch { if (mine === taken) say(`${file.name} cannot be read: is it there, and is it a file?`, true); }
}

// A browser opens a file that is dropped beside the panel, and leaves the page for it.
const stay = (e) => { if (e.dataTransfer?.types.includes("Files")) e.preventDefault(); };

export function startWhatIf() {
  addEventListener("resize", redrawWhatIf);
  $("whatif-form").addEventListener("submit", simulate);
  $("whatif-file").addEventListener("change", (e) => take(e.target.files[0]));
  addEventListener("dragover", stay);
  addEventListener("drop", stay);
  $("whatif").addEventListener("drop", (e) => { if (e.dataTransfer.files.length) take(e.dataTransfer.files[0]); });
  $("whatif-copy").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText($("whatif-yaml").textContent); say("Copied."); } catch { say("The browser does not let the page copy: mark the text.", true); }
  });
}
