import { describe, expect, it } from "vitest";
import { handsUp, may, stayOf } from "./order";
import type { Grant, Participant } from "./protocol";
import { bareChannel } from "./store/channel.fake";

const room = bareChannel("lounge", "voice");
const speakFor = (speak: Grant) => ({ voice_rights: { ...room.voice_rights, speak } });
const member = { admin: false, isIn: (group: string) => group === "ours" };
const person = (participant: number, hand?: number): Participant => ({
  participant,
  user: `user ${participant}`,
  muted: false,
  deafened: false,
  media: "connected",
  signal: null,
  ...(hand === undefined ? {} : { hand }),
});

describe("order in a room", () => {
  it("gives a right to those it was granted to, and to admins", () => {
    const admin = { ...member, admin: true };
    for (const [grant, allowed] of [
      ["everybody", true],
      ["admins", false],
      [{ groups: ["theirs"] }, false],
      [{ groups: ["theirs", "ours"] }, true],
    ] as const) {
      const channel = speakFor(typeof grant === "object" ? { groups: [...grant.groups] } : grant);
      expect(may(channel, "speak", member)).toBe(allowed);
      expect(may(channel, "speak", admin)).toBe(true);
    }
  });

  it("finds where somebody talks", () => {
    const rooms = [
      { channel: "a", participants: [person(1)], speakers: [], slots: [] },
      { channel: "b", participants: [person(2)], speakers: [], slots: [] },
    ];
    expect(stayOf("user 2", rooms)).toMatchObject({ channel: "b", participant: { participant: 2 } });
    expect(stayOf("user 3", rooms)).toBeNull();
  });

  it("lists hands by when they went up", () => {
    expect(handsUp([person(1, 9), person(2), person(3, 4)]).map((one) => one.participant)).toEqual([3, 1]);
  });
});
