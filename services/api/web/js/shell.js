// The frame around every page: navigation, counts, clock, sound, language, theme.
import { countBySeverity } from "./alarms.js";
import { Banners } from "./banners.js";
import { useNow } from "./clock.js";
import { FireBar, mostUrgent } from "./fire-bar.js";
import { clockTime, dayText } from "./format.js";
import { Icon, SeverityMark } from "./icons.js";
import { t, word } from "./i18n.js";
import { mayAdminister } from "./may.js";
import { darkNow, remember } from "./prefs.js";
import { hush, hushed, soundState, wakeSound } from "./sound.js";
import { speakTheOther } from "./spoken.js";
import { live, useStore } from "./store.js";
import { html } from "./ui.js";
import { UserMenu } from "./user-menu.js";
import { Watch } from "./watch.js";
import { SEVERITIES } from "./words/lists.js";

const PAGES = ["desk", "map", "devices", "water", "system"];
const pages = () => (mayAdminister() ? [...PAGES, "admin"] : PAGES);

function Navigation({ page }) {
  return html`<nav class="rail" aria-label=${t("app.name")}>
    <a class="brand" href="#/desk" aria-label=${t("app.name")}>
      <img src="/static/icons/tower.svg" alt="" width="36" height="36" />
    </a>
    ${pages().map((name) => html`<a
      key=${name}
      href=${`#/${name}`}
      class=${page === name ? "here" : ""}
      aria-current=${page === name ? "page" : undefined}
    >
      <${Icon} name=${name} size="22" />
      <span>${t(`nav.${name}`)}</span>
    </a>`)}
    <a class="to-wall" href="/wall"><${Icon} name="wall" size="22" /><span>${t("nav.wall")}</span></a>
  </nav>`;
}

function Counts() {
  const now = useNow();
  const alarms = useStore(live, (state) => state.alarms);
  const counts = countBySeverity(alarms.values(), now);
  const fire = mostUrgent([...alarms.values()]);
  const to = (severity) => (severity === "critical" && fire ? `#/desk/${fire.id}` : "#/desk");
  return html`<ul class="counts" aria-label=${t("desk.title")}>
    ${SEVERITIES.slice(0, 3).map((severity) => html`<li key=${severity}>
      <a class=${counts[severity] ? `lit lit-${severity}` : ""} href=${to(severity)}>
        <${SeverityMark} severity=${severity} />
        <b>${counts[severity]}</b>
        <span>${word("severity", severity)}</span>
      </a>
    </li>`)}
  </ul>`;
}

function Sound() {
  useNow();
  const state = soundState();
  const label = t(`bar.sound_${state}`);
  const press = () => {
    wakeSound();
    if (state !== "blocked") remember({ sound: state === "off" });
  };
  return html`
    <button class=${`tool sound-${state}`} onClick=${press} title=${label} aria-label=${label}>
      <${Icon} name=${state === "on" ? "sound" : "mute"} />
      ${state === "blocked" && html`<span>${label}</span>`}
    </button>
    ${state === "on" && html`<button class="tool hush" onClick=${() => hush(120)} aria-pressed=${hushed()}>
      ${hushed() ? t("bar.hushed") : t("bar.hush")}
    </button>`}
  `;
}

function Clock() {
  const now = useNow();
  return html`<time class="clock">
    <small class="wide-only">${dayText(now)}</small> ${clockTime(now)} <small>${t("zone")}</small>
  </time>`;
}

export function Shell({ page, children }) {
  const connection = useStore(live, (state) => state.connection);
  return html`<div class="shell">
    <a
      class="skip"
      href="#content"
      onClick=${(event) => {
        event.preventDefault();
        document.getElementById("content").focus();
      }}
    >
      ${t("skip")}
    </a>
    <${Navigation} page=${page} />
    <header class="bar">
      <h1 class="where">${t(`nav.${page}`)}</h1>
      <${Counts} />
      <span class="space"></span>
      <span class=${`link-state ${connection}`} role="status">
        <i aria-hidden="true"></i>
        ${t(`bar.${connection}`)}
      </span>
      <${Clock} />
      <${Sound} />
      <button
        class="tool wide-only"
        onClick=${() => remember({ theme: darkNow() ? "light" : "dark" })}
        title=${t("bar.theme")}
        aria-label=${t("bar.theme")}
      >
        <${Icon} name="theme" />
      </button>
      <button class="tool wide-only" id="language" onClick=${speakTheOther}>
        <${Icon} name="language" />
        <span>${t("bar.language")}</span>
      </button>
      <a class="tool wide-only" href="#/help" title=${t("nav.help")} aria-label=${t("nav.help")}>
        <${Icon} name="help" />
      </a>
      <${UserMenu} />
    </header>
    <div class="above"><${FireBar} /><${Banners} /></div>
    <main id="content" class=${`page page-${page}`} tabindex="-1">${children}</main>
    <${Watch} page=${t(`nav.${page}`)} />
  </div>`;
}
