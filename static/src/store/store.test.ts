import { beforeEach, describe, expect, it } from "vitest";
import type { Message, Notification, Participant, RoomChange, ServerEvent, Snapshot } from "../protocol";
import { openEars } from "./hearing.fake";
import { bareChannel } from "./channel.fake";
import { BEFORE_ALL } from "./history";
import { FakeTimers } from "../timers.fake";
import { Store } from "./store";
import type { Topic } from "./topics";

const ana = "u-ana";
const ben = "u-ben";
const cleo = "u-cleo";
const general = "c-general";
const lounge = "c-lounge";
const attic = "c-attic";

const participant = (number: number, user: string, more: Partial<Participant> = {}): Participant => ({
  participant: number,
  user,
  muted: false,
  deafened: false,
  media: "connected",
  signal: null,
  ...more,
});

const message = (number: number, more: Partial<Message> = {}): Message => ({
  id: `m-${String(number).padStart(4, "0")}`,
  channel: general,
  author: ben,
  body: `message ${number}`,
  posted_at: 1_700_000_000_000 + number,
  nonce: `n-${number}`,
  number,
  state: { type: "posted" },
  mentions: [],
  preview: null,
  ...more,
});

/** What most people have in common. */
const plain = { display_name: null, avatar: null, state: "active" } as const;

const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  server_name: "Harbour Street",
  version: "1.2.3",
  slots: 8,
  me: ana,
  users: [
    { ...plain, id: ana, username: "ana", role: "admin" },
    { ...plain, id: ben, username: "ben", role: "member" },
    { ...plain, id: cleo, username: "cleo", role: "member" },
  ],
  online: [ana, ben],
  away: [],
  do_not_disturb: [],
  channels: [
    bareChannel(general, "text", "general", 1),
    bareChannel(lounge, "voice", "Lounge", 2),
    bareChannel(attic, "voice", "Attic", 3),
  ],
  rooms: [],
  voice_load: "normal",
  switches: { voice: true, registration: "open", link_previews: true },
  categories: [],
  groups: [],
  standing: { readings: [], unread: [], more_unread: false, status: "online", groups: [] },
  hearing: openEars,
  ...more,
});

let timers: FakeTimers;
let store: Store;
let touched: Topic[];

const ear = (topic: Topic) => store.listen(topic, () => touched.push(topic));
const ready = (more: Partial<Snapshot> = {}) => store.apply({ type: "ready", snapshot: snapshot(more) });
const inLounge = () =>
  ready({ rooms: [{ channel: lounge, participants: [participant(1, ben), participant(2, cleo)], speakers: [], slots: [1, 2] }] });
const speak = (...speakers: number[]) => store.apply({ type: "speakers_changed", rooms: [{ channel: lounge, speakers }] });
const change = (channel: string, more: Partial<RoomChange>): ServerEvent => ({
  type: "rooms_changed",
  rooms: [{ channel, joined: [], changed: [], left: [], ...more }],
});
const happens = (channel: string, more: Partial<RoomChange>) => store.apply(change(channel, more));
const post = (number: number, more: Partial<Message> = {}) =>
  store.apply({ type: "message_posted", message: message(number, more) });
const bodies = () => store.history(general).messages.map((one) => one.body);

beforeEach(() => {
  timers = new FakeTimers();
  store = new Store(timers);
  touched = [];
});

describe("how people are seen", () => {
  it("is one of four, and of oneself one more", () => {
    ready({ online: [ben], away: [ana], do_not_disturb: [cleo] });
    expect([ana, ben, cleo, "u-dan"].map((user) => store.presence(user))).toEqual(["away", "online", "do_not_disturb", "offline"]);
    ear("presence");
    store.apply({ type: "presence_changed", online: [], away: [ben], do_not_disturb: ["u-dan"], offline: [ana] });
    expect([ana, ben, cleo, "u-dan"].map((user) => store.presence(user))).toEqual(["offline", "away", "do_not_disturb", "do_not_disturb"]);
    expect([...store.online].sort()).toEqual([ben, cleo, "u-dan"].sort());
    store.apply({ type: "status_changed", status: "invisible" });
    expect(store.presence(ana)).toBe("invisible");
    expect(touched).toEqual(["presence", "presence"]);
  });
});

describe("a busy server", () => {
  it("says so at the start and whenever it changes", () => {
    ready({ voice_load: "fewer_voices" });
    expect(store.server.load).toBe("fewer_voices");
    ear("server");
    store.apply({ type: "voice_load_changed", load: "full" });
    expect(store.server.load).toBe("full");
    expect(touched).toEqual(["server"]);
  });
});

describe("what admins decide", () => {
  it("holds at once, and every decision is a new value", () => {
    ready();
    ear("server");
    const before = store.server.switches;
    store.apply({ type: "settings_changed", switches: { ...before, voice: false } });
    expect(store.server.switches.voice).toBe(false);
    const now = store.server.switches;
    store.apply({ type: "settings_changed", switches: { ...now } });
    expect(store.server.switches).not.toBe(now);
    expect(touched).toEqual(["server", "server"]);
  });
});

