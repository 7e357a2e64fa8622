// Where this phone stands, in WGS 84. Browsers say it over HTTPS only (and on the machine itself).
import { t } from "./i18n.js";

const REFUSED = 1; // GeolocationPositionError.PERMISSION_DENIED; the others: it sees no sky

// {lon, lat, accuracy_m}; refused with a sentence for people.
export function locate() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation || !isSecureContext) {
      reject(new Error(t("water.insecure")));
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) =>
        resolve({ lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy }),
      ({ code }) => reject(new Error(t(code === REFUSED ? "water.denied" : "water.unlocated"))),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 },
    );
  });
}
