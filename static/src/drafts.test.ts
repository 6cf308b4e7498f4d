import { beforeEach, describe, expect, it } from "vitest";
import { Drafts, LONGEST_DRAFT } from "./drafts";

let stored: string | null;
const open = () => new Drafts({ recall: () => stored, remember: (text) => (stored = text) });

beforeEach(() => {
  stored = null;
});

describe("drafts", () => {
  it("outlive the page", () => {
    open().set("a", "half a thought");
    expect(open().get("a")).toBe("half a thought");
    expect(open().get("b")).toBe("");
    open().set("a", "");
    expect(stored).toBeNull();
  });

  it("are few and bounded; those touched longest ago go", () => {
    const drafts = open();
    for (let number = 0; number < 100; number += 1) {
      drafts.set("first", "kept, since it is touched again");
      drafts.set(`c-${number}`, "x".repeat(2 * LONGEST_DRAFT));
    }
    const again = open();
    expect(again.get("first")).not.toBe("");
    expect(again.get("c-99")).toHaveLength(LONGEST_DRAFT);
    expect(again.get("c-0")).toBe("");
    expect((JSON.parse(stored ?? "") as unknown[]).length).toBe(30);
  });

  it.each(["", "{", "null", "7", '{"a":1}', '[["a"]]', '[["a",1],[null,"x"]]'])("begin anew when %j is remembered", (text) => {
    stored = text;
    expect(open().get("a")).toBe("");
  });
});
