import { describe, expect, it } from "vitest";
import { best, callAt, complete, match } from "./search";

describe("names", () => {
  const names = ["Workshop", "homework", "net-work", "word", "Kitchen"];
  const found = (query: string, limit = 9) => best(query, names, (name) => name, limit).map((one) => one.item);

  it("are found by their beginning first, then by the beginning of a part, then by any part", () => {
    expect(found("wor")).toEqual(["Workshop", "word", "net-work", "homework"]);
    expect(found("WORD")).toEqual(["word"]);
    expect(found("work")).toEqual(["Workshop", "net-work", "homework"]);
    expect(found("zzz")).toEqual([]);
  });

  it("all answer to nothing, in their own order", () => {
    expect(found("")).toEqual(names);
    expect(found("", 2)).toEqual(["Workshop", "homework"]);
  });

  it("say where the letters stand", () => {
    expect(match("work", "net-work")).toEqual({ rank: 2, at: 4 });
  });
});

describe("a call", () => {
  it.each([
    ["@", 1, { from: 0, query: "" }],
    ["Thanks @mi", 10, { from: 7, query: "mi" }],
    ["(@mi-ra", 7, { from: 1, query: "mi-ra" }],
    ["a\n@b", 4, { from: 2, query: "b" }],
  ])("is written in %j", (text, caret, call) => {
    expect(callAt(text, caret)).toEqual(call);
  });

  it.each([
    ["mail@exam", 9],
    ["@mira ", 6],
    ["@@", 2],
    ["@é", 2],
    ["hello", 5],
    ["@mira", 0],
    [`@${"a".repeat(60)}`, 61],
  ])("is not written in %j", (text, caret) => {
    expect(callAt(text, caret)).toBeNull();
  });

  it("is completed where it stands, with one space after it", () => {
    const text = "Thanks @mi for it";
    const call = callAt(text, 10);
    expect(call && complete(text, call, 10, "mira")).toEqual({ text: "Thanks @mira for it", caret: 13 });
    expect(complete("@mi", { from: 0, query: "mi" }, 3, "mira")).toEqual({ text: "@mira ", caret: 6 });
  });
});
