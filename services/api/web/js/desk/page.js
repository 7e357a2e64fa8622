// The duty desk: the queue beside one alarm, and the lists for the change of shift.
import { t } from "../i18n.js";
import { useLater } from "../later.js";
import { html } from "../ui.js";
import { FalseAlarms } from "./false-alarms.js";
import { QueueTab } from "./queue-tab.js";

const TABS = ["queue", "history", "handover", "false"];

// Opened seldom, so they are fetched when they are.
const LATER = {
  history: () => import("./history.js").then((module) => module.History),
  handover: () => import("./handover.js").then((module) => module.Handover),
};

function Later({ name, id }) {
  const [Content, instead] = useLater(`desk/${name}`, LATER[name]);
  return Content ? html`<${Content} id=${id} />` : instead;
}

export function Desk({ args }) {
  const tab = TABS.includes(args[0]) ? args[0] : "queue";
  const chosen = Number(args[0]) || null;
  return html`<div class="desk-page">
    <nav class="tabs" aria-label=${t("nav.desk")}>
      ${TABS.map((name) => html`<a
        key=${name}
        aria-current=${tab === name ? "page" : undefined}
        href=${`#/desk${name === "queue" ? "" : `/${name}`}`}
      >
        ${t(`desk.tab.${name}`)}
      </a>`)}
    </nav>
    ${tab === "queue" && html`<${QueueTab} chosen=${chosen} />`}
    ${LATER[tab] && html`<${Later} key=${tab} name=${tab} id=${Number(args[1]) || null} />`}
    ${tab === "false" && html`<${FalseAlarms} />`}
  </div>`;
}
