import { beforeEach, describe, expect, it } from "vitest";
import { openEars } from "../store/hearing.fake";
import { FakeTimers, settle } from "../timers.fake";
import type { Microphone, Opened } from "./microphone";
import { FakeMicrophone } from "./microphone.fake";
import type { Peer } from "./peer";
import { FakePeer } from "./peer.fake";
import { SILENCE_MS } from "./outlet";
import { VoiceRoom } from "./room";
import { type Ask, FakeSignal } from "./signal.fake";

const lounge = "c-lounge";
const attic = "c-attic";

let timers: FakeTimers;
let peers: FakePeer[];
let signal: FakeSignal;
let microphones: FakeMicrophone[];
let microphoneAnswer: () => Promise<Opened>;
let played: unknown[][];
let silent: boolean;
let softened: boolean;
let volumes: number[];
let remembered: boolean | null;
let states: string[];
let room: VoiceRoom;

const peer = () => peers.at(-1) as FakePeer;
const asked = () => signal.joins.at(-1) as Ask;
const microphone = () => microphones.at(-1) as FakeMicrophone;
const state = () => room.state.name;

function open() {
  const made = new FakeMicrophone();
  microphones.push(made);
  return Promise.resolve<Opened>({ microphone: made as unknown as Microphone });
}

function make() {
  room = new VoiceRoom({
    timers,
    signal,
    openPeer: () => {
      const made = new FakePeer();
      peers.push(made);
      return made as unknown as Peer;
    },
    codecs: () =>
      ["audio/opus", "audio/red", "audio/PCMU"].map((mimeType) => ({ mimeType, clockRate: 48_000 }) as RTCRtpCodec),
    openMicrophone: () => microphoneAnswer(),
    loudspeakers: {
      play: (tracks) => void played.push([...tracks]),
      silence: (is) => (silent = is),
      soften: (is) => (softened = is),
      volumes: (all) => (volumes = [...all]),
      stop: () => {},
    },
    slots: () => 3,
    remembered: { muted: remembered, remember: (muted) => (remembered = muted) },
    changed: () => {
      if (states.at(-1) !== room.state.name) states.push(room.state.name);
    },
    measured: () => {},
  });
  room.signalReady(() => false, () => false);
  room.prefer(openMicrophone);
  states = [];
}

/** How most of these people want to be heard. */
const openMicrophone = openEars.preferences;

/** Goes into the lounge, all the way. */
async function inside(participant = 7) {
  room.join(lounge);
  await settle();
  await asked().answer(participant);
  await peer().goes("connected");
}

beforeEach(() => {
  timers = new FakeTimers();
  peers = [];
  signal = new FakeSignal();
  microphones = [];
  microphoneAnswer = open;
  played = [];
  silent = false;
  softened = false;
  volumes = [];
  remembered = false;
  states = [];
  make();
});

describe("going in", () => {
  it("passes through every state, and is connected only when sound can travel", async () => {
    await inside();
    expect(states).toEqual(["asking_microphone", "joining", "connecting", "connected"]);
    expect(room.state).toMatchObject({ channel: lounge, since: 0 });
    expect(room.participant).toBe(7);
    expect(peers).toHaveLength(1);
    expect(peer().answer).toBe("answer 7");
  });

  it("offers one line to send and the others to hear, redundancy first, and plays them all", async () => {
    await inside();
    expect(peer().lines.map((line) => line.direction)).toEqual(["sendonly", "recvonly", "recvonly", "recvonly"]);
    expect(peer().lines[0]?.kind).toBe(microphone().track);
    expect(peer().lines[1]?.codecs).toEqual(["audio/red", "audio/opus"]);
    expect(played).toEqual([[{ line: 1 }, { line: 2 }, { line: 3 }]]);
    expect(asked()).toMatchObject({ channel: lounge, offer: "offer", muted: false, deafened: false });
  });

  it("waits for the keys, not only for the path", async () => {
    room.join(lounge);
    await settle();
    await asked().answer(7);
    await peer().goes("connecting", "connected");
    expect(state()).toBe("connecting");
    await peer().goes("connected");
    expect(state()).toBe("connected");
  });

  it("starts with the microphone closed the first time ever, later as it was", async () => {
    remembered = null;
    make();
    expect(room.muted).toBe(true);
    await inside();
    expect(asked().muted).toBe(true);
    expect(microphone().open).toBe(false);
    room.setMuted(false);
    expect(remembered).toBe(false);
    make();
    expect(room.muted).toBe(false);
  });

  it("does nothing when one is there already", async () => {
    await inside();
    room.join(lounge);
    await settle();
    expect(signal.joins).toHaveLength(1);
  });

  it("moves to another room with the same microphone", async () => {
    await inside();
    room.join(attic);
    await settle();
    expect(peers[0]?.closed).toBe(true);
    expect(asked().channel).toBe(attic);
    await asked().answer(8);
    await peer().goes("connected");
    expect(room.channel).toBe(attic);
    expect(microphones).toHaveLength(1);
    expect(signal.told).toEqual([]);
  });
});

