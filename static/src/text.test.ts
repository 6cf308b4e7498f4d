import { describe, expect, it } from "vitest";
import { initials, lengthOf, paneOf, pieces } from "./text";

const links = (body: string) => pieces(body).flatMap((piece) => (piece.kind === "link" ? [piece.text] : []));

describe("pieces", () => {
  it("keeps plain text as it is, line breaks included", () => {
    expect(pieces("one\n\n two <b>")).toEqual([{ kind: "text", text: "one\n\n two <b>" }]);
  });

  it("finds links and loses no character", () => {
    const body = "see https://a.example/x?y=1#z, and (http://b.example/c) now";
    expect(links(body)).toEqual(["https://a.example/x?y=1#z", "http://b.example/c"]);
    expect(pieces(body).map((piece) => piece.text).join("")).toBe(body);
  });

  it("leaves the end of a sentence out, and brackets that were opened inside in", () => {
    expect(links("Is it https://a.example/b?!")).toEqual(["https://a.example/b"]);
    expect(links("https://en.example/wiki/Pulse_(disambiguation).")).toEqual(["https://en.example/wiki/Pulse_(disambiguation)"]);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "xhttps://a.example", "https://", "mailto:a@b.c"])(
    "makes no link of %s",
    (body) => {
      expect(links(body)).toEqual([]);
    },
  );

  it("escapes what would leave the address", () => {
    expect(links('https://a.example/"onclick="x')).toEqual(["https://a.example/"]);
  });
});

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
