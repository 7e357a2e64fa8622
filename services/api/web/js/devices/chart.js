// A chart of a field over time: the line of the means, the band between min and max, the limits of the rules,
// the device's alarms, a second field with an axis of its own, or the same field of other devices. A drag
// zooms in.
import uPlot from "../../vendor/uPlot.esm.js";
import { dateTime, measured, unit } from "../format.js";
import { t, word } from "../i18n.js";
import { darkNow, prefs } from "../prefs.js";
import { useStore } from "../store.js";
import { html, useEffect, useMemo, useRef } from "../ui.js";
import { wallOf } from "../zone.js";
import { columns } from "./columns.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fade = (colour, share) => `color-mix(in srgb, ${colour} ${share}%, transparent)`;

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

const NAME_ROWS = 5; // names of alarms that began together stand below each other

// Each alarm from when it was raised until its condition was over, behind the curve, named at its beginning.
function drawAlarms(marks) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px ${css("--font")}`;
    const end = bbox.left + bbox.width;
    for (const [i, { from, to, severity, name }] of marks.entries()) {
      const left = Math.max(bbox.left, plot.valToPos(from / 1000, "x", true));
      const right = Math.min(end, plot.valToPos(to / 1000, "x", true));
      if (right < bbox.left || left > end) continue;
      ctx.fillStyle = fade(css(`--${severity}`), 16);
      ctx.fillRect(left, bbox.top, Math.max(2 * ratio, right - left), bbox.height);
      ctx.fillStyle = css(`--${severity}`);
      ctx.fillRect(left, bbox.top, 2 * ratio, bbox.height);
      const before = left + ctx.measureText(name).width + 8 * ratio > end;
      ctx.textAlign = before ? "right" : "left";
      ctx.fillText(name, left + (before ? -4 : 6) * ratio, bbox.top + (12 + (i % NAME_ROWS) * 13) * ratio);
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
  const { month, day: date, hour, minute } = wallOf(at_s * 1000);
  const day = `${month}-${date}`;
  if (step_s >= 86_400) return day;
  const time = `${two(hour)}:${two(minute)}`;
  const midnight = hour === 0 && minute === 0;
  return step_s >= 21_600 || midnight ? `${time}\n${day}` : time;
}

const MOST_DOTTED = 60; // readings: of more the line says as much as its dots

// A value between two holes has no line to it: without a dot a device's only word of a day would not be seen.
// `undefined` is no hole: another device had a reading then.
function lonely(plot, series, all) {
  if (all) return null;
  const values = plot.data[series];
  const told = [...values.keys()].filter((i) => values[i] !== undefined);
  const at = (n) => values[told[n]] ?? null;
  return told.filter((_, n) => at(n) !== null && at(n - 1) === null && at(n + 1) === null);
}
const dots = (size) => ({ show: (plot) => plot.data[0].length < MOST_DOTTED, filter: lonely, size });

const LEAST_DRAG_PX = 8;
const NONE = [];
// Lines of other devices differ in colour and in dashes.
const OTHERS = [["--drill", [8, 4]], ["--ok", [2, 3]], ["--info", [12, 4, 2, 4]], ["--ink-2", [5, 2]]];

function dataOf(rows, field, second, others) {
  const own = columns(rows, field, second);
  if (!others.length) return own;
  return uPlot.join([own, ...others.map((other) => columns(other.rows, field).slice(0, 2))]);
}

// `onZoom(from, to)`: a stretch was dragged over, in ms; without it the chart stands still. `others`:
// [{name, rows}], drawn beside the device called `name`.
export function Chart({
  rows,
  field,
  second,
  name,
  others = NONE,
  lines = NONE,
  marks = NONE,
  height = 260,
  from,
  to,
  onZoom,
}) {
  const frame = useRef();
  const drawn = useRef(null);
  const span = useRef();
  span.current = [from / 1000, to / 1000];
  const zoom = useRef();
  zoom.current = onZoom;
  const data = useMemo(() => dataOf(rows, field, second, others), [rows, field, second, others]);
  const banded = !others.length && data[2].some((low, i) => low !== data[3][i]);
  const names = others.map((other) => other.name).join("\n");
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
    const shown = (_plot, v) => (typeof v === "number" ? `${measured(field, v)} ${unit(field)}` : "–");
    const plot = new uPlot(
      {
        width: Math.max(200, frame.current.clientWidth),
        height,
        cursor: { points: { size: 7 }, drag: { x: !!onZoom, y: false, setScale: false } },
        legend: { show: true, live: true },
        scales: {
          x: { time: true, range: () => span.current },
          y: { range: range(lines) },
          ...(second && { y2: {} }),
        },
        axes: [
          { ...axis, values: (_u, splits, _i, _space, step) => splits.map((at) => tick(at, step)) },
          { ...axis, size: 56 },
          ...(second ? [{ ...axis, size: 56, side: 1, scale: "y2", grid: { show: false } }] : []),
        ],
        series: [
          {
            label: t("devices.time"),
            value: (_u, at) => (at ? dateTime(at * 1000, true) : "–"),
          },
          {
            label: others.length ? name : banded ? t("devices.mean") : word("field", field),
            stroke: colour,
            width: 1.8,
            points: dots(5),
            value: shown,
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
          ...(second
            ? [
                {
                  label: word("field", second),
                  scale: "y2",
                  stroke: css("--drill"),
                  width: 1.5,
                  points: dots(4),
                  value: (_u, v) => (v === null ? "–" : `${measured(second, v)} ${unit(second)}`),
                },
              ]
            : []),
          ...others.map((other, i) => ({
            label: other.name,
            stroke: css(OTHERS[i][0]),
            dash: OTHERS[i][1],
            width: 1.6,
            points: { ...dots(4), show: false },
            value: shown,
          })),
        ],
        bands: banded ? [{ series: [3, 2], fill: fade(colour, 18) }] : [],
        hooks: {
          drawAxes: [drawAlarms(marks)],
          draw: [drawLimits(lines)],
          setSelect: [
            ({ select, posToVal }) => {
              if (select.width < LEAST_DRAG_PX) return;
              const [begin, end] = [select.left, select.left + select.width].map((x) => posToVal(x, "x"));
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              zoom.current?.(begin * 1000, end * 1000);
            },
          ],
        },
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
  }, [field, second, names, lines, marks, dark, height, language, banded]);
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