describe("without a microphone", () => {
  it.each(["blocked", "missing", "busy", "insecure"] as const)("one can listen when it is %s", async (refused) => {
    microphoneAnswer = async () => ({ refused });
    await inside();
    expect(state()).toBe("connected");
    expect(peer().lines[0]).toMatchObject({ kind: "audio", direction: "sendonly" });
    expect(room.noMicrophone).toBe(refused);
    expect(room.gate).toEqual({ open: false, because: "no_microphone" });
  });

  it("one can try again, within the stay", async () => {
    microphoneAnswer = async () => ({ refused: "blocked" });
    await inside();
    microphoneAnswer = open;
    await room.retryMicrophone();
    expect(room.noMicrophone).toBeNull();
    expect(peer().sending).toEqual([microphone().track]);
    expect(room.gate.open).toBe(true);
    expect(peers).toHaveLength(1);
  });

  it("that was held back goes on when the page is looked at again", async () => {
    room.resume();
    await inside();
    room.resume();
    expect(microphone().resumed).toBe(1);
  });

  it("whose noise removal is silent is opened anew, within the stay", async () => {
    await inside();
    const silent = microphone();
    silent.onsilenced?.();
    await settle();
    expect(silent.closed).toBe(true);
    expect(peer().sending).toEqual([microphone().track]);
    expect(peers).toHaveLength(1);
  });

  it("that went away, another one is looked for", async () => {
    await inside();
    microphoneAnswer = async () => ({ refused: "missing" });
    microphone().onended?.();
    await settle();
    expect(peer().sending).toContain(null);
    expect(room.noMicrophone).toBe("missing");
    expect(state()).toBe("connected");
  });

  it("asked for, but the user left meanwhile: it is closed again", async () => {
    let give = (_: Opened) => {};
    microphoneAnswer = () => new Promise((resolve) => (give = resolve));
    room.join(lounge);
    await settle();
    expect(state()).toBe("asking_microphone");
    room.leave();
    const late = new FakeMicrophone();
    give({ microphone: late as unknown as Microphone });
    await settle();
    expect(late.closed).toBe(true);
    expect(state()).toBe("idle");
    expect(signal.joins).toHaveLength(0);
  });

  it("asked for, but the user chose another room meanwhile: that one gets it", async () => {
    let give = (_: Opened) => {};
    microphoneAnswer = () => new Promise((resolve) => (give = resolve));
    room.join(lounge);
    const first = give;
    room.join(attic);
    const made = new FakeMicrophone();
    give({ microphone: made as unknown as Microphone });
    await settle();
    const extra = new FakeMicrophone();
    first({ microphone: extra as unknown as Microphone });
    await settle();
    expect(asked().channel).toBe(attic);
    expect(made.closed).toBe(false);
    expect(extra.closed).toBe(true);
  });
});

describe("mute and deafen", () => {
  it("act here at once and on the server too", async () => {
    await inside();
    expect(microphone().open).toBe(true);
    room.setMuted(true);
    expect(microphone().open).toBe(false);
    room.setDeafened(true);
    expect(silent).toBe(true);
    await settle();
    expect(signal.told).toEqual(["set true false", "set true true"]);
  });

  it("unmuting opens the ears too", async () => {
    await inside();
    room.setMuted(true);
    room.setDeafened(true);
    room.setMuted(false);
    expect(room.deafened).toBe(false);
    expect(silent).toBe(false);
    expect(microphone().open).toBe(true);
  });

  it("pressed while the join is under way are told after it", async () => {
    room.join(lounge);
    await settle();
    room.setMuted(true);
    await asked().answer(7);
    expect(signal.told).toEqual(["set true false"]);
  });

  it("that the server did not hear are told again when the socket is back", async () => {
    await inside();
    signal.fails = true;
    room.setMuted(true);
    await settle();
    room.signalLost();
    signal.fails = false;
    room.signalResumed();
    await settle();
    expect(signal.told).toEqual(["set true false"]);
    expect(microphone().open).toBe(false);
  });
});

