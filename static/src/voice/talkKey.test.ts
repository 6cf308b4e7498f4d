import { beforeEach, describe, expect, it } from "vitest";
import { FakeTimers } from "../timers.fake";
import { type Focus, mayTalk, RELEASE_TAIL_MS, TalkKey } from "./talkKey";

let timers: FakeTimers;
let key: TalkKey;
let heard: boolean[];

const on = (focus: Focus, more: Partial<{ modified: boolean; repeat: boolean }> = {}) => ({
  focus,
  modified: false,
  repeat: false,
  ...more,
});

beforeEach(() => {
  timers = new FakeTimers();
  heard = [];
  key = new TalkKey(timers, () => heard.push(key.held));
  key.listening = true;
});

describe("holding to talk", () => {
  it("is heard while held and a little longer", async () => {
    expect(key.down("Space", on("page"))).toBe(true);
    expect(key.held).toBe(true);
    expect(key.up("Space")).toBe(true);
    await timers.pass(RELEASE_TAIL_MS - 1);
    expect(key.held).toBe(true);
    await timers.pass(1);
    expect(key.held).toBe(false);
    expect(heard).toEqual([true, false]);
  });

  it("goes on when held again within the tail", async () => {
    key.down("Space", on("page"));
    key.up("Space");
    await timers.pass(100);
    key.down("Space", on("page"));
    await timers.pass(10_000);
    expect(key.held).toBe(true);
    expect(heard).toEqual([true]);
  });

  it("takes the repeats of a held key from the page, and starts with none", () => {
    expect(key.down("Space", on("page", { repeat: true }))).toBe(false);
    key.down("Space", on("page"));
    expect(key.down("Space", on("page", { repeat: true }))).toBe(true);
    expect(heard).toEqual([true]);
  });

  it("leaves alone what it is not", () => {
    expect(key.down("KeyV", on("page"))).toBe(false);
    expect(key.up("Space")).toBe(false);
    key.listening = false;
    expect(key.down("Space", on("page"))).toBe(false);
    key.press();
    expect(heard).toEqual([]);
  });
});

describe("where one writes", () => {
  it("lets a key write, and press the button that has the focus", () => {
    expect(key.down("Space", on("field"))).toBe(false);
    expect(key.down("Space", on("control"))).toBe(false);
    key.code = "KeyV";
    expect(key.down("KeyV", on("field"))).toBe(false);
    expect(key.down("KeyV", on("control"))).toBe(true);
  });

  it("lets shortcuts be shortcuts", () => {
    key.code = "KeyM";
    expect(key.down("KeyM", on("page", { modified: true }))).toBe(false);
    expect(key.held).toBe(false);
  });

  it.each(["ControlRight", "F13", "Mouse3", "CapsLock"])("%s writes nothing and may be held everywhere", (code) => {
    key.code = code;
    key.down(code, on("field", { modified: true }));
    expect(key.held).toBe(true);
  });

  it("does not take a modifier from its shortcuts", () => {
    key.code = "ControlRight";
    expect(key.down("ControlRight", on("page"))).toBe(false);
    expect(key.held).toBe(true);
  });
});

describe("what is never heard of again", () => {
  it("ends at once when the window is left or hidden, without a tail", async () => {
    key.down("Space", on("page"));
    key.lost();
    expect(key.held).toBe(false);
    key.lost();
    expect(heard).toEqual([true, false]);
    // The key came up elsewhere; only a new press talks again.
    expect(key.down("Space", on("page", { repeat: true }))).toBe(false);
    expect(key.down("Space", on("page"))).toBe(true);
  });

  it("ends a tail too", () => {
    key.down("Space", on("page"));
    key.up("Space");
    key.lost();
    expect(key.held).toBe(false);
  });

  it("lets go of a modifier that any later event says is up", async () => {
    key.code = "ControlRight";
    key.down("ControlRight", on("page"));
    key.modifiersSeen(() => true);
    key.modifiersSeen(() => null);
    expect(key.held).toBe(true);
    key.modifiersSeen(() => false);
    await timers.pass(RELEASE_TAIL_MS);
    expect(key.held).toBe(false);
  });
});

describe("the button on the screen", () => {
  it("holds beside the key, and the last one to let go closes", async () => {
    key.press();
    key.down("Space", on("page"));
    key.release();
    await timers.pass(5_000);
    expect(key.held).toBe(true);
    key.up("Space");
    await timers.pass(RELEASE_TAIL_MS);
    expect(heard).toEqual([true, false]);
  });
});

it("is never held a tail after the last hold ended, whatever happened before (1,000 seeded steps)", async () => {
  const seed = 7;
  let state = seed;
  const dice = (sides: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
  let keyDown = false;
  let screen = false;
  for (let step = 0; step < 1_000; step += 1) {
    switch (dice(6)) {
      case 0:
        keyDown = key.down("Space", on("page", { repeat: keyDown })) || keyDown;
        break;
      case 1:
        key.up("Space");
        keyDown = false;
        break;
      case 2:
        key.press();
        screen = true;
        break;
      case 3:
        key.release();
        screen = false;
        break;
      case 4:
        key.lost();
        keyDown = screen = false;
        expect(key.held, `seed ${seed}, step ${step}`).toBe(false);
        break;
      case 5:
        await timers.pass(dice(300));
    }
    if (keyDown || screen) expect(key.held, `seed ${seed}, step ${step}`).toBe(true);
  }
  key.up("Space");
  key.release();
  await timers.pass(RELEASE_TAIL_MS);
  expect(key.held, `seed ${seed}`).toBe(false);
});

it("knows keys that would lock one in", () => {
  for (const code of ["Space", "KeyV", "ControlRight", "F13", "Mouse4", "Backquote"]) expect(mayTalk(code)).toBe(true);
  for (const code of ["Escape", "Tab", "Enter", "Mouse0", "Mouse2", "", "Key V", "x".repeat(40)]) expect(mayTalk(code)).toBe(false);
});
