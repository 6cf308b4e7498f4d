import { describe, expect, it } from "vitest";
import { initials, lengthOf, paneOf } from "./text";

describe("people", () => {
  it("get two letters", () => {
    expect(initials("mira-sol")).toBe("MS");
    expect(initials("edda")).toBe("ED");
    expect(initials("x")).toBe("X");
    expect(initials("ümit_öz")).toBe("ÜÖ");
    expect(initials("__")).toBe("?");
  });

  it("look the same each time, and not all alike", () => {
    const ids = Array.from({ length: 400 }, (_, n) => `0198c0de-0000-7000-8000-${String(n).padStart(12, "0")}`);
    expect(paneOf("a")).toEqual(paneOf("a"));
    const looks = new Map<string, number>();
    for (const id of ids) {
      const { hue, cut } = paneOf(id);
      expect(hue).toBeGreaterThanOrEqual(1);
      expect(hue).toBeLessThanOrEqual(8);
      expect(cut).toBeGreaterThanOrEqual(1);
      expect(cut).toBeLessThanOrEqual(4);
      looks.set(`${hue} ${cut}`, (looks.get(`${hue} ${cut}`) ?? 0) + 1);
    }
    expect(looks.size).toBe(32);
    expect(Math.max(...looks.values())).toBeLessThan(30);
  });
});

it("counts characters, not code units", () => {
  expect(lengthOf("  a🪟b \n")).toBe(3);
});
