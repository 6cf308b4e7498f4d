/**
 * Promises that hold for every file, kept by a machine.
 */
import { describe, expect, it } from "vitest";

const all = import.meta.glob<string>("./**/*.{ts,svelte,css}", { query: "?raw", import: "default", eager: true });
const files = Object.entries(all).filter(([path]) => !path.includes(".test.") && !path.endsWith("/protocol.ts"));

function offenders(of: (path: string) => boolean, pattern: RegExp): string[] {
  return files.filter(([path]) => of(path)).flatMap(([path, text]) => (text.match(pattern) ?? []).map((hit) => `${path}: ${hit}`));
}

const views = (path: string) => path.startsWith("./ui/") || path.startsWith("./styles/");

it("finds the files at all", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.some(([path]) => path === "./ui/App.svelte")).toBe(true);
});

describe("the page's security policy", () => {
  it("is met: no style attributes, no HTML from strings, no scripts from strings", () => {
    expect(offenders((path) => !path.endsWith(".css"), /\sstyle=|style:|innerHTML|outerHTML|\{@html|insertAdjacentHTML|\beval\(|new Function/gu)).toEqual([]);
  });

  it("is met: nothing is fetched from elsewhere", () => {
    expect(offenders(() => true, /https?:\/\/(?!www\.w3\.org)[a-z0-9.-]+\.[a-z]{2,}/giu)).toEqual([]);
  });
});

describe("the look", () => {
  it("takes its colours from the tokens, and from their meanings", () => {
    const looks = (path: string) => views(path) && !path.endsWith("/tokens.css");
    expect(offenders(looks, /(?<=[:\s(,])#[0-9a-f]{3,8}\b(?=[;\s,)])|\b(?:rgb|hsl|oklch)a?\(/giu)).toEqual([]);
    expect(offenders(looks, /var\(--(?:spruce|mist|lamp|tide|iris|rose|white|black)[-a-z0-9]*\)/gu)).toEqual([]);
  });

  it("keeps yellow for sound", () => {
    // Who may say that there is sound: the window, the person, the pulse, the room, the dock and the meters.
    const sounding = /\/(?:Glass|Pane|Pulse|Levels|RoomRow|ParticipantRow|Meter|Scope|Dock)\.svelte$/u;
    expect(offenders((path) => views(path) && !sounding.test(path) && !path.endsWith("/tokens.css"), /--sound[-a-z]*/gu)).toEqual([]);
  });
});

describe("the words", () => {
  const speaking = files.filter(([path, text]) => path.endsWith(".svelte") && literals(text).length > 0);

  it("are in the catalogue, so that another language is one file", () => {
    expect(speaking.map(([path, text]) => `${path}: ${literals(text).join(" | ")}`)).toEqual([]);
  });

  it("are found where they are", () => {
    expect(literals('<p class="a b">Hello</p>')).toEqual(["Hello"]);
    expect(literals('<b aria-label="Close it">{x}</b><i title={y}></i>')).toEqual(['aria-label="Close it"']);
    expect(literals('<p>{busy ? "One moment" : words.done}</p>')).toEqual(['"One moment"']);
    expect(literals("<!-- Not this --><p>{#if a}{b}&nbsp;{/if} 7 · –</p><style>.a { b: c }</style>")).toEqual([]);
  });
});

/** What a component says in words of its own: text, the attributes that are read, sentences in expressions. */
function literals(source: string): string[] {
  const template = source.replace(/<script[^]*?<\/script>|<style[^]*?<\/style>|<!--[^]*?-->/gu, "");
  let plain = "";
  let code = "";
  let depth = 0;
  for (const char of template) {
    if (char === "{") depth += 1;
    if (depth === 0) plain += char;
    else code += char;
    if (char === "}") depth -= 1;
  }
  const texts = [...`>${plain}<`.matchAll(/>([^<>]*)</gu)].map(([, text]) => (text ?? "").replace(/&\w+;/gu, "").trim());
  const attributes = plain.matchAll(/(?<=\s)(?:aria-label|alt|label|placeholder|title)="[^"]*\p{L}[^"]*"/gu);
  const sentences = [...code.matchAll(/"[^"]*"|'[^']*'|`[^`]*`/gu)].map(([hit]) => hit).filter((hit) => /\p{L}{2} \p{L}/u.test(hit));
  return [...texts.filter((text) => /\p{L}/u.test(text)), ...[...attributes].map(([hit]) => hit), ...sentences];
}

describe("what must not know the page", () => {
  // Wiring and views may; everything else runs without a browser.
  const plain = (path: string) =>
    !path.startsWith("./ui/") && !/^\.\/(?:main|browser|memory|api|voice\/speakers)\.ts$/u.test(path) && path.endsWith(".ts");

  it("has no DOM", () => {
    expect(offenders(plain, /\b(?:document|window|localStorage|navigator|location)\.[a-z]\w*/giu).filter((hit) => !hit.includes("navigator.mediaDevices"))).toEqual([]);
  });

  it("has no Svelte", () => {
    expect(offenders(plain, /from "svelte[^"]*"|\$state|\$derived/gu)).toEqual([]);
  });
});
