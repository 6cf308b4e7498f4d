/**
 * Short sounds, made here: two notes for a mention, a soft one for a message, and what happens in a voice room. No files.
 *
 * Quiet by nature, quieter still while somebody talks, and never faster than one after the other. Must not know: why.
 */
import type { Timers } from "./timers";

/** What somebody wrote. */
export type TextCue = "mention" | "message";

/** What happens in one's own voice room. */
export type RoomCue =
  /** Oneself. */
  | "entered"
  | "gone"
  | "muted"
  | "unmuted"
  | "deafened"
  | "hearing"
  | "lost"
  | "back"
  /** Somebody else. */
  | "came"
  | "went";

export type Cue = TextCue | RoomCue;

/** Between two cues; what comes sooner is one noise. */
const EVERY_MS = 1_500;
/** What one did oneself answers at once, however often: this keeps two from being one. */
const OWN_EVERY_MS = 60;
/** -26 dB below full scale. */
const LEVEL = 0.05;
/** Beside a voice. */
const DUCKED = 0.4;

const OWN: ReadonlySet<Cue> = new Set<Cue>(["entered", "gone", "muted", "unmuted", "deafened", "hearing", "lost", "back"]);

const D4 = 293.66;
const G4 = 392;
const A4 = 440;
const B4 = 493.88;
const D5 = 587.33;
const E5 = 659.26;

/** Pitch in Hz, when it begins and how long it lasts, in seconds. What opens goes up, what closes goes down. */
const NOTES: Record<Cue, readonly [number, number, number][]> = {
  mention: [
    [B4, 0, 0.12],
    [E5, 0.11, 0.22],
  ],
  message: [[D5, 0, 0.12]],
  entered: [
    [G4, 0, 0.12],
    [D5, 0.1, 0.2],
  ],
  gone: [
    [D5, 0, 0.12],
    [G4, 0.1, 0.2],
  ],
  came: [[D5, 0, 0.07]],
  went: [[G4, 0, 0.07]],
  muted: [[220, 0, 0.08]],
  unmuted: [[330, 0, 0.08]],
  deafened: [
    [220, 0, 0.08],
    [165, 0.07, 0.1],
  ],
  hearing: [
    [165, 0, 0.08],
    [220, 0.07, 0.1],
  ],
  lost: [
    [D5, 0, 0.12],
    [A4, 0.1, 0.12],
    [D4, 0.2, 0.22],
  ],
  back: [
    [D4, 0, 0.12],
    [A4, 0.1, 0.2],
  ],
};

export class Cues {
  private context: AudioContext | null = null;
  private playedAt = -Infinity;

  constructor(
    private readonly timers: Pick<Timers, "now">,
    private readonly openContext: () => AudioContext | null,
  ) {}

  /** At a loudness from 0 to 1. Before the first gesture browsers play nothing, and then nothing is kept for later. */
  play(cue: Cue, volume: number, talk: boolean) {
    const now = this.timers.now();
    if (volume <= 0 || now - this.playedAt < (OWN.has(cue) ? OWN_EVERY_MS : EVERY_MS)) return;
    this.context ??= this.openContext();
    const { context } = this;
    if (!context) return;
    if (context.state === "suspended") void context.resume().catch(() => {});
    this.playedAt = now;
    const level = LEVEL * volume * (talk ? DUCKED : 1);
    for (const [pitch, after, length] of NOTES[cue]) {
      const at = context.currentTime + after;
      const tone = context.createOscillator();
      const gain = context.createGain();
      tone.frequency.value = pitch;
      // A soft attack and a soft end, or it clicks.
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(level, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, at + length);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + length);
    }
  }

  close() {
    void this.context?.close().catch(() => {});
    this.context = null;
  }
}
