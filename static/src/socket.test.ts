import { beforeEach, describe, expect, it } from "vitest";
import type { ServerEvent } from "./protocol";
import { type Link, type RequestError, Socket, type Wire } from "./socket";
import { FakeTimers, settle } from "./timers.fake";

class FakeWire implements Wire {
  onopen: Wire["onopen"] = null;
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;

  send(text: string) {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close() {
    this.closed = true;
  }
  says(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  /** Opens and answers the hello. */
  async welcome(resumed = false, connection = "c1") {
    this.onopen?.();
    this.says({ id: this.sent[0]?.["id"], result: { type: "welcome", connection, resumed } });
    await settle();
  }
  last() {
    return this.sent.at(-1) ?? {};
  }
}

const stopping: ServerEvent = { type: "server_stopping" };

let timers: FakeTimers;
let wires: FakeWire[];
let links: Link[];
let heard: ServerEvent[];
let socket: Socket;

const wire = () => wires.at(-1) as FakeWire;

beforeEach(() => {
  timers = new FakeTimers();
  wires = [];
  links = [];
  heard = [];
  socket = new Socket(
    () => {
      const one = new FakeWire();
      wires.push(one);
      return one;
    },
    timers,
    { link: (link) => links.push(link), event: (event) => heard.push(event) },
  );
});

describe("opening", () => {
  it("says hello first, with nothing to go on with", async () => {
    socket.start();
    expect(wire().sent).toEqual([]);
    await wire().welcome();
    expect(wire().sent).toEqual([{ id: 1, type: "hello", protocol: 2, resume: null }]);
    expect(links.at(-1)).toEqual({ state: "open", resumed: false });
  });

  it("hands on events that overtook the welcome, after it", async () => {
    socket.start();
    wire().onopen?.();
    wire().says({ seq: 1, ...stopping });
    expect(heard).toEqual([]);
    wire().says({ id: 1, result: { type: "welcome", connection: "c1", resumed: false } });
    await settle();
    expect(heard).toHaveLength(1);
  });

  it("gives up a socket that never gets its welcome, and tries again", async () => {
    socket.start();
    wire().onopen?.();
    await timers.pass(8_000);
    expect(wires[0]?.closed).toBe(true);
    await timers.pass(250);
    expect(wires).toHaveLength(2);
  });

  it("survives a dial that throws", async () => {
    let tries = 0;
    const broken = new Socket(
      () => {
        tries += 1;
        throw new Error("no network stack");
      },
      timers,
      { link: () => {}, event: () => {} },
    );
    broken.start();
    await timers.pass(300);
    expect(tries).toBe(2);
    broken.stop();
  });
});

describe("requests", () => {
  it("matches answers by id, in any order", async () => {
    socket.start();
    await wire().welcome();
    const one = socket.request({ type: "ping" });
    const two = socket.request({ type: "leave_voice" });
    wire().says({ id: 3, error: { code: "not_in_voice", message: "where?" } });
    wire().says({ id: 2, result: { type: "done" } });
    await expect(one).resolves.toEqual({ type: "done" });
    await expect(two).rejects.toMatchObject({ code: "not_in_voice" });
  });

  it("fails at once while there is no link", async () => {
    await expect(socket.request({ type: "ping" })).rejects.toMatchObject({ code: "lost" });
    socket.start();
    await expect(socket.request({ type: "ping" })).rejects.toMatchObject({ code: "lost" });
  });

  it("calls an unanswered request silent, and does not mind the answer that comes late", async () => {
    socket.start();
    await wire().welcome();
    const asked = socket.request({ type: "leave_voice" }).catch((error: RequestError) => error.code);
    await timers.pass(10_000);
    expect(await asked).toBe("silent");
    wire().says({ id: 2, result: { type: "done" } });
    expect(links.at(-1)?.state).toBe("open");
  });

  it("tells everybody who waits that the link was lost", async () => {
    socket.start();
    await wire().welcome();
    const asked = socket.request({ type: "leave_voice" });
    wire().onclose?.({ code: 1006 });
    await expect(asked).rejects.toMatchObject({ code: "lost" });
  });

  it("lets frames pass that nobody understands", async () => {
    socket.start();
    await wire().welcome();
    wire().onmessage?.({ data: "not json" });
    wire().onmessage?.({ data: new ArrayBuffer(2) });
    wire().says([1]);
    wire().says({ id: null, error: { code: "malformed", message: "?" } });
    wire().says({ id: 99, result: { type: "done" } });
    expect(links.at(-1)?.state).toBe("open");
  });
});

describe("coming back", () => {
  it("goes on with its connection after the last event it saw", async () => {
    socket.start();
    await wire().welcome();
    wire().says({ seq: 1, ...stopping });
    wire().says({ seq: 2, ...stopping });
    wire().onclose?.({ code: 1001 });
    await timers.pass(250);
    await wire().welcome(true);
    expect(wire().sent[0]).toMatchObject({ type: "hello", resume: { connection: "c1", seq: 2 } });
    expect(links.at(-1)).toEqual({ state: "open", resumed: true });

    wire().says({ seq: 2, ...stopping });
    wire().says({ seq: 3, ...stopping });
    expect(heard).toHaveLength(3);
  });

  it("counts from one again when the server could not resume", async () => {
    socket.start();
    await wire().welcome();
    for (let seq = 1; seq <= 5; seq += 1) wire().says({ seq, ...stopping });
    wire().onclose?.({ code: 1006 });
    await timers.pass(250);
    await wire().welcome(false, "c2");
    wire().says({ seq: 1, ...stopping });
    expect(heard).toHaveLength(6);
  });

  it("goes on after it was closed for being slow", async () => {
    socket.start();
    await wire().welcome();
    wire().says({ seq: 1, ...stopping });
    wire().onclose?.({ code: 4008 });
    await timers.pass(250);
    wire().onopen?.();
    expect(wire().sent[0]).toMatchObject({ resume: { connection: "c1", seq: 1 } });
  });

  it.each([4002, 4009])("starts afresh after close code %i", async (code) => {
    socket.start();
    await wire().welcome();
    wire().onclose?.({ code });
    await timers.pass(250);
    wire().onopen?.();
    expect(wire().sent[0]).toMatchObject({ resume: null });
  });

  it.each([
    [4001, "signed_out"],
    [4004, "wrong_protocol"],
  ])("does not come back after close code %i", async (code, why) => {
    socket.start();
    await wire().welcome();
    wire().onclose?.({ code });
    await timers.pass(60_000);
    expect(wires).toHaveLength(1);
    expect(links.at(-1)).toEqual({ state: "ended", why });
  });

  it("does not come back when hello is refused for being signed out", async () => {
    socket.start();
    wire().onopen?.();
    wire().says({ id: 1, error: { code: "signed_out", message: "who?" } });
    await timers.pass(60_000);
    expect(wires).toHaveLength(1);
    expect(links.at(-1)).toEqual({ state: "ended", why: "signed_out" });
  });

  it("trusts nothing it knows after a gap in the events", async () => {
    socket.start();
    await wire().welcome();
    wire().says({ seq: 1, ...stopping });
    wire().says({ seq: 3, ...stopping });
    expect(heard).toHaveLength(1);
    await timers.pass(250);
    wire().onopen?.();
    expect(wire().sent[0]).toMatchObject({ resume: null });
  });

  it("waits longer each time, up to ten seconds, and never in step with others", async () => {
    timers.chance = 1;
    socket.start();
    const waits: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const before = timers.now();
      const count = wires.length;
      wire().onclose?.({ code: 1006 });
      while (wires.length === count) await timers.pass(10);
      waits.push(timers.now() - before);
    }
    expect(waits.slice(0, 4)).toEqual([250, 400, 640, 1030]);
    expect(Math.max(...waits)).toBe(10_000);

    timers.chance = 0;
    const before = timers.now();
    const count = wires.length;
    wire().onclose?.({ code: 1006 });
    while (wires.length === count) await timers.pass(10);
    expect(timers.now() - before).toBe(5_000);
  });

  it("begins with a short wait again after a link that held", async () => {
    timers.chance = 1;
    socket.start();
    for (let round = 0; round < 6; round += 1) {
      wire().onclose?.({ code: 1006 });
      await timers.pass(10_000);
    }
    await wire().welcome();
    await timers.pass(5_000);
    const count = wires.length;
    wire().onclose?.({ code: 1006 });
    await timers.pass(250);
    expect(wires).toHaveLength(count + 1);
  });

  it("does not wait when it is nudged", async () => {
    socket.start();
    for (let round = 0; round < 6; round += 1) {
      wire().onclose?.({ code: 1006 });
      await timers.pass(10_000);
    }
    wire().onclose?.({ code: 1006 });
    const count = wires.length;
    socket.nudge();
    expect(wires).toHaveLength(count + 1);
  });

  it("hears nothing of a socket it has given up", async () => {
    socket.start();
    await wire().welcome();
    const old = wire();
    const { onmessage } = old;
    old.onclose?.({ code: 1006 });
    await timers.pass(250);
    await wire().welcome(true);
    expect(old.onmessage).toBeNull();
    expect(onmessage).not.toBeNull();
    expect(wires).toHaveLength(2);
  });

  it("stays off once it was stopped", async () => {
    socket.start();
    await wire().welcome();
    socket.stop();
    await timers.pass(60_000);
    expect(wires).toHaveLength(1);
    expect(links.at(-1)).toEqual({ state: "off" });
  });
});

describe("the heartbeat", () => {
  it("asks after 25 s of silence and is content with any frame", async () => {
    socket.start();
    await wire().welcome();
    await timers.pass(24_000);
    wire().says({ seq: 1, ...stopping });
    await timers.pass(24_999);
    expect(wire().last()).toMatchObject({ type: "hello" });
    await timers.pass(1);
    expect(wire().last()).toMatchObject({ type: "ping" });
    wire().says({ id: wire().last()["id"], result: { type: "done" } });
    await timers.pass(20_000);
    expect(wires).toHaveLength(1);
  });

  it("gives up a link that does not answer", async () => {
    socket.start();
    await wire().welcome();
    await timers.pass(25_000 + 10_000);
    expect(wires[0]?.closed).toBe(true);
    expect(links.at(-1)?.state).toBe("waiting");
  });

  it("finds out within three seconds after a nudge", async () => {
    socket.start();
    await wire().welcome();
    socket.nudge();
    expect(wire().last()).toMatchObject({ type: "ping" });
    await timers.pass(3_000);
    expect(links.at(-1)?.state).toBe("waiting");
  });
});
