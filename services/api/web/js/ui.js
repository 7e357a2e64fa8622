// The one door to the vendored renderer: modules import from here, never from vendor/.
export {
  html,
  render,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/htm-preact.mjs";