describe("ready", () => {
  it("brings everything", () => {
    ear("server");
    inLounge();
    expect(store.ready).toBe(true);
    expect(store.me).toBe(ana);
    expect(store.server).toEqual({
      name: "Harbour Street",
      version: "1.2.3",
      slots: 8,
      load: "normal",
      switches: { voice: true, registration: "open", link_previews: true },
    });
    expect(store.channels).toHaveLength(3);
    expect(store.users.get(ben)?.username).toBe("ben");
    expect([...store.online]).toEqual([ana, ben]);
    expect(store.room(lounge)?.participants).toHaveLength(2);
    expect(touched).toEqual(["server"]);
  });

  it("again forgets rooms and talk that are no more", () => {
    inLounge();
    speak(1);
    ear(`talking:${ben}`);
    ready();
    expect(store.room(lounge)).toBeNull();
    expect(store.isTalking(ben)).toBe(false);
    expect(store.sound).toBe(false);
    expect(touched).toContain(`talking:${ben}`);
  });

  it("again marks the gap in what is held of the open channel, and drops channels that are closed now", () => {
    ready();
    store.open(general);
    store.loaded(general, "newest", [message(1), message(2)], false);
    store.loaded("c-secret", "newest", [message(1, { channel: "c-secret" })], false);
    ready();
    // The last ones are looked at again, of a short channel all: one may have been changed.
    expect(store.history(general).gapAfter).toBe(BEFORE_ALL);
    expect(store.held()).toEqual([general]);
    // What arrives meanwhile does not hide the gap.
    post(9);
    ready();
    expect(store.history(general).gapAfter).toBe(BEFORE_ALL);
    store.caughtUp(general, [message(2, { body: "changed", state: { type: "edited", at: 5 } }), message(4)], true);
    expect(store.history(general).gapAfter).toBe("m-0004");
    expect(bodies()[1]).toBe("changed");
    store.caughtUp(general, [message(5)], false);
    expect(store.history(general).gapAfter).toBeNull();
    expect(store.history(general).messages.map((one) => one.number)).toEqual([1, 2, 4, 5, 9]);
  });

  it("again forgets what is held of channels that nobody looks at, but not what is on its way", () => {
    ready();
    store.loaded(general, "newest", [message(1), message(2)], false);
    store.addPending(general, { nonce: "x", body: "x", writtenAt: 1, failure: null });
    ready();
    expect(store.history(general)).toMatchObject({ messages: [], newest: "absent", gapAfter: null });
    expect(store.history(general).pending).toHaveLength(1);
  });

  it("again ends the server's stopping", () => {
    ready();
    store.apply({ type: "server_stopping" });
    expect(store.stopping).toBe(true);
    ready();
    expect(store.stopping).toBe(false);
  });
});

describe("messages", () => {
  beforeEach(() => {
    ready();
    store.loaded(general, "newest", [message(2), message(3)], true);
  });

  it("are in order and there once, however they come", () => {
    post(5);
    post(4);
    post(5);
    post(1);
    store.loaded(general, "older", [message(0), message(1), message(2)], false);
    expect(bodies()).toEqual([0, 1, 2, 3, 4, 5].map((number) => `message ${number}`));
    expect(store.history(general).older).toBe("none");
  });

  it("of a channel that is not held only make it unread", () => {
    post(1, { channel: "c-other" });
    expect(store.history("c-other").messages).toEqual([]);
    expect(store.unread.get("c-other")).toBe(1);
  });

  it("that arrive while the newest page loads are kept", () => {
    store.forget(general);
    store.loading(general, "newest");
    post(8);
    store.loaded(general, "newest", [message(6), message(7)], true);
    expect(bodies()).toEqual(["message 6", "message 7", "message 8"]);
  });

  it("replace what was handed out instead of changing it", () => {
    const before = store.history(general);
    post(4);
    expect(before.messages).toHaveLength(2);
    expect(store.history(general)).not.toBe(before);
  });

  it("are trimmed where nobody looks, and stay where somebody reads", () => {
    for (let number = 10; number < 200; number += 1) post(number);
    expect(store.history(general).messages).toHaveLength(100);
    expect(store.history(general).older).toBe("more");
    store.open(general);
    for (let number = 200; number < 400; number += 1) post(number);
    expect(store.history(general).messages).toHaveLength(300);
    store.open(null);
    expect(store.history(general).messages).toHaveLength(100);
  });

  it("that nobody has seen are counted while somebody reads above them", () => {
    store.open(general);
    post(4);
    post(5, { author: ana });
    expect(store.unseen(general)).toBe(1);
    store.see(general, true);
    expect(store.unseen(general)).toBe(0);
    post(6);
    expect(store.unseen(general)).toBe(0);
    store.see(general, false);
    post(7);
    store.caughtUp(general, [message(7), message(8)], false);
    expect(store.unseen(general)).toBe(2);
    store.open(null);
    store.open(general);
    expect(store.unseen(general)).toBe(0);
  });

  it("fall off at the end while somebody reads above it, and at the start otherwise", () => {
    store.open(general);
    store.holdPlace(general, true);
    for (let number = 10; number < 500; number += 1) post(number);
    expect(bodies()[0]).toBe("message 2");
    expect(store.history(general).messages.length).toBeLessThan(360);
    expect(store.history(general).newer).toBe("more");
    store.forget(general);
    store.holdPlace(general, false);
    for (let number = 500; number < 999; number += 1) post(number);
    expect(bodies().at(-1)).toBe("message 998");
    expect(store.history(general).messages.length).toBeLessThan(360);
  });

  it("end their author's writing", () => {
    store.apply({ type: "typing_changed", channel: general, user: ben, active: true });
    expect(store.typing(general)).toEqual([ben]);
    post(4);
    expect(store.typing(general)).toEqual([]);
  });

  it("remember that a page could not be had", () => {
    store.loading(general, "older");
    expect(store.history(general).older).toBe("loading");
    store.notLoaded(general, "older");
    expect(store.history(general).older).toBe("more");
    store.loading("c-other", "newest");
    store.notLoaded("c-other", "newest");
    expect(store.history("c-other").newest).toBe("failed");
  });
});

