import { beforeEach, describe, expect, it } from "vitest";
import { Client } from "./client";
import { IDLE_MS } from "./idle";
import type { Message, Notification, Request, ServerEvent, Snapshot } from "./protocol";
import type { Wire } from "./socket";
import { openEars } from "./store/hearing.fake";
import { bareChannel } from "./store/channel.fake";
import { BEFORE_ALL } from "./store/history";
import { FakeTimers, settle } from "./timers.fake";

const ana = "u-ana";
const ben = "u-ben";
const general = "c-general";
const lounge = "c-lounge";

/** A server in a few lines: it answers what it is told to answer, and keeps what was asked. */
class FakeServer implements Wire {
  onopen: Wire["onopen"] = null;
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  readonly asked: ({ id: number } & Request)[] = [];
  private seq = 0;

  send(text: string) {
    this.asked.push(JSON.parse(text) as { id: number } & Request);
  }
  close() {}
  says(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  event(event: ServerEvent) {
    this.says({ seq: ++this.seq, ...event });
  }
  /** Answers the last request of this type, or one so many before it. */
  async answers(type: Request["type"], result: unknown, before = 0) {
    const request = this.asked.filter((one) => one.type === type).at(-1 - before);
    this.says({ id: request?.id, result });
    await settle();
  }
  async refuses(type: Request["type"], code: string) {
    const request = this.asked.findLast((one) => one.type === type);
    this.says({ id: request?.id, error: { code, message: "" } });
    await settle();
  }
  all<T extends Request["type"]>(type: T) {
    return this.asked.filter((one): one is { id: number } & Extract<Request, { type: T }> => one.type === type);
  }
  async welcomes(more: Partial<Snapshot> | "resumed" = {}) {
    this.onopen?.();
    await this.answers("hello", { type: "welcome", connection: "c1", resumed: more === "resumed" });
    if (more !== "resumed") this.event({ type: "ready", snapshot: { ...snapshot, ...more } });
    await settle();
  }
  async dies() {
    this.onclose?.({ code: 1006 });
    await settle();
  }
}

/** What most people have in common. */
const plain = { display_name: null, avatar: null, state: "active" } as const;

const snapshot: Snapshot = {
  server_name: "Harbour Street",
  version: "1",
  slots: 8,
  me: ana,
  users: [
    { ...plain, id: ana, username: "ana", role: "admin" },
    { ...plain, id: ben, username: "ben", role: "member" },
  ],
  online: [ana],
  away: [],
  do_not_disturb: [],
  channels: [
    bareChannel(general, "text", "general", 1),
    bareChannel(lounge, "voice", "Lounge", 2),
  ],
  rooms: [],
  voice_load: "normal",
  switches: { voice: true, registration: "open", link_previews: true },
  categories: [],
  groups: [],
  standing: { readings: [], unread: [], more_unread: false, status: "online", groups: [] },
  hearing: openEars,
};

const message = (number: number, more: Partial<Message> = {}): Message => ({
  id: `m-${String(number).padStart(4, "0")}`,
  channel: general,
  author: ben,
  body: `message ${number}`,
  posted_at: number,
  nonce: `n-${number}`,
  number,
  state: { type: "posted" },
  mentions: [],
  preview: null,
  ...more,
});

let timers: FakeTimers;
let wires: FakeServer[];
let signedIn: boolean;
let signedOut: number;
let client: Client;

const server = () => wires.at(-1) as FakeServer;
const bodies = () => client.store.history(general).messages.map((one) => one.body);
const pending = () => client.store.history(general).pending;

/** The messages 499 and 500, with more on both sides. */
const showsMiddle = async () => {
  if (client.link.state !== "open") await server().welcomes();
  client.open(general);
  if (client.store.history(general).newest === "loading") {
    await server().answers("load_messages", { type: "messages", messages: [message(900)], more: true });
  }
  const brought = client.bringInto(general, "m-0500");
  await server().answers("load_messages", { type: "messages", messages: [message(499)], more: true });
  await server().answers("load_messages", { type: "messages", messages: [message(500)], more: true });
  expect(await brought).toBe("there");
  expect(bodies()).toEqual(["message 499", "message 500"]);
};

beforeEach(() => {
  timers = new FakeTimers();
  wires = [];
  signedIn = true;
  signedOut = 0;
  let nonces = 0;
  client = new Client({
    timers,
    dial: () => {
      wires.push(new FakeServer());
      return server();
    },
    nonce: () => `nonce-${++nonces}`,
    stillSignedIn: async () => signedIn,
    signedOut: () => (signedOut += 1),
    voice: {
      openPeer: () => {
        throw new Error("no voice in this test");
      },
      codecs: () => [],
      openMicrophone: async () => ({ refused: "missing" }),
      loudspeakers: { play: () => {}, silence: () => {}, soften: () => {}, volumes: () => {}, stop: () => {} },
      remembered: { muted: null, remember: () => {} },
    },
  });
  client.start();
});

describe("an admin", () => {
  it("has a new channel as soon as it is made, whenever the event comes", async () => {
    await server().welcomes();
    const made = client.channels.create("Garden", "voice", [{ max_speakers: 3 }]);
    await settle();
    expect(server().all("create_channel")).toMatchObject([{ name: "Garden", kind: "voice", settings: [{ max_speakers: 3 }] }]);
    const channel = { ...bareChannel("c-garden", "voice", "Garden"), max_speakers: 3 };
    await server().answers("create_channel", { type: "channel_created", channel });
    expect(await made).toEqual(channel);
    server().event({ type: "channel_created", channel });
    expect(client.store.channels.filter((one) => one.id === channel.id)).toEqual([channel]);
  });
});

describe("a page that nobody touches", () => {
  /** Time goes by, and the server says that it is there. */
  const passes = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      await timers.pass(Math.min(left, 5_000));
      if (server().all("ping").length > 0) await server().answers("ping", { type: "done" });
    }
  };
  const idle = () => server().all("set_idle").map((one) => one.idle);

