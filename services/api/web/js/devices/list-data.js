// The devices that the address of the list names: filters, trouble and order, in parts; and how many have
// which trouble.
import { get, query } from "../api.js";
import { live, onDevices, putDevices, useStore } from "../store.js";
import { useEffect, useRef, useState } from "../ui.js";

const STEP = 100;
const TYPED_AFTER_MS = 250;
const COUNT_EVERY_MS = 30_000;

export const TROUBLES = [
  "offline",
  "low_battery",
  "weak_signal",
  "freezing",
  "discovered",
  "out_of_service",
  "loss",
];

export function useDevices(wanted) {
  const [page, setPage] = useState({ codes: null, next: null });
  const [problem, setProblem] = useState(null);
  const [, draw] = useState(0);
  const asked = useRef(0);
  const read = (cursor) => {
    const mine = (asked.current += 1);
    const askedAt = performance.now();
    return get(query("/api/v1/devices", { ...wanted, limit: STEP, cursor })).then(({ items, next }) => {
      if (mine !== asked.current) return;
      putDevices(items, askedAt);
      setProblem(null);
      setPage((before) => ({
        codes: [...(cursor ? before.codes : []), ...items.map((device) => device.code)],
        next,
      }));
    }, setProblem);
  };
  const round = useStore(live, (state) => state.round);
  useEffect(() => {
    const timer = setTimeout(read, page.codes ? TYPED_AFTER_MS : 0);
    return () => clearTimeout(timer);
  }, [JSON.stringify(wanted), round]);
  useEffect(() => {
    let timer = 0;
    const leave = onDevices(() => {
      timer ||= setTimeout(() => {
        timer = 0;
        draw((n) => n + 1);
      }, 500);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, []);
  return { ...page, problem, more: () => read(page.next) };
}

// {total, offline: 3, …} under the same filters; null until it is known.
export function useCounts({ q, kind, area, status }) {
  const [counts, setCounts] = useState(null);
  const round = useStore(live, (state) => state.round);
  useEffect(() => {
    let gone = false;
    const read = () =>
      get(query("/api/v1/device-troubles", { q, kind, area, status })).then(
        (answer) => {
          if (!gone) setCounts(answer);
        },
        () => null, // the list below says what is wrong
      );
    const first = setTimeout(read, counts ? TYPED_AFTER_MS : 0);
    const timer = setInterval(read, COUNT_EVERY_MS);
    return () => {
      gone = true;
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [q, kind, area, status, round]);
  return counts;
}