describe("one's own posts", () => {
  const mine = (number: number) => message(number, { author: ana, nonce: `mine-${number}` });

  beforeEach(() => {
    ready();
    store.loaded(general, "newest", [], false);
    store.addPending(general, { nonce: "mine-1", body: "hello", writtenAt: 1, failure: null });
  });

  it("are there once when the event comes before the answer", () => {
    store.apply({ type: "message_posted", message: mine(1) });
    expect(store.history(general).pending).toEqual([]);
    store.confirmed(mine(1));
    expect(store.history(general).messages).toHaveLength(1);
  });

  it("are there once when the answer comes before the event", () => {
    store.confirmed(mine(1));
    expect(store.history(general).pending).toEqual([]);
    store.apply({ type: "message_posted", message: mine(1) });
    expect(store.history(general).messages).toHaveLength(1);
  });

  it("are not taken for somebody else's with the same nonce", () => {
    store.apply({ type: "message_posted", message: message(1, { author: ben, nonce: "mine-1" }) });
    expect(store.history(general).pending).toHaveLength(1);
  });

  it("fail, go again, are discarded", () => {
    store.failed(general, "mine-1", "not_allowed");
    expect(store.history(general).pending[0]?.failure).toBe("not_allowed");
    store.sendingAgain(general, "mine-1");
    expect(store.history(general).pending[0]?.failure).toBeNull();
    store.discard(general, "mine-1");
    expect(store.pendingPosts()).toEqual([]);
  });

  it("survive forgetting the rest and a new snapshot", () => {
    store.forget(general);
    ready();
    expect(store.pendingPosts()).toMatchObject([{ channel: general, post: { nonce: "mine-1" } }]);
  });
});

describe("unread", () => {
  beforeEach(() => {
    ready();
    store.loaded(general, "newest", [message(1)], false);
  });

  it("begins with the first message of somebody else that nobody saw", () => {
    post(2, { author: ana });
    expect(store.unread.size).toBe(0);
    post(3);
    post(4);
    expect(store.unread.get(general)).toBe(2);
    expect(store.newSince(general)).toBe("m-0003");
  });

  it("ends when the end is in sight; the line stays until one answers or leaves", () => {
    post(2);
    store.open(general);
    expect(store.unread.has(general)).toBe(true);
    store.see(general, true);
    expect(store.unread.has(general)).toBe(false);
    expect(store.newSince(general)).toBe("m-0002");
    post(3);
    expect(store.unread.has(general)).toBe(false);
    store.addPending(general, { nonce: "x", body: "x", writtenAt: 1, failure: null });
    expect(store.newSince(general)).toBeNull();
  });

  it("ends where one reads, also far above the end", () => {
    post(2);
    post(3);
    post(4);
    store.open(general);
    store.seeUpTo(general, "m-0003");
    expect(store.unread.get(general)).toBe(1);
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0003" }]);
    // Going up again takes nothing back.
    store.seeUpTo(general, "m-0002");
    expect(store.unread.get(general)).toBe(1);
    expect(store.newSince(general)).toBe("m-0002");
  });

  it("counts what comes while one looks elsewhere in the same channel", () => {
    store.open(general);
    store.see(general, true);
    store.see(general, false);
    post(2);
    expect(store.unread.has(general)).toBe(true);
    store.see(general, true);
    store.open("c-other");
    expect(store.newSince(general)).toBeNull();
  });
});

