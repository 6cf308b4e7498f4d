import { describe, expect, it } from "vitest";
import { gate, type GateInputs } from "./gate";

const talking: GateInputs = {
  joined: true,
  microphone: true,
  muted: false,
  deafened: false,
  mode: { kind: "open_mic" },
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

  it("opens in exactly one of all cases of the open microphone", () => {
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
