/**
 * Short sounds, made here: two notes for a mention, a soft one for a message. No files.
 *
 * Quiet by nature, quieter still while somebody talks, and never faster than one after the other. Must not know: why.
 */
import type { Timers } from "./timers";

export type Cue = "mention" | "message";

/** Between two cues; what comes sooner is one noise. */
const EVERY_MS = 1_500;
/** -26 dB below full scale. */
const LEVEL = 0.05;
/** Beside a voice. */
const DUCKED = 0.4;

/** Pitch in Hz, when it begins and how long it lasts, in seconds. B4 and E5; D5. */
const NOTES: Record<Cue, readonly [number, number, number][]> = {
  mention: [
    [493.88, 0, 0.12],
    [659.26, 0.11, 0.22],
  ],
  message: [[587.33, 0, 0.12]],
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
    if (volume <= 0 || now - this.playedAt < EVERY_MS) return;
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
