// What one shift tells the next, read anew when alarms, notices, windows or the drill change.
import { get, query } from "../api.js";
import { live, useStore } from "../store.js";
import { useEffect, useRef, useState } from "../ui.js";

// `from`: when the shift began, as text of the API; empty: since the last hand-over was signed.
export function useHandover(from = "") {
  const [data, setData] = useState(null);
  const [problem, setProblem] = useState(null);
  const { alarms, notices, system } = useStore(live, (state) => state);
  const wanted = useRef(from);
  wanted.current = from;
  const quiet = JSON.stringify([system?.test_windows, system?.drill_until]);
  useEffect(() => {
    const timer = setTimeout(
      () =>
        get(query("/api/v1/handover", { from })).then(
          (each) => {
            if (wanted.current !== from) return; // another shift was asked for since
            setData(each);
            setProblem(null);
          },
          (refused) => wanted.current === from && setProblem(refused),
        ),
      data ? 800 : 0,
    );
    return () => clearTimeout(timer);
  }, [alarms, notices, quiet, from]);
  return { data, problem };
}