  it("is told of after ten minutes, and again when somebody is back", async () => {
    await server().welcomes();
    await passes(IDLE_MS - 5_000);
    expect(idle()).toEqual([]);
    client.touch();
    await passes(IDLE_MS - 5_000);
    expect(idle()).toEqual([]);
    await passes(5_000);
    expect(idle()).toEqual([true]);
    await server().answers("set_idle", { type: "done" });
    client.touch();
    expect(idle()).toEqual([true, false]);
    await server().answers("set_idle", { type: "done" });
    await passes(5_000);
    expect(idle()).toEqual([true, false]);
  });

  it("is told of until the server knows, and to a new connection once more", async () => {
    await server().welcomes();
    await passes(IDLE_MS);
    await server().refuses("set_idle", "rate_limited");
    await passes(2_000);
    expect(idle()).toEqual([true, true]);
    await server().answers("set_idle", { type: "done" });
    await server().dies();
    await passes(1_000);
    await server().welcomes();
    await passes(2_000);
    expect(idle()).toEqual([true]);
  });

  it("is in use while its user talks", async () => {
    const seat = { participant: 1, user: ana, muted: false, deafened: false, media: "connected", signal: null } as const;
    await server().welcomes({ rooms: [{ channel: lounge, participants: [seat], speakers: [1], slots: [1] }] });
    await passes(2 * IDLE_MS);
    expect(idle()).toEqual([]);
  });
});

describe("the inbox", () => {
  const notification = (number: number): Notification => ({
    message: `m-${number}`,
    channel: general,
    author: ben,
    mention: { type: "user", user: ana },
    excerpt: `words ${number}`,
    posted_at: number,
    read: false,
  });
  const page = (more: boolean, ...numbers: number[]) => ({ type: "notifications", notifications: numbers.map(notification), more });
  const shown = () => client.store.inboxItems.items.map((one) => one.message);

  it("begins with what is unread and goes on in pages", async () => {
    await server().welcomes();
    client.openInbox("unread");
    expect(client.store.inboxItems.state).toBe("loading");
    expect(server().all("load_notifications")).toMatchObject([{ before: null, unread: true }]);
    await server().answers("load_notifications", page(true, 9, 8));
    client.loadOlderInbox();
    client.loadOlderInbox();
    expect(server().all("load_notifications").slice(1)).toMatchObject([{ before: "m-8", unread: true }]);
    await server().refuses("load_notifications", "internal");
    expect(client.store.inboxItems.older).toBe("failed");
    client.loadOlderInbox();
    await server().answers("load_notifications", page(false, 7));
    expect(shown()).toEqual(["m-9", "m-8", "m-7"]);
    client.loadOlderInbox();
    expect(server().all("load_notifications")).toHaveLength(3);
    client.openInbox(null);
    expect(shown()).toEqual([]);
  });

  it("takes no answer to an earlier question for that to a later one", async () => {
    await server().welcomes();
    client.openInbox("unread");
    client.openInbox("all");
    await server().answers("load_notifications", page(false, 1), 1);
    expect(client.store.inboxItems).toMatchObject({ view: "all", state: "loading", items: [] });
    await server().answers("load_notifications", page(false, 2));
    expect(shown()).toEqual(["m-2"]);
  });

  it("that could not be had is tried again by whoever asks, and when the link is back", async () => {
    await server().welcomes();
    client.openInbox("all");
    await server().refuses("load_notifications", "internal");
    expect(client.store.inboxItems.state).toBe("failed");
    client.retryInbox();
    await server().answers("load_notifications", page(false, 2));
    await server().dies();
    expect(shown()).toEqual(["m-2"]);
    await timers.pass(1_000);
    await server().welcomes();
    await server().answers("load_notifications", page(false, 3, 2));
    expect(shown()).toEqual(["m-3", "m-2"]);
  });
});

