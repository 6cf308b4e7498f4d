/**
 * Voice activity: opens when one speaks, stays open over the gaps between words, closes when one has stopped.
 *
 * Runs in the audio thread (`activity.worklet`), so that a page in the background hears as well as one in front.
 * Levels and their durations come in, so a test speaks for an hour in a second. Must not know: the gate, the
 * microphone.
 */

/** Above which level sound is speech: a number in dBFS, or found by listening to the room. */
export type Threshold = { kind: "fixed"; db: number } | { kind: "automatic" };

/** The range of a threshold, in dBFS. */
export const LOWEST_THRESHOLD_DB = -60;
export const HIGHEST_THRESHOLD_DB = -20;
export const DEFAULT_THRESHOLD_DB = -40;

/** Louder than the threshold for this long opens: a click of the mouse is shorter, a syllable is not. */
const ATTACK_MS = 20;
/** Once open, this much quieter still counts as speech: word ends are softer than beginnings. */
const HYSTERESIS_DB = 6;
/** Quiet for this long closes; most gaps between words are shorter. */
const HOLD_MS = 350;
/** Automatic: speech is this much louder than the room. */
const ABOVE_ROOM_DB = 10;
/** Automatic: the room is taken for louder by at most this much a second, and slower while somebody speaks. */
const ROOM_RISES_DB_PER_S = 6;
const ROOM_RISES_IN_SPEECH_DB_PER_S = 1;
/** Automatic: the room is taken for quieter with this time constant. */
const ROOM_FALLS_MS = 150;
/** What a room is taken for before it was listened to, in dBFS. */
const ROOM_AT_FIRST_DB = -55;

export class Activity {
  private isOpen = false;
  private loudMs = 0;
  private quietMs = 0;
  private room = ROOM_AT_FIRST_DB;

  constructor(public threshold: Threshold) {}

  get speaking(): boolean {
    return this.isOpen;
  }

  /** The level that opens now, in dBFS. */
  get opensAt(): number {
    if (this.threshold.kind === "fixed") return clamp(this.threshold.db);
    return clamp(this.room + ABOVE_ROOM_DB);
  }

  /**
   * A piece of sound.
   * @param level its loudness in dBFS (root mean square)
   * @param ms how long it is
   * @returns whether one is speaking
   */
  hear(level: number, ms: number): boolean {
    this.listenToRoom(level, ms);
    const line = this.isOpen ? this.opensAt - HYSTERESIS_DB : this.opensAt;
    if (level > line) {
      this.loudMs += ms;
      this.quietMs = 0;
      if (this.loudMs >= ATTACK_MS) this.isOpen = true;
    } else {
      this.loudMs = 0;
      this.quietMs += ms;
      if (this.quietMs >= HOLD_MS) this.isOpen = false;
    }
    return this.isOpen;
  }

  /** The quietest sound is the room's: down to it at once, up to it slowly. */
  private listenToRoom(level: number, ms: number) {
    if (level < this.room) {
      this.room += (level - this.room) * Math.min(1, ms / ROOM_FALLS_MS);
      return;
    }
    const rise = this.isOpen ? ROOM_RISES_IN_SPEECH_DB_PER_S : ROOM_RISES_DB_PER_S;
    this.room = Math.min(level, this.room + (rise * ms) / 1_000);
  }
}

function clamp(db: number): number {
  return Math.min(HIGHEST_THRESHOLD_DB, Math.max(LOWEST_THRESHOLD_DB, db));
}
