// The queue and the alarm that is chosen in it: what a press or a key does to one alarm, a group or a
// selection.
import { inQueueOrder, isFire, isOpen, isShelved, isWaiting } from "../alarms.js";
import { get } from "../api.js";
import { serverNow } from "../clock.js";
import { linesOf, nextFire, nextUnjudged } from "../fires.js";
import { t } from "../i18n.js";
import { Empty } from "../parts.js";
import { prefs } from "../prefs.js";
import { useMove } from "../route.js";
import { live, onDevices, useStore } from "../store.js";
import { html, useEffect, useMemo, useRef, useState } from "../ui.js";
import { Quiet } from "../watching.js";
import { CATEGORIES } from "../words/lists.js";
import { unshelve } from "./acts.js";
import { Asked, possible, VERDICTS, whyNot } from "./asked.js";
import { beingTaken, take } from "./deeds.js";
import { Detail } from "./detail.js";
import { Filters, PickedBar } from "./filters.js";
import { FirstSteps } from "./first-steps.js";
import { KeysDialog, useKeys } from "./keys.js";
import { Load, useLoad } from "./load.js";
import { Queue, rowsOf, useFolds } from "./queue.js";

function choose(alarms, filter, order, load) {
  const now = serverNow();
  const only = load[filter] && new Set(load[filter]); // chattering, standing
  return [...alarms.values()]
    .filter(isOpen)
    .filter((alarm) => (filter === "shelved") === isShelved(alarm, now))
    .filter((alarm) => filter !== "waiting" || isWaiting(alarm))
    .filter((alarm) => !only || only.has(alarm.id))
    .filter((alarm) => !CATEGORIES.includes(filter) || alarm.category === filter)
    .sort(inQueueOrder(order));
}

// Whether the county has no device at all; the first one that shows up ends it.
function useEmpty(suspected) {
  const [empty, setEmpty] = useState(false);
  useEffect(() => {
    if (!suspected) {
      setEmpty(false);
      return undefined;
    }
    get("/api/v1/devices?limit=1").then(
      (page) => setEmpty(page.items.length === 0),
      () => null,
    );
    return onDevices(() => setEmpty(false));
  }, [suspected]);
  return empty;
}

// What is selected and still open.
function usePicked(alarms) {
  const [ids, setIds] = useState(new Set());
  const picked = new Map([...ids].map((id) => [id, alarms.get(id)]).filter(([, one]) => one && isOpen(one)));
  const pick = (some) =>
    setIds((before) => {
      const next = new Set(before);
      const out = some.every(({ id }) => next.has(id));
      for (const { id } of some) {
        if (out) next.delete(id);
        else next.add(id);
      }
      return next;
    });
  return { picked, pick, clearPicked: () => setIds(new Set()) };
}

// An address that came from elsewhere (a notification, a banner, a message) is never moved away from, and
// leads to the history where its alarm is closed by now. What is chosen here stays when it closes.
function useArrival(chosen, alarm, touch) {
  const ours = useRef(null);
  const move = useMove();
  const arrived = chosen && chosen !== ours.current;
  if (arrived) touch();
  useEffect(() => {
    if (!arrived || !alarm) return;
    ours.current = chosen;
    if (!isOpen(alarm)) move(`desk/history/${chosen}`, true);
  }, [chosen, alarm]);
  return (id) => {
    ours.current = id;
    move(id ? `desk/${id}` : "desk");
  };
}

