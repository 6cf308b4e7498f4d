import { describe, expect, it } from "vitest";
import { gate, type GateInputs } from "./gate";

const talking: GateInputs = {
  joined: true,
  microphone: true,
  muted: false,
  deafened: false,
  mode: { kind: "continuous" },
};

describe("the gate", () => {
  it("is open in a room with a microphone and nothing against it", () => {
    expect(gate(talking)).toEqual({ open: true });
  });

  it("is closed outside a room, whatever the buttons say", () => {
    expect(gate({ ...talking, joined: false })).toEqual({ open: false, because: "not_joined" });
    expect(gate({ ...talking, joined: false, muted: true, deafened: true })).toEqual({
      open: false,
      because: "not_joined",
    });
  });

  it("names being deafened before being muted, since it closes both ways", () => {
    expect(gate({ ...talking, muted: true, deafened: true })).toEqual({ open: false, because: "deafened" });
    expect(gate({ ...talking, muted: true })).toEqual({ open: false, because: "muted" });
  });

  it("is closed without a microphone", () => {
    expect(gate({ ...talking, microphone: false })).toEqual({ open: false, because: "no_microphone" });
  });

  it("follows the key in push to talk", () => {
    expect(gate({ ...talking, mode: { kind: "push_to_talk", held: false } })).toEqual({ open: false, because: "key_up" });
    expect(gate({ ...talking, mode: { kind: "push_to_talk", held: true } })).toEqual({ open: true });
  });

  it("follows the voice when speech opens it", () => {
    expect(gate({ ...talking, mode: { kind: "voice_activity", speaking: false } })).toEqual({ open: false, because: "silent" });
    expect(gate({ ...talking, mode: { kind: "voice_activity", speaking: true } })).toEqual({ open: true });
  });

  it("opens in exactly one of all cases of each mode", () => {
    const yesAndNo = [true, false];
    const cases = yesAndNo.flatMap((joined) =>
      yesAndNo.flatMap((microphone) =>
        yesAndNo.flatMap((muted) =>
          yesAndNo.flatMap((deafened) =>
            yesAndNo.flatMap((on): GateInputs[] => [
              { joined, microphone, muted, deafened, mode: { kind: "push_to_talk", held: on } },
              { joined, microphone, muted, deafened, mode: { kind: "voice_activity", speaking: on } },
            ]),
          ),
        ),
      ),
    );
    for (const kind of ["push_to_talk", "voice_activity"]) {
      const open = cases.filter((one) => one.mode.kind === kind && gate(one).open);
      expect(open).toHaveLength(1);
      expect(open[0]).toMatchObject({ joined: true, microphone: true, muted: false, deafened: false });
    }
  });

  it("stands open in the continuous mode only while nothing is against it", () => {
    const cases = [true, false].flatMap((joined) =>
      [true, false].flatMap((microphone) =>
        [true, false].flatMap((muted) =>
          [true, false].map((deafened) => gate({ ...talking, joined, microphone, muted, deafened })),
        ),
      ),
    );
    expect(cases.filter((one) => one.open)).toHaveLength(1);
  });
});
