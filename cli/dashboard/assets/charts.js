// The time line of one service: charts by uPlot that share cursor and zoom, with decisions as marks and schedules as bands.
import { h, number, duration, latency, seconds, axisTimes, axisElapsed } from "./base.js";

const KINDS = [
  { title: "Pods", unit: "of the service", format: number, marks: true, whole: true, series: [
    { name: "max", label: "limit", color: "--c-limit", dash: [2, 5], step: true },
    { name: "min", label: "least", color: "--c-limit", dash: [2, 5], step: true },
    { name: "ready", label: "ready", color: "--c-1", fill: true, step: true },
    { name: "desired", label: "wanted", color: "--c-2", step: true },
    { name: "demand", label: "demand", color: "--c-3", dash: [6, 4] } ] },
  { title: "Queue", unit: "requests waiting and in flight", format: number, series: [{ name: "queue", label: "queue", color: "--c-4", fill: true }] },
  { title: "Requests", unit: "a second", format: number, series: [
    { name: "rate", label: "arrivals", color: "--c-1", fill: true }, { name: "errors", label: "errors", color: "--c-bad" } ] },
  { title: "Latency", unit: "of an answer", format: duration, least: 10, series: [
    { name: "p50", label: "p50", color: "--c-3" }, { name: "p95", label: "p95", color: "--c-2" }, { name: "p99", label: "p99", color: "--c-5" } ] },
];

// What is measured is not known between two values that are further apart: seconds. Limits and wishes hold until they change.
const STALE = 120;
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Places of values that no line leads to.
function alone(time, values) {
  const known = values.flatMap((v, i) => (v === null || v === undefined ? [] : [i]));
  const far = (a, b) => a === undefined || b === undefined || Math.abs(time[a] - time[b]) > STALE;
  return known.filter((at, i) => far(known[i - 1], at) && far(at, known[i + 1]));
}

// Bands of schedules behind the lines, the present as a line, decisions as marks above them.
function layers(line) {
  const clip = (u, from, to) => [Math.max(u.valToPos(from, "x", true), u.bbox.left), Math.min(u.valToPos(to, "x", true), u.bbox.left + u.bbox.width)];
  return {
    hooks: {
      drawClear: (u) => {
        u.ctx.save();
        for (const band of line.bands) {
          const [a, b] = clip(u, band.from, band.until);
          if (b <= a) continue;
          u.ctx.fillStyle = css("--band");
          u.ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
          if (!u.lpMarks || b - a < 40) continue;
          u.ctx.fillStyle = css("--muted");
          u.ctx.textAlign = "left";
          u.ctx.textBaseline = "alphabetic";
          u.ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
          u.ctx.fillText(band.schedule, a + 5 * devicePixelRatio, u.bbox.top + 13 * devicePixelRatio, b - a - 8 * devicePixelRatio);
        }
        u.ctx.restore();
      },
      draw: (u) => {
        const present = u.valToPos(Date.now() / 1000, "x", true);
        u.ctx.save();
        if (present > u.bbox.left && present < u.bbox.left + u.bbox.width) {
          u.ctx.strokeStyle = css("--muted");
          u.ctx.setLineDash([3, 3]);
          u.ctx.beginPath();
          u.ctx.moveTo(present, u.bbox.top);
          u.ctx.lineTo(present, u.bbox.top + u.bbox.height);
          u.ctx.stroke();
          u.ctx.setLineDash([]);
        }
        for (const d of line.decisions) {
          const x = u.valToPos(d.at, "x", true);
          if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
          const up = d.to > d.from, changes = d.to !== d.from, strong = line.marked === d;
          const size = (strong ? 7 : 5) * devicePixelRatio;
          u.ctx.fillStyle = css(up ? "--c-up" : d.to < d.from ? "--c-down" : "--muted");
          u.ctx.globalAlpha = strong ? 1 : 0.75;
          u.ctx.fillRect(x - (strong ? 1 : 0.5) * devicePixelRatio, u.bbox.top, (strong ? 2 : 1) * devicePixelRatio, u.bbox.height * ((u.lpMarks && changes) || strong ? 1 : 0));
          if (!u.lpMarks) continue;
          u.ctx.beginPath();
          const y = u.bbox.top + u.bbox.height;
          if (!changes) {
            u.ctx.arc(x, y - size / 2, size / 2, 0, 7);
            u.ctx.fill();
            continue;
          }
          u.ctx.moveTo(x - size, up ? y : y - size * 1.4);
          u.ctx.lineTo(x + size, up ? y : y - size * 1.4);
          u.ctx.lineTo(x, up ? y - size * 1.4 : y);
          u.ctx.fill();
        }
        u.ctx.restore();
      },
    },
  };
}

