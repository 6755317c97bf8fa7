// What learners did, as the platform's gateway tells those who teach. The token is in this module's memory alone: in no storage, no
// address and no attribute; it goes with the tab.
import { $, h, text, number } from "./base.js";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const STEPS = 5;
let of = "", token = "";

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const two = (n) => String(n).padStart(2, "0");

function say(what, bad) {
  text($("teaching-note"), what);
  $("teaching-note").className = bad ? "bad-text" : "quiet";
}

// Another platform has other learners and another gateway, so nothing of the last one stays.
export function offerTeaching(key) {
  if (key === of) return;
  of = key;
  token = "";
  $("teaching-token").value = "";
  $("teaching-result").hidden = true;
  say("Sums that name nobody, for teachers and admins of this platform. The token is kept in this tab's memory alone.");
}

function heatMap(heat) {
  const most = Math.max(1, ...heat.flat());
  const cell = (n) => h("td", { class: `heat-${n === 0 ? 0 : Math.ceil((n / most) * STEPS)}` }, n === 0 ? "" : number(n));
  return [h("caption", {}, `Activities by weekday and hour, ${zone()}`),
    h("thead", {}, h("tr", {}, h("td"), ...heat[0].map((_, hour) => h("th", { scope: "col" }, two(hour))))),
    h("tbody", {}, heat.map((hours, day) => h("tr", {}, h("th", { scope: "row" }, DAYS[day]), ...hours.map(cell))))];
}

const trend = (t) => (t === null || t === undefined ? "–" : `${t > 0 ? "up " : t < 0 ? "down " : ""}${number(Math.abs(t))} a day`);

function activities(answer) {
  const all = [...(answer.byActivity ?? []), ...(answer.others ? [{ ...answer.others, activityName: "all others" }] : [])];
  if (!all.length) return [];
  return [h("thead", {}, h("tr", {}, ...["Activity", "Times", "Mean score", "Trend"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, all.map((a) => h("tr", {}, h("td", {}, a.activityName), h("td", {}, number(a.count)), h("td", {}, number(a.mean)), h("td", {}, trend(a.trend)))))];
}

// A progress service that is older has none of it.
function feedback(answer) {
  const all = [...(answer.feedback ?? []).map((f) => [f.category, f.count]), ...(answer.feedbackOthers > 0 ? [["all others", answer.feedbackOthers]] : [])];
  if (!all.length) return [];
  return [h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Category of feedback"), h("th", { scope: "col" }, "Times"))),
    h("tbody", {}, all.map(([category, count]) => h("tr", {}, h("td", {}, category), h("td", {}, number(count)))))];
}

function show(answer) {
  const total = ([name, value]) => h("div", { class: "total" }, h("b", {}, value), h("span", {}, name));
  const share = Math.round((answer.activeLearnersError ?? 0) * 100);
  $("teaching-totals").replaceChildren(...[["activities", number(answer.activities)], [share ? `active learners, give or take ${share} %` : "active learners", number(answer.activeLearners)],
    ["kinds of activities", number(answer.byActivity?.length)]].map(total));
  fill("teaching-heat", answer.heatMap?.length ? heatMap(answer.heatMap) : []);
  fill("teaching-activities", activities(answer));
  fill("teaching-feedback", feedback(answer));
  $("teaching-result").hidden = false;
}

// A table without rows is none.
function fill(id, parts) {
  $(id).replaceChildren(...parts);
  $(id).parentElement.hidden = parts.length === 0;
}

async function look(e) {
  e.preventDefault();
  const key = of, [namespace, name] = key.split("/"), typed = $("teaching-token").value.trim(), days = Number($("teaching-days").value);
  if (typed) token = typed.replace(/^Bearer\s+/i, "");
  $("teaching-token").value = "";
  if (!token) return say("A token is needed: that of a login of a teacher or admin at this platform.", true);
  say("Asking the gateway…");
  try {
    const reply = await fetch("api/teaching", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ namespace, name, token, zone: zone(), days }) });
    const body = await reply.json();
    if (key !== of) return;
    if (body.status === 401) token = "";
    const missing = reply.ok ? body.missing : body.error ?? `status ${reply.status}`;
    if (missing) return say(`Not known: ${missing}`, true);
    if (!body.analytics.activities) {
      $("teaching-result").hidden = true;
      return say(`No learner has logged an activity in the last ${days} days.`);
    }
    say(`The last ${days} days.`);
    show(body.analytics);
  } catch { say("There is no connection to kubectl lp dashboard.", true); }
}

export function startTeaching() {
  $("teaching-form").addEventListener("submit", look);
}