export function QueueTab({ chosen }) {
  const alarms = useStore(live, (state) => state.alarms);
  const loaded = useStore(live, (state) => state.loaded);
  useStore(live, (state) => state.areas); // rows name them
  const order = useStore(prefs, (p) => p.order);
  const [filter, setFilter] = useState("all");
  const [ask, setAsk] = useState(null);
  const [problem, setProblem] = useState(null);
  const [hint, setHint] = useState(null); // why the last key did nothing: none goes unheard
  const [help, setHelp] = useState(false);
  const [round, setRound] = useState(0);
  const { isOpen: isUnfolded, toggle } = useFolds();
  const { picked, pick, clearPicked } = usePicked(alarms);
  const load = useLoad();
  const lines = useMemo(
    () => linesOf(choose(alarms, filter, order, load)),
    [alarms, filter, order, load[filter]],
  );
  const rows = rowsOf(lines, isUnfolded);
  const alarm = alarms.get(chosen);
  // With nothing chosen the most urgent alarm is shown, and a new fire takes its place; from the first touch
  // on the choice is the officer's and is never moved away.
  const touched = useRef(!!chosen);
  const touch = () => {
    touched.current = true;
  };
  const setChosen = useArrival(chosen, alarm, touch);
  useEffect(() => {
    if (touched.current || !loaded || !rows.length || innerWidth <= 900) return;
    const shown = alarms.get(chosen);
    if (!shown || !isOpen(shown) || (isFire(rows[0]) && !isFire(shown))) setChosen(rows[0].id);
  }, [loaded, rows[0]?.id, chosen, alarms]);

  const goTo = (next, otherwise = null) => {
    setHint(next ? null : otherwise);
    if (!next) return;
    touch();
    setChosen(next.id);
  };
  // As they are now, which is later than what was drawn when an act began.
  const newest = () => rows.map((each) => live.get().alarms.get(each.id) ?? each);
  const nextToDo = () => nextFire(newest(), chosen, beingTaken()) ?? nextUnjudged(newest(), chosen);
  const takeAll = (some, from) => {
    take(some);
    clearPicked();
    if (some.length && some.every(isFire)) goTo(nextFire(newest(), from, beingTaken()));
  };
  const done = (asked) => {
    clearPicked();
    setRound((n) => n + 1);
    if (VERDICTS.includes(asked.name)) goTo(nextToDo());
  };
  const many = [...picked.values()];
  const start = (name, one) =>
    begin(name, one, many.length && ["acknowledge", ...VERDICTS].includes(name) ? many : [one]);
  const begin = (name, one, wanted) => {
    const now = serverNow();
    const able = wanted.filter((each) => each && possible(each, now)[name]);
    setProblem(null);
    setHint(able.length || !one ? null : whyNot(name, one));
    if (!able.length) return;
    if (name === "acknowledge") takeAll(able, able.at(-1).id);
    else if (name === "unshelve") unshelve(one).catch((refused) => setProblem({ ...refused, id: one.id }));
    else setAsk({ name, alarms: able });
  };
  const lineOf = (id) => lines.find((line) => line.alarms.some((each) => each.id === id));
  const step = (by) => () => {
    if (!rows.length) return;
    const at = rows.findIndex((each) => each.id === chosen);
    goTo(rows[Math.min(rows.length - 1, Math.max(0, at + by))]);
  };
  const fold = (open) => () => {
    const line = lineOf(chosen);
    if (line?.alarms.length > 1 && isUnfolded(line) !== open) toggle(line);
  };
  const group = (act) => () => {
    const line = lineOf(chosen);
    if (line) act(line.alarms);
  };
  const key = (name) => () => start(name, alarm);
  useKeys({
    "j": step(1),
    "ArrowDown": step(1),
    "k": step(-1),
    "ArrowUp": step(-1),
    "ArrowLeft": fold(false),
    "ArrowRight": fold(true),
    "a": key("acknowledge"),
    "Shift+a": group((some) => {
      const able = some.filter((each) => possible(each, serverNow()).acknowledge);
      if (able.length) takeAll(able, some.at(-1).id);
      else goTo(nextFire(newest(), some.at(-1).id, beingTaken()), whyNot("acknowledge", alarm));
    }),
    "x": () => alarm && pick([alarm]),
    "Shift+x": group(pick),
    "u": () => goTo(nextToDo(), t("desk.none_to_do")),
    "r": key("real"),
    "f": key("false"),
    "t": key("test"),
    "n": key("note"),
    "s": key("shelve"),
    "Escape": clearPicked,
    "?": () => setHelp(true),
  });

  const empty = useEmpty(loaded && alarms.size === 0);
  if (empty) return html`<${FirstSteps} />`;
  const desk = {
    chosen,
    picked,
    pick,
    toggle,
    isOpen: isUnfolded,
    choose(id) {
      touch();
      setChosen(id);
    },
  };
  return html`<div
    class=${`desk ${chosen ? "has-choice" : ""}`}
    onPointerDownCapture=${touch}
    onKeyDownCapture=${touch}
  >
    <section class="queue-side" aria-label=${t("desk.title")}>
      <${Load} load=${load} />
      <${Filters}
        filter=${filter}
        setFilter=${setFilter}
        order=${order}
        alarms=${alarms}
        load=${load}
        onHelp=${setHelp}
      />
      <${PickedBar} picked=${many} start=${start} clear=${clearPicked} />
      ${hint && html`<p class="key-hint" role="status">${hint}</p>`}
      ${!loaded
        ? html`<p class="loading">…</p>`
        : lines.length
          ? html`<${Queue} lines=${lines} desk=${desk} />`
          : filter === "all"
            ? html`<${Quiet} title=${t("desk.quiet")} />`
            : html`<${Empty} title=${t("desk.none_here")} />`}
    </section>
    <section class="detail-side" aria-live="off">
      ${chosen
        ? html`<${Detail}
            key=${chosen}
            id=${chosen}
            known=${alarm}
            round=${round}
            start=${(name, one) => begin(name, one, [one])}
            refused=${problem?.id === chosen ? problem : null}
            onBack=${() => setChosen(null)}
          />`
        : html`<${Empty} title=${t("desk.choose")} line=${t("desk.keys")} />`}
    </section>
    ${ask && html`<${Asked} ask=${ask} onClose=${() => setAsk(null)} onDone=${done} />`}
    ${help && html`<${KeysDialog} onClose=${() => setHelp(false)} />`}
  </div>`;
}
