// A chart of one field over time: the line of the means,
// the band between min and max, the limits of the rules.
import uPlot from "../../vendor/uPlot.esm.js";
import { measured, unit } from "../format.js";
import { t, word } from "../i18n.js";
import { darkNow, prefs } from "../prefs.js";
import { useStore } from "../store.js";
import { html, useEffect, useMemo, useRef } from "../ui.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fade = (colour, share) => `color-mix(in srgb, ${colour} ${share}%, transparent)`;

// rows: raw readings or buckets, in order -> [times_s, middle, low, high];
// a hole of many steps is shown as a hole.
export function columns(rows, field) {
  const data = [[], [], [], []];
  for (const row of rows) {
    const cell = row[field];
    if (cell === undefined || cell === null) continue;
    const bucket = typeof cell === "object";
    const middle = bucket ? (cell.mean ?? cell.last) : Number(cell);
    if (middle === null || Number.isNaN(middle)) continue;
    data[0].push(Date.parse(row.ts) / 1000);
    data[1].push(Number(middle));
    data[2].push(bucket ? (cell.min ?? middle) : middle);
    data[3].push(bucket ? (cell.max ?? middle) : middle);
  }
  const steps = data[0]
    .slice(1)
    .map((at, i) => at - data[0][i])
    .sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 0;
  for (let i = data[0].length - 1; i > 0; i -= 1) {
    if (usual && data[0][i] - data[0][i - 1] > 4 * usual) {
      data[0].splice(i, 0, data[0][i - 1] + usual);
      for (const each of data.slice(1)) each.splice(i, 0, null);
    }
  }
  return data;
}

function drawLimits(lines) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.textAlign = "left";
    ctx.font = `${11 * ratio}px ${css("--font")}`;
    for (const line of lines) {
      const y = plot.valToPos(line.at, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.strokeStyle = css(
        line.kind === "critical" ? "--critical" : line.kind === "raise" ? "--major" : "--ok",
      );
      ctx.fillStyle = ctx.strokeStyle;
      ctx.lineWidth = ratio;
      ctx.setLineDash(line.kind === "clear" ? [2 * ratio, 4 * ratio] : [6 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      if (line.kind !== "clear")
        ctx.fillText(
          `${t(`devices.${line.kind}`)} ${line.at}`,
          bbox.left + 6 * ratio,
          y + (line.below && y + 15 * ratio < bbox.top + bbox.height ? 13 : -5) * ratio,
        );
    }
    ctx.restore();
  };
}

// The scale holds the data, the alarm limit nearest to it, and any other limit that is not absurdly far away.
function range(lines) {
  return (_plot, low, high) => {
    if (low === null || low === undefined) return [0, 1];
    const middle = (low + high) / 2;
    const reach = 3 * Math.max(high - low, Math.abs(high) * 0.4);
    const nearest = Math.min(
      ...lines.filter((line) => line.kind === "raise").map((line) => Math.abs(line.at - middle)),
    );
    const near = lines
      .map((line) => line.at)
      .filter((at) => Math.abs(at - middle) <= Math.max(reach, nearest));
    const bottom = Math.min(low, ...near);
    const top = Math.max(high, ...near);
    const margin = (top - bottom || Math.abs(top) || 1) * 0.08;
    return [bottom - margin, top + margin];
  };
}

const two = (n) => String(n).padStart(2, "0");

function tick(at_s, step_s) {
  const at = new Date(at_s * 1000);
  const day = `${at.getMonth() + 1}-${at.getDate()}`;
  if (step_s >= 86_400) return day;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const midnight = at.getHours() === 0 && at.getMinutes() === 0;
  return step_s >= 21_600 || midnight ? `${time}\n${day}` : time;
}

export function Chart({ rows, field, lines = [], height = 260, from, to }) {
  const frame = useRef();
  const drawn = useRef(null);
  const span = useRef();
  span.current = [from / 1000, to / 1000];
  const data = useMemo(() => columns(rows, field), [rows, field]);
  const banded = data[2].some((low, i) => low !== data[3][i]);
  const dark = useStore(prefs, () => darkNow());
  const language = useStore(prefs, (p) => p.language);
  useEffect(() => {
    const axis = {
      stroke: css("--ink-3"),
      grid: { stroke: css("--line"), width: 1 },
      ticks: { show: false },
      font: `12px ${css("--font")}`,
    };
    const colour = css("--accent");
    const plot = new uPlot(
      {
        width: Math.max(200, frame.current.clientWidth),
        height,
        cursor: { points: { size: 7 } },
        legend: { show: true, live: true },
        scales: { x: { time: true, range: () => span.current }, y: { range: range(lines) } },
        axes: [
          { ...axis, values: (_u, splits, _i, _space, step) => splits.map((at) => tick(at, step)) },
          { ...axis, size: 56 },
        ],
        series: [
          {
            label: t("devices.time"),
            value: (_u, at) =>
              at ? new Date(at * 1000).toLocaleString(document.documentElement.lang, { hour12: false }) : "–",
          },
          {
            label: banded ? t("devices.mean") : word("field", field),
            stroke: colour,
            width: 1.8,
            points: { show: (plot) => plot.data[0].length < 60, size: 5 },
            value: (_u, v) => (v === null ? "–" : `${measured(field, v)} ${unit(field)}`),
          },
          {
            label: t("devices.min"),
            show: true,
            stroke: banded ? fade(colour, 35) : "transparent",
            width: 1,
            points: { show: false },
            value: (_u, v) => (v === null ? "–" : measured(field, v)),
          },
          {
            label: t("devices.max"),
            show: true,
            stroke: banded ? fade(colour, 35) : "transparent",
            width: 1,
            points: { show: false },
            value: (_u, v) => (v === null ? "–" : measured(field, v)),
          },
        ],
        bands: banded ? [{ series: [3, 2], fill: fade(colour, 18) }] : [],
        hooks: { draw: [drawLimits(lines)] },
      },
      data,
      frame.current,
    );
    plot.root.classList.toggle("plain-line", !banded);
    const watch = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(200, frame.current?.clientWidth ?? 200), height }),
    );
    watch.observe(frame.current);
    drawn.current = plot;
    return () => {
      watch.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [field, lines, dark, height, language, banded]);
  // New data goes into the chart that stands, so that a cursor on it stays.
  useEffect(() => {
    if (drawn.current && drawn.current.data !== data) drawn.current.setData(data);
  }, [data, from, to]);
  return html`<div
    class="chart"
    ref=${frame}
    role="img"
    aria-label=${`${word("field", field)} ${unit(field)}`}
  ></div>`;
}
