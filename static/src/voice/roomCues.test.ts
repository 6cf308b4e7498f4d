import { beforeEach, describe, expect, it } from "vitest";
import { CROWD, RoomCues, type RoomView } from "./roomCues";
import type { VoiceState } from "./room";

const channel = "c-lounge";
const connected: VoiceState = { name: "connected", channel, since: 0 };
const reconnecting: VoiceState = { name: "reconnecting", channel, since: 0 };

let cues: RoomCues;
let now: number;
let view: RoomView;

/** Something changes, so many milliseconds later. */
function look(change: Partial<RoomView>, later = 0) {
  now += later;
  view = { ...view, ...change };
  return cues.look(view, now);
}
const people = (...names: string[]) => ({ people: new Set(["ana", ...names]) });

beforeEach(() => {
  cues = new RoomCues();
  now = 0;
  view = { state: { name: "idle" }, muted: false, deafened: false, people: new Set(), me: "ana", undisturbed: false };
  look({});
});

function goesIn() {
  look({ state: { name: "joining", channel } });
  look({ state: { name: "connecting", channel }, ...people("ben") });
  return look({ state: connected });
}

describe("one's own way", () => {
  it("is heard when sound can travel and when one leaves, and at no step between", () => {
    expect(look({ state: { name: "asking_microphone", channel } })).toBeNull();
    expect(goesIn()).toBe("entered");
    expect(look({ state: { name: "idle" }, people: new Set() })).toBe("gone");
  });

  it("that never led in is not told as a loss", () => {
    look({ state: { name: "joining", channel } });
    expect(look({ state: { name: "failed", channel, reason: "room_full" } })).toBeNull();
  });

  it("back is told after a loss that was worth it", () => {
    goesIn();
    expect(look({ state: reconnecting })).toBeNull();
    expect(look({ state: connected }, 300)).toBeNull();
    look({ state: reconnecting }, 10_000);
    expect(look({ state: connected }, 3_000)).toBe("back");
    look({ state: reconnecting });
    expect(look({ state: { name: "failed", channel, reason: "no_way" } }, 20_000)).toBe("lost");
  });

  it("into another room is told as such", () => {
    goesIn();
    expect(look({ state: { name: "joining", channel: "c-attic" } })).toBe("gone");
    expect(look({ state: { name: "connected", channel: "c-attic", since: 0 } })).toBe("entered");
  });
});

describe("buttons", () => {
  it("are heard inside only", () => {
    expect(look({ muted: true })).toBeNull();
    goesIn();
    expect(look({ muted: false })).toBe("unmuted");
    expect(look({ muted: true })).toBe("muted");
    expect(look({ deafened: true })).toBe("deafened");
    // Who opens the microphone hears again too: one press, one sound.
    expect(look({ muted: false, deafened: false })).toBe("hearing");
  });
});

describe("others", () => {
  it("are heard when they come and go", () => {
    goesIn();
    expect(look(people("ben", "cleo"), 6_000)).toBe("came");
    expect(look(people("cleo"))).toBe("went");
    expect(look(people("cleo"))).toBeNull();
  });

  it("who return after one's own return are no news", () => {
    goesIn();
    look({ state: reconnecting }, 10_000);
    look({ state: connected, ...people() }, 3_000);
    expect(look(people("ben"), 100)).toBeNull();
    expect(look(people("ben", "cleo"), 6_000)).toBe("came");
  });

  it(`are silent among more than ${CROWD}`, () => {
    goesIn();
    const many = (count: number) => people(...Array.from({ length: count - 1 }, (_, index) => `u${index}`));
    look(many(CROWD - 1), 6_000);
    expect(look(many(CROWD))).toBe("came");
    expect(look(many(CROWD + 1))).toBeNull();
    expect(look(many(CROWD))).toBeNull();
    expect(look(many(CROWD - 1))).toBe("went");
  });

  it("are silent to whoever hears nobody or is not to be disturbed", () => {
    goesIn();
    look({ undisturbed: true }, 6_000);
    expect(look(people("ben", "cleo"))).toBeNull();
    look({ undisturbed: false, deafened: true });
    expect(look(people("ben"))).toBeNull();
  });
});
