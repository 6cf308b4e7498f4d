import { expect, it } from "vitest";
import { firstBelow } from "./anchor";

it("finds the first row in sight, looking at few", () => {
  let looked = 0;
  const bottomOf = (index: number) => {
    looked += 1;
    return (index + 1) * 20;
  };
  for (let edge = -10; edge < 6_100; edge += 7) {
    const expected = Math.max(0, Math.min(300, Math.floor(edge / 20)));
    looked = 0;
    expect(firstBelow(300, edge, bottomOf)).toBe(expected);
    expect(looked).toBeLessThanOrEqual(9);
  }
  expect(firstBelow(0, 5, bottomOf)).toBe(0);
});
