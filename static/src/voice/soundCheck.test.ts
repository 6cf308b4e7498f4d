import { describe, expect, it } from "vitest";
import { DEAD_AFTER_MS, type Look, SoundCheck, type Verdict } from "./soundCheck";

const EVERY_MS = 100;

/** Looks again and again for so long. @returns the verdict and when it was had */
function watch(look: Look, ms: number, check = new SoundCheck()): { verdict: Verdict; after: number } {
  for (let after = EVERY_MS; after <= ms; after += EVERY_MS) {
    const verdict = check.look(look, EVERY_MS);
    if (verdict !== "unknown") return { verdict, after };
  }
  return { verdict: "unknown", after: ms };
}

describe("whether sound comes through", () => {
  it("believes the softest sound at once", () => {
    expect(watch({ running: true, input: 0.5, output: 1e-6 }, 5_000)).toEqual({ verdict: "alive", after: EVERY_MS });
  });

  it("gives up when nothing at all comes out of sound", () => {
    expect(watch({ running: true, input: 0.01, output: 0 }, 5_000)).toEqual({ verdict: "dead", after: DEAD_AFTER_MS });
  });

  it("waits for what begins slowly", () => {
    const check = new SoundCheck();
    expect(watch({ running: true, input: 0.01, output: 0 }, DEAD_AFTER_MS - EVERY_MS, check).verdict).toBe("unknown");
    expect(watch({ running: true, input: 0.01, output: 0.001 }, EVERY_MS, check).verdict).toBe("alive");
  });

  it("holds nothing against it while the microphone gives nothing, however long", () => {
    expect(watch({ running: true, input: 0, output: 0 }, 60_000).verdict).toBe("unknown");
  });

  it("takes sound that the browser never lets run for dead: one would talk into nothing", () => {
    expect(watch({ running: false, input: 0, output: 0 }, 5_000)).toEqual({ verdict: "dead", after: DEAD_AFTER_MS });
  });
});
