// The system page: is everything that must work working, and where is what did not get through?
import { get, put } from "../api.js";
import { may } from "../may.js";
import { UntilDialog } from "../desk/dialogs.js";
import { useNow } from "../clock.js";
import { ago, bytes, clockTime, compact, latency, number, span } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { Failure, Status } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { Ledger } from "./ledger.js";
import { Notices } from "./notices.js";
import { Rejects } from "./rejects.js";
import { Risk } from "./risk.js";
import { SetAside } from "./set-aside.js";
import { Townships } from "./townships.js";

const SLO_EVERY_MS = 15_000;

export function useSlo(every_ms = SLO_EVERY_MS) {
  const [slo, setSlo] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const read = () =>
      get("/api/v1/slo").then((answer) => {
        setSlo(answer);
        setProblem(null);
      }, setProblem);
    read();
    const timer = setInterval(read, every_ms);
    return () => clearInterval(timer);
  }, []);
  return { slo, problem };
}

function Clocks({ slo }) {
  const clocks = slo?.clocks ?? [];
  const breaches = clocks.reduce((sum, clock) => sum + (clock.breaches ?? 0), 0);
  return html`<section class="card">
    <h3>
      <${Icon} name="clock" size="18" />
      ${t("system.clocks")}
      <small>${slo?.hours ? t("system.hours", { n: slo.hours }) : ""}</small>
      ${clocks.some((clock) => clock.count) && html`<span class=${`verdict ${breaches ? "bad" : "good"}`}>
        ${breaches ? t("system.bad", { n: breaches }) : t("system.ok")}
      </span>`}
    </h3>
    <table>
      <thead>
        <tr>
          <th></th>
          <th class="num">${t("system.limit")}</th>
          <th class="num">p50</th>
          <th class="num">p95</th>
          <th class="num">p99</th>
          <th class="num">${t("system.count")}</th>
          <th class="num">${t("system.breaches")}</th>
        </tr>
      </thead>
      <tbody>
        ${clocks.map((clock) => html`<tr key=${clock.name}>
          <td>${word("clock", clock.name)}</td>
          <td class="num">${clock.limit_s ? latency(clock.limit_s) : "–"}</td>
          <td class="num">${latency(clock.p50_s)}</td>
          <td class="num"><b>${latency(clock.p95_s)}</b></td>
          <td class="num">${latency(clock.p99_s)}</td>
          <td class="num">${compact(clock.count)}</td>
          <td class=${`num ${clock.breaches ? "bad" : ""}`}>${clock.breaches ?? "–"}</td>
        </tr>`)}
      </tbody>
    </table>
  </section>`;
}

function Loss({ slo }) {
  const names = ["stored", "gaps", "duplicates", "late", "rejects", "restarts"];
  const label = (name) =>
    ["stored", "restarts"].includes(name) ? t(`system.${name}`) : t(`devices.${name}`);
  return html`<section class="card">
    <h3><${Icon} name="check" size="18" />${t("system.loss")}</h3>
    <dl class="tiles">
      ${names.map((name) => html`<div
        key=${name}
        class=${["gaps", "rejects"].includes(name) && slo?.loss?.[name] ? "attention" : ""}
      >
        <dt>${label(name)}</dt>
        <dd>
          <b>${compact(slo?.loss?.[name])}</b>
          ${slo?.loss_total?.[name] !== undefined && slo.loss_total[name] !== null && html`<small>
            ${t("devices.total")} ${compact(slo.loss_total[name])}
          </small>`}
        </dd>
      </div>`)}
    </dl>
    <p class="hint">${t("system.loss_line")}</p>
  </section>`;
}

function Lanes({ system, now }) {
  return html`<section class="card">
    <h3>
      <${Icon} name="system" size="18" />
      ${t("system.lanes")}
      <small>${t("system.watermark")} ${system.watermark_at ? ago(system.watermark_at, now) : "–"}</small>
    </h3>
    <div class="lanes">
      ${(system.lanes ?? []).map((lane) => html`<div key=${lane.writer ?? lane.lane} class="lane">
        <h4>
          ${word("system.lane", lane.lane)} <small>${lane.writer ?? ""}</small>
          ${lane.connected !== undefined && html`<span class=${`verdict ${lane.connected ? "good" : "bad"}`}>
            ${t(lane.connected ? "system.connected" : "system.disconnected")}
          </span>`}
        </h4>
        <dl class="facts">
          <div class="fact">
            <dt>${t("system.rate")}</dt>
            <dd>
              ${lane.rate_per_s === undefined || lane.rate_per_s === null
                ? "–"
                : t("span.rate", { n: number(lane.rate_per_s, 1) })}
            </dd>
          </div>
          <div class="fact"><dt>${t("system.lag")}</dt><dd>${latency(lane.lag_s)}</dd></div>
          <div class="fact">
            <dt>${t("system.last_batch")}</dt>
            <dd>${lane.last_batch_at ? ago(lane.last_batch_at, now) : "–"}</dd>
          </div>
        </dl>
        ${lane.window
          ? html`<p class="window">
              ${t("system.window")} <b>${lane.unacknowledged ?? 0} / ${lane.window}</b>
              <meter max=${lane.window} high=${lane.window * 0.8} value=${lane.unacknowledged ?? 0}></meter>
            </p>`
          : ""}
      </div>`)}
    </div>
  </section>`;
}

