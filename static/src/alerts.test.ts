import { beforeEach, describe, expect, it } from "vitest";
import { Alerts, type AlertPorts } from "./alerts";
import type { Involvement, Snapshot } from "./protocol";
import { bareChannel } from "./store/channel.fake";
import { openEars } from "./store/hearing.fake";
import { Store } from "./store/store";
import { FakeTimers, settle } from "./timers.fake";

const ana = "u-ana";
const ben = "u-ben";
const general = "c-general";

const snapshot: Snapshot = {
  server_name: "Harbour Street",
  version: "1",
  slots: 8,
  me: ana,
  users: [],
  online: [ana, ben],
  away: [],
  do_not_disturb: [],
  channels: [bareChannel(general, "text", "general", 1)],
  rooms: [],
  voice_load: "normal",
  switches: { voice: true, registration: "open", link_previews: true },
  categories: [],
  groups: [],
  standing: { readings: [], unread: [], more_unread: false, status: "online", groups: [] },
  hearing: openEars,
};

let store: Store;
let told: string[];
let pressed: Map<string, () => void>;
let ports: AlertPorts;
let watched: boolean;
let alerts: Alerts;

beforeEach(() => {
  store = new Store(new FakeTimers());
  told = [];
  pressed = new Map();
  watched = false;
  ports = {
    speaks: () => true,
    watched: async () => watched,
    wishes: () => ({ popUps: true, sounds: { mention: true, message: true } }),
    play: (kind) => told.push(`sound ${kind}`),
    show: ({ tag, title, body, pressed: press }) => {
      told.push(`${title}: ${body}`);
      pressed.set(tag, press);
      return { close: () => told.push(`close ${tag}`) };
    },
    title: ({ author, channel }) => `${author} in ${channel}`,
    go: (channel, message) => told.push(`go ${channel} ${message}`),
  };
  store.apply({ type: "ready", snapshot });
  alerts = new Alerts(store, ports);
});

async function posts(number: number, { body = `words ${number}`, mentions = false } = {}) {
  const id = `m-${number}`;
  const about = { channel: general, author: ben, posted_at: number };
  const means = { type: "user", user: ana } as const;
  store.apply({
    type: "message_posted",
    message: { ...about, id, body, nonce: id, number, state: { type: "posted" }, mentions: mentions ? [means] : [], preview: null },
  });
  if (mentions) {
    store.apply({ type: "notified", notification: { ...about, message: id, mention: means, excerpt: body, read: false } });
  }
  await settle();
}

function wantsToHear(involvement: Involvement) {
  store.apply({ type: "reading_changed", reading: { channel: general, newest: 0, read: 0, involvement }, up_to: null });
}

const popUps = () => told.filter((one) => one.startsWith(ben));

describe("a mention", () => {
  it("is a sound and a pop-up without marks of writing, once", async () => {
    await posts(1, { body: "@ana **look** at `this`", mentions: true });
    expect(told).toEqual(["sound mention", `${ben} in ${general}: @ana look at this`]);
    await posts(1, { body: "@ana **look** at `this`", mentions: true });
    expect(told).toHaveLength(2);
  });

  it("is nothing where another page speaks, or where somebody looks at the channel", async () => {
    ports.speaks = () => false;
    await posts(1, { mentions: true });
    ports.speaks = () => true;
    watched = true;
    await posts(2, { mentions: true });
    store.see(general, true);
    watched = false;
    await posts(3, { mentions: true });
    expect(told).toEqual([]);
  });

  it("is nothing to who is not to be disturbed, and counts", async () => {
    await posts(1, { mentions: true });
    told = [];
    store.apply({ type: "status_changed", status: "do_not_disturb" });
    expect(told).toEqual(["close m-1"]);
    await posts(2, { mentions: true });
    expect(told).toEqual(["close m-1"]);
    expect(store.inbox.count).toBe(2);
  });

  it("is what this device wants it to be", async () => {
    ports.wishes = () => ({ popUps: false, sounds: { mention: true, message: true } });
    await posts(1, { mentions: true });
    ports.wishes = () => ({ popUps: true, sounds: { mention: false, message: true } });
    await posts(2, { mentions: true });
    expect(told).toEqual(["sound mention", `${ben} in ${general}: words 2`]);
  });

  it("leads to the message and goes", async () => {
    await posts(1, { mentions: true });
    pressed.get("m-1")?.();
    expect(told.slice(-2)).toEqual(["close m-1", `go ${general} m-1`]);
  });

  it("goes when it was read elsewhere, one by one or all at once", async () => {
    for (const number of [1, 2, 3]) await posts(number, { mentions: true });
    told = [];
    store.apply({ type: "notification_read", message: "m-2" });
    expect(told).toEqual(["close m-2"]);
    store.apply({ type: "inbox_read", up_to: "m-3" });
    expect(told).toEqual(["close m-2", "close m-1", "close m-3"]);
    await posts(4, { mentions: true });
    alerts.stop();
    expect(told.at(-1)).toBe("close m-4");
  });

  it("that was read before anybody knew whether the channel is watched is not told of", async () => {
    ports.watched = async () => {
      store.apply({ type: "notification_read", message: "m-1" });
      return false;
    };
    await posts(1, { mentions: true });
    expect(told).toEqual([]);
  });
});

describe("a message", () => {
  it("is told of where one wants to hear everything, and only there", async () => {
    await posts(1);
    wantsToHear("nothing");
    await posts(2);
    expect(told).toEqual([]);
    wantsToHear("everything");
    await posts(3);
    expect(told).toEqual(["sound message", `${ben} in ${general}: words 3`]);
    await posts(4, { mentions: true });
    expect(told.slice(2)).toEqual(["sound mention", `${ben} in ${general}: words 4`]);
    store.apply({ type: "reading_changed", reading: { channel: general, newest: 4, read: 4, involvement: "everything" }, up_to: "m-4" });
    expect(told.slice(4)).toEqual(["close m-3", "close m-4"]);
  });
});

it("keeps a bounded number of pop-ups", async () => {
  for (let number = 100; number < 130; number += 1) await posts(number, { mentions: true });
  expect(popUps()).toHaveLength(30);
  expect(told.filter((one) => one.startsWith("close"))).toHaveLength(10);
});
