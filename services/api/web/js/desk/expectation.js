// What was seen against what was expected: the band, the line of the device, thin lines of its peers.
import uPlot from "../../vendor/uPlot.esm.js";
import { get } from "../api.js";
import { dateTime, number } from "../format.js";
import { t } from "../i18n.js";
import { Empty, Failure } from "../parts.js";
import { darkNow, prefs } from "../prefs.js";
import { useStore } from "../store.js";
import { html, useEffect, useMemo, useRef, useState } from "../ui.js";
import { wallOf } from "../zone.js";

const AGAIN_MS = 60_000;
const DIGITS = { pressure: 3, water_temperature: 1, residual_current: 0, temperature: 1 };
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fade = (colour, share) => `color-mix(in srgb, ${colour} ${share}%, transparent)`;
const two = (n) => String(n).padStart(2, "0");

// A hole of many steps is shown as a hole; a reading or two that is missing is not.
export function columns(told) {
  const at = told.at.map((text) => Date.parse(text) / 1000);
  const lines = [
    told.low,
    told.high,
    told.expected,
    told.seen,
    ...told.peers.map((peer) => peer.seen),
  ].map((line) => [...line]);
  for (let i = at.length - 1; i > 0; i -= 1) {
    if (at[i] - at[i - 1] <= 4 * told.step_s) continue;
    at.splice(i, 0, at[i - 1] + told.step_s);
    for (const line of lines) line.splice(i, 0, null);
  }
  return [at, ...lines];
}

export function tick(at_s) {
  const { month, day, hour, minute } = wallOf(at_s * 1000);
  const time = `${two(hour)}:${two(minute)}`;
  return time === "00:00" ? `${time}\n${month}-${day}` : time;
}

function drawBeginning(since) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const x = plot.valToPos(Date.parse(since) / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = css("--major");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  };
}

function options(told, width) {
  const axis = {
    stroke: css("--ink-3"),
    grid: { stroke: css("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${css("--font")}`,
  };
  const shown = (_plot, v) =>
    v === null || v === undefined ? "–" : `${number(v, DIGITS[told.quantity])} ${told.unit}`;
  const edge = { stroke: "transparent", points: { show: false }, value: shown };
  const colour = css("--accent");
  return {
    width,
    height: 220,
    cursor: { points: { size: 6 } },
    legend: { show: true, live: true },
    scales: { x: { time: true } },
    axes: [
      { ...axis, values: (_u, splits) => splits.map(tick), space: 60 },
      { ...axis, size: 56 },
    ],
    series: [
      {
        label: t("devices.time"),
        value: (_u, at) => (at ? dateTime(new Date(at * 1000).toISOString()) : "–"),
      },
      { ...edge, label: t("early.low") },
      { ...edge, label: t("early.high") },
      { ...edge, label: t("early.expected"), stroke: css("--ok"), width: 1.4, dash: [6, 4] },
      { ...edge, label: told.device ?? t("early.seen"), stroke: colour, width: 2.2, spanGaps: true },
      ...told.peers.map((peer) => ({
        ...edge,
        label: peer.device,
        stroke: fade(css("--ink-3"), 70),
        width: 1,
        spanGaps: true,
      })),
    ],
    bands: [{ series: [2, 1], fill: fade(css("--ok"), 18) }],
    hooks: { draw: [drawBeginning(told.since)] },
  };
}

function Plot({ told }) {
  const frame = useRef();
  const drawn = useRef(null);
  const data = useMemo(() => columns(told), [told]);
  const dark = useStore(prefs, () => darkNow());
  const language = useStore(prefs, (p) => p.language);
  const peers = told.peers.map((peer) => peer.device).join();
  const wide = () => Math.max(200, frame.current?.clientWidth ?? 200);
  useEffect(() => {
    const plot = new uPlot(options(told, wide()), data, frame.current);
    const watch = new ResizeObserver(() => plot.setSize({ width: wide(), height: 220 }));
    watch.observe(frame.current);
    drawn.current = plot;
    return () => {
      watch.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [told.code, told.since, peers, dark, language]);
  // New data goes into the chart that stands, so that a cursor on it stays.
  useEffect(() => {
    if (drawn.current && drawn.current.data !== data) drawn.current.setData(data);
  }, [data]);
  const name = `${t(`early.quantity.${told.quantity}`)} ${told.unit}`;
  return html`<div class="chart" ref=${frame} role="img" aria-label=${name}></div>`;
}

export function Expectation({ alarm }) {
  const [told, setTold] = useState(null);
  const [problem, setProblem] = useState(null);
  const standing = !alarm.early_warning.until;
  useEffect(() => {
    const read = () => get(`/api/v1/alarms/${alarm.id}/expectation`).then(setTold, setProblem);
    read();
    if (!standing) return undefined;
    const timer = setInterval(read, AGAIN_MS);
    return () => clearInterval(timer);
  }, [alarm.id, standing]);
  if (!told) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  if (!told.at.length) return html`<${Empty} title=${t("devices.no_data")} />`;
  const kept = told.expected.some((value) => value !== null);
  return html`
    <p class="chart-name">${t(`early.quantity.${told.quantity}`)} <small>${told.unit}</small></p>
    <${Plot} told=${told} />
    <p class="hint">
      ${kept ? t("early.hint") : t("early.not_kept")}${told.peers.length > 0 && ` · ${t("early.peers")}`}
    </p>
  `;
}
