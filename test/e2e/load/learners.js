// The load of a class of learners: each logs in, sends a sentence, asks for a recommendation, looks whether the
// platform is well, and pauses. Run by k6; the figures go to the file that SUMMARY names.
//   BASE_URL, USERS (20), DURATION (30s), PAUSE (2 s), SUMMARY, EMAIL, PASSWORD, USER_ID
import http from "k6/http";
import { check, sleep } from "k6";

const base = __ENV.BASE_URL || "http://127.0.0.1:30080";
const pause = Number(__ENV.PAUSE || 2);
const json = { "Content-Type": "application/json" };

export const options = {
  vus: Number(__ENV.USERS || 20),
  duration: __ENV.DURATION || "30s",
  summaryTrendStats: ["avg", "min", "med", "p(95)", "p(99)", "max", "count"],
  // A threshold that always holds makes k6 report the figures of each route.
  thresholds: {
    "http_req_duration{name:login}": ["max>=0"],
    "http_req_duration{name:speech2text}": ["max>=0"],
    "http_req_duration{name:recommendation}": ["max>=0"],
    "http_req_duration{name:health}": ["max>=0"],
    "http_req_failed{name:login}": ["rate<=1"],
    "http_req_failed{name:speech2text}": ["rate<=1"],
    "http_req_failed{name:recommendation}": ["rate<=1"],
    "http_req_failed{name:health}": ["rate<=1"],
  },
};

export function setup() {
  const reply = login("login");
  const ok = check(reply, { "the first login works": (r) => r.status === 200 });
  if (!ok) throw new Error(`login answered ${reply.status}: ${reply.body}`);
  return { token: reply.json("token") };
}

function login(name) {
  const body = JSON.stringify({ email: __ENV.EMAIL, password: __ENV.PASSWORD });
  return http.post(`${base}/auth/api/auth/login`, body, { headers: json, tags: { name } });
}

export default function (data) {
  const fresh = login("login");
  const token = fresh.status === 200 ? fresh.json("token") : data.token;
  const headers = { ...json, Authorization: `Bearer ${token}` };

  check(fresh, { "login 200": (r) => r.status === 200 });
  const text = JSON.stringify({ text: "um yesterday i go to the the market and i recieve a apple" });
  check(http.post(`${base}/ai/speech2text`, text, { headers, tags: { name: "speech2text" } }), {
    "speech2text 200": (r) => r.status === 200 && r.json("sentence_pairs").length > 0,
  });
  const recommendation = `${base}/progress/api/progress/recommendation/${__ENV.USER_ID}`;
  check(http.get(recommendation, { headers, tags: { name: "recommendation" } }), {
    "recommendation 200": (r) => r.status === 200 && r.json("averageScore") !== undefined,
  });
  check(http.get(`${base}/health`, { tags: { name: "health" } }), {
    "health 200": (r) => r.status === 200,
  });
  sleep(pause);
}

export function handleSummary(data) {
  const files = {};
  if (__ENV.SUMMARY) files[__ENV.SUMMARY] = JSON.stringify(data);
  return files;
}