function Storage({ system }) {
  const { database_bytes, disk_total_bytes, disk_free_bytes, disks } = system.storage ?? {};
  const outlooks = (disks ?? []).map((disk) => disk.full_in_days).filter((days) => days !== null);
  const days = Math.min(...outlooks);
  const used = disk_total_bytes ? 1 - disk_free_bytes / disk_total_bytes : null;
  return html`<section class="card">
    <h3><${Icon} name="devices" size="18" />${t("system.storage")}</h3>
    <dl class="facts">
      <div class="fact"><dt>${t("system.database")}</dt><dd><b>${bytes(database_bytes)}</b></dd></div>
      <div class="fact"><dt>${t("system.disk_free")}</dt><dd><b>${bytes(disk_free_bytes)}</b></dd></div>
      ${outlooks.length > 0 && html`<div class="fact">
        <dt>${t("system.full_in")}</dt>
        <dd><b>${t("system.days", { n: number(days, days < 10 ? 1 : 0) })}</b></dd>
      </div>`}
    </dl>
    ${used !== null && html`<meter
      class=${used > 0.8 ? "full" : ""}
      max="1"
      value=${used}
      aria-label=${t("system.disk_free")}
    ></meter>`}
    <p class="hint">${t("system.record_year")}</p>
  </section>`;
}

function Gateways({ system, now }) {
  const items = [...(system.gateways ?? [])].sort(
    (a, b) => Number(a.status === "online") - Number(b.status === "online"),
  );
  return html`<section class="card">
    <h3><${Icon} name="panel" size="18" />${t("system.gateways")}</h3>
    ${items.length === 0
      ? html`<p class="hint">${t("system.no_gateways")}</p>`
      : html`<ul class="plain">
          ${items.map((gateway) => html`<li key=${gateway.code}>
            <a href=${`#/devices/${gateway.code}`}>${gateway.name || gateway.code}</a>
            ${" "}
            <${Status} status=${gateway.status} />
            <small>
              ${t("devices.seen")} ${ago(gateway.last_seen, now)} · ${t("system.children", {
                n: gateway.devices ?? 0,
              })}
            </small>
          </li>`)}
        </ul>`}
  </section>`;
}

// Whether browsers are told of fires while no page is open, and how many the newest message did not reach.
function pushLine(push) {
  if (!push?.on) return t("system.push_off");
  const on = t("system.push_on", { n: push.browsers });
  return push.failing ? `${on} · ${t("system.push_failing", { n: push.failing })}` : on;
}

function Programs({ system, now }) {
  const [ask, setAsk] = useState(false);
  const drill = system.drill_until && Date.parse(system.drill_until) > now;
  const set = (until) =>
    put("/api/v1/policies/drill", { until })
      .then(() => get("/api/v1/system"))
      .then((read) => live.set({ system: read }));
  return html`<section class="card">
    <h3><${Icon} name="play" size="18" />${t("system.programs")}</h3>
    ${system.programs && html`<ul class="programs">
      ${system.programs.map((program) => html`<li key=${program.name}>
        <span class=${`status ${program.up ? "" : "status-offline"}`}><i></i>${program.name}</span>
        <small>
          ${program.up ? t("system.up") : t("system.down")}
          ${program.since ? ` ${span((now - Date.parse(program.since)) / 1000)}` : ""}
        </small>
      </li>`)}
    </ul>`}
    <p class="drill-line">
      <b>${t("system.drill")}</b>
      ${" "}
      ${drill ? t("handover.until", { at: clockTime(system.drill_until, false) }) : t("system.none")}
      ${may("act")
      && (drill
        ? html`<button class="button small" onClick=${() => set(null)}>${t("dialog.drill_end")}</button>`
        : html`<button class="button small" onClick=${() => setAsk(true)}>
            ${t("system.drill_start")}
          </button>`)}
    </p>
    <p class="drill-line">
      <b>${t("system.windows")}</b>
      ${" "}
      ${system.test_windows?.length
        ? system.test_windows
            .map((each) => `${each.site_name} ${t("handover.until", { at: clockTime(each.until, false) })}`)
            .join(" · ")
        : t("system.none")}
    </p>
    <p class="drill-line web-push">
      <b>${t("system.push")}</b>
      ${" "}
      ${pushLine(system.web_push)}
    </p>
    ${ask && html`<${UntilDialog}
      title=${t("dialog.drill_title")}
      line=${t("dialog.drill_line")}
      most=${8}
      reason=${false}
      onClose=${() => setAsk(false)}
      onGo=${set}
    />`}
  </section>`;
}

export function Page() {
  const now = useNow();
  const { system: known, loaded } = useStore(live, (state) => state);
  const system = known ?? {};
  const { slo, problem } = useSlo();
  if (!loaded) return html`<p class="loading">…</p>`;
  return html`<div class="system">
    ${problem && html`<${Failure} problem=${problem} />`}
    ${may("administer") && html`<p class="to-subscriptions">
      <a class="button" href="#/subscriptions">${t("push.to")}</a>
    </p>`}
    <div class="pair"><${Clocks} slo=${slo} /><${Loss} slo=${slo} /></div>
    <${Lanes} system=${system} now=${now} />
    <${Townships} now=${now} />
    <${SetAside} />
    <${Notices} dispatch=${system.dispatch} />
    <${Rejects} />
    <${Risk} now=${now} />
    <${Ledger} />
    <div class="three">
      <${Gateways} system=${system} now=${now} />
      <${Storage} system=${system} />
      <${Programs} system=${system} now=${now} />
    </div>
  </div>`;
}
