// The duty room's big screen: map, open alarms, counts, clocks, health.
// Readable from five metres, needs no click.
import { countBySeverity, inQueueOrder, isFire, isLate, isOpen, isShelved } from "../alarms.js";
import { Banners } from "../banners.js";
import { useNow } from "../clock.js";
import { linesOf } from "../fires.js";
import { bytes, clockTime, dayText, latency, number, span } from "../format.js";
import { Icon, SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { live, useStore } from "../store.js";
import { useSlo } from "../system/page.js";
import { html, useLayoutEffect, useRef, useState } from "../ui.js";
import { Watch } from "../watch.js";
import { isStalled, watchState } from "../watching.js";
import { KINDS, SEVERITIES } from "../words/lists.js";
import { Line } from "./line.js";
import { WallMap } from "./map.js";
import { SMALL } from "./small.js";

const MOST_SCROLLED = 100;

// As many rows as fit without a cut line: nobody scrolls a wall. A phone is scrolled.
function useRows(open) {
  const frame = useRef();
  const [rows, setRows] = useState(1);
  useLayoutEffect(() => {
    if (!frame.current) return undefined;
    const measure = () => {
      if (SMALL.matches) {
        setRows(MOST_SCROLLED);
        return;
      }
      const tallest = Math.max(
        ...[...frame.current.querySelectorAll(".wall-alarm")].map((row) => row.offsetHeight),
        1,
      );
      setRows(Math.max(1, Math.floor((frame.current.clientHeight - innerHeight * 0.045) / tallest)));
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, [open.length > 0]);
  return { frame, rows };
}

// "No fire" is said only while we could hear of one.
function Nothing({ state }) {
  const watching = state === "watching";
  return html`<div class=${`wall-quiet ${watching ? "" : "unsure"}`}>
    <${Icon} name=${watching ? "check" : "warn"} size="72" />
    <strong>${t(watching ? "wall.quiet" : `watching.${state}`)}</strong>
    <span>${t(watching ? "wall.quiet_line" : `watching.${state}_line`)}</span>
  </div>`;
}

function Alarms({ open, now, state }) {
  const { frame, rows } = useRows(open);
  if (!open.length) return html`<${Nothing} state=${state} />`;
  const lines = linesOf(open); // those of the desk: an alarm, the fires of a site, a cause and its effects
  const hidden = lines.slice(rows).reduce((sum, line) => sum + line.alarms.length, 0);
  return html`<ol class="wall-alarms" ref=${frame}>
    ${lines.slice(0, rows).map((line) => html`<${Line} key=${line.key} alarms=${line.alarms} now=${now} />`)}
    ${hidden > 0 && html`<li class="wall-more">${t("wall.more", { n: hidden })}</li>`}
  </ol>`;
}

function Counts({ system }) {
  const kinds = system?.counts?.devices ?? {};
  return html`<div class="wall-kinds">
    ${KINDS.map((kind) => {
      const counts = kinds[kind] ?? {};
      const total = Object.values(counts).reduce((a, b) => a + b, 0);
      const away = counts.offline ?? 0;
      return html`<div key=${kind}>
        <${Icon} name=${kind} size="30" />
        <span>${word("kind", kind)}</span>
        <b>${system ? number(total, 0) : "–"}</b>
        <small class=${away ? "away" : ""}>
          ${away
            ? `${word("status", "offline")} ${number(away, 0)}`
            : total
              ? `${word("status", "online")} ${number(counts.online ?? 0, 0)}`
              : "–"}
        </small>
      </div>`;
    })}
  </div>`;
}

const light = (good) => (good === null || good === undefined ? "" : good ? "good" : "bad");

// What must work. While the connection is lost nothing here is known, and nothing is called normal. Red is
// what breaks a limit, with how often.
function Health({ system, slo, now, connection, notices }) {
  const known = connection === "live";
  const lanes = system?.lanes ?? [];
  const ingest =
    !known || !system?.watermark_at
      ? null
      : !isStalled(system, now) && lanes.every((lane) => lane.connected !== false);
  const desk = known ? system?.dispatch : null;
  const undelivered = (desk?.waiting ?? 0) + (desk?.dead ?? 0);
  const late = notices.filter((notice) => isLate(notice, now)).length;
  const rate = lanes
    .filter((lane) => lane.lane === "telemetry")
    .reduce((sum, lane) => sum + (lane.rate_per_s ?? 0), 0);
  const used = system?.storage?.disk_total_bytes
    ? 1 - system.storage.disk_free_bytes / system.storage.disk_total_bytes
    : 0;
  const clocks = (slo?.clocks ?? []).filter((clock) =>
    ["report_to_visible", "confirmation_to_dispatch"].includes(clock.name),
  );
  const kept = (clock) => (known && clock.count ? !clock.breaches : null);
  return html`<div class="wall-health">
    <div class=${light(ingest)}>
      <span>${t("wall.lanes")}</span>
      <b>${ingest === null ? "–" : t(ingest ? "wall.ok" : "wall.bad")}</b>
      <small>${known && rate ? `${number(rate, 0)} ${t("wall.rate")}` : ""}</small>
    </div>
    <div class=${light(desk ? !late && !desk.dead : null)}>
      <span>${t("wall.desk")}</span>
      <b>${!desk ? "–" : undelivered ? t("wall.waiting", { n: undelivered }) : t("wall.ok")}</b>
      <small>${late ? t("wall.late", { n: late }) : ""}</small>
    </div>
    ${clocks.map((clock) => html`<div key=${clock.name} class=${light(kept(clock))}>
      <span>${word("clock", clock.name)}</span>
      <b>${latency(clock.p95_s)}</b>
      <small>
        ${clock.breaches
          ? t("system.bad", { n: clock.breaches })
          : `${t("wall.p95")} · ${t("system.limit")} ${latency(clock.limit_s)}`}
      </small>
    </div>`)}
    <div class=${light(known && system?.storage?.disk_total_bytes ? used < 0.8 : null)}>
      <span>${t("wall.storage")}</span>
      <b>${bytes(system?.storage?.disk_free_bytes)}</b>
    </div>
  </div>`;
}

export function Wall() {
  const now = useNow();
  const all = useStore(live, (state) => state);
  const { alarms, notices, system, connection, lostAt } = all;
  const { slo } = useSlo(20_000);
  const open = [...alarms.values()]
    .filter((alarm) => isOpen(alarm) && !isShelved(alarm, now))
    .sort(inQueueOrder("oldest"));
  const counts = countBySeverity(alarms.values(), now);
  const fires = open.filter(isFire).length;
  return html`<div class=${`wall ${fires ? "burning" : ""} ${connection}`}>
    <header>
      <img src="/static/icons/tower.svg" alt="" width="58" height="58" />
      <h1>${t("app.name")}</h1>
      <span class="wall-line">${t("app.line")}</span>
      ${SEVERITIES.slice(0, 3).map((severity) => html`<div
        key=${severity}
        class=${`wall-count ${counts[severity] ? `lit lit-${severity}` : ""}`}
      >
        <${SeverityMark} severity=${severity} size="24" />
        <b>${all.loaded ? counts[severity] : "–"}</b>
        <span>${word("severity", severity)}</span>
      </div>`)}
      <span class=${`link-state ${connection}`}>
        <i></i>
        ${connection === "lost"
          ? `${t("bar.lost")} ${span((Date.now() - lostAt) / 1000)}`
          : t(`bar.${connection}`)}
      </span>
      <span class="wall-date">${dayText(now)}</span>
      <time>${clockTime(now)}</time>
      <span class="wall-zone">${t("zone")}</span>
    </header>
    <${Banners} />
    <main>
      <section class="wall-map"><${WallMap} open=${open} /></section>
      <section class="wall-side">
        <h2>${t("wall.open")} <b>${all.loaded ? open.length : "–"}</b></h2>
        <${Alarms} open=${open} now=${now} state=${watchState(all, now)} />
      </section>
    </main>
    <footer>
      <${Counts} system=${system} />
      <${Health}
        system=${system}
        slo=${slo}
        now=${now}
        connection=${connection}
        notices=${[...notices.values()]}
      />
    </footer>
    <${Watch} page=${t("nav.wall")} />
  </div>`;
}
