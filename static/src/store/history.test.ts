import { describe, expect, it } from "vitest";
import type { Message } from "../protocol";
import { arrive, emptyHistory, extend, type History, insert, leave, placed, WINDOW } from "./history";

const ana = "u-ana";
const PAGE = 50;

const message = (number: number, author = "u-ben"): Message => ({
  id: `m-${String(number).padStart(6, "0")}`,
  channel: "c-general",
  author,
  body: `message ${number}`,
  posted_at: number,
  nonce: `n-${number}`,
  number,
  state: { type: "posted" },
  mentions: [],
  preview: null,
});
const from = (first: number, count: number) => Array.from({ length: count }, (_, index) => message(first + index));
const numbers = (history: History) => history.messages.map((one) => Number(one.id.slice(2)));
const isWhole = (history: History) => numbers(history).every((number, index, all) => number === (all[0] ?? 0) + index);

/** A channel with this many messages, and a reader who has loaded the newest page. */
class Reader {
  history: History;

  constructor(public count: number) {
    const page = from(count - PAGE, PAGE);
    this.history = { ...insert(emptyHistory, page, ana), newest: "loaded", older: "more" };
  }

  older() {
    const first = numbers(this.history)[0] ?? 0;
    const start = Math.max(0, first - PAGE);
    this.history = extend(this.history, "older", from(start, first - start), start > 0, ana);
  }

  newer() {
    const next = (numbers(this.history).at(-1) ?? 0) + 1;
    const count = Math.min(PAGE, this.count - next);
    this.history = extend(this.history, "newer", from(next, count), next + count < this.count, ana);
  }
}

describe("the window", () => {
  it("goes through fifty thousand messages and back, never larger than its bound and without a hole", () => {
    const reader = new Reader(50_000);
    let steps = 0;
    while (reader.history.older === "more") {
      reader.older();
      steps += 1;
      expect(reader.history.messages.length).toBeLessThanOrEqual(WINDOW);
      expect(isWhole(reader.history)).toBe(true);
    }
    expect(steps).toBe(999);
    expect(numbers(reader.history)[0]).toBe(0);
    expect(reader.history.newer).toBe("more");
    while (reader.history.newer === "more") {
      reader.newer();
      expect(reader.history.messages.length).toBeLessThanOrEqual(WINDOW);
      expect(isWhole(reader.history)).toBe(true);
    }
    expect(numbers(reader.history).at(-1)).toBe(49_999);
    expect(reader.history.older).toBe("more");
  });

  it("lets the start go while somebody reads the end, and the end while somebody reads above it", () => {
    const arriving = (keep: "end" | "place") => {
      let { history } = new Reader(1_000);
      for (let number = 1_000; number < 2_000; number += 1) history = arrive(history, message(number), ana, keep);
      return history;
    };
    const atEnd = arriving("end");
    expect(atEnd.messages.length).toBeLessThan(WINDOW + PAGE + 1);
    expect(numbers(atEnd).at(-1)).toBe(1_999);
    expect([atEnd.older, atEnd.newer]).toEqual(["more", "none"]);
    const above = arriving("place");
    expect(above.messages).toHaveLength(WINDOW);
    expect(numbers(above)[0]).toBe(950);
    expect([above.older, above.newer]).toEqual(["more", "more"]);
  });

  it("takes in nothing that would leave a hole, and loses nothing that arrives while the last page comes", () => {
    const reader = new Reader(1_000);
    for (let page = 0; page < 10; page += 1) reader.older();
    const before = reader.history;
    expect(arrive(before, message(1_000), ana, "end").messages).toBe(before.messages);
    while (numbers(reader.history).at(-1) !== 949) reader.newer();
    // The server reads the last page; then somebody posts; then the page is here.
    reader.history = arrive({ ...reader.history, newer: "loading" }, message(1_000), ana, "place");
    reader.history = extend(reader.history, "newer", from(950, 50), false, ana);
    expect(numbers(reader.history).at(-1)).toBe(1_000);
    expect(isWhole(reader.history)).toBe(true);
    expect([reader.history.newer, reader.history.meanwhile.length]).toEqual(["none", 0]);
  });

  it("keeps no more than a page of what arrives meanwhile", () => {
    const reader = new Reader(1_000);
    let history: History = { ...placed(reader.history, from(100, 50), true), newer: "loading" };
    for (let number = 1_000; number < 3_000; number += 1) history = arrive(history, message(number), ana, "place");
    expect(history.meanwhile.length).toBeLessThan(60);
    history = extend(history, "newer", from(150, 50), true, ana);
    expect(numbers(history)).toEqual(numbers({ ...history, messages: from(100, 100) }));
  });

  it("no longer waits for one's own post that went to an end which is not held", () => {
    const post = { nonce: "n-1000", body: "message 1000", writtenAt: 0, failure: null };
    const history: History = { ...placed(emptyHistory, from(0, 50), false), pending: [post] };
    expect(arrive(history, message(1_000, ana), ana, "place").pending).toEqual([]);
  });
});

describe("a channel that nobody looks at", () => {
  it("keeps its newest, or nothing when these are not held", () => {
    const reader = new Reader(1_000);
    for (let page = 0; page < 3; page += 1) reader.older();
    expect(numbers(leave(reader.history, 100))).toEqual(numbers({ ...reader.history, messages: from(900, 100) }));
    for (let page = 0; page < 9; page += 1) reader.older();
    const pending = [{ nonce: "x", body: "x", writtenAt: 0, failure: "silent" }];
    expect(leave({ ...reader.history, pending }, 100)).toEqual({ ...emptyHistory, pending });
  });
});