describe("what became of a message", () => {
  beforeEach(() => {
    ready();
    store.loaded(general, "newest", [message(1), message(2)], false);
  });
  const edited = (at: number, body: string) => message(1, { body, state: { type: "edited", at } });

  it("is shown in its place, and the latest word holds", () => {
    ear(`history:${general}`);
    store.apply({ type: "message_edited", message: edited(7, "second") });
    store.apply({ type: "message_edited", message: edited(6, "first") });
    expect(bodies()).toEqual(["second", "message 2"]);
    expect(touched).toHaveLength(1);
    // A page that was on its way is older.
    store.loaded(general, "older", [message(1)], false);
    expect(bodies()).toEqual(["second", "message 2"]);
  });

  it("leaves a place without a text when it is deleted, for good", () => {
    store.apply({ type: "message_deleted", channel: general, message: "m-0001" });
    store.apply({ type: "message_edited", message: edited(9, "back") });
    store.loaded(general, "older", [edited(9, "back")], false);
    expect(store.history(general).messages[0]).toMatchObject({ body: "", state: { type: "deleted" }, mentions: [] });
    expect(bodies()).toEqual(["", "message 2"]);
  });

  it("has a preview that belongs to one state of it and only goes on", () => {
    const address = "http://a";
    const page = { type: "page", address, site: "", title: "A", description: "", picture: null } as const;
    const posted = { type: "posted" } as const;
    const shown = () => store.history(general).messages[0]?.preview?.type ?? null;
    const change = (state: Message["state"], preview: NonNullable<Message["preview"]>) =>
      store.apply({ type: "preview_changed", channel: general, message: "m-0001", state, preview });
    change(posted, page);
    expect(shown()).toBe("page");
    // A page of messages that was on its way knows nothing of it yet.
    store.loaded(general, "older", [message(1)], false);
    expect(shown()).toBe("page");
    change(posted, { type: "dismissed" });
    change(posted, page);
    store.loaded(general, "older", [message(1, { preview: page })], false);
    expect(shown()).toBe("dismissed");
    // Written anew it has another hyperlink, and what is told of the one before comes too late.
    store.apply({ type: "message_edited", message: edited(7, "no hyperlink") });
    expect(shown()).toBe(null);
    change(posted, page);
    expect(shown()).toBe(null);
    change({ type: "edited", at: 7 }, page);
    expect(shown()).toBe("page");
    store.apply({ type: "message_deleted", channel: general, message: "m-0001" });
    change({ type: "edited", at: 7 }, page);
    expect(shown()).toBe(null);
    // What was missed while away is in the page that is loaded after.
    store.loaded(general, "older", [message(2, { preview: page })], false);
    expect(store.history(general).messages[1]?.preview).toEqual(page);
  });

  it("is of no interest where it is not held", () => {
    store.apply({ type: "message_deleted", channel: "c-other", message: "m-0001" });
    store.apply({ type: "message_edited", message: message(8, { state: { type: "edited", at: 1 } }) });
    expect(bodies()).toEqual(["message 1", "message 2"]);
  });
});

