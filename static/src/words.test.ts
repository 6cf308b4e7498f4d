import { describe, expect, it } from "vitest";
import type { NoMicrophone } from "./voice/microphone";
import type { VoiceFailure } from "./voice/room";
import * as words from "./words";
import { device, lastUsed } from "./words/account";

const clear = { roundTrip: 24.4, loss: 0, way: "UDP 443", bars: 4 } as const;
const inRoom: words.DockFacts = {
  state: { name: "connected", channel: "c", since: 0 },
  gate: { open: true },
  room: "Workshop",
  talking: false,
  carried: true,
  alone: false,
  speakingInVain: false,
  noMicrophone: null,
  line: clear,
  keyboard: true,
  transmit: "continuous",
  talkKey: "Space",
  now: 0,
};

describe("the dock says what is true", () => {
  it("names what is held to talk, and what opens the microphone", () => {
    const held: words.DockFacts = { ...inRoom, transmit: "push_to_talk", talkKey: "ControlRight" };
    const closed = { open: false, because: "key_up" } as const;
    expect(words.dock({ ...held, gate: closed }).big).toBe("Hold Right Ctrl to talk");
    expect(words.dock({ ...held, gate: closed, keyboard: false }).big).toBe("Hold the button to talk");
    expect(words.dock({ ...held, talking: true })).toMatchObject({ mark: "open", small: "Let go of Right Ctrl to stop" });
    const speaking: words.DockFacts = { ...inRoom, transmit: "voice_activity" };
    expect(words.dock({ ...speaking, gate: { open: false, because: "silent" } })).toMatchObject({
      mark: "none",
      big: "Mic closed",
      small: "Opens when you speak, 24 ms, no loss",
    });
    expect(words.dock({ ...speaking, talking: true }).small).toBe("Voice activity, 24 ms, no loss");
  });

  it.each([
    ["Space", "Space"],
    ["KeyV", "V"],
    ["Digit4", "4"],
    ["F13", "F13"],
    ["ShiftLeft", "Left Shift"],
    ["NumpadAdd", "Numpad Add"],
    ["Mouse3", "mouse button 4"],
  ])("calls %s %s", (code, name) => {
    expect(words.keyName(code)).toBe(name);
  });

  it("says that they hear you only when the server does and the gate is open", () => {
    expect(words.dock({ ...inRoom, talking: true })).toEqual({
      mark: "open",
      big: "They hear you",
      small: "Mic open, 24 ms, no loss",
    });
    expect(words.dock(inRoom)).toMatchObject({ mark: "none", big: "Mic open" });
    expect(words.dock({ ...inRoom, talking: true, gate: { open: false, because: "muted" } })).toMatchObject({
      mark: "cut",
      big: "Muted",
    });
    expect(words.dock({ ...inRoom, talking: true, carried: false })).toMatchObject({
      mark: "uncarried",
      big: "Others are louder",
    });
  });

  it("never lights up before sound can travel", () => {
    for (const name of ["asking_microphone", "joining", "connecting"] as const) {
      const said = words.dock({ ...inRoom, talking: true, state: { name, channel: "c" } });
      expect(said).toMatchObject({ mark: "again", big: "Joining Workshop" });
    }
    expect(words.dock({ ...inRoom, talking: true, state: { name: "reconnecting", channel: "c", since: 0 }, now: 3_400 })).toEqual({
      mark: "again",
      big: "Reconnecting, 3 s",
      small: "Your place in Workshop is kept",
    });
    expect(words.dock({ ...inRoom, talking: true, state: { name: "idle" } })).toMatchObject({ big: "Not in a room" });
  });

  it("tells who speaks into a closed microphone", () => {
    const said = words.dock({ ...inRoom, gate: { open: false, because: "muted" }, speakingInVain: true });
    expect(said).toMatchObject({ big: "You are muted", small: "You seem to be speaking. Ctrl Shift M unmutes" });
    const touched = words.dock({
      ...inRoom,
      gate: { open: false, because: "muted" },
      speakingInVain: true,
      keyboard: false,
    });
    expect(touched.small).toBe("You seem to be speaking");
  });

  it("has words for being alone and deafened", () => {
    expect(words.dock({ ...inRoom, alone: true }).big).toBe("Nobody else is here");
    expect(words.dock({ ...inRoom, gate: { open: false, because: "deafened" } }).big).toBe("Deafened");
  });

  it("names the cause and the next step of every failure", () => {
    const reasons: VoiceFailure[] = ["no_way", "taken_over", "room_full", "voice_overloaded", "voice_unavailable", "not_allowed", "broken"];
    for (const reason of reasons) {
      const said = words.dock({ ...inRoom, state: { name: "failed", channel: "c", reason } });
      expect(said.mark).toBe("failed");
      expect(said.small).not.toBe("");
      expect(words.failureAction(reason)).not.toBe("");
    }
    const causes: NoMicrophone[] = ["blocked", "missing", "busy", "insecure", "unplugged"];
    for (const noMicrophone of causes) {
      const said = words.dock({ ...inRoom, gate: { open: false, because: "no_microphone" }, noMicrophone });
      expect(said.small).toMatch(/^You can listen\..*V-MIC-[123]$/);
    }
  });
});

