// The one door to the vendored renderer: modules import from here, never from vendor/.
export {
  html,
  render,
  createContext,
  useState,
  useEffect,
  useLayoutEffect,
  useRef,
  useMemo,
  useCallback,
  useContext,
  useReducer,
} from "../vendor/htm-preact.mjs";