describe("reading", () => {
  it("loads the newest page of the channel that is opened, once", async () => {
    await server().welcomes();
    client.open(general);
    client.open(general);
    expect(server().all("load_messages")).toMatchObject([{ channel: general, page: "latest" }]);
    await server().answers("load_messages", { type: "messages", messages: [message(2), message(3)], more: true });
    expect(bodies()).toEqual(["message 2", "message 3"]);
    client.loadOlder(general);
    client.loadOlder(general);
    expect(server().all("load_messages").slice(1)).toMatchObject([{ page: { before: "m-0002" } }]);
    await server().answers("load_messages", { type: "messages", messages: [message(1)], more: false });
    expect(bodies()).toEqual(["message 1", "message 2", "message 3"]);
    client.loadOlder(general);
    expect(server().all("load_messages")).toHaveLength(2);
  });

  it("goes back to the end by what comes after, page after page", async () => {
    await showsMiddle();
    client.loadNewer(general);
    client.loadNewer(general);
    expect(server().all("load_messages").slice(-1)).toMatchObject([{ page: { after: "m-0500" } }]);
    server().event({ type: "message_posted", message: message(502) });
    expect(bodies()).toEqual(["message 499", "message 500"]);
    await server().answers("load_messages", { type: "messages", messages: [message(501)], more: false });
    expect(bodies()).toEqual([499, 500, 501, 502].map((number) => `message ${number}`));
    const asked = server().all("load_messages").length;
    client.loadNewer(general);
    expect(server().all("load_messages")).toHaveLength(asked);
  });

  it("goes to the end at once when asked, and when something is written", async () => {
    await showsMiddle();
    client.toNewest(general);
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: "latest" });
    await server().answers("load_messages", { type: "messages", messages: [message(900)], more: true });
    expect(bodies()).toEqual(["message 900"]);
    await showsMiddle();
    client.post(general, "hello");
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: "latest" });
    expect(pending()).toMatchObject([{ body: "hello" }]);
  });

  it("takes no page for a part that is no longer shown", async () => {
    await showsMiddle();
    client.loadOlder(general);
    client.toNewest(general);
    await server().answers("load_messages", { type: "messages", messages: [message(498)], more: true }, 1);
    expect(bodies()).not.toContain("message 498");
    await server().answers("load_messages", { type: "messages", messages: [message(900)], more: true });
    expect(bodies()).toEqual(["message 900"]);
  });

  it("has no gap to close where the end is not held", async () => {
    await showsMiddle();
    await server().dies();
    await timers.pass(250);
    await server().welcomes();
    expect(server().all("load_messages")).toEqual([]);
    expect(client.store.history(general)).toMatchObject({ newer: "more", gapAfter: null });
  });

  it("does not bring what is not there", async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(900)], more: true });
    expect(await client.bringInto(general, "m-0900")).toBe("there");
    const brought = client.bringInto(general, "m-0001");
    await server().answers("load_messages", { type: "messages", messages: [], more: false });
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: { after: BEFORE_ALL } });
    await server().answers("load_messages", { type: "messages", messages: [message(2)], more: true });
    expect(await brought).toBe("absent");
    expect(bodies()).toEqual(["message 900"]);
  });

  it("shows a part of a channel whose newest messages were on their way, and leaves no hole behind it", async () => {
    await server().welcomes();
    client.open(general);
    const brought = client.bringInto(general, "m-0500");
    const answer = (messages: Message[], before: number) => server().answers("load_messages", { type: "messages", messages, more: true }, before);
    await answer([message(499)], 0);
    await answer([message(500)], 0);
    expect(await brought).toBe("there");
    await answer([message(900)], 2);
    expect(bodies()).toEqual(["message 499", "message 500"]);
    client.toNewest(general);
    await answer([message(900)], 0);
    expect(bodies()).toEqual(["message 900"]);
  });

  it("says when a message cannot be had, and when there is none of this name", async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(900)], more: true });
    const nonsense = client.bringInto(general, "nonsense");
    await settle();
    await server().refuses("load_messages", "malformed");
    expect(await nonsense).toBe("absent");
    const lost = client.bringInto(general, "m-0001");
    await server().dies();
    expect(await lost).toBe("unreachable");
  });

  it("goes to the first new message, however far above it is", async () => {
    const reading = { channel: general, newest: 900, read: 120, involvement: "mentions" as const };
    await server().welcomes({ standing: { ...snapshot.standing, readings: [reading] } });
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(899), message(900)], more: true });
    // The line does not stand above what is only the first that is held.
    expect(client.store.newSince(general)).toBeNull();
    expect(client.store.newAfter(general)).toBe(120);
    const brought = client.bringNew(general);
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: { from: 121 } });
    await server().answers("load_messages", { type: "messages", messages: [message(121, { author: ana }), message(122)], more: true });
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: { before: "m-0121" } });
    await server().answers("load_messages", { type: "messages", messages: [message(119), message(120)], more: true });
    expect(await brought).toEqual({ brought: "there", message: "m-0122" });
    expect(bodies()).toEqual(["message 119", "message 120", "message 121", "message 122"]);
    expect(await client.bringNew(general)).toEqual({ brought: "there", message: "m-0122" });
  });

  it("loads a channel that was opened before there was a link", async () => {
    client.open(general);
    await settle();
    expect(client.store.history(general).newest).toBe("failed");
    await server().welcomes();
    expect(server().all("load_messages")).toHaveLength(1);
  });

  it("asks for what it missed when a whole new picture comes, page after page", async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(1)], more: false });
    await server().dies();
    await timers.pass(250);
    await server().welcomes();
    server().event({ type: "message_posted", message: message(9) });
    expect(server().all("load_messages")).toMatchObject([{ page: { after: BEFORE_ALL } }]);
    await server().answers("load_messages", { type: "messages", messages: [message(2), message(3)], more: true });
    expect(server().all("load_messages")[1]).toMatchObject({ page: { after: "m-0003" } });
    await server().answers("load_messages", { type: "messages", messages: [message(4)], more: false });
    expect(bodies()).toEqual([1, 2, 3, 4, 9].map((number) => `message ${number}`));
  });

  it("starts from the newest when it was away for too long", async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(1)], more: false });
    await server().dies();
    await timers.pass(250);
    await server().welcomes();
    for (let page = 0; page < 4; page += 1) {
      await server().answers("load_messages", { type: "messages", messages: [message(10 + page)], more: true });
    }
    expect(server().all("load_messages").at(-1)).toMatchObject({ page: "latest" });
    await server().answers("load_messages", { type: "messages", messages: [message(99)], more: true });
    expect(bodies()).toEqual(["message 99"]);
  });

  it("keeps the gap in mind when the link is lost while closing it", async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(1)], more: false });
    await server().dies();
    await timers.pass(250);
    await server().welcomes();
    await server().dies();
    await timers.pass(1_000);
    await server().welcomes("resumed");
    expect(server().all("load_messages")).toMatchObject([{ page: { after: BEFORE_ALL } }]);
  });
});

