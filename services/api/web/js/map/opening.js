// A new map in a frame: what it shows first, which gestures are its own, its controls.
import * as maplibre from "../../vendor/maplibre-gl.mjs";
import { t } from "../i18n.js";

export const STREET_ZOOM = 16; // the map goes no closer by itself

let pmtilesReady = null;
export function usePmtiles() {
  pmtilesReady ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), {
      src: "/static/vendor/pmtiles.js",
      onload: resolve,
      onerror: reject,
    });
    document.head.append(script);
  }).then(() => maplibre.addProtocol("pmtiles", new globalThis.pmtiles.Protocol().tile));
  return pmtilesReady;
}

const WORDS = () => ({
  "Map.Title": t("map.label"),
  "NavigationControl.ZoomIn": t("map.zoom_in"),
  "NavigationControl.ZoomOut": t("map.zoom_out"),
  "Popup.Close": t("map.close"),
  "CooperativeGesturesHandler.WindowsHelpText": t("map.hold_ctrl"),
  "CooperativeGesturesHandler.MacHelpText": t("map.hold_ctrl"),
  "CooperativeGesturesHandler.MobileHelpText": t("map.two_fingers"),
});

const fitting = (more) => ({ padding: 50, maxZoom: STREET_ZOOM, ...more });

// Bars above the map come and go while it opens: the county stays in sight until somebody looks elsewhere.
// Returns what ends that.
function holdBounds(map, bounds) {
  let held = true;
  const release = () => {
    held = false;
  };
  const byHand = ({ originalEvent }) => originalEvent && release();
  for (const name of ["dragstart", "zoomstart"]) map.on(name, byHand);
  map.on("resize", () => held && map.fitBounds(bounds, fitting({ animate: false })));
  return release;
}

// The graphics of the screen may be gone for a while, after sleep or a crash of the driver: an empty map must
// not be read as a quiet county.
function sayWhatIsGone(map, frame) {
  map.on("webglcontextlost", () => {
    frame.dataset.lost = t("map.graphics_lost");
  });
  map.on("webglcontextrestored", () => {
    delete frame.dataset.lost;
  });
}

// `begins`: {center, zoom}; without, the county that the settings name. `inForm`: a part of a page that is
// scrolled, so one finger and the wheel are the page's.
export function newMap(frame, style, { settings, begins, inForm, controls }) {
  const map = new maplibre.Map({
    container: frame,
    style,
    ...(begins ?? { bounds: settings.bounds, fitBoundsOptions: fitting() }),
    localIdeographFontFamily: "'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif",
    attributionControl: settings.basemap?.attribution ? {} : false,
    dragRotate: false,
    pitchWithRotate: false,
    maxZoom: 19,
    cooperativeGestures: inForm,
    locale: WORDS(),
    fadeDuration: 0,
    refreshExpiredTiles: false,
  });
  map.touchZoomRotate.disableRotation();
  sayWhatIsGone(map, frame);
  if (controls) map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-right");
  if (controls) map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-left");
  return { map, release: begins ? () => null : holdBounds(map, settings.bounds) };
}