export class TimeLine {
  constructor(root, onZoom) {
    Object.assign(this, { root, onZoom, bands: [], decisions: [], marked: null, charts: [], range: 3600, zoom: null, data: { time: [] } });
    this.build();
    new ResizeObserver(() => this.resize()).observe(root);
  }

  build() {
    for (const c of this.charts) c.plot.destroy();
    this.root.replaceChildren();
    this.charts = KINDS.map((kind) => this.chart(kind));
    this.redraw();
  }

  chart(kind) {
    const canvas = h("div", { class: "plot" });
    const legend = h("div", { class: "legend" });
    const values = kind.series.map((s) => {
      const value = h("b", {}, "–");
      const swatch = h("i", { "aria-hidden": "true" });
      swatch.style.background = css(s.color);
      legend.append(h("span", {}, swatch, `${s.label} `, value));
      return value;
    });
    const note = h("p", { class: "mark-note" });
    const none = h("p", { class: "quiet" }, "Not known.");
    const figure = h("figure", { class: "card chart" }, h("figcaption", {}, h("b", {}, kind.title), ` ${kind.unit}`, legend), canvas, none, kind.marks ? note : null);
    this.root.append(figure);
    const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 }, font: "11px system-ui, sans-serif" };
    const plot = new uPlot({
      width: Math.max(canvas.clientWidth, 200), height: kind.marks ? 220 : 130,
      cursor: { sync: { key: "time" }, drag: { x: true, y: false }, y: false },
      legend: { show: false },
      scales: { x: { time: true, range: () => this.window() }, y: { range: (u, min, max) => [0, Math.min(Math.max(max ?? 0, kind.least ?? 1), kind.whole ? this.mostPods() * 1.6 : Infinity) * 1.12] } },
      padding: [10, 14, 0, 4],
      axes: [{ ...axis, values: (u, ticks, of, space, step) => axisTimes(ticks, step), space: 70, size: 28 }, { ...axis, size: 58, space: 28, incrs: kind.whole ? WHOLE : undefined, values: (u, ticks) => ticks.map((t) => kind.format(t)) }],
      series: [{}, ...kind.series.map((s) => ({
        label: s.label, stroke: css(s.color), width: s.dash ? 1.5 : 2, dash: s.dash,
        fill: s.fill ? `${css(s.color)}22` : undefined,
        points: s.step ? { show: false } : { show: true, size: 4, filter: (u, i) => alone(u.data[0], u.data[i]) },
        paths: s.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
      }))],
      plugins: [layers(this)],
      hooks: {
        setCursor: [(u) => this.tell(u, kind, values, note)],
        setSelect: [(u) => {
          if (u.select.width < 8) return;
          this.zoomTo([u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")]);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
    }, [[]], canvas);
    plot.lpMarks = Boolean(kind.marks);
    plot.over.addEventListener("dblclick", () => this.zoomTo(null));
    return { kind, plot, canvas, figure, values, note, none };
  }

  // The values under the cursor, or the last ones; and the decision that held then.
  tell(u, kind, values, note) {
    const idx = u.cursor.idx;
    kind.series.forEach((s, i) => {
      const row = this.data[s.name] ?? [];
      let at = idx ?? row.length - 1;
      while (at > 0 && row[at] === undefined) at--;
      values[i].textContent = kind.format(row[at] ?? null);
      values[i].parentElement.hidden = !row.some((v) => v !== null && v !== undefined);
    });
    if (!kind.marks) return;
    const at = idx === null || idx === undefined ? null : this.data.time[idx];
    const held = at === null ? this.marked : this.decisions.findLast((d) => d.at <= at + 1);
    note.textContent = held ? `${held.clock}: ${held.why}` : "";
  }

  // A demand that is far over all pods must not press them to the ground: it leaves the chart at the top.
  mostPods() {
    return ["max", "ready", "desired"].flatMap((name) => this.data[name] ?? []).reduce((most, v) => Math.max(most, v ?? 0), 1);
  }

  window() {
    if (this.zoom) return this.zoom;
    const now = Date.now() / 1000;
    const next = Math.min(...this.bands.filter((b) => b.from > now).map((b) => b.from), Infinity);
    const ahead = next - now < this.range * 0.6 ? next - now + this.range * 0.15 : 0; // so that the next window is seen
    return [now - this.range, now + Math.max(ahead, this.range * 0.08)];
  }

  zoomTo(window) {
    this.zoom = window;
    this.onZoom(Boolean(window));
    this.redraw();
  }

  show(data, decisions, schedules) {
    this.data = data;
    this.decisions = decisions;
    this.bands = schedules.map((s) => ({ schedule: s.schedule, from: seconds(s.from), until: seconds(s.until) })).filter((b) => b.from !== null && b.until !== null);
    this.redraw();
  }

  mark(decision) {
    this.marked = decision;
    for (const c of this.charts) { c.plot.redraw(false); this.tell(c.plot, c.kind, c.values, c.note); }
  }

  redraw() {
    for (const c of this.charts) {
      const rows = c.kind.series.map((s) => this.data[s.name] ?? []);
      c.plot.setData([this.data.time, ...rows.map((r) => (r.length ? r : this.data.time.map(() => null)))]);
      this.tell(c.plot, c.kind, c.values, c.note);
      // Axes without a line look as if nothing happened.
      const known = rows.some((r) => r.some((v) => v !== null && v !== undefined));
      c.none.hidden = known;
      if (c.canvas.hidden === known) {
        c.canvas.hidden = !known;
        this.resize();
      }
      const told = c.kind.series.map((s, i) => `${s.label} ${c.values[i].textContent}`).filter((t) => !t.endsWith("–")).join(", ");
      c.canvas.setAttribute("role", "img");
      c.canvas.setAttribute("aria-label", `${c.kind.title}: ${told}`);
    }
  }

  resize() {
    for (const c of this.charts) {
      const width = c.canvas.clientWidth;
      if (width > 0 && Math.abs(width - c.plot.width) > 1) c.plot.setSize({ width, height: c.plot.height });
    }
  }
}

const DATED = 946684800; // 2000: what is before is no date, but begins with 0
const ELAPSED = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

// One chart of pods by itself: what-if.
export function line(root, series, data) {
  const dated = !(data[0][0] < DATED);
  const legend = h("div", { class: "legend" }), canvas = h("div", { class: "plot", role: "img", "aria-label": `Pods: ${series.map((s) => s[0]).join(", ")}` });
  for (const [name, color] of series) {
    const swatch = h("i", { "aria-hidden": "true" });
    swatch.style.background = css(color);
    legend.append(h("span", {}, swatch, name));
  }
  root.replaceChildren(h("figcaption", {}, h("b", {}, "Pods"), dated ? " of the service" : " of the service, by the time of the trace", legend), canvas);
  const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 }, font: "11px system-ui, sans-serif" };
  return new uPlot({
    width: Math.max(canvas.clientWidth, 200), height: 220, padding: [10, 14, 0, 4], legend: { show: false }, cursor: { y: false },
    scales: { x: { time: dated }, y: { range: (u, min, max) => [0, Math.max(max ?? 0, 1) * 1.12] } },
    axes: [{ ...axis, space: 70, size: 28, incrs: dated ? undefined : ELAPSED, values: (u, ticks, of, space, step) => (dated ? axisTimes : axisElapsed)(ticks, step) }, { ...axis, size: 40, incrs: WHOLE }],
    series: [{}, ...series.map(([label, color]) => ({ label, stroke: css(color), width: 2, points: { show: false }, spanGaps: true, paths: uPlot.paths.stepped({ align: 1 }) }))],
  }, data, canvas);
}

// Decisions of the last day and what was seen since the start on one time axis. What a source does not tell is undefined, so that
// lines go on; what was looked for and not known is null, a gap, and so is the time after the last value of what is measured.
export function merge(decisions, past, limits) {
  const measured = ["queue", "rate", "demand", "p50", "p95", "p99", "errors"];
  const names = ["ready", "desired", "min", "max", ...measured];
  const rows = [];
  for (const d of decisions) {
    const load = d.load ?? {};
    rows.push({ at: d.at - 0.001, desired: d.from });
    rows.push({ at: d.at, desired: d.to, ready: d.ready, queue: load.queueDepth, rate: load.arrivalRate, min: d.min, max: d.max });
  }
  (past?.time ?? []).forEach((at, i) => {
    const row = { at };
    for (const name of names) if (past[name]) row[name] = name[0] === "p" ? latency({ rate: past.rate?.[i], [name]: past[name][i] }, name) : past[name][i];
    rows.push(row);
  });
  if (past?.time?.length) Object.assign(rows[rows.length - 1], limits);
  rows.sort((a, b) => a.at - b.at);
  // A row of its own in each long pause of a source, so that there is a place for the gap.
  rows.push(...rows.flatMap((r, i) => (i + 1 < rows.length && rows[i + 1].at - r.at > STALE ? [{ at: r.at + 0.001 }] : [])));
  rows.sort((a, b) => a.at - b.at);
  const data = { time: rows.map((r) => r.at) };
  for (const name of names) data[name] = rows.map((r) => r[name]);
  for (const name of measured) {
    let last = -1;
    data[name].forEach((value, i) => {
      if (value === undefined) return;
      if (last >= 0 && data.time[i] - data.time[last] > STALE) data[name].fill(null, last + 1, i);
      last = i;
    });
  }
  return data;
}