describe("refused", () => {
  it.each([
    ["room_full", "room_full"],
    ["voice_overloaded", "voice_overloaded"],
    ["voice_unavailable", "voice_unavailable"],
    ["not_found", "not_allowed"],
    ["not_allowed", "not_allowed"],
    ["bad_offer", "broken"],
    ["internal", "broken"],
  ])("%s ends in failed(%s), with the microphone closed", async (code, reason) => {
    const { error } = console;
    console.error = () => {};
    room.join(lounge);
    await settle();
    await asked().refuse(code);
    console.error = error;
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason });
    expect(microphone().closed).toBe(true);
    expect(peer().closed).toBe(true);
    expect(signal.told).toEqual([]);
  });

  it("because the server is busy or silent: asks again, a little later each time", async () => {
    room.join(lounge);
    await settle();
    await asked().refuse("busy");
    expect(state()).toBe("reconnecting");
    await settle();
    await asked().refuse("silent");
    expect(signal.joins).toHaveLength(2);
    await timers.pass(500);
    expect(signal.joins).toHaveLength(3);
    await asked().answer(9);
    await peer().goes("connected");
    expect(state()).toBe("connected");
  });

  it("one can try again", async () => {
    room.join(lounge);
    await settle();
    await asked().refuse("room_full");
    await inside();
    expect(state()).toBe("connected");
  });
});

describe("no way through", () => {
  it("fails when the path fails before it ever was", async () => {
    room.join(lounge);
    await settle();
    await asked().answer(7);
    await peer().goes("failed");
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason: "no_way" });
    expect(signal.told).toEqual(["leave"]);
  });

  it("fails when nothing happens for twelve seconds", async () => {
    room.join(lounge);
    await settle();
    await asked().answer(7);
    await timers.pass(11_900);
    expect(state()).toBe("connecting");
    await timers.pass(200);
    expect(room.state).toMatchObject({ name: "failed", reason: "no_way" });
  });
});

describe("another network", () => {
  it("is looked for at once, while the talk goes on", async () => {
    await inside();
    room.networkChanged();
    await settle();
    expect(signal.restarts).toHaveLength(1);
    expect(state()).toBe("connected");
    room.networkChanged();
    await settle();
    expect(signal.restarts).toHaveLength(1);
    await timers.pass(2_100);
    room.networkChanged();
    await settle();
    expect(signal.restarts).toHaveLength(2);
    expect(signal.joins).toHaveLength(1);
  });

  it("ends the wait for a new beginning", async () => {
    await inside();
    await peer().goes("failed");
    await asked().refuse("busy");
    expect(signal.joins).toHaveLength(2);
    room.networkChanged();
    await settle();
    expect(signal.joins).toHaveLength(3);
  });

  it("is nothing to somebody who is in no room", async () => {
    room.networkChanged();
    await settle();
    expect(state()).toBe("idle");
    expect(signal.joins).toEqual([]);
  });
});