describe("badges", () => {
  const reading = (newest: number, read: number) => ({ channel: general, newest, read, involvement: "mentions" as const });
  const standing = (more: Partial<Snapshot["standing"]>) =>
    ready({ standing: { readings: [], unread: [], more_unread: false, status: "online", groups: [], ...more } });
  const unread = (number: number, channel = general) => ({ message: message(number).id, channel });
  const notification = (number: number, channel = general): Notification => ({
    message: message(number).id,
    channel,
    author: ben,
    mention: { type: "user", user: ana },
    excerpt: "hi @ana",
    posted_at: number,
    read: false,
  });
  const notify = (number: number, channel = general) =>
    store.apply({ type: "notified", notification: notification(number, channel) });

  it("begin with what the server says", () => {
    standing({ readings: [reading(40, 37)], unread: [unread(39), unread(12, lounge)], more_unread: true });
    expect(store.unread.get(general)).toBe(3);
    expect(store.mentions(general)).toBe(1);
    expect(store.inbox).toEqual({ count: 2, more: true });
    store.loaded(general, "newest", [message(36), message(37), message(38, { author: ana }), message(39)], true);
    expect(store.newSince(general)).toBe("m-0039");
  });

  it("are the same however often and in whatever order the events come", () => {
    standing({ readings: [reading(1, 1)] });
    for (let times = 0; times < 2; times += 1) {
      post(2);
      notify(2);
    }
    expect([store.unread.get(general), store.mentions(general), store.inbox.count]).toEqual([1, 1, 1]);
    // Another device read it; an older word of it comes later.
    store.apply({ type: "reading_changed", reading: reading(2, 2), up_to: "m-0002" });
    store.apply({ type: "reading_changed", reading: reading(2, 1), up_to: "m-0001" });
    expect([store.unread.get(general), store.mentions(general), store.inbox.count]).toEqual([undefined, 0, 0]);
  });

  it("go with what is seen here at once, and the server is told until it knows", () => {
    standing({ readings: [reading(2, 0)], unread: [unread(1), unread(2), unread(1, lounge)] });
    store.open(general);
    store.see(general, true);
    expect(store.untoldMarks()).toEqual([]);
    store.loaded(general, "newest", [message(1), message(2)], false);
    expect([store.unread.get(general), store.mentions(general), store.inbox.count]).toEqual([undefined, 0, 1]);
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0002" }]);
    post(3);
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0003" }]);
    store.toldMark(general, "m-0002");
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0003" }]);
    store.apply({ type: "reading_changed", reading: reading(3, 3), up_to: "m-0003" });
    expect(store.untoldMarks()).toEqual([]);
  });

  it("stay gone when a new picture comes before the server was told", () => {
    standing({ readings: [reading(1, 0)], unread: [unread(1)] });
    store.loaded(general, "newest", [message(1)], false);
    store.see(general, true);
    store.see(general, false);
    standing({ readings: [reading(1, 0)], unread: [unread(1)] });
    expect([store.unread.get(general), store.mentions(general)]).toEqual([undefined, 0]);
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0001" }]);
    standing({ readings: [reading(1, 1)] });
    expect(store.untoldMarks()).toEqual([]);
  });

  it("of a mention that comes late into a channel in sight are told again", () => {
    standing({ readings: [reading(1, 1)] });
    store.loaded(general, "newest", [message(1)], false);
    store.see(general, true);
    notify(1);
    expect(store.mentions(general)).toBe(0);
    expect(store.alert).toBeNull();
    expect(store.untoldMarks()).toMatchObject([{ channel: general, message: "m-0001" }]);
  });

  it("lose one that was seen or withdrawn, and all up to one", () => {
    standing({ unread: [unread(1), unread(2), unread(3), unread(4, lounge)], more_unread: true });
    store.apply({ type: "notification_read", message: "m-0002" });
    store.apply({ type: "notification_withdrawn", message: "m-0004" });
    expect(store.inbox.count).toBe(2);
    expect(store.isUnseen("m-0001")).toBe(true);
    store.apply({ type: "inbox_read", up_to: "m-0001" });
    expect(store.inbox).toEqual({ count: 1, more: false });
  });

  it("go when one answers", () => {
    standing({ readings: [reading(1, 0)], unread: [unread(1)] });
    post(2, { author: ana });
    expect([store.unread.get(general), store.mentions(general)]).toEqual([undefined, 0]);
  });

  it("are worth a sound unless one looks or wants none", () => {
    standing({});
    ear("inbox");
    notify(1);
    expect(store.alert?.message).toBe("m-0001");
    store.apply({ type: "status_changed", status: "do_not_disturb" });
    notify(2);
    expect(store.alert?.message).toBe("m-0001");
    expect(store.undisturbed).toBe(true);
    expect(store.inbox.count).toBe(2);
    expect(touched).toHaveLength(2);
  });
});

describe("groups", () => {
  const devs = { id: "g-devs", name: "Devs", slug: "devs", color: null };
  const forDevs = () => store.meansMe(message(1, { mentions: [{ type: "group", group: devs.id }] }));

  it("come, change and go, and mean who is in them", () => {
    ready({ groups: [devs] });
    expect(forDevs()).toBe(false);
    store.apply({ type: "group_member_changed", group: devs.id, user: ben, member: true });
    expect(forDevs()).toBe(false);
    store.apply({ type: "group_member_changed", group: devs.id, user: ana, member: true });
    expect(forDevs()).toBe(true);
    store.apply({ type: "group_changed", group: { ...devs, name: "Makers" } });
    expect(store.groups.get(devs.id)?.name).toBe("Makers");
    store.apply({ type: "group_deleted", group: devs.id });
    expect(store.groups.size).toBe(0);
    expect(forDevs()).toBe(false);
  });

  it("aside, a message means whom it names, and never its author", () => {
    ready();
    const means = (more: Partial<Message>) => store.meansMe(message(1, more));
    expect(means({ mentions: [{ type: "user", user: ana }] })).toBe(true);
    expect(means({ mentions: [{ type: "user", user: ben }] })).toBe(false);
    expect(means({ mentions: [{ type: "everyone" }] })).toBe(true);
    expect(means({ mentions: [{ type: "here" }], author: ana })).toBe(false);
  });

  it("know their people once somebody asked, whatever was heard before the answer came", () => {
    ready({ groups: [devs] });
    expect(store.groupMembers(devs.id)).toBe(null);
    store.beginGroupMembers(devs.id);
    store.apply({ type: "group_member_changed", group: devs.id, user: ana, member: false });
    store.apply({ type: "group_member_changed", group: devs.id, user: ben, member: true });
    store.groupMembersLoaded(devs.id, [ana, cleo]);
    expect([...(store.groupMembers(devs.id) ?? [])]).toEqual([cleo, ben]);
    ear("groups");
    store.apply({ type: "group_member_changed", group: devs.id, user: cleo, member: false });
    store.apply({ type: "group_member_changed", group: devs.id, user: cleo, member: false });
    expect([...(store.groupMembers(devs.id) ?? [])]).toEqual([ben]);
    expect(touched).toEqual(["groups"]);
    // A load that failed leaves what was known; a new beginning forgets it.
    store.beginGroupMembers(devs.id);
    store.groupMembersLoaded(devs.id, null);
    expect(store.groupMembers(devs.id)?.size).toBe(1);
    ready({ groups: [devs] });
    expect(store.groupMembers(devs.id)).toBe(null);
  });
});

