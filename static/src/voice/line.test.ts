import { describe, expect, it } from "vitest";
import { type LineSample, LineWatch, sampleOf } from "./line";

const sample = (at: number, more: Partial<LineSample> = {}): LineSample => ({
  at,
  arrived: at,
  roundTrip: 20,
  received: at / 20,
  lost: 0,
  way: "UDP 443",
  ...more,
});

describe("a sample", () => {
  it("is read from the transport's chosen pair", () => {
    const report = new Map<string, unknown>([
      ["T", { id: "T", type: "transport", selectedCandidatePairId: "P2", bytesReceived: 700 }],
      ["P1", { id: "P1", type: "candidate-pair", nominated: true, currentRoundTripTime: 9, responsesReceived: 1 }],
      ["P2", { id: "P2", type: "candidate-pair", currentRoundTripTime: 0.024, responsesReceived: 5, bytesReceived: 1000, remoteCandidateId: "R" }],
      ["R", { id: "R", type: "remote-candidate", protocol: "tcp", port: 443 }],
      ["I1", { id: "I1", type: "inbound-rtp", packetsReceived: 100, packetsLost: 2 }],
      ["I2", { id: "I2", type: "inbound-rtp", packetsReceived: 50, packetsLost: -1 }],
    ]);
    expect(sampleOf(report, 7)).toEqual({ at: 7, arrived: 1705, roundTrip: 24, received: 150, lost: 1, way: "TCP 443" });
  });

  it("is read without a transport too", () => {
    const report = new Map<string, unknown>([
      ["P", { id: "P", type: "candidate-pair", selected: true, currentRoundTripTime: 0.01, bytesReceived: 9 }],
    ]);
    expect(sampleOf(report, 0)).toMatchObject({ roundTrip: 10, arrived: null, way: null });
  });

  it("of nothing is nothing", () => {
    expect(sampleOf(new Map(), 3)).toEqual({ at: 3, arrived: null, roundTrip: null, received: 0, lost: 0, way: null });
  });
});

describe("the watch", () => {
  it("measures for how long nothing came", () => {
    const watch = new LineWatch();
    watch.add(sample(0, { arrived: 10 }));
    watch.add(sample(1_000, { arrived: 20 }));
    watch.add(sample(2_000, { arrived: 20 }));
    watch.add(sample(6_000, { arrived: 20 }));
    expect(watch.stillFor(6_000)).toBe(5_000);
    watch.excuse(6_000);
    expect(watch.stillFor(6_500)).toBe(500);
    watch.add(sample(7_000, { arrived: 21 }));
    expect(watch.stillFor(7_000)).toBe(0);
  });

  it("knows the loss of the last minute only", () => {
    const watch = new LineWatch();
    for (let at = 0; at <= 120_000; at += 1_000) watch.add(sample(at, { received: at / 20, lost: Math.min(at, 30_000) / 100 }));
    expect(watch.read()?.loss).toBe(0);
    watch.add(sample(121_000, { received: 6_050, lost: 400 }));
    expect(watch.read()?.loss).toBeGreaterThan(0.03);
  });

  it("has no loss before anything could be lost", () => {
    const watch = new LineWatch();
    expect(watch.read()).toBeNull();
    watch.add(sample(0, { received: 0 }));
    watch.add(sample(1_000, { received: 0 }));
    expect(watch.read()?.loss).toBeNull();
  });

  it.each([
    [20, 0, 4],
    [100, 0, 3],
    [20, 0.015, 3],
    [200, 0, 2],
    [20, 0.04, 2],
    [300, 0, 1],
    [20, 0.09, 1],
  ])("gives %i ms and a loss of %f %i bars", (roundTrip, loss, bars) => {
    const watch = new LineWatch();
    watch.add(sample(0, { received: 0, lost: 0 }));
    watch.add(sample(1_000, { roundTrip, received: 1_000 * (1 - loss), lost: 1_000 * loss }));
    expect(watch.read()?.bars).toBe(bars);
  });
});
