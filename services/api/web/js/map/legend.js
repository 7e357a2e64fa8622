// What the shapes and colours of the map mean. The help shows the same list.
import { clockTime } from "../format.js";
import { t, word } from "../i18n.js";
import { SeverityMark } from "../icons.js";
import { html } from "../ui.js";
import { KINDS, SEVERITIES } from "../words/lists.js";

const MOST_NAMED = 3;

const Tests = ({ tests }) => tests.slice(0, MOST_NAMED).map((each) => html`<li key=${each.site_id}>
  <small>${each.site_name} ${t("handover.until", { at: clockTime(each.until, false) })}</small>
</li>`);

export const Shapes = ({ tests = [] }) => html`
  <ul>
    ${KINDS.map((kind) => html`<li key=${kind}>
      <i class=${`shape shape-${kind}`}></i>
      ${word("kind", kind)}
    </li>`)}
  </ul>
  <ul>
    <li><i class="dot dot-healthy"></i>${word("status", "online")}</li>
    <li><i class="dot dot-off"></i>${word("status", "offline")}</li>
    <li><i class="dot dot-info"></i>${word("status", "discovered")}</li>
    <li><i class="mark-pause"></i>${word("status", "out_of_service")}</li>
    <li><i class="mark-flag"></i>${t("map.test")}</li>
    <${Tests} tests=${tests} />
    ${SEVERITIES.slice(0, 3).map((severity) => html`<li key=${severity}>
      <${SeverityMark} severity=${severity} size="12" />
      ${t("map.alarm_of", { severity: word("severity", severity) })}
    </li>`)}
  </ul>
`;

export const Legend = ({ tests }) => html`<details class="legend" open=${innerWidth > 900}>
  <summary>${t("map.legend")}</summary>
  <${Shapes} tests=${tests} />
</details>`;
