// The map itself: devices in one source that is never rebuilt by live changes (feature state colours them),
// open alarms as pulsing markers on top. Used by the map page, the wall and the water page.
// It opens while the devices are still on their way: graphics, worker and shaders take as long as they do.
import * as maplibre from "../../vendor/maplibre-gl.mjs";
import { knownDevices } from "../store.js";
import { Features } from "./features.js";
import { distanceField, GLYPHS } from "./glyphs.js";
import { deviceLayers } from "./layers.js";
import { Markers } from "./markers.js";
import { gridLayers, Overlays, restLayers } from "./overlays.js";
import { newMap, STREET_ZOOM, usePmtiles } from "./opening.js";
import { press, PRESSABLE } from "./press.js";
import { COARSE_ZOOM, mapStyle, namesOf, palette } from "./style.js";

const CLUSTER_BELOW_ZOOM = 13;
// One redraw for all devices that changed meanwhile; alarms do not wait, they are markers.
const COLOUR_EVERY_MS = 400;
const GROUND = ["base", "names"];

maplibre.prewarm(); // the worker starts while the first answers are on their way

// A probe canvas would cost a whole graphics context;
// the map itself is the probe, and remembers when it failed.
let webglFailed = typeof WebGL2RenderingContext === "undefined";
export const webglWorks = () => !webglFailed;

export class Board {
  // `settings` is the answer of GET /map, `geojson` a promise of the devices. `onPick(code)` when one is
  // clicked, `onSeveral(codes, lngLat)` when they stand at one place, `onTest(site, lngLat)` for a flag,
  // `onGrid(id, lngLat)`, `onPlace(lon, lat)` for bare ground; `onGroundLost()` when tiles of the base map
  // did not come, `onFiltered(n)` when devices came under the filter or left it. `size` enlarges texts and
  // shapes for a far eye; `view` and `inForm` as in opening.js. Of what is known besides `geojson` the map
  // takes what it `holds(device)`. `ready` comes true when it has them; it fails with what kept it from that.
  constructor(frame, given) {
    const { settings, geojson, view, onFiltered, inForm = false, size = 1, controls = true } = given;
    Object.assign(this, {
      settings,
      size,
      inForm,
      begins: view,
      onFiltered,
      devices: new Features(given.holds),
      names: namesOf([]),
      markers: new Markers(),
      overlays: new Overlays(),
      put: false,
      timer: 0,
      pinned: [[], null], // alarms, and what a press on one does
    });
    // Devices that are there before the map belong to its first style: the worker then has one errand less.
    geojson.then(
      (devices) => this.devices.know(devices),
      () => null,
    );
    const opened = (settings.basemap?.kind === "pmtiles" ? usePmtiles() : Promise.resolve())
      .then(() => this.#open(frame, controls, given))
      .catch((cause) => {
        if (/webgl/i.test(JSON.stringify(cause?.message ?? ""))) webglFailed = true;
        throw cause;
      });
    this.ready = Promise.all([opened, geojson]).then(() => this.#put(frame));
  }

  #open(frame, controls, heard) {
    const { settings, begins, inForm } = this;
    const { map, release } = newMap(frame, this.#style(), { settings, begins, inForm, controls });
    Object.assign(this, { map, release });
    return new Promise((resolve) => {
      map.on("style.load", () => {
        this.#dress();
        resolve();
      });
      // Tiles of the ground may stay away (the map goes on without them); anything else is a fault of ours.
      map.on("error", (event) =>
        GROUND.includes(event.sourceId) ? heard.onGroundLost?.() : console.error(event.error),
      );
      map.on("click", (event) => press(map, event, heard));
      for (const layer of PRESSABLE) {
        map.on("mouseenter", layer, () => {
          map.getCanvas().style.cursor = "pointer";
        });
        map.on("mouseleave", layer, () => {
          map.getCanvas().style.cursor = "";
        });
      }
    });
  }

  // The devices as they arrived, and what has become known of them in the meantime.
  #put(frame) {
    if (!this.map) return;
    if (this.styled !== this.devices.all) this.map.getSource("devices").setData(this.devices.all);
    const { map } = this;
    const say = () => {
      const { lng, lat } = map.getCenter();
      frame.dataset.view = [lng, lat, map.getZoom()].map((each) => each.toFixed(6)).join();
    };
    say();
    map.on("moveend", say);
    map.once("idle", () => {
      frame.dataset.drawn = String(Math.round(performance.now()));
    });
    this.put = true;
    this.#rest();
    this.change([...knownDevices.values()]);
  }

  #style() {
    const colours = palette();
    const style = mapStyle(this.settings, colours);
    this.styled = this.devices.visible;
    this.namesDrawn = this.names;
    style.sources.areas = { type: "geojson", data: this.names, maxzoom: COARSE_ZOOM };
    style.sources.devices = {
      type: "geojson",
      data: this.styled,
      promoteId: "code",
      cluster: true,
      clusterMaxZoom: CLUSTER_BELOW_ZOOM - 1,
      clusterRadius: 42,
    };
    Object.assign(style.sources, this.overlays.sources());
    style.layers.push(
      ...gridLayers(colours, this.size),
      ...deviceLayers(colours, this.size),
      ...restLayers(colours, this.size, CLUSTER_BELOW_ZOOM),
    );
    return style;
  }

