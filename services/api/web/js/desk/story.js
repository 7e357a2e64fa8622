// One alarm out of the history, open or closed, with what may still be done about it.
import { serverNow } from "../clock.js";
import { live, useStore } from "../store.js";
import { html, useState } from "../ui.js";
import { unshelve } from "./acts.js";
import { Asked, possible } from "./asked.js";
import { take } from "./deeds.js";
import { Detail } from "./detail.js";

export function Story({ id, onBack }) {
  const alarm = useStore(live, (state) => state.alarms.get(id));
  const [ask, setAsk] = useState(null);
  const [refused, setRefused] = useState(null);
  const [round, setRound] = useState(0);
  const start = (name, one) => {
    setRefused(null);
    if (!possible(one, serverNow())[name]) return;
    if (name === "acknowledge") take([one]);
    else if (name === "unshelve") unshelve(one).catch(setRefused);
    else setAsk({ name, alarms: [one] });
  };
  return html`<section class="story">
    <${Detail}
      key=${id}
      id=${id}
      known=${alarm}
      round=${round}
      start=${start}
      refused=${refused}
      onBack=${onBack}
      from="history"
    />
    ${ask && html`<${Asked}
      ask=${ask}
      onClose=${() => setAsk(null)}
      onDone=${() => setRound((n) => n + 1)}
    />`}
  </section>`;
}