describe("marks of reading", () => {
  beforeEach(async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [message(1)], more: false });
    client.store.see(general, true);
  });

  it("are told once a beat, the newest only, and not again", async () => {
    server().event({ type: "message_posted", message: message(2) });
    server().event({ type: "message_posted", message: message(3) });
    expect(server().all("mark_read")).toEqual([]);
    await timers.pass(1_000);
    expect(server().all("mark_read")).toMatchObject([{ channel: general, message: "m-0003" }]);
    await timers.pass(1_000);
    expect(server().all("mark_read"), "one at a time").toHaveLength(1);
    await server().answers("mark_read", { type: "done" });
    await timers.pass(5_000);
    expect(server().all("mark_read")).toHaveLength(1);
  });

  it("are told sparingly while one looks, at once when a mention was among it or one leaves", async () => {
    const told = () => server().all("mark_read").map((one) => one.message);
    const beat = async (number: number) => {
      server().event({ type: "message_posted", message: message(number) });
      await timers.pass(1_000);
      await server().answers("mark_read", { type: "done" });
    };
    for (const number of [2, 3, 4, 5, 6]) await beat(number);
    expect(told()).toEqual(["m-0002"]);
    await beat(7);
    expect(told()).toEqual(["m-0002", "m-0007"]);
    const notification = { channel: general, author: ben, excerpt: "", posted_at: 8, read: false };
    server().event({
      type: "notified",
      notification: { ...notification, message: "m-0008", mention: { type: "everyone" } },
    });
    await beat(8);
    expect(told().at(-1)).toBe("m-0008");
    await beat(9);
    expect(told().at(-1)).toBe("m-0008");
    client.open(null);
    await timers.pass(1_000);
    expect(told().at(-1)).toBe("m-0009");
  });

  it("are told when the link is back", async () => {
    await server().dies();
    await timers.pass(250);
    await server().welcomes("resumed");
    expect(server().all("mark_read")).toMatchObject([{ message: "m-0001" }]);
  });

  it("are given up where there is nothing to read any more", async () => {
    await timers.pass(1_000);
    await server().refuses("mark_read", "not_found");
    await timers.pass(2_000);
    expect(server().all("mark_read")).toHaveLength(1);
  });

  it("are tried again after any other refusal", async () => {
    await timers.pass(1_000);
    await server().refuses("mark_read", "rate_limited");
    await timers.pass(1_000);
    expect(server().all("mark_read")).toHaveLength(2);
  });
});

