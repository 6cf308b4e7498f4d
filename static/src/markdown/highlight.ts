/**
 * Colours for code. Large, and therefore loaded only when a code block is on the screen.
 *
 * Answers pieces with a meaning, never HTML. Must not know: what a meaning looks like.
 */
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import elixir from "highlight.js/lib/languages/elixir";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

export type Meaning = "comment" | "key" | "value" | "added" | "removed" | null;

export interface Piece {
  text: string;
  meaning: Meaning;
}

const lowlight = createLowlight({
  bash, c, cpp, csharp, css, diff, dockerfile, elixir, go, ini, java, javascript, json, kotlin, lua, makefile, php,
  python, ruby, rust, sql, swift, typescript, xml, yaml,
}); // prettier-ignore

const MEANINGS: Readonly<Record<string, Meaning>> = {
  "hljs-comment": "comment",
  "hljs-quote": "comment",
  "hljs-meta": "comment",
  "hljs-keyword": "key",
  "hljs-literal": "key",
  "hljs-selector-tag": "key",
  "hljs-name": "key",
  "hljs-section": "key",
  "hljs-string": "value",
  "hljs-regexp": "value",
  "hljs-number": "value",
  "hljs-attr": "key",
  "hljs-addition": "added",
  "hljs-deletion": "removed",
};

/** The code in pieces, or null when nobody here reads this language. A file name tells it too. */
export function highlight(language: string, text: string): Piece[] | null {
  const name = (language.split(/\s/u)[0] ?? "").split(".").at(-1)?.toLowerCase() ?? "";
  if (!lowlight.registered(name)) return null;
  const pieces: Piece[] = [];
  const walk = (nodes: readonly Node[], meaning: Meaning) => {
    for (const node of nodes) {
      if (node.type === "text") pieces.push({ text: node.value ?? "", meaning });
      else walk(node.children ?? [], meaningOf(node) ?? meaning);
    }
  };
  walk(lowlight.highlight(name, text).children as readonly Node[], null);
  return pieces;
}

/** As much of the library's tree as we read. */
interface Node {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: readonly Node[];
}

function meaningOf(node: Node): Meaning {
  const names = node.properties?.className;
  const known = Array.isArray(names) ? names.find((name: unknown) => typeof name === "string" && name in MEANINGS) : undefined;
  return typeof known === "string" ? (MEANINGS[known] ?? null) : null;
}
