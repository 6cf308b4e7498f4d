/**
 * A clock that only moves when a test moves it.
 */
import type { Timers } from "./timers";

interface Due {
  at: number;
  every: number | null;
  run: () => void;
}

export class FakeTimers implements Timers {
  private time = 0;
  private readonly due = new Set<Due>();
  /** What `random` gives. */
  chance = 0.5;

  now = () => this.time;
  date = () => 1_700_000_000_000 + this.time;
  random = () => this.chance;

  after(ms: number, run: () => void) {
    return this.plan({ at: this.time + ms, every: null, run });
  }

  every(ms: number, run: () => void) {
    return this.plan({ at: this.time + ms, every: ms, run });
  }

  /** Moves on by `ms`, running what falls due in order, and lets promises settle between. */
  async pass(ms: number) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const next = [...this.due].filter((due) => due.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.time = Math.max(this.time, next.at);
      if (next.every === null) this.due.delete(next);
      else next.at += next.every;
      next.run();
      await settle();
    }
    this.time = end;
    await settle();
  }

  private plan(due: Due) {
    this.due.add(due);
    return () => {
      this.due.delete(due);
    };
  }
}

/** Lets everything that only waits for promises happen. */
export async function settle() {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}