describe("a message of one's own", () => {
  it("is edited as soon as the server says so, whenever the event comes", async () => {
    await server().welcomes();
    client.open(general);
    const mine = message(1, { author: ana });
    await server().answers("load_messages", { type: "messages", messages: [mine], more: false });
    const edit = client.editMessage(mine.id, "better");
    await settle();
    expect(server().all("edit_message")).toMatchObject([{ message: mine.id, body: "better" }]);
    const better: Message = { ...mine, body: "better", state: { type: "edited", at: 5 } };
    await server().answers("edit_message", { type: "message_edited", message: better });
    await edit;
    expect(bodies()).toEqual(["better"]);
    server().event({ type: "message_edited", message: better });
    expect(bodies()).toEqual(["better"]);
    void client.deleteMessage(mine.id);
    await settle();
    expect(server().all("delete_message")).toMatchObject([{ message: mine.id }]);
    server().event({ type: "message_deleted", channel: general, message: mine.id });
    expect(bodies()).toEqual([""]);
  });
});

describe("writing", () => {
  beforeEach(async () => {
    await server().welcomes();
    client.open(general);
    await server().answers("load_messages", { type: "messages", messages: [], more: false });
  });

  it("shows the post at once and the server's message after it", async () => {
    client.post(general, "  hello  ");
    expect(pending()).toMatchObject([{ body: "hello", failure: null }]);
    expect(server().all("post_message")).toMatchObject([{ body: "hello", nonce: "nonce-1" }]);
    await server().answers("post_message", {
      type: "message_posted",
      message: message(1, { author: ana, nonce: "nonce-1", body: "hello" }),
    });
    expect(pending()).toEqual([]);
    expect(bodies()).toEqual(["hello"]);
  });

  it("posts nothing when there is nothing", () => {
    client.post(general, " \n ");
    expect(pending()).toEqual([]);
  });

  it("keeps the order: the next goes when the one before is there", async () => {
    client.post(general, "one");
    client.post(general, "two");
    expect(server().all("post_message").map((one) => one.body)).toEqual(["one"]);
    await server().answers("post_message", { type: "message_posted", message: message(1, { author: ana, nonce: "nonce-1" }) });
    expect(server().all("post_message").map((one) => one.body)).toEqual(["one", "two"]);
  });

  it("sends again with the same nonce after the link was lost, and shows it once", async () => {
    client.post(general, "hello");
    await server().dies();
    expect(pending()).toMatchObject([{ failure: null }]);
    await timers.pass(250);
    await server().welcomes("resumed");
    expect(server().all("post_message")).toMatchObject([{ body: "hello", nonce: "nonce-1" }]);
    const stored = message(1, { author: ana, nonce: "nonce-1", body: "hello" });
    server().event({ type: "message_posted", message: stored });
    await server().answers("post_message", { type: "message_posted", message: stored });
    expect(bodies()).toEqual(["hello"]);
    expect(pending()).toEqual([]);
  });

  it("takes what is written offline and sends it in order when it is back, with a new picture too", async () => {
    await server().dies();
    client.post(general, "one");
    client.post(general, "two");
    await timers.pass(250);
    await server().welcomes();
    await server().answers("post_message", { type: "message_posted", message: message(1, { author: ana, nonce: "nonce-1" }) });
    await server().answers("post_message", { type: "message_posted", message: message(2, { author: ana, nonce: "nonce-2" }) });
    expect(server().all("post_message").map((one) => one.nonce)).toEqual(["nonce-1", "nonce-2"]);
    expect(pending()).toEqual([]);
  });

  it("says why a post was refused, and lets the next one pass", async () => {
    client.post(general, "one");
    client.post(general, "two");
    await server().refuses("post_message", "rate_limited");
    expect(pending()).toMatchObject([{ body: "one", failure: "rate_limited" }, { body: "two", failure: null }]);
    await server().answers("post_message", { type: "message_posted", message: message(2, { author: ana, nonce: "nonce-2" }) });
    client.sendAgain(general, "nonce-1");
    expect(server().all("post_message").at(-1)).toMatchObject({ body: "one", nonce: "nonce-1" });
    await server().refuses("post_message", "not_allowed");
    client.discard(general, "nonce-1");
    expect(pending()).toEqual([]);
  });

  it("tries a silent server three times, always with the same nonce", async () => {
    client.post(general, "hello");
    for (let tries = 0; tries < 3; tries += 1) {
      await timers.pass(10_000);
      // Something else proves that the link lives.
      server().event({ type: "presence_changed", online: [ben], away: [], do_not_disturb: [], offline: [] });
    }
    expect(server().all("post_message").map((one) => one.nonce)).toEqual(["nonce-1", "nonce-1", "nonce-1"]);
    expect(pending()).toMatchObject([{ failure: "silent" }]);
  });

  it("tells the others at most every two seconds that one writes, and when one stops", async () => {
    client.setTyping(general, true);
    client.setTyping(general, true);
    await timers.pass(1_999);
    client.setTyping(general, true);
    await timers.pass(1);
    client.setTyping(general, true);
    client.setTyping(general, false);
    client.setTyping(general, false);
    expect(server().all("set_typing").map((one) => one.active)).toEqual([true, true, false]);
  });
});

