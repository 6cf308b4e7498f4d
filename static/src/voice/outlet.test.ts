import { expect, it } from "vitest";
import { FakeTimers, settle } from "../timers.fake";
import { Outlet, SILENCE_MS } from "./outlet";

/** A sender that takes its time, and refuses two changes at once as browsers do. */
function sender() {
  const made = {
    set: [] as boolean[],
    busy: false,
    fails: false,
    getParameters: () => ({ encodings: [{ active: true }] }),
    setParameters: async ({ encodings }: { encodings: { active: boolean }[] }) => {
      if (made.busy || made.fails) throw new Error("InvalidStateError");
      made.busy = true;
      await settle();
      made.busy = false;
      made.set.push(encodings[0]?.active ?? false);
    },
  };
  return made;
}

function open() {
  const timers = new FakeTimers();
  const line = sender();
  return { timers, line, outlet: new Outlet(line as unknown as RTCRtpSender, timers) };
}

it("sends a little silence and then nothing, and opens at once", async () => {
  const { timers, line, outlet } = open();
  outlet.set(false);
  await timers.pass(SILENCE_MS - 1);
  expect(line.set).toEqual([]);
  await timers.pass(1);
  await settle();
  expect(line.set).toEqual([false]);
  outlet.set(true);
  await settle();
  await settle();
  expect(line.set).toEqual([false, true]);
});

it("stays on over a pause that is shorter than the silence", async () => {
  const { timers, line, outlet } = open();
  for (let word = 0; word < 5; word += 1) {
    outlet.set(false);
    await timers.pass(SILENCE_MS / 2);
    outlet.set(true);
    await timers.pass(SILENCE_MS);
  }
  expect(line.set).toEqual([]);
});

it("counts the silence from the first closing, however often it is told", async () => {
  const { timers, line, outlet } = open();
  outlet.set(false);
  await timers.pass(SILENCE_MS / 2);
  outlet.set(false);
  await timers.pass(SILENCE_MS / 2);
  await settle();
  expect(line.set).toEqual([false]);
});

it("makes one change at a time, and ends where it was told to", async () => {
  const { timers, line, outlet } = open();
  outlet.set(false);
  await timers.pass(SILENCE_MS);
  outlet.set(true);
  outlet.set(false);
  outlet.set(true);
  for (let turn = 0; turn < 5; turn += 1) await settle();
  expect(line.set.at(-1)).toBe(true);
});

it("goes on with silence where a line cannot be switched", async () => {
  const { timers, line, outlet } = open();
  line.fails = true;
  outlet.set(false);
  await timers.pass(SILENCE_MS);
  outlet.set(true);
  await settle();
  expect(line.set).toEqual([]);
});

it("does nothing after its end", async () => {
  const { timers, line, outlet } = open();
  outlet.set(false);
  outlet.close();
  await timers.pass(10_000);
  expect(line.set).toEqual([]);
});
