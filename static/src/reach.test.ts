import { expect, it } from "vitest";
import { parse } from "./markdown/blocks";
import { manyCalled } from "./reach";

it("a text calls many by the widest of its calls, and not in code or in words", () => {
  const called = (text: string) => manyCalled(parse(text));
  expect(called("Supper! @here")).toBe("here");
  expect(called("@HERE and @all")).toBe("everyone");
  expect(called("> quoted\n- **@everyone**, look")).toBe("everyone");
  expect(called("`@here` and ana@here.example")).toBe(null);
  expect(called("```\n@everyone\n```")).toBe(null);
  expect(called("@hereabouts, @everyone-else")).toBe(null);
  expect(called("@ana")).toBe(null);
});