  #dress() {
    for (const name of GLYPHS)
      if (!this.map.hasImage(name))
        this.map.addImage(name, distanceField(name), { sdf: true, pixelRatio: 1 });
    for (const [code, state] of this.devices.states)
      this.map.setFeatureState({ source: "devices", id: code }, state);
  }

  // The names on the ground.
  nameAreas(areas) {
    if (areas !== this.named) Object.assign(this, { named: areas, names: namesOf(areas) });
    const source = this.map?.getSource("areas");
    if (!source || this.namesDrawn === this.names) return;
    this.namesDrawn = this.names;
    source.setData(this.names);
  }

  // Live changes: colours by feature state; a device nobody knew is added, nothing is rebuilt. `gone`: codes
  // of devices that are not here to be seen any more.
  change(items, gone = []) {
    if (!this.put) return; // #put takes all that is known
    const { devices } = this;
    const source = this.map?.getSource("devices");
    if (devices.forget(gone)) source?.setData(devices.visible);
    const fresh = devices.change(items);
    if (fresh.length && devices.shown) source?.setData(devices.shown);
    else if (fresh.length) source?.updateData({ add: fresh }); // one that was there is replaced
    if (fresh.length) this.#pinAlarms();
    if (fresh.length || devices.changed.size || devices.moved)
      this.timer ||= setTimeout(() => this.#colour(), COLOUR_EVERY_MS);
  }

  #colour() {
    this.timer = 0;
    const { changed, states, moved, keep } = this.devices;
    if (this.map?.getSource("devices"))
      for (const code of changed)
        this.map.setFeatureState({ source: "devices", id: code }, states.get(code));
    changed.clear();
    this.#rest();
    if (moved) this.onFiltered?.(this.filter(keep));
  }

  // Only a person's filter hands the source other features. Returns how many are shown.
  filter(keep) {
    const { devices } = this;
    if (keep || devices.shown) {
      devices.filter(keep);
      this.map?.getSource("devices")?.setData(devices.visible);
    } else devices.filter(null);
    this.#rest();
    return devices.visible.features.length;
  }

  #rest() {
    this.overlays.showDevices(this.map, this.devices.visible.features);
  }

  // Sites under test; `label(window)` is written beside their flags.
  showTests(windows, label) {
    this.overlays.showTests(this.map, windows, label);
  }

  // GeoJSON features of grids; none: the layer is off.
  showGrids(features) {
    this.overlays.showGrids(this.map, features);
  }

  showAlarms(alarms, onPick) {
    this.pinned = [alarms, onPick];
    this.#pinAlarms();
  }

  #pinAlarms() {
    const [alarms, onPick] = this.pinned;
    if (this.map) this.markers.show(this.map, alarms, (code) => this.whereIs(code), onPick);
  }

  whereIs(code) {
    return this.devices.whereIs(code);
  }

  // A mark of the page's own ("here", "chosen"), beside the alarms; `onMoved(lon, lat)`: it may be dragged.
  pin(name, lon, lat, onMoved) {
    this.markers.pin(this.map, name, lon, lat, onMoved);
  }

  unpin(name) {
    this.markers.unpin(name);
  }

  // An element of the page beside a place, until somebody closes it; without one, what stands is closed.
  popUp(lngLat, element) {
    if (this.map) this.markers.popUp(this.map, lngLat, element);
  }

  // `offset`: where in the frame, in pixels from its middle, when a panel covers a part of it.
  flyTo(lon, lat, zoom = 15.5, offset = [0, 0]) {
    this.release?.();
    this.map?.easeTo({ center: [lon, lat], zoom: Math.max(zoom, this.map.getZoom()), offset, duration: 600 });
  }

  view() {
    return this.map && { center: this.map.getCenter(), zoom: this.map.getZoom() };
  }

  // Without bounds: the whole county.
  fit(bounds = this.settings.bounds, padding = 50) {
    this.release?.();
    this.map?.fitBounds(bounds, { padding, duration: 600, maxZoom: STREET_ZOOM });
  }

  // Another theme: new style, then our sources and states again.
  repaint() {
    if (!this.map) return;
    this.map.setStyle(this.#style(), { diff: false });
  }

  close() {
    clearTimeout(this.timer);
    this.map?.remove();
    this.map = null;
  }
}