describe("a path that breaks", () => {
  it("and mends by itself keeps the stay", async () => {
    await inside();
    await peer().goes("disconnected");
    expect(state()).toBe("reconnecting");
    await timers.pass(3_000);
    await peer().goes("connected");
    expect(state()).toBe("connected");
    await timers.pass(20_000);
    expect(state()).toBe("connected");
    expect(signal.joins).toHaveLength(1);
  });

  it("and does not mend is begun anew after six seconds, counting the same stay", async () => {
    await inside();
    await timers.pass(60_000);
    await peer().goes("disconnected");
    peer().still = true;
    await timers.pass(6_100);
    expect(signal.joins).toHaveLength(2);
    expect(peers[0]?.closed).toBe(true);
    await asked().answer(8);
    await peer().goes("connected");
    expect(room.state).toMatchObject({ name: "connected", since: 0 });
    expect(states.slice(4)).toEqual(["reconnecting", "connected"]);
    expect(microphones).toHaveLength(1);
  });

  it("is looked for again within the stay, until it is found", async () => {
    await inside();
    await peer().goes("disconnected");
    expect(signal.restarts).toEqual(["offer again 1"]);
    expect(peer().told.slice(-2)).toEqual(["local offer again 1", "remote another way"]);
    await timers.pass(1_600);
    expect(signal.restarts).toHaveLength(2);
    await peer().goes("connected");
    await timers.pass(20_000);
    expect(state()).toBe("connected");
    expect(signal.restarts).toHaveLength(2);
    expect(signal.joins).toHaveLength(1);
    // The next time begins from the beginning.
    await peer().goes("disconnected");
    expect(signal.restarts).toHaveLength(3);
  });

  it("is not looked for in a description that was refused", async () => {
    await inside();
    signal.restarting = { code: "rate_limited" };
    const told = [...peer().told];
    await peer().goes("disconnected");
    expect(peer().told).toEqual(told);
    signal.restarting = { answer: "at last" };
    await timers.pass(1_600);
    expect(peer().told.at(-1)).toBe("remote at last");
  });

  it("of a stay that the server does not know any more is begun anew at once", async () => {
    await inside();
    signal.restarting = { code: "not_in_voice" };
    await peer().goes("disconnected");
    expect(signal.joins).toHaveLength(2);
  });

  it("while there is no socket is looked for when it is back", async () => {
    await inside();
    room.signalLost();
    await peer().goes("disconnected");
    expect(signal.restarts).toEqual([]);
    room.signalResumed();
    await settle();
    expect(signal.restarts).toHaveLength(1);
  });

  it("and fails is begun anew at once", async () => {
    await inside();
    await peer().goes("failed");
    expect(state()).toBe("reconnecting");
    expect(signal.joins).toHaveLength(2);
  });

  it("is noticed in the packets when the browser does not notice", async () => {
    await inside();
    await timers.pass(3_000);
    peer().still = true;
    await timers.pass(5_000);
    expect(state()).toBe("connected");
    await timers.pass(2_000);
    expect(state()).toBe("reconnecting");
    peer().still = false;
    await timers.pass(1_500);
    expect(state()).toBe("connected");
  });

  it("again and again leaves it to the user", async () => {
    await inside();
    await peer().goes("failed");
    for (let round = 0; round < 6; round += 1) {
      await timers.pass(8_000);
      await asked().answer(20 + round);
      await peer().goes("failed");
    }
    expect(room.state).toMatchObject({ name: "failed", reason: "no_way" });
    const asks = signal.joins.length;
    await timers.pass(60_000);
    expect(signal.joins).toHaveLength(asks);
  });

  it("is measured", async () => {
    await inside();
    await timers.pass(2_000);
    expect(room.line).toMatchObject({ roundTrip: 20, bars: 4 });
    room.leave();
    expect(room.line).toBeNull();
  });
});

describe("a socket that is lost", () => {
  it("does not end the talk, and comes back to it", async () => {
    await inside();
    room.signalLost();
    await timers.pass(20_000);
    expect(state()).toBe("connected");
    room.signalResumed();
    expect(state()).toBe("connected");
    expect(signal.joins).toHaveLength(1);
  });

  it("comes back without resuming: the stay is kept when the server still lists it", async () => {
    await inside(7);
    room.signalLost();
    room.signalReady((number) => number === 7, () => true);
    expect(state()).toBe("connected");
    expect(signal.joins).toHaveLength(1);
  });

  it("comes back to a server that forgot us: the room is joined again at once", async () => {
    await inside(7);
    room.signalLost();
    room.signalReady(() => false, () => false);
    expect(state()).toBe("reconnecting");
    await settle();
    expect(signal.joins).toHaveLength(2);
    expect(asked().channel).toBe(lounge);
    await asked().answer(1);
    await peer().goes("connected");
    expect(state()).toBe("connected");
  });

  it("while the media fails as well: joins again when it is back, not before", async () => {
    await inside(7);
    room.signalLost();
    await peer().goes("failed");
    expect(state()).toBe("reconnecting");
    await timers.pass(10_000);
    expect(signal.joins).toHaveLength(1);
    room.signalReady(() => false, () => false);
    await settle();
    expect(signal.joins).toHaveLength(2);
  });

  it("during the join: joins when it is back, whether resumed or not", async () => {
    room.join(lounge);
    await settle();
    room.signalLost();
    await asked().refuse("lost");
    expect(state()).toBe("reconnecting");
    room.signalResumed();
    await settle();
    expect(signal.joins).toHaveLength(2);
    room.signalLost();
    await asked().refuse("lost");
    room.signalReady(() => false, () => false);
    await settle();
    expect(signal.joins).toHaveLength(3);
  });

  it("while another page took the place: says so", async () => {
    await inside(7);
    room.signalLost();
    room.signalReady(() => false, () => true);
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason: "taken_over" });
    expect(signal.told).toEqual([]);
  });

  it("hears of the leaving when it is back", async () => {
    await inside(7);
    room.signalLost();
    room.leave();
    expect(state()).toBe("idle");
    expect(signal.told).toEqual([]);
    room.signalResumed();
    expect(signal.told).toEqual(["leave"]);
  });
});

