/**
 * Time for views that show how long something lasts: one timer for all of them, and none when nobody looks.
 */
import { createSubscriber } from "svelte/reactivity";
import { realTimers } from "../timers";

const every = (ms: number) => {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(update, ms);
    return () => clearInterval(timer);
  });
  return () => {
    subscribe();
    return realTimers.now();
  };
};

/** Now, again each second. */
export const seconds = every(1_000);
/** Now, again every ten seconds. */
export const tens = every(10_000);
const minutes = every(60_000);
/** Now as a date, again soon after midnight at the latest. */
export const days = () => (minutes(), Date.now());
/** Now, again at each beat of the pulse. */
export const beats = every(2_000);
