import { describe, expect, it } from "vitest";
import { EVERYONE_MAX, type User } from "./protocol";
import { type Facts, nameOf, suggest } from "./suggest";

const user = (name: string, more: Partial<User> = {}): User => ({
  id: `u-${name}`,
  username: name,
  role: "member",
  display_name: null,
  avatar: null,
  state: "active",
  ...more,
});
const facts = (more: Partial<Facts> = {}): Facts => ({
  me: "u-ana",
  users: [user("ana"), user("ben"), user("beatrix-two", { display_name: "Trixie" })],
  online: new Set(["u-ana", "u-beatrix-two"]),
  groups: [{ id: "g-1", name: "Release crew", slug: "release-crew", color: null }],
  admission: "everybody",
  members: null,
  admin: false,
  ...more,
});
const names = (query: string, more: Partial<Facts> = {}) => suggest(query, facts(more), 9).map(({ item }) => nameOf(item));

describe("whom to call", () => {
  it("people who are here come first, then the others, groups, and many at once", () => {
    expect(names("")).toEqual(["ana", "beatrix-two", "ben", "release-crew", "here", "everyone"]);
    expect(names("be")).toEqual(["beatrix-two", "ben"]);
    expect(names("beatrix-t")).toEqual(["beatrix-two"]);
    expect(names("release-c")).toEqual(["release-crew"]);
    expect(names("trix")).toEqual(["beatrix-two"]);
    expect(names("al")).toEqual(["everyone"]);
    expect(names("nobody")).toEqual([]);
  });

  it("nobody who is not in the channel, or cannot be here at all", () => {
    const members = new Set(["u-ana", "u-ben"]);
    expect(names("b", { admission: "private", members })).toEqual(["ben"]);
    expect(names("b", { users: [user("ben", { state: "deleted" }), user("bo", { state: "disabled" })] })).toEqual([]);
  });

  it("tells how many are reached, oneself not among them", () => {
    const counts = (more: Partial<Facts> = {}) =>
      suggest("", facts(more), 9).flatMap(({ item }) => (item.kind === "here" || item.kind === "everyone" ? [item.count] : []));
    expect(counts()).toEqual([1, 2]);
    expect(counts({ admission: "private", members: new Set(["u-ana"]) })).toEqual([0, 0]);
    expect(counts({ admission: "private" })).toEqual([null]);
  });

  it("everyone only for those from whom the server would take it", () => {
    const crowd = (many: number) => Array.from({ length: many }, (_, number) => user(`u${number}`));
    expect(names("every", { users: crowd(EVERYONE_MAX) })).toEqual(["everyone"]);
    expect(names("every", { users: crowd(EVERYONE_MAX + 1) })).toEqual([]);
    expect(names("every", { users: crowd(EVERYONE_MAX + 1), admin: true })).toEqual(["everyone"]);
    // In a channel whose members are not known yet, it may be too many.
    expect(names("every", { admission: "open" })).toEqual([]);
    expect(names("every", { admission: "open", members: new Set(["u-ana"]) })).toEqual(["everyone"]);
  });
});
