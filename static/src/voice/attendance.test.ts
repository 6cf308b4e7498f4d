import { beforeEach, describe, expect, it } from "vitest";
import { settle } from "../timers.fake";
import { Attendance, type System } from "./attendance";

let handlers: Map<string, () => void>;
let active: boolean[];
let done: string[];
let held: number;
let visible: boolean;
let give: ((grant: boolean) => void)[];
let session: { metadata: unknown };
let attendance: Attendance;

beforeEach(() => {
  handlers = new Map();
  active = [];
  done = [];
  held = 0;
  visible = true;
  give = [];
  const made = {
    metadata: null as unknown,
    setActionHandler: (action: string, handler: (() => void) | null) => {
      if (action === "togglemicrophone" && done.includes("unknown")) throw new TypeError("not known");
      if (handler) handlers.set(action, handler);
      else handlers.delete(action);
    },
    setMicrophoneActive: async (is: boolean) => void active.push(is),
  };
  session = made;
  attendance = new Attendance({
    session: made as unknown as System["session"],
    wake: () =>
      new Promise((resolve, reject) =>
        give.push((grant) => {
          if (!grant) return reject(new Error("battery"));
          held += 1;
          resolve({ release: async () => void (held -= 1) } as unknown as WakeLockSentinel);
        }),
      ),
    describe: (room) => ({ title: room }),
    visible: () => visible,
    toggleMicrophone: () => void done.push("toggle"),
    hangUp: () => void done.push("hang up"),
  });
});

describe("the keys of the system", () => {
  it("are ours in a room, under its name, and nobody's outside", () => {
    attendance.look({ room: "Lounge", muted: true });
    expect(session.metadata).toEqual({ title: "Lounge" });
    handlers.get("togglemicrophone")?.();
    handlers.get("hangup")?.();
    expect(done).toEqual(["toggle", "hang up"]);
    attendance.look({ room: "Lounge", muted: false });
    attendance.look({ room: "Attic", muted: false });
    expect(active).toEqual([false, true]);
    expect(session.metadata).toEqual({ title: "Attic" });
    attendance.look(null);
    expect(session.metadata).toBeNull();
    expect(handlers.size).toBe(0);
  });

  it("that a browser does not know are no reason to have none", () => {
    done.push("unknown");
    attendance.look({ room: "Lounge", muted: true });
    expect([...handlers.keys()]).toEqual(["hangup"]);
  });
});

describe("the screen", () => {
  it("stays on while one is in a room, asked for once", async () => {
    attendance.look({ room: "Lounge", muted: true });
    attendance.look({ room: "Lounge", muted: false });
    expect(give).toHaveLength(1);
    give[0]?.(true);
    await settle();
    expect(held).toBe(1);
    attendance.look(null);
    await settle();
    expect(held).toBe(0);
  });

  it("is asked for again when the page is seen again", async () => {
    attendance.look({ room: "Lounge", muted: true });
    give[0]?.(true);
    await settle();
    visible = false;
    attendance.visibilityChanged();
    attendance.look({ room: "Lounge", muted: false });
    expect(give).toHaveLength(1);
    visible = true;
    attendance.visibilityChanged();
    expect(give).toHaveLength(2);
  });

  it("is let go by whoever left while it was asked for", async () => {
    attendance.look({ room: "Lounge", muted: true });
    attendance.look(null);
    give[0]?.(true);
    await settle();
    expect(held).toBe(0);
  });

  it("may go off where the system says no, and the next look asks again", async () => {
    attendance.look({ room: "Lounge", muted: true });
    give[0]?.(false);
    await settle();
    attendance.look({ room: "Lounge", muted: false });
    expect(give).toHaveLength(2);
  });
});
