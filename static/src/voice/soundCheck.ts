/**
 * Whether what cleans the sound lets any through: noise removal that cannot start is silent and says nothing.
 *
 * Looks come in, so a test needs no sound. Must not know: what cleans, and what is done when it does not.
 */

/** One look at what goes in and what comes out. */
export interface Look {
  /** Whether the sound runs at all: a browser may hold it back, as before a press. */
  running: boolean;
  /** The loudest sample of either since the last look, from 0 to 1. */
  input: number;
  output: number;
}

export type Verdict = "unknown" | "alive" | "dead";

/** Nothing comes out of a working one for as long as it takes to begin; this is several times that. */
export const DEAD_AFTER_MS = 1_000;

export class SoundCheck {
  private deadMs = 0;

  /**
   * @param ms for how long that was so
   * @returns `alive` is final. A microphone that gives nothing is no proof of either
   */
  look({ running, input, output }: Look, ms: number): Verdict {
    // What is removed is very soft, -80 dB and less, but only what does not run is nothing at all.
    if (output > 0) return "alive";
    if (running && input === 0) return "unknown";
    this.deadMs += ms;
    return this.deadMs >= DEAD_AFTER_MS ? "dead" : "unknown";
  }
}
