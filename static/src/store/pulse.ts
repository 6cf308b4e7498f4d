/**
 * How much was said in a room in the last minute, in thirty beats of two seconds.
 *
 * Made from the talk events that come anyway. Must not know: who talked.
 */

export const BEATS = 30;
export const BEAT_MS = 2_000;

export class Pulse {
  /** Share of each past beat in which somebody talked, oldest first. */
  private readonly past: number[] = new Array<number>(BEATS).fill(0);
  private talkedMs = 0;
  private beatAt: number;
  private since: number | null = null;

  constructor(now: number) {
    this.beatAt = now;
  }

  /** Somebody talks, or nobody does, from `now` on. */
  set(talking: boolean, now: number) {
    this.roll(now);
    if (talking) this.since ??= now;
    else this.settle(now, null);
  }

  /** The beats up to `now`, oldest first, each from 0 to 1. */
  read(now: number): readonly number[] {
    this.roll(now);
    return [...this.past];
  }

  private roll(now: number) {
    let end = this.beatAt + BEAT_MS;
    // After a sleep of the machine only the last minute matters.
    if (now - end > BEATS * BEAT_MS) {
      this.past.fill(0);
      this.talkedMs = 0;
      if (this.since !== null) this.since = now;
      this.beatAt = now;
      return;
    }
    while (end <= now) {
      this.settle(end, this.since === null ? null : end);
      this.past.shift();
      this.past.push(Math.min(1, this.talkedMs / BEAT_MS));
      this.talkedMs = 0;
      this.beatAt = end;
      end += BEAT_MS;
    }
  }

  private settle(now: number, since: number | null) {
    if (this.since !== null) this.talkedMs += Math.max(0, now - this.since);
    this.since = since;
  }
}
