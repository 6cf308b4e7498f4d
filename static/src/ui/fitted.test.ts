import { expect, it } from "vitest";
import { fitted } from "./fitted";

it("a picture keeps its shape and stays within its room", () => {
  const room = { width: 400, height: 300 };
  expect(fitted({ width: 200, height: 100 }, room)).toEqual({ width: 200, height: 100 });
  expect(fitted({ width: 4000, height: 2000 }, room)).toEqual({ width: 400, height: 200 });
  expect(fitted({ width: 100, height: 3000 }, room)).toEqual({ width: 10, height: 300 });
  expect(fitted({ width: 16_384, height: 1 }, room)).toEqual({ width: 400, height: 1 });
});
