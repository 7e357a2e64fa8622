// Administration: who may sign in, which machines, which areas, sites and devices. Each tab is shown to whom
// the server lets do what stands there.
import { learn, t } from "../i18n.js";
import { may, mayAdminister } from "../may.js";
import { Empty } from "../parts.js";
import { html, useEffect, useRef } from "../ui.js";
import { adminNames as enNames } from "../words/en-admin-names.js";
import { admin as en } from "../words/en-admin.js";
import { policies as enPolicies } from "../words/en-policies.js";
import { adminNames as zhNames } from "../words/zh-admin-names.js";
import { admin as zh } from "../words/zh-admin.js";
import { policies as zhPolicies } from "../words/zh-policies.js";
import { Areas } from "./areas.js";
import { Audit } from "./audit.js";
import { Contacts } from "./contacts.js";
import { Devices, NewDevice } from "./devices.js";
import { Done } from "./done.js";
import { Import } from "./import.js";
import { Keys } from "./keys.js";
import { People } from "./people.js";
import { Policies } from "./policies.js";
import { Responses } from "./responses.js";
import { Rules } from "./rules.js";
import { Unkept } from "./secret.js";
import { NewSite, Sites } from "./sites.js";
import { Start } from "./start.js";

learn({ zh: { ...zh, ...zhNames, ...zhPolicies }, en: { ...en, ...enNames, ...enPolicies } });

const TABS = [
  ["sites", "maintain", Sites],
  ["devices", "maintain", Devices],
  ["import", "maintain", Import],
  ["people", "administer", People],
  ["keys", "administer", Keys],
  ["areas", "administer", Areas],
  ["contacts", "administer", Contacts],
  ["policies", "administer", Policies],
  ["responses", "administer", Responses],
  ["rules", "administer", Rules],
  ["audit", "administer", Audit],
];
// Pages behind a tab, and where the tabs then stand.
const BEHIND = {
  "new-site": ["sites", NewSite],
  "new-device": ["devices", NewDevice],
  "start": ["start", Start],
};

// On a phone the tabs are wider than the screen: the present one is brought into sight.
function Tabs({ tabs, here }) {
  const row = useRef();
  useEffect(() => {
    row.current.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [here]);
  return html`<nav class="tabs" aria-label=${t("nav.admin")} ref=${row}>
    ${tabs.map(([each]) => html`<a
      key=${each}
      aria-current=${each === here ? "page" : undefined}
      href=${`#/admin/${each}`}
    >
      ${t(`admin.tab.${each}`)}
    </a>`)}
  </nav>`;
}

export function Page({ args }) {
  if (!mayAdminister()) return html`<${Empty} title=${t("admin.not_yours")} />`;
  const tabs = TABS.filter(([, permission]) => may(permission));
  const behind = may("maintain") && BEHIND[args[0]];
  const [name, , Tab] = tabs.find(([each]) => each === args[0]) ?? tabs[0];
  const [here, Shown] = behind || [name, Tab];
  return html`<div class="admin">
    <${Tabs} tabs=${tabs} here=${here} />
    <${Done} />
    <${Unkept} />
    <${Shown} key=${behind ? args[0] : name} args=${args.slice(1)} />
  </div>`;
}
