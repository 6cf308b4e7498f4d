import { describe, expect, it } from "vitest";
import { calledBy, readings } from "./mentions";
import type { Mention } from "./protocol";

const names = new Map<string, Mention>([
  ["ana", { type: "user", user: "u-ana" }],
  ["ana-maria", { type: "user", user: "u-maria" }],
  ["release-crew", { type: "group", group: "g-crew" }],
]);
const named = (name: string) => names.get(name) ?? null;
const called = (written: string, meant: readonly Mention[] | null = null) => {
  const call = calledBy(written, named, meant);
  return call && [call.name, call.rest];
};

describe("a name after an @", () => {
  it("is read in every way, the longest first", () => {
    expect(readings("ana-maria-")).toEqual(["ana-maria-", "ana-maria", "ana"]);
    expect(readings("a-b-c-d-e-f-g")).toHaveLength(5);
    expect(readings("ana")).toEqual(["ana"]);
  });

  it("calls whoever has the longest of them, whatever its case", () => {
    expect(called("Ana-Maria")).toEqual(["ana-maria", ""]);
    expect(called("ana-maria-")).toEqual(["ana-maria", "-"]);
    expect(called("ana-mario")).toEqual(["ana", "-mario"]);
    expect(called("release-crew")).toEqual(["release-crew", ""]);
    expect(called("nobody")).toBeNull();
  });

  it("calls many at once", () => {
    expect(called("here")).toEqual(["here", ""]);
    expect(called("ALL_")).toEqual(["all", "_"]);
    expect(called("here-ana")).toBeNull();
  });

  it("calls only whom the server found in the text", () => {
    expect(called("ana-maria", [{ type: "user", user: "u-ana" }])).toEqual(["ana", "-maria"]);
    expect(called("ana", [])).toBeNull();
    expect(called("release-crew", [{ type: "group", group: "g-crew" }])).toEqual(["release-crew", ""]);
    expect(called("release-crew", [{ type: "group", group: "g-other" }])).toBeNull();
    expect(called("all", [{ type: "here" }])).toBeNull();
    expect(called("all", [{ type: "everyone" }])).toEqual(["all", ""]);
  });
});
