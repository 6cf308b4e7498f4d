/**
 * Time and chance as arguments, so that a test turns the clock by hand and never sleeps.
 */

export interface Timers {
  /** Milliseconds of any steady clock. */
  now(): number;
  /** Milliseconds since 1970, for what is shown to people. */
  date(): number;
  /** From 0 up to 1. */
  random(): number;
  after(ms: number, run: () => void): Cancel;
  every(ms: number, run: () => void): Cancel;
}

export type Cancel = () => void;

export const realTimers: Timers = {
  now: () => performance.now(),
  date: () => Date.now(),
  random: () => Math.random(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};
