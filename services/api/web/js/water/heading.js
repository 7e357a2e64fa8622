// Where the top of the phone points, in degrees from north; null where the device or its owner does not say.
import { useEffect, useState } from "../ui.js";

const STEP_DEG = 5; // a hand trembles more than that
const EVENTS = ["deviceorientationabsolute", "deviceorientation"];

// iPhones say it themselves; others count the turn from north anticlockwise, and only an absolute one means
// north.
function headingOf(event) {
  const turned = event.absolute && event.alpha !== null ? 360 - event.alpha : null;
  const north = event.webkitCompassHeading ?? turned;
  if (north === null || Number.isNaN(north)) return null;
  const held = screen.orientation?.angle ?? 0;
  return (Math.round((north + held) / STEP_DEG) * STEP_DEG) % 360;
}

export function useHeading() {
  const [heading, setHeading] = useState(null);
  useEffect(() => {
    const turn = (event) => {
      const read = headingOf(event);
      if (read !== null) setHeading(read);
    };
    for (const name of EVENTS) addEventListener(name, turn);
    return () => {
      for (const name of EVENTS) removeEventListener(name, turn);
    };
  }, []);
  return heading;
}

// iPhones ask their owner first, and only after a tap.
export const askForHeading = () =>
  globalThis.DeviceOrientationEvent?.requestPermission?.().catch(() => null);
