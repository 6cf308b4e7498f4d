import { expect, it } from "vitest";
import { Idle, IDLE_MS } from "./idle";

it("begins after ten minutes without a touch and ends with the next one", () => {
  let time = 5_000;
  const idle = new Idle({ now: () => time });
  expect(idle.now).toBe(false);
  time += IDLE_MS - 1;
  expect(idle.now).toBe(false);
  expect(idle.touch()).toBe(false);
  time += IDLE_MS - 1;
  expect(idle.now).toBe(false);
  time += 1;
  expect(idle.now).toBe(true);
  expect(idle.touch()).toBe(true);
  expect(idle.now).toBe(false);
});
