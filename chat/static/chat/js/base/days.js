/** Tells when a day ends by the clock of this place. */

import { startOfDay } from "./format.js";

// This machine may sleep over midnight, and its clock may be set.
const LOOK_MS = 30_000;

/** @param {() => void} listener */
export function onNewDay(listener) {
  let today = startOfDay(new Date());
  let timer = 0;
  const look = () => {
    const now = new Date();
    const day = startOfDay(now);
    if (day !== today) listener();
    today = day;
    const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(Number(midnight) - Number(now), LOOK_MS));
  };
  document.addEventListener("visibilitychange", look);
  look();
}