it("tells the browser of relays before it looks for ways, and keeps the rest of its configuration", async () => {
  signal.relay = { urls: ["turn:relay.example:3478?transport=udp"], username: "1:ana", credential: "secret" };
  await inside(7);
  expect(peer().told).toEqual(["relays", "local offer", "remote answer 7"]);
  expect(peer().configuration).toEqual({ bundlePolicy: "max-bundle", iceServers: [signal.relay] });
  signal.relay = null;
  room.leave();
  await inside(8);
  expect(peer().told).toEqual(["local offer", "remote answer 8"]);
});

describe("the server ends a stay", () => {
  it("because another page took over", async () => {
    await inside(7);
    room.ended(7, "taken_over");
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason: "taken_over" });
    expect(microphone().closed).toBe(true);
    expect(signal.told).toEqual([]);
    // One press moves it here.
    await inside(9);
    expect(state()).toBe("connected");
  });

  it("because the channel is closed to this user", async () => {
    await inside(7);
    room.ended(7, "removed");
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason: "not_allowed" });
    expect(microphone().closed).toBe(true);
  });

  it.each(["timed_out", "failed"] as const)("because it %s: begins anew", async (reason) => {
    await inside(7);
    room.ended(7, reason);
    expect(state()).toBe("reconnecting");
    await settle();
    expect(signal.joins).toHaveLength(2);
  });

  it("because voice was switched off", async () => {
    await inside(7);
    room.ended(7, "switched_off");
    expect(room.state).toEqual({ name: "failed", channel: lounge, reason: "voice_unavailable" });
    expect(microphone().closed).toBe(true);
  });

  it("but not this one", async () => {
    await inside(7);
    room.ended(6, "taken_over");
    room.left(6);
    await timers.pass(1_000);
    expect(state()).toBe("connected");
  });

  it("before its answer was here", async () => {
    room.join(lounge);
    await settle();
    room.ended(7, "taken_over");
    await asked().answer(7);
    expect(room.state).toMatchObject({ name: "failed", reason: "taken_over" });
  });

  it("with a leaving and the reason behind it", async () => {
    await inside(7);
    room.left(7);
    room.ended(7, "taken_over");
    await timers.pass(1_000);
    expect(room.state).toMatchObject({ name: "failed", reason: "taken_over" });
    expect(signal.joins).toHaveLength(1);
  });

  it("with a leaving and no reason: begins anew", async () => {
    await inside(7);
    room.left(7);
    await timers.pass(300);
    expect(state()).toBe("reconnecting");
    expect(signal.joins).toHaveLength(2);
  });
});

describe("leaving", () => {
  it("goes to idle from everywhere", async () => {
    room.leave();
    expect(states).toEqual([]);

    const reach: (() => Promise<void>)[] = [
      async () => {
        room.join(lounge);
        await settle();
      },
      async () => {
        room.join(lounge);
        await settle();
        await asked().answer(7);
      },
      () => inside(),
      async () => {
        await inside();
        await peer().goes("disconnected");
      },
      async () => {
        room.join(lounge);
        await settle();
        await asked().refuse("room_full");
      },
    ];
    const from = ["joining", "connecting", "connected", "reconnecting", "failed"];
    for (const [index, go] of reach.entries()) {
      await go();
      expect(state()).toBe(from[index]);
      room.leave();
      expect(room.state).toEqual({ name: "idle" });
      expect(microphone().closed).toBe(true);
      expect(peer().closed).toBe(true);
      await timers.pass(30_000);
      expect(state()).toBe("idle");
    }
  });

  it("tells the server once, and an answer that comes later changes nothing", async () => {
    room.join(lounge);
    await settle();
    room.leave();
    await asked().answer(7);
    expect(state()).toBe("idle");
    expect(signal.told).toEqual(["leave"]);
    expect(room.participant).toBeNull();
  });
});

