import { beforeEach, expect, it } from "vitest";
import type { Notification } from "../protocol";
import { Inbox } from "./inbox";

const one = (number: number, more: Partial<Notification> = {}): Notification => ({
  message: `m-${number}`,
  channel: "c-general",
  author: "u-ben",
  mention: { type: "user", user: "u-ana" },
  excerpt: `words ${number}`,
  posted_at: number,
  read: false,
  ...more,
});

let inbox: Inbox;
const shown = () => inbox.list.items.map(({ message, read }) => `${message}${read ? "" : "!"}`);

beforeEach(() => {
  inbox = new Inbox();
});

it("holds nothing while it is closed", () => {
  inbox.arrived(one(1));
  inbox.again();
  expect(inbox.list).toMatchObject({ state: "closed", items: [] });
});

it("keeps what arrives while the first page is on its way", () => {
  inbox.open("unread");
  inbox.arrived(one(5));
  inbox.loaded([one(4), one(3)], true);
  expect(shown()).toEqual(["m-5!", "m-4!", "m-3!"]);
  inbox.loadingOlder();
  inbox.arrived(one(6));
  inbox.olderLoaded([one(3), one(2)], false);
  expect(shown()).toEqual(["m-6!", "m-5!", "m-4!", "m-3!", "m-2!"]);
  expect(inbox.list.older).toBe("none");
});

it("marks what was seen and leaves it where it is", () => {
  inbox.open("unread");
  inbox.loaded([one(4), one(3, { channel: "c-other" }), one(2), one(1)], false);
  inbox.seenIn("c-general", "m-3");
  expect(shown()).toEqual(["m-4!", "m-3!", "m-2", "m-1"]);
  inbox.seen(({ message }) => message <= "m-4");
  expect(shown()).toEqual(["m-4", "m-3", "m-2", "m-1"]);
  const before = inbox.list;
  inbox.seen(() => true);
  expect(inbox.list).toBe(before);
  inbox.drop(({ message }) => message === "m-2");
  expect(shown()).toEqual(["m-4", "m-3", "m-1"]);
});

it("shows what it knew while it asks again, and then what is so", () => {
  inbox.open("all");
  inbox.loaded([one(2)], false);
  inbox.again();
  expect(inbox.list).toMatchObject({ state: "loading", items: [{ message: "m-2" }] });
  inbox.failed();
  expect(inbox.list).toMatchObject({ state: "failed", items: [{ message: "m-2" }] });
  inbox.again();
  inbox.loaded([one(3), one(2, { read: true })], false);
  expect(shown()).toEqual(["m-3!", "m-2"]);
});

it("puts one that was told late in its place, and one told twice once", () => {
  inbox.open("all");
  inbox.loaded([one(4), one(1)], false);
  inbox.arrived(one(3));
  inbox.arrived(one(3));
  inbox.arrived(one(0));
  expect(shown()).toEqual(["m-4!", "m-3!", "m-1!", "m-0!"]);
});
