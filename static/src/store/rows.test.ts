import { describe, expect, it } from "vitest";
import type { Message } from "../protocol";
import { keepSame, type Row, rowsOf, RUN_MS } from "./rows";

const DAY = 24 * 3_600_000;
const ana = "u-ana";
const ben = "u-ben";

const message = (number: number, author: string, at: number): Message => ({
  id: `m-${number}`,
  channel: "c",
  author,
  body: "",
  posted_at: at,
  nonce: `n-${number}`,
  number,
  state: { type: "posted" },
  mentions: [],
  preview: null,
});
const dayOf = (at: number) => String(Math.floor(at / DAY));
const rows = (messages: Message[], newSince: string | null = null, pending = 0) =>
  rowsOf({
    messages,
    pending: Array.from({ length: pending }, (_, index) => ({ nonce: `p-${index}`, body: "", writtenAt: 1_000, failure: null })),
    me: ana,
    newSince,
    dayOf,
  }).map((row) => ("first" in row ? `${row.key}${row.first ? " named" : ""}` : row.kind));

describe("rows", () => {
  it("name an author once in a run", () => {
    expect(rows([message(1, ben, 0), message(2, ben, 10), message(3, ana, 20), message(4, ben, 30)])).toEqual([
      "day",
      "m-1 named",
      "m-2",
      "n-3 named",
      "m-4 named",
    ]);
  });

  it("name the author again after a pause, on another day, and where the new begins", () => {
    const messages = [message(1, ben, 0), message(2, ben, RUN_MS + 1), message(3, ben, RUN_MS + 2), message(4, ben, DAY)];
    expect(rows(messages, "m-3")).toEqual(["day", "m-1 named", "m-2 named", "new", "m-3 named", "day", "m-4 named"]);
    expect(rows(messages, "m-gone")).not.toContain("new");
  });

  it("put the day before the line of the new", () => {
    expect(rows([message(1, ben, 0), message(2, ben, DAY)], "m-2")).toEqual(["day", "m-1 named", "day", "new", "m-2 named"]);
  });

  it("keep the key of one's own post when the server confirms it", () => {
    expect(rows([], null, 2)).toEqual(["day", "p-0 named", "p-1"]);
    expect(rows([{ ...message(1, ana, 1_000), nonce: "p-0" }])).toEqual(["day", "p-0 named"]);
  });

  it("are the same values as before where nothing has changed", () => {
    const held = { pending: [], me: ana, newSince: null, dayOf };
    const [one, two, three] = [message(1, ben, 0), message(2, ben, 10), message(3, ben, 20)];
    const before: readonly Row[] = rowsOf({ ...held, messages: [one, two] });
    const after = keepSame(rowsOf({ ...held, messages: [one, { ...two, body: "edited" }, three] }), before);
    expect(after.map((row, index) => row === before[index])).toEqual([true, true, false, false]);
    // Without the first of its run the second is named.
    const shorter = keepSame(rowsOf({ ...held, messages: [two] }), before);
    expect(shorter.at(-1)).toMatchObject({ first: true });
  });
});