describe("what opens the microphone", () => {
  const held = (down: boolean) =>
    down ? room.key.down("Space", { focus: "page", modified: false, repeat: false }) : room.key.up("Space");

  it("is the held key, and nothing before it, in a new house", async () => {
    remembered = null;
    make();
    room.prefer({ ...openMicrophone, transmit: "push_to_talk" });
    expect(room.muted).toBe(false);
    await inside();
    expect(room.gate).toEqual({ open: false, because: "key_up" });
    expect(microphone().open).toBe(false);
    held(true);
    expect(microphone().open).toBe(true);
    held(false);
    await timers.pass(200);
    expect(microphone().open).toBe(false);
  });

  it("is the voice, and only while one speaks", async () => {
    room.prefer({ ...openMicrophone, transmit: "voice_activity", threshold_db: -45 });
    await inside();
    expect(microphone().threshold).toEqual({ kind: "fixed", db: -45 });
    expect(room.gate).toEqual({ open: false, because: "silent" });
    microphone().hears(true);
    expect(microphone().open).toBe(true);
    room.setMuted(true);
    expect(room.gate).toEqual({ open: false, because: "muted" });
    expect(microphone().open).toBe(false);
    room.setMuted(false);
    microphone().hears(false);
    expect(microphone().open).toBe(false);
  });

  it("lets no packet leave while it is closed, but for a moment of silence", async () => {
    room.prefer({ ...openMicrophone, transmit: "push_to_talk", release_tail_ms: 0 });
    await inside();
    await timers.pass(1_000);
    expect(peer().packetsLeave).toBe(false);
    held(true);
    await settle();
    expect(peer().packetsLeave).toBe(true);
    held(false);
    await timers.pass(SILENCE_MS - 1);
    expect(peer().packetsLeave).toBe(true);
    await timers.pass(1);
    expect(peer().packetsLeave).toBe(false);
  });

  it("forgets a held key when another way is chosen", async () => {
    room.prefer({ ...openMicrophone, transmit: "push_to_talk" });
    await inside();
    held(true);
    room.prefer({ ...openMicrophone, transmit: "voice_activity" });
    expect(room.gate.open).toBe(false);
    room.prefer({ ...openMicrophone, transmit: "push_to_talk" });
    expect(room.gate).toEqual({ open: false, because: "key_up" });
  });

  it("is another device in the middle of a talk, without leaving it", async () => {
    await inside();
    const before = microphone();
    room.prefer({ ...openMicrophone, sound: "raw" });
    await settle();
    expect(microphones).toHaveLength(2);
    expect(before.closed).toBe(true);
    expect(microphone().open).toBe(true);
    expect(peer().sending).toEqual([microphone().track]);
    expect(state()).toBe("connected");
    // A wish about something else leaves it alone.
    room.prefer({ ...openMicrophone, sound: "raw", cues: false });
    await settle();
    expect(microphones).toHaveLength(2);
  });

  it("turns others down while one is heard, when that is wanted", async () => {
    room.prefer({ ...openMicrophone, attenuation: true });
    await inside();
    expect(softened).toBe(false);
    microphone().hears(true);
    expect(softened).toBe(true);
    room.setMuted(true);
    expect(softened).toBe(false);
    room.setMuted(false);
    microphone().hears(false);
    expect(softened).toBe(false);
    room.prefer({ ...openMicrophone, attenuation: true, transmit: "push_to_talk" });
    held(true);
    expect(softened).toBe(true);
  });
});

it("hears each line as loud as it is told, also after beginning anew", async () => {
  await inside();
  room.setVolumes([100, 40, 150]);
  expect(volumes).toEqual([100, 40, 150]);
});
