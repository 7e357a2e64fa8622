// The alarms that the address of the history names, in parts; a later question overtakes an earlier one.
import { get, query } from "../api.js";
import { serverNow } from "../clock.js";
import { dayNumber } from "../format.js";
import { live, useStore } from "../store.js";
import { useEffect, useRef, useState } from "../ui.js";
import { momentOf } from "../zone.js";

const STEP = 100;
const TYPED_AFTER_MS = 300;
const DAY_MS = 86_400_000;
const DAYS = 7; // shown where the address names no beginning
const FILTERS = [
  "from", "to", "area", "category", "severity", "state", "verification", "code", "device", "site", "by", "q",
];

// A day of the address, "2026-11-28", as the county has it; `after` days later.
function dayStart(day, after = 0) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(momentOf({ year, month, day: date + after }));
}

const firstDay = () => dayNumber(serverNow() - (DAYS - 1) * DAY_MS);

// The first and the last day shown, as the date fields have them.
export const daysOf = (values) => [values.from || firstDay(), values.to || dayNumber(serverNow())];

// The address's values as the API wants them: days become moments, the last day counts whole.
function wantedOf(values) {
  const known = Object.fromEntries(FILTERS.map((name) => [name, values[name]]));
  const from = dayStart(values.from || firstDay());
  const to = values.to ? dayStart(values.to, 1) : null;
  return {
    ...known,
    from: Number.isNaN(+from) ? values.from : from.toISOString(),
    to: to && (Number.isNaN(+to) ? values.to : to.toISOString()),
  };
}

export function useAlarms(values, shown) {
  const wanted = wantedOf(values);
  const [found, setFound] = useState({ items: null, next: null });
  const [problem, setProblem] = useState(null);
  const asked = useRef(0);
  const round = useStore(live, (state) => state.round);
  const read = (cursor) => {
    const mine = (asked.current += 1);
    return get(query("/api/v1/alarms", { ...wanted, limit: STEP, cursor })).then(
      ({ items, next }) => {
        if (mine !== asked.current) return;
        setProblem(null);
        setFound((before) => ({ items: [...(cursor ? before.items : []), ...items], next }));
      },
      (refused) => {
        if (mine !== asked.current) return;
        setProblem(refused);
        setFound({ items: [], next: null });
      },
    );
  };
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(read, found.items ? TYPED_AFTER_MS : 0);
    return () => clearTimeout(timer);
  }, [JSON.stringify(wanted), shown, round]);
  return { wanted, ...found, problem, more: () => read(found.next) };
}