describe("people", () => {
  beforeEach(() => ready());

  it("come and go", () => {
    ear("presence");
    store.apply({ type: "presence_changed", online: [cleo, "u-dan"], away: [], do_not_disturb: [], offline: [] });
    expect(store.online.has(cleo)).toBe(true);
    store.apply({ type: "presence_changed", online: [], away: [], do_not_disturb: [], offline: [cleo, "u-nobody"] });
    expect([...store.online]).toEqual([ana, ben, "u-dan"]);
    expect(touched).toEqual(["presence", "presence"]);
  });

  it("appear and change their names", () => {
    store.apply({ type: "user_changed", user: { ...plain, id: "u-dan", username: "dan", role: "member" } });
    store.apply({ type: "user_changed", user: { ...plain, id: ben, username: "benjamin", role: "member" } });
    expect(store.users.get("u-dan")?.username).toBe("dan");
    expect(store.users.get(ben)?.username).toBe("benjamin");
  });

  it("write, stop, and are forgotten when nothing more is heard", async () => {
    store.apply({ type: "typing_changed", channel: general, user: ben, active: true });
    store.apply({ type: "typing_changed", channel: general, user: ana, active: true });
    expect(store.typing(general)).toEqual([ben]);
    await timers.pass(4_000);
    store.apply({ type: "typing_changed", channel: general, user: ben, active: true });
    await timers.pass(4_000);
    store.sweep();
    expect(store.typing(general)).toEqual([ben]);
    await timers.pass(2_100);
    store.sweep();
    expect(store.typing(general)).toEqual([]);
    store.apply({ type: "typing_changed", channel: general, user: ben, active: false });
    expect(store.typing(general)).toEqual([]);
  });
});

describe("voice rooms", () => {
  it("open with the first who comes and close with the last who goes", () => {
    ready();
    ear("rooms");
    happens(lounge, { joined: [participant(1, ben)] });
    happens(lounge, { joined: [participant(2, cleo)] });
    happens(lounge, { joined: [participant(1, ben)] });
    expect(store.room(lounge)?.participants.map((one) => one.user)).toEqual([ben, cleo]);
    happens(lounge, { left: [1] });
    happens(lounge, { left: [2] });
    happens(lounge, { left: [2] });
    expect(store.room(lounge)).toBeNull();
    expect(touched).toEqual(["rooms", "rooms"]);
  });

  it("take all that happened at once, and tell each view once", () => {
    inLounge();
    for (const topic of ["rooms", `room:${lounge}`, `room:${attic}`] as const) ear(topic);
    store.apply({
      type: "rooms_changed",
      rooms: [
        {
          channel: lounge,
          joined: [participant(3, "u-dan"), participant(4, ana)],
          changed: [participant(1, ben, { muted: true })],
          left: [2, 99],
        },
        { channel: attic, joined: [participant(5, cleo)], changed: [], left: [] },
      ],
    });
    expect(store.room(lounge)?.participants.map((one) => [one.participant, one.muted])).toEqual([
      [1, true],
      [3, false],
      [4, false],
    ]);
    expect(store.room(lounge)?.slots).toEqual([1, null]);
    expect(store.room(attic)?.participants.map((one) => one.user)).toEqual([cleo]);
    expect(touched).toEqual([`room:${lounge}`, "rooms", `room:${attic}`]);
  });

  it("show nobody twice, whatever is told late of an earlier stay", () => {
    inLounge();
    happens(lounge, { joined: [participant(4, cleo)] });
    happens(lounge, { changed: [participant(2, cleo, { muted: true })] });
    expect(store.room(lounge)?.participants.map((one) => one.participant)).toEqual([1, 4]);
    happens(lounge, { left: [2] });
    expect(store.room(lounge)?.participants.map((one) => one.participant)).toEqual([1, 4]);
  });

  it("are not opened by somebody who came and went at once", () => {
    ready();
    ear("rooms");
    happens(attic, { left: [7] });
    expect(store.room(attic)).toBeNull();
    expect(touched).toEqual([]);
  });

  it("show who is muted, deafened, connected", () => {
    inLounge();
    ear(`room:${lounge}`);
    happens(lounge, { changed: [participant(2, cleo, { muted: true, deafened: true })] });
    expect(store.room(lounge)?.participants[1]).toMatchObject({ muted: true, deafened: true });
    expect(store.room(lounge)?.participants[0]?.muted).toBe(false);
    expect(touched).toEqual([`room:${lounge}`]);
  });

  it("that nobody is in have no talk, no slots and no leaving", () => {
    ready();
    const events: ServerEvent[] = [
      { type: "speakers_changed", rooms: [{ channel: attic, speakers: [7] }] },
      { type: "slots_changed", channel: attic, slots: [7] },
      change(attic, { left: [7] }),
      { type: "speakers_changed", rooms: [{ channel: "c-nowhere", speakers: [7] }] },
    ];
    for (const event of events) store.apply(event);
    expect(store.rooms.size).toBe(0);
    expect(store.sound).toBe(false);
  });

  it("keep the slots", () => {
    inLounge();
    store.apply({ type: "slots_changed", channel: lounge, slots: [2, 1, null] });
    expect(store.room(lounge)?.slots).toEqual([2, 1, null]);
    happens(lounge, { left: [2] });
    expect(store.room(lounge)?.slots).toEqual([null, 1, null]);
  });
});

