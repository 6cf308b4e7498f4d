/**
 * Whether somebody does anything at this page. Pure: it is told of keys, pointers and talk, and of the time.
 *
 * Must not know: what follows from it. Who is idle on all their pages is seen as away, which is the server's affair.
 */
import type { Timers } from "./timers";

/** So long without a touch is idle. */
export const IDLE_MS = 10 * 60_000;

export class Idle {
  private touchedAt: number;
  private isIdle = false;

  constructor(private readonly timers: Pick<Timers, "now">) {
    this.touchedAt = timers.now();
  }

  /** Somebody did something; whether that ends idleness. */
  touch(): boolean {
    this.touchedAt = this.timers.now();
    const woke = this.isIdle;
    this.isIdle = false;
    return woke;
  }

  /** Whether it is idle by now. */
  get now(): boolean {
    this.isIdle ||= this.timers.now() - this.touchedAt >= IDLE_MS;
    return this.isIdle;
  }
}
