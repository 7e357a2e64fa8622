// Sounds of the duty desk, made on the spot: a two-tone call for a fire, a siren for one that nobody took.
// Browsers allow sound only after the person touched the page; `soundState` says so and the shell shows it.
import { prefs } from "./prefs.js";

let context = null;
let pattern = null; // null, "call", "siren"
let timer = 0;
let hushedUntil = 0;
const readers = new Set();

// Told when sound becomes possible, or stops being so.
export function onSound(reader) {
  readers.add(reader);
  return () => readers.delete(reader);
}

// Tried when a page opens as well: a browser that has let this page sound before does it again without a
// click.
// A PC without a sound card, or whose browser is not allowed to sound, has none to wake: it stays "blocked".
export function wakeSound() {
  if (!context) {
    try {
      context = new AudioContext();
    } catch {
      return;
    }
    context.onstatechange = () => {
      for (const reader of [...readers]) reader();
    };
  }
  // "suspended" before the first press; iPads say "interrupted" after a call or a locked screen
  if (context.state !== "running") context.resume()?.catch(() => null);
}

export const soundState = () => {
  if (!prefs.get().sound) return "off";
  return context?.state === "running" ? "on" : "blocked";
};

// By the time since the page was opened: a PC whose clock is set back must not stay hushed for hours.
export const hushed = () => performance.now() < hushedUntil;
const hushHere = (seconds) => {
  hushedUntil = performance.now() + seconds * 1000;
};
// For all pages of this browser; a new fire ends it in each that hears of it.
const others = globalThis.BroadcastChannel ? new BroadcastChannel("firetower-hush") : null;
if (others) others.onmessage = ({ data }) => hushHere(data);
export function hush(seconds) {
  hushHere(seconds);
  others?.postMessage(seconds);
}
export function unhush() {
  hushedUntil = 0;
}

function tone(from_hz, to_hz, start, length, loud) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.setValueAtTime(from_hz, start);
  oscillator.frequency.linearRampToValueAtTime(to_hz, start + length);
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loud, start + 0.02);
  gain.gain.setValueAtTime(loud, start + length - 0.04);
  gain.gain.linearRampToValueAtTime(0, start + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + length);
}

function sing() {
  if (soundState() !== "on" || hushed()) return;
  const start = context.currentTime + 0.02;
  if (pattern === "siren") {
    for (let i = 0; i < 2; i += 1) {
      tone(520, 1150, start + i, 0.5, 0.5);
      tone(1150, 520, start + i + 0.5, 0.5, 0.5);
    }
  } else if (pattern === "call") {
    for (const [at, hz] of [
      [0, 880],
      [0.2, 660],
      [0.4, 880],
      [0.6, 660],
    ])
      tone(hz, hz, start + at, 0.19, 0.35);
  }
}

// "siren" repeats without a pause, "call" every 4 s; null is silence.
export function play(wanted) {
  if (wanted === pattern) return;
  pattern = wanted;
  clearInterval(timer);
  if (!pattern) return;
  sing();
  timer = setInterval(sing, pattern === "siren" ? 2000 : 4000);
}

// One short note for a new alarm that is no fire.
export function chime() {
  if (soundState() !== "on" || hushed() || pattern) return;
  const start = context.currentTime + 0.02;
  tone(740, 740, start, 0.12, 0.18);
  tone(990, 990, start + 0.14, 0.16, 0.18);
}
