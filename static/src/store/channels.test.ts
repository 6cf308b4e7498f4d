import { describe, expect, it } from "vitest";
import type { Category, Channel } from "../protocol";
import { bareChannel } from "./channel.fake";
import { grouped, standing } from "./channels";

const heading = (id: string, position: number): Category => ({ id, name: id, position });
const channel = (id: string, position: number, category: string | null = null): Channel => ({
  ...bareChannel(id, "text"),
  position,
  category,
});

describe("the order of channels", () => {
  const categories = [heading("work", 2), heading("play", 1)];

  it("is by heading, then as the admin put them, and of equals the older comes first", () => {
    const all = [channel("d", 5, "work"), channel("c", 1, "work"), channel("b", 7), channel("a", 7), channel("e", 9, "play")];
    expect(standing(all, categories).map((one) => one.id)).toEqual(["a", "b", "e", "c", "d"]);
  });

  it("has every heading, and puts under none what stood under one that is gone", () => {
    const groups = grouped([channel("a", 1, "gone")], categories);
    expect(groups.map((group) => [group.category?.id ?? null, group.channels.length])).toEqual([
      [null, 1],
      ["play", 0],
      ["work", 0],
    ]);
  });
});