describe("talk", () => {
  beforeEach(() => inLounge());

  it("tells exactly those views that show who began and who stopped", () => {
    for (const topic of [`talking:${ben}`, `talking:${cleo}`, `speakers:${lounge}`, `room:${lounge}`, "sound"] as const) ear(topic);
    speak(1);
    expect(touched).toEqual([`talking:${ben}`, `speakers:${lounge}`, "sound"]);
    touched.length = 0;
    speak(1);
    expect(touched).toEqual([]);
    speak(1, 2);
    expect(touched).toEqual([`talking:${cleo}`, `speakers:${lounge}`]);
    touched.length = 0;
    speak();
    expect(touched).toEqual([`talking:${ben}`, `talking:${cleo}`, `speakers:${lounge}`, "sound"]);
    expect(store.isTalking(ben)).toBe(false);
  });

  it("ends with the one who leaves", () => {
    speak(1);
    happens(lounge, { left: [1] });
    expect(store.isTalking(ben)).toBe(false);
    expect(store.talkersIn(lounge).size).toBe(0);
  });

  it("of somebody not known yet counts as soon as they are", () => {
    speak(3);
    expect(store.sound).toBe(false);
    happens(lounge, { joined: [participant(3, ana)] });
    expect(store.isTalking(ana)).toBe(true);
  });

  it("goes on for somebody who moves to another room while talking", () => {
    speak(1);
    happens(attic, { joined: [participant(5, ben)] });
    store.apply({ type: "speakers_changed", rooms: [{ channel: attic, speakers: [5] }] });
    happens(lounge, { left: [1] });
    expect(store.isTalking(ben)).toBe(true);
  });

  it("is remembered: who spoke when, and since when a room is quiet", async () => {
    expect(store.spokeAt(ben)).toBeNull();
    expect(store.quietSince(lounge)).toBeNull();
    speak(1);
    await timers.pass(3_000);
    speak();
    expect(store.spokeAt(ben)).toBe(3_000);
    expect(store.quietSince(lounge)).toBe(3_000);
  });

  it("is not known while the link is gone, and known again when it is back", () => {
    speak(1);
    store.cutOff(true);
    expect(store.isTalking(ben)).toBe(false);
    expect(store.sound).toBe(false);
    store.cutOff(false);
    expect(store.isTalking(ben)).toBe(true);
    store.cutOff(true);
    inLounge();
    speak(2);
    expect(store.isTalking(cleo)).toBe(true);
  });

  it("leaves a pulse", async () => {
    speak(1);
    await timers.pass(4_000);
    speak();
    await timers.pass(2_000);
    expect(store.pulse(lounge).slice(-3)).toEqual([1, 1, 0]);
  });
});