describe("the session", () => {
  it("is over when the server says so", async () => {
    await server().welcomes();
    server().onclose?.({ code: 4001 });
    await settle();
    expect(signedOut).toBe(1);
  });

  it("is looked after when sockets are refused", async () => {
    signedIn = false;
    await server().dies();
    expect(signedOut).toBe(1);
    await timers.pass(60_000);
    expect(wires).toHaveLength(1);
  });

  it("is not given up because the server is away", async () => {
    await server().dies();
    await timers.pass(10_000);
    expect(signedOut).toBe(0);
    expect(wires.length).toBeGreaterThan(2);
  });
});

describe("voice", () => {
  it("hears of every stay that ended, one's own may be among them", async () => {
    await server().welcomes();
    const left: number[] = [];
    client.voice.left = (participant) => left.push(participant);
    const nobody = { joined: [], changed: [] };
    server().event({
      type: "rooms_changed",
      rooms: [
        { channel: lounge, left: [1, 3], ...nobody },
        { channel: "c-attic", left: [5], ...nobody },
      ],
    });
    expect(left).toEqual([1, 3, 5]);
  });

  it("takes only its own stay for its own, also when numbers began again", async () => {
    await server().welcomes();
    const listed: boolean[] = [];
    client.voice.signalReady = (isListed, elsewhere) => {
      listed.push(isListed(3), elsewhere(null));
    };
    Object.defineProperty(client.voice, "channel", { value: lounge });
    const stay = (user: string) => ({
      channel: lounge,
      participants: [{ participant: 3, user, muted: false, deafened: false, media: "connected" as const, signal: null }],
      speakers: [],
      slots: [],
    });
    server().event({ type: "ready", snapshot: { ...snapshot, rooms: [stay(ben)] } });
    server().event({ type: "ready", snapshot: { ...snapshot, rooms: [stay(ana)] } });
    expect(listed).toEqual([false, false, true, true]);
  });
});
