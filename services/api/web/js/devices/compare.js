// Other devices of the same kind in the chart of one: chosen by name or code, read over the same range.
import { get, getAll, query } from "../api.js";
import { t } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const MOST_OTHERS = 4;
const MOST_FOUND = 12;
const TYPED_AFTER_MS = 250;

export const readingsOf = (code) => `/api/v1/devices/${encodeURIComponent(code)}/readings`;

// The readings of each, in the order chosen; one that cannot be read is left out and said.
export function useOthers(others, wanted, most) {
  const [answer, setAnswer] = useState({ read: [], problem: null });
  useEffect(() => {
    let gone = false;
    Promise.allSettled(others.map(({ code }) => getAll(readingsOf(code), wanted, most))).then((found) => {
      if (gone) return;
      setAnswer({
        read: found.flatMap(({ value }, i) => (value ? [{ ...others[i], rows: value }] : [])),
        problem: found.find(({ reason }) => reason)?.reason ?? null,
      });
    });
    return () => {
      gone = true;
    };
  }, [others, JSON.stringify(wanted)]);
  return answer;
}

const nameOf = (device) => device.name || device.code;

function useFound(kind, text) {
  const [found, setFound] = useState([]);
  useEffect(() => {
    if (!text.trim()) {
      setFound([]);
      return undefined;
    }
    let gone = false;
    const timer = setTimeout(
      () =>
        get(query("/api/v1/devices", { kind, q: text.trim(), limit: MOST_FOUND })).then(
          ({ items }) => !gone && setFound(items),
          () => null, // what is typed stays; the next letter asks again
        ),
      TYPED_AFTER_MS,
    );
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [kind, text]);
  return found;
}

export function Compare({ device, others, setOthers, problem }) {
  const [text, setText] = useState("");
  const field = useRef();
  const found = useFound(device.kind, text);
  const shown = found.filter(({ code }) => code !== device.code && !others.some((one) => one.code === code));
  const add = (one) => {
    setOthers([...others, { code: one.code, name: nameOf(one) }]);
    setText("");
    field.current?.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    if (shown.length) add(shown[0]);
  };
  return html`<form class="compare" onSubmit=${submit}>
    ${others.map((one) => html`<button
      type="button"
      key=${one.code}
      class="chip"
      aria-label=${`${t("devices.compare_end")}: ${one.name}`}
      onClick=${() => setOthers(others.filter(({ code }) => code !== one.code))}
    >
      ${one.name} ×
    </button>`)}
    ${others.length < MOST_OTHERS && html`
      <input
        ref=${field}
        type="search"
        maxlength="100"
        placeholder=${t("devices.compare")}
        aria-label=${t("devices.compare")}
        value=${text}
        onInput=${(event) => setText(event.target.value)}
      />
      ${shown.map((one) => html`<button
        type="button"
        key=${one.code}
        class="button small"
        onClick=${() => add(one)}
      >
        ${nameOf(one)}
      </button>`)}
    `}
    ${problem && html`<${Failure} problem=${problem} />`}
  </form>`;
}
