import { expect, it } from "vitest";
import { highlight } from "./highlight";

const CODE = "fn a() {\n  // b\n  \"<c>\"\n}";

it("tells words of the language, comments and values apart, and changes no character", () => {
  const pieces = highlight("rust", CODE) ?? [];
  expect(pieces.map((piece) => piece.text).join("")).toBe(CODE);
  expect(pieces).toContainEqual({ text: "fn", meaning: "key" });
  expect(pieces).toContainEqual({ text: "// b", meaning: "comment" });
  expect(pieces).toContainEqual({ text: "\"<c>\"", meaning: "value" });
});

it("knows a language by its short name or by a file", () => {
  expect(highlight("rs", CODE)).toEqual(highlight("rust", CODE));
  expect(highlight("src/ring.RS the ring", CODE)).toEqual(highlight("rust", CODE));
});

it.each(["", "klingon", "constructor", "__proto__"])("leaves %j as it is", (language) => {
  expect(highlight(language, CODE)).toBeNull();
});
