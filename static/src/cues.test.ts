import { expect, it } from "vitest";
import { Cues } from "./cues";

/** A context that keeps what is asked of it. */
function fakeContext() {
  const notes: number[] = [];
  const levels: number[] = [];
  const context = {
    state: "running",
    currentTime: 0,
    destination: {},
    createOscillator: () => {
      const frequency = { value: 0 };
      return { frequency, connect: (to: unknown) => to, start: () => notes.push(frequency.value), stop: () => {} };
    },
    createGain: () => ({
      gain: {
        setValueAtTime: () => {},
        linearRampToValueAtTime: (level: number) => levels.push(level),
        exponentialRampToValueAtTime: () => {},
      },
      connect: (to: unknown) => to,
    }),
    resume: async () => {},
    close: async () => {},
  };
  return { context: context as unknown as AudioContext, notes, levels };
}

it("plays one after the other, as loud as is wanted, and quieter beside a voice", () => {
  const { context, notes, levels } = fakeContext();
  let now = 10_000;
  const cues = new Cues({ now: () => now }, () => context);
  cues.play("mention", 1, false);
  cues.play("message", 1, false);
  expect(notes).toEqual([493.88, 659.26]);
  now += 1_500;
  cues.play("message", 0, false);
  expect(notes).toHaveLength(2);
  cues.play("message", 0.5, true);
  expect(notes).toHaveLength(3);
  const [loud = 0, , quiet = 0] = levels;
  expect(20 * Math.log10(loud)).toBeCloseTo(-26, 0);
  expect(quiet).toBeCloseTo(loud * 0.2);
});

it("answers what one does oneself at once, and others when there is room", () => {
  const { context, notes } = fakeContext();
  let now = 10_000;
  const cues = new Cues({ now: () => now }, () => context);
  cues.play("came", 1, false);
  now += 100;
  cues.play("muted", 1, false);
  now += 100;
  cues.play("unmuted", 1, false);
  cues.play("went", 1, false);
  expect(notes).toEqual([587.33, 220, 330]);
});

it("is silent where there is no sound", () => {
  const cues = new Cues({ now: () => 0 }, () => null);
  expect(() => cues.play("mention", 1, false)).not.toThrow();
});
