import { expect, it } from "vitest";
import { BEATS, Pulse } from "./pulse";

const last = (pulse: Pulse, now: number, count: number) => pulse.read(now).slice(-count);

it("is flat where nobody talks", () => {
  const pulse = new Pulse(0);
  expect(pulse.read(600_000)).toEqual(new Array(BEATS).fill(0));
});

it("shows the share of each beat in which somebody talked", () => {
  const pulse = new Pulse(0);
  pulse.set(true, 1_000);
  pulse.set(true, 1_500);
  pulse.set(false, 2_500);
  pulse.set(true, 3_000);
  expect(last(pulse, 4_000, 2)).toEqual([0.5, 0.75]);
  expect(last(pulse, 6_000, 3)).toEqual([0.5, 0.75, 1]);
});

it("forgets what is more than a minute ago", () => {
  const pulse = new Pulse(0);
  pulse.set(true, 0);
  pulse.set(false, 2_000);
  expect(pulse.read(60_000)[0]).toBe(1);
  expect(pulse.read(62_000)).toEqual(new Array(BEATS).fill(0));
});

it("does not take the sleep of a machine for an endless talk", () => {
  const pulse = new Pulse(0);
  pulse.set(true, 0);
  expect(pulse.read(10_000_000)).toEqual(new Array(BEATS).fill(0));
  expect(last(pulse, 10_002_000, 1)).toEqual([1]);
});