describe("one's own join", () => {
  const answer = (more = {}) => ({
    channel: lounge,
    participants: [participant(1, ben), participant(2, cleo), participant(3, ana)],
    speakers: [1],
    slots: [1, 2, 3],
    ...more,
  });

  beforeEach(() => inLounge());

  it("brings the room as it is", () => {
    store.beginJoin(lounge);
    store.endJoin(answer());
    expect(store.room(lounge)?.participants).toHaveLength(3);
    expect(store.room(lounge)?.slots).toEqual([1, 2, 3]);
    expect(store.isTalking(ben)).toBe(true);
  });

  it("does not bring back who left while it was under way, nor older talk, slots or mutes", () => {
    store.beginJoin(lounge);
    happens(lounge, { left: [2] });
    happens(lounge, { changed: [participant(1, ben, { muted: true })] });
    happens(lounge, { joined: [participant(4, "u-dan")] });
    store.apply({ type: "speakers_changed", rooms: [{ channel: lounge, speakers: [] }] });
    store.apply({ type: "slots_changed", channel: lounge, slots: [1, 4, 3] });
    store.endJoin(answer());
    const room = store.room(lounge);
    expect(room?.participants.map((one) => one.participant)).toEqual([1, 3, 4]);
    expect(room?.participants[0]?.muted).toBe(true);
    expect(room?.slots).toEqual([1, 4, 3]);
    expect(store.isTalking(ben)).toBe(false);
  });

  it("does not bring back an earlier stay of somebody who came again while it was under way", () => {
    store.beginJoin(lounge);
    happens(lounge, { joined: [participant(4, cleo)] });
    store.endJoin(answer());
    expect(store.room(lounge)?.participants.map((one) => one.participant)).toEqual([1, 3, 4]);
  });

  it("that was overtaken by another one leaves that one alone", () => {
    store.beginJoin(lounge);
    store.beginJoin(attic);
    store.endJoin(answer());
    expect(store.room(lounge)?.participants).toHaveLength(2);
    store.endJoin({ ...answer(), channel: attic });
    expect(store.room(attic)?.participants).toHaveLength(3);
  });

  it("that was refused changes nothing", () => {
    const before = store.room(lounge);
    store.beginJoin(lounge);
    store.endJoin(null);
    expect(store.room(lounge)).toBe(before);
  });
});

it("lets events pass that a newer server may know", () => {
  ready();
  expect(() => store.apply({ type: "fireworks" } as unknown as ServerEvent)).not.toThrow();
  expect(() => store.apply({ type: "voice_ended", channel: lounge, participant: 1, reason: "failed" })).not.toThrow();
});

it("tells nobody who stopped listening", () => {
  const stop = ear("server");
  stop();
  ready();
  expect(touched).toEqual([]);
});

describe("channels", () => {
  it("are there as soon as they are made, once, and at the end of the list", () => {
    ready();
    ear("server");
    const garden = bareChannel("c-garden", "text", "Garden", 4);
    store.apply({ type: "channel_created", channel: garden });
    store.apply({ type: "channel_created", channel: garden });
    expect(store.channels.map((one) => one.name)).toEqual(["general", "Lounge", "Attic", "Garden"]);
    expect(touched).toContain("server");
  });

  it("change in their place", () => {
    ready();
    const before = store.channels;
    const changed = { ...bareChannel(lounge, "voice", "Lounge", 2), max_speakers: 1 };
    store.apply({ type: "channel_updated", channel: changed });
    expect(store.channels.map((one) => one.max_speakers)).toEqual([null, 1, null]);
    expect(before[1]?.max_speakers, "what was handed out stays").toBeNull();
  });

  it("stand where they are put, and move with their heading", () => {
    ready({ categories: [{ id: "k-work", name: "Work", position: 1 }] });
    store.apply({ type: "channel_updated", channel: { ...bareChannel(general, "text", "general", 1), category: "k-work" } });
    const names = () => store.channels.map((one) => one.name);
    expect(names()).toEqual(["Lounge", "Attic", "general"]);
    store.apply({ type: "category_changed", category: { id: "k-play", name: "Play", position: 0 } });
    expect(store.categories.map((one) => one.name)).toEqual(["Play", "Work"]);
    store.apply({ type: "category_removed", category: "k-work" });
    expect(names()).toEqual(["general", "Lounge", "Attic"]);
  });

  it("are gone with everything in them", () => {
    inLounge();
    post(1);
    const reading = { channel: general, newest: 5, read: 1, involvement: "mentions" } as const;
    store.apply({ type: "reading_changed", reading, up_to: null });
    expect(store.unread.get(general)).toBe(4);
    for (const channel of [general, lounge]) store.apply({ type: "channel_removed", channel });
    expect(store.channels.map((one) => one.name)).toEqual(["Attic"]);
    expect(store.unread.size).toBe(0);
    expect(store.rooms.size).toBe(0);
    expect(bodies()).toEqual([]);
  });

  it("show who is in their room to whoever comes later", () => {
    ready();
    store.apply({ type: "room_shown", room: { channel: attic, participants: [participant(4, ben)], speakers: [4], slots: [4] } });
    expect(store.isTalking(ben)).toBe(true);
  });

  it("tell who is in them, once that was asked", () => {
    ready();
    store.apply({ type: "membership_changed", channel: general, user: cleo, member: true });
    expect(store.members(general)).toBeNull();
    store.membersLoaded(general, [ana, ben]);
    store.apply({ type: "membership_changed", channel: general, user: cleo, member: true });
    store.apply({ type: "membership_changed", channel: general, user: ben, member: false });
    expect([...(store.members(general) ?? [])]).toEqual([ana, cleo]);
  });
});
