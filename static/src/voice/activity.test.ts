import { describe, expect, it } from "vitest";
import { Activity } from "./activity";

/** Lets the ear hear a level for a while, in pieces of 10 ms. @returns when it opened or closed last, in ms */
function hear(activity: Activity, level: number, ms: number): number | null {
  let changed: number | null = null;
  for (let at = 0; at < ms; at += 10) {
    const before = activity.speaking;
    if (activity.hear(level, 10) !== before) changed = at + 10;
  }
  return changed;
}

describe("a fixed threshold", () => {
  it("opens within two pieces of speech, and closes a while after it", () => {
    const ear = new Activity({ kind: "fixed", db: -40 });
    expect(hear(ear, -70, 1_000)).toBeNull();
    expect(hear(ear, -30, 500)).toBe(20);
    expect(hear(ear, -70, 1_000)).toBe(350);
  });

  it("takes a click for a click", () => {
    const ear = new Activity({ kind: "fixed", db: -40 });
    expect(hear(ear, -10, 10)).toBeNull();
    expect(hear(ear, -70, 500)).toBeNull();
    expect(ear.speaking).toBe(false);
  });

  it("stays open over gaps and over soft word ends", () => {
    const ear = new Activity({ kind: "fixed", db: -40 });
    hear(ear, -30, 200);
    for (let word = 0; word < 20; word += 1) {
      expect(hear(ear, -80, 300)).toBeNull();
      expect(hear(ear, -45, 200)).toBeNull();
    }
    expect(ear.speaking).toBe(true);
  });

  it("does not flutter at its own edge", () => {
    const ear = new Activity({ kind: "fixed", db: -40 });
    let changes = 0;
    for (let at = 0; at < 60_000; at += 10) {
      const before = ear.speaking;
      ear.hear(at % 20 === 0 ? -39 : -41, 10);
      if (ear.speaking !== before) changes += 1;
    }
    expect(changes).toBeLessThanOrEqual(1);
  });

  it("keeps to its range whatever it was given", () => {
    expect(new Activity({ kind: "fixed", db: 20 }).opensAt).toBe(-20);
    expect(new Activity({ kind: "fixed", db: -300 }).opensAt).toBe(-60);
  });
});

describe("a threshold that finds itself", () => {
  it("sits above the noise of the room, and speech over it opens", () => {
    const ear = new Activity({ kind: "automatic" });
    hear(ear, -48, 5_000);
    expect(ear.opensAt).toBeCloseTo(-38, 0);
    expect(ear.speaking).toBe(false);
    hear(ear, -25, 300);
    expect(ear.speaking).toBe(true);
  });

  it("goes down with a room that falls silent, at once", () => {
    const ear = new Activity({ kind: "automatic" });
    hear(ear, -40, 10_000);
    hear(ear, -65, 1_000);
    expect(ear.opensAt).toBeLessThan(-54);
  });

  it("learns a fan that was switched on, and closes", () => {
    const ear = new Activity({ kind: "automatic" });
    hear(ear, -65, 2_000);
    hear(ear, -45, 20_000);
    expect(ear.speaking).toBe(false);
  });

  it("does not take a long talk for the room", () => {
    const ear = new Activity({ kind: "automatic" });
    hear(ear, -60, 2_000);
    // A minute of words with gaps in which the room is heard.
    for (let word = 0; word < 100; word += 1) {
      hear(ear, -25, 400);
      expect(ear.speaking).toBe(true);
      hear(ear, -60, 200);
    }
    expect(ear.opensAt).toBeLessThan(-40);
  });
});

it("never opens in an hour of a quiet room", () => {
  const ear = new Activity({ kind: "automatic" });
  let state = 11;
  for (let at = 0; at < 3_600_000; at += 10) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    ear.hear(-58 + (state / 2_147_483_648) * 6, 10);
    if (at > 3_000) expect(ear.speaking, `at ${at} ms`).toBe(false);
  }
});