describe("small sentences", () => {
  it("list names", () => {
    expect(words.names([])).toBe("");
    expect(words.names(["a"])).toBe("a");
    expect(words.names(["a", "b"])).toBe("a and b");
    expect(words.names(["a", "b", "c", "d"])).toBe("a, b and 2 more");
    expect(words.writing(["a"])).toBe("a is writing");
    expect(words.writing(["a", "b"])).toBe("a and b are writing");
    expect(words.writing(["a", "b", "c", "d"])).toBe("Several people are writing");
  });

  it("begin a room's name with the room", () => {
    expect(words.roomLabel({ name: "Workshop", count: 7, talking: ["Mira", "Jonas"], place: "elsewhere" })).toBe(
      "Workshop, 7 people, Mira and Jonas talking. Join",
    );
    expect(words.roomLabel({ name: "Kitchen", count: 0, talking: [], place: "elsewhere" })).toBe("Kitchen, empty. Join");
    expect(words.roomLabel({ name: "Desk", count: 1, talking: [], place: "here" })).toBe("Desk, 1 person, quiet. You are here");
  });

  it("measure time", () => {
    expect(words.duration(20_400)).toBe("20 s");
    expect(words.duration(120_000)).toBe("2 min");
    expect(words.duration(74 * 60_000)).toBe("1 h 14 min");
    expect(words.duration(3_600_000)).toBe("1 h");
    expect(words.duration(-5)).toBe("0 s");
  });

  it("name days", () => {
    const noon = new Date(2026, 2, 3, 12).getTime();
    expect(words.day(noon, noon + 1000)).toMatch(/^Today, Tuesday,? 3 March$/);
    expect(words.day(noon, noon + 24 * 3_600_000)).toMatch(/^Yesterday, /);
    expect(words.day(noon, noon + 72 * 3_600_000)).not.toMatch(/2026/);
    expect(words.day(noon, noon + 400 * 24 * 3_600_000)).toMatch(/2026/);
  });

  it("speak of the line", () => {
    expect(words.lineWords(null)).toBe("");
    expect(words.lineWords({ ...clear, loss: null })).toBe("24 ms");
    expect(words.lineWords({ ...clear, loss: 0.034 })).toBe("24 ms, 3.4 % lost");
  });
});

describe("where somebody is signed in", () => {
  it("is named as people name it", () => {
    const linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
    const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
    expect(device("browser", linux)).toBe("Firefox on Linux");
    expect(device("browser", phone)).toBe("Safari on an iPhone");
    expect(device("browser", edge)).toBe("Edge on Windows");
    expect(device("browser", "curl/8")).toBe("Another browser");
    expect(device("bot", "weather")).toBe("weather");
  });

  it("says when it was used, no more exactly than is known", () => {
    const now = new Date(2026, 4, 3, 14, 30).getTime();
    expect(lastUsed(now - 60_000, now)).toBe("in use now");
    expect(lastUsed(new Date(2026, 4, 3, 9, 5).getTime(), now)).toBe("used 09:05");
    expect(lastUsed(new Date(2026, 4, 2, 23, 59).getTime(), now)).toBe("used yesterday 23:59");
    expect(lastUsed(new Date(2025, 0, 1, 12, 0).getTime(), now)).toBe("used 1 January 2025");
  });
});
