import { describe, expect, it } from "vitest";
import { type Draft, differences, faultsOf, freshDraft } from "./channelDraft";

const draft = (more: Partial<Draft> = {}): Draft => ({ ...freshDraft(), name: "Garden", kind: "text", ...more });

describe("a channel in a form", () => {
  it("tells the server what was touched and nothing else", () => {
    expect(differences(draft(), draft({ name: " Garden " }))).toEqual([]);
    expect(differences(draft(), draft({ topic: "Beds", admission: "private" }))).toEqual([{ topic: "Beds" }, { admission: "private" }]);
    expect(differences(draft({ category: "k" }), draft())).toEqual([{ place: { category: null, before: null } }]);
  });

  it("has only what its kind has", () => {
    const both = { writers: "admins", max_speakers: 3 } as const;
    expect(differences(draft(), draft(both))).toEqual([{ writers: "admins" }]);
    expect(differences(draft({ kind: "voice" }), draft({ ...both, kind: "voice" }))).toEqual([{ max_speakers: 3 }]);
  });

  it("is looked at before it is sent", () => {
    expect(faultsOf(draft())).toEqual({});
    expect(faultsOf(draft({ topic: "ä".repeat(300) }))).toEqual({});
    for (const name of ["", "  ", "!?", "a".repeat(61)]) expect(faultsOf(draft({ name }))).toHaveProperty("name");
    expect(faultsOf(draft({ topic: "ä".repeat(301) }))).toHaveProperty("topic");
  });
});
