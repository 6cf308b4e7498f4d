import { describe, expect, it } from "vitest";
import { parse } from "./blocks";
import { type Block, type Inline, mentions, plain } from "./nodes";

/** The tree as one line: what a reader of this file wants to see. */
const sketch = (body: string) => parse(body).map(block).join(" | ");

function block(one: Block): string {
  switch (one.kind) {
    case "paragraph":
      return inlines(one.inside);
    case "code":
      return `code:${one.language}<${one.text.replaceAll("\n", "⏎")}>`;
    case "quote":
      return `quote<${one.inside.map(block).join(" | ")}>`;
    case "list":
      return `list<${one.items.map((item) => `${item.number ?? "-"} ${item.inside.map(block).join(" | ")}`).join("; ")}>`;
  }
}

function inlines(nodes: readonly Inline[]): string {
  return nodes.map(inline).join("");
}

function inline(node: Inline): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "break":
      return "⏎";
    case "code":
      return `code<${node.text}>`;
    case "mention":
      return `at<${node.name}>`;
    case "link":
      return `link:${node.href}<${inlines(node.inside)}>`;
    default:
      return `${node.kind}<${inlines(node.inside)}>`;
  }
}

function links(body: string): string[] {
  const found: string[] = [];
  const walk = (nodes: readonly Inline[]) => {
    for (const node of nodes) {
      if (node.kind === "link") found.push(node.href);
      if ("inside" in node) walk(node.inside);
    }
  };
  const walkBlock = (one: Block) => {
    if (one.kind === "paragraph") walk(one.inside);
    else if (one.kind === "quote") one.inside.forEach(walkBlock);
    else if (one.kind === "list") for (const item of one.items) item.inside.forEach(walkBlock);
  };
  parse(body).forEach(walkBlock);
  return found;
}

describe("plain text", () => {
  it("stays as it is", () => {
    expect(sketch("one <b> & two")).toBe("one <b> & two");
    expect(sketch("  indented,\ttabbed  ")).toBe("  indented,\ttabbed  ");
    expect(parse("")).toEqual([]);
  });

  it("keeps line breaks, and makes paragraphs of what blank lines part", () => {
    expect(sketch("one\ntwo\r\nthree\rfour")).toBe("one⏎two⏎three⏎four");
    expect(sketch("one\n\n\n two")).toBe("one |  two");
  });

  it("may be escaped", () => {
    expect(sketch("\\*not\\* \\`this\\` \\@ana \\\\ C:\\path")).toBe("*not* `this` @ana \\ C:\\path");
  });

  it("has no headings, tables or images", () => {
    expect(sketch("# one")).toBe("# one");
    expect(sketch("|a|b|\n|-|-|")).toBe("|a|b|⏎|-|-|");
    expect(sketch("![x](https://a.example/p.png)")).toBe("!link:https://a.example/p.png<x>");
  });
});

describe("marks", () => {
  it.each([
    ["**bold** *it* __bold__ _it_ ~~gone~~", "strong<bold> emphasis<it> strong<bold> emphasis<it> strike<gone>"],
    ["***both*** and **bold *it***", "strong<emphasis<both>> and strong<bold emphasis<it>>"],
    ["*it **bold***", "emphasis<it strong<bold>>"],
    ["in**side**words", "instrong<side>words"],
    ["snake_case_name and _it_", "snake_case_name and emphasis<it>"],
    ["**over\ntwo lines**", "strong<over⏎two lines>"],
    ["2 * 3 * 4 ** 2", "2 * 3 * 4 ** 2"],
    ["**open *and open", "**open *and open"],
    ["*crossing **marks* here**", "emphasis<crossing **marks> here**"],
    ["*outer *inner*", "*outer emphasis<inner>"],
    ["** no ** ~~ no ~~ ~one~", "** no ** ~~ no ~~ ~one~"],
    ["****four**** ____ ~~~~", "****four**** ____ ~~~~"],
    ["👍*yes*👍", "👍emphasis<yes>👍"],
  ])("%s", (body, tree) => {
    expect(sketch(body)).toBe(tree);
  });

  it("do not cross paragraphs", () => {
    expect(sketch("**a\n\nb**")).toBe("**a | b**");
  });
});

describe("code", () => {
  it.each([
    ["see `a * b * c` here", "see code<a * b * c> here"],
    ["`` a ` b ``", "code<a ` b>"],
    ["`open", "`open"],
    ["`a``b`", "code<a``b>"],
    ["**`a`**", "strong<code<a>>"],
    ["`**a**` @ana", "code<**a**> at<ana>"],
  ])("%s", (body, tree) => {
    expect(sketch(body)).toBe(tree);
  });

  it("comes in blocks, with a language", () => {
    expect(sketch("look:\n```rust\nfn a() {\n\n}\n```\nand")).toBe("look: | code:rust<fn a() {⏎⏎}> | and");
    expect(sketch("```\n**x** @ana https://a.example\n```")).toBe("code:<**x** @ana https://a.example>");
    expect(sketch("```one line```")).toBe("code:<one line>");
    expect(sketch("```ring.rs\na```")).toBe("code:ring.rs<a>");
    expect(sketch("````\n```\n````")).toBe("code:<```>");
  });

  it("that is never closed goes on to the end", () => {
    expect(sketch("```js\na\n\nb")).toBe("code:js<a⏎⏎b>");
  });
});

describe("quotes and lists", () => {
  it("hold blocks of their own", () => {
    expect(sketch("> one\n> **two**\nthree")).toBe("quote<one⏎strong<two>> | three");
    expect(sketch("> ```\n> a\n> ```")).toBe("quote<code:<a>>");
    expect(sketch(">> deep\n> less")).toBe("quote<quote<deep> | less>");
    expect(sketch(">_< and ->")).toBe(">_< and ->");
  });

  it("keep the numbers that were written", () => {
    expect(sketch("3. a\n5) b")).toBe("list<3 a; 5 b>");
    expect(sketch("2026. A good year")).toBe("list<2026 A good year>");
  });

  it("nest by standing further in", () => {
    expect(sketch("- a\n  - b\n  - c\n- d")).toBe("list<- a | list<- b; - c>; - d>");
    expect(sketch("- a\n  more of a\n\n  and more\n\nout")).toBe("list<- a⏎more of a | and more> | out");
    expect(sketch("- a\n1. b")).toBe("list<- a> | list<1 b>");
  });

  it("are not what only looks like them", () => {
    expect(sketch("-5 degrees\n*bold*\n1.5 litres\n-")).toBe("-5 degrees⏎emphasis<bold>⏎1.5 litres⏎-");
  });
});

describe("links", () => {
  it("are found in the text", () => {
    expect(sketch("see https://a.example/x?y=1#z, and (http://b.example/c) now")).toBe(
      "see link:https://a.example/x?y=1#z<https://a.example/x?y=1#z>, and (link:http://b.example/c<http://b.example/c>) now",
    );
    expect(links("**https://a.example/b_c_d**")).toEqual(["https://a.example/b_c_d"]);
    expect(links("Is it https://a.example/b?!")).toEqual(["https://a.example/b"]);
    expect(links("https://en.example/wiki/Pulse_(disambiguation).")).toEqual(["https://en.example/wiki/Pulse_(disambiguation)"]);
  });

  it("may have a label, in which marks work and other links do not", () => {
    expect(sketch("[the **big** @ana room](https://a.example/(x))")).toBe("link:https://a.example/(x)<the strong<big> @ana room>");
    expect(sketch("[a [b](https://b.example)](https://a.example)")).toBe(
      "[a link:https://b.example/<b>](link:https://a.example/<https://a.example>)",
    );
    expect(sketch("*a [b*](https://b.example)")).toBe("emphasis<a [b>](link:https://b.example/<https://b.example>)");
    expect(sketch("[ ](https://b.example)")).toBe("[ ](link:https://b.example/<https://b.example>)");
  });

  it("whose label reads like another place are shown as they are written", () => {
    expect(sketch("[https://bank.example](https://evil.example)")).toContain("[link:https://bank.example/");
    expect(links("[www.bank.example](https://evil.example)")).toEqual(["https://evil.example/"]);
    expect(sketch("[www.bank.example](https://evil.example)")).toMatch(/^\[www\.bank\.example\]\(link:/);
    expect(sketch("[https://bank.example](https://bank.example/sign-in)")).toBe(
      "link:https://bank.example/sign-in<https://bank.example>",
    );
  });

  // What has opened a door somewhere: none of it may become a link to anything but a plain web address.
  it.each([
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\u0001javascript:alert(1))",
    "[x](//evil.example)",
    "[x](/api/session)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](blob:https:x)",
    "[x](file:///etc/passwd)",
    "[x](https:evil)",
    "[x](https://)",
    "[x](mailto:a@b.c)",
    "<javascript:alert(1)>",
    "ftp://a.example",
    "xhttps://a.example",
    "https://",
    "https://\u202eelpmaxe.a",
  ])("make nothing of %j", (body) => {
    expect(links(body)).toEqual([]);
  });

  it("never carry what would leave the attribute, the direction of writing, or credentials in disguise", () => {
    expect(links('https://a.example/"onclick="x')).toEqual(["https://a.example/"]);
    expect(links("https://a.example/\u202egnp.exe")).toEqual(["https://a.example/"]);
    expect(links(`https://a.example/${"x".repeat(3_000)}`)).toEqual([]);
    for (const href of links("[x](https://a.example/<b>) https://a.example/<script>")) expect(href).toBe("https://a.example/");
  });

  it("leave markup of other kinds as text", () => {
    for (const body of [
      "<img src=x onerror=alert(1)>",
      "<a href='javascript:x'>y</a>",
      "&lt;script&gt;",
      "<!-- -->",
      "<svg/onload=alert(1)>",
      "</p></li><script>alert(1)</script>",
    ]) {
      expect(parse(body)).toEqual([{ kind: "paragraph", inside: [{ kind: "text", text: body }] }]);
    }
  });
});

describe("mentions", () => {
  it("are names after a sign, and not addresses", () => {
    expect(sketch("@ana, ask @ben-2 and @c_d! a@example.org @ @é")).toBe(
      "at<ana>, ask at<ben-2> and at<c_d>! a@example.org @ @é",
    );
    expect(sketch("**@ana**")).toBe("strong<at<ana>>");
  });

  it("call nobody out of code", () => {
    const body = "@ana `@ben`\n```\n@cai\n```\n> - **@dan**\n[@eve](https://a.example)";
    expect(mentions(parse(body))).toEqual(["ana", "dan"]);
  });
});

it("is read aloud without its marks", () => {
  expect(plain(parse("**Look** at `x`:\n> 1. ~~a~~ [b](https://a.example)\n```\nc\n```\n@ana"))).toBe("Look at x:\n1. a b\nc\n@ana");
});

describe("whatever somebody sends", () => {
  const SIZE = 4_000;
  // Each as long as a message may be, and fifty times as long: a reader whose time grows with the square of the
  // length does not come to the end of the long ones.
  const hostile: [string, string][] = [
    ["quotes in quotes", ">"],
    ["quotes with spaces", "> "],
    ["lists in lists", "- "],
    ["open brackets", "["],
    ["brackets and links", "[a]("],
    ["closing brackets", "]("],
    ["links in links", "[[a](https://b.c)](d)"],
    ["bold that opens", "**a "],
    ["marks of every kind", "*a **b _c __d ~~e "],
    ["marks that close", "a* b** c_ d__ e~~ "],
    ["runs", "***a***"],
    ["stars", "*"],
    ["underlines", "_a"],
    ["ticks", "`"],
    ["ticks of growing length", "`a``b```c"],
    ["fences", "```\n"],
    ["quoted fences", "> ```\n"],
    ["escapes", "\\"],
    ["mentions", "@ana "],
    ["at signs", "@"],
    ["addresses", "https://a.b "],
    ["one address", "https://a.b/)))"],
    ["brackets after an address", ")"],
    ["brackets in an address", "(a)"],
    ["blank lines", "\n"],
    ["items and blank lines", "- a\n\n\n"],
    ["deeper and deeper items", "  - a\n"],
    ["long words", "a"],
    ["overrides", "\u202e"],
  ];

  it.each(hostile)("%s are read to the end, in a tree that is never deep", (_, piece) => {
    for (const size of [SIZE, 50 * SIZE]) {
      for (const start of ["", "[x](", "https://a.b/", "**"]) {
        const body = start + piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
        const tree = parse(body);
        expect(depthOf(tree)).toBeLessThanOrEqual(20);
        expect(countOf(tree)).toBeLessThanOrEqual(2 * body.length + 2);
      }
    }
  });

  it("is read in any mixture, and no letter or digit is lost", () => {
    const pieces = ["*", "**", "_", "~~", "`", "```", "\n", "> ", "- ", "1. ", "[", "]", "(", ")", "](https://a.b)", "@an", " ", "x", "7", "\\", "é", "👍"];
    let seed = 20_261;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const letters = (text: string) => text.replace(/https:\/\/a\.b/gu, "").replace(/[^a-z0-9é👍]/giu, "");
    for (let round = 0; round < 3_000; round += 1) {
      const body = Array.from({ length: 1 + random(40) }, () => pieces[random(pieces.length)]).join("");
      const tree = parse(body);
      expect(depthOf(tree), body).toBeLessThanOrEqual(20);
      // Language names of code blocks are shown beside the code and are no part of it.
      const languages = JSON.stringify(tree).matchAll(/"language":"([^"]*)"/gu);
      const kept = letters(plain(tree)).length + [...languages].reduce((sum, [, name]) => sum + letters(name ?? "").length, 0);
      expect(kept, body).toBe(letters(body).length);
    }
  });
});

function depthOf(tree: readonly (Block | Inline)[]): number {
  const inside = (node: Block | Inline): readonly (Block | Inline)[] =>
    node.kind === "list" ? node.items.flatMap((item) => [...item.inside]) : "inside" in node ? node.inside : [];
  return tree.length === 0 ? 0 : 1 + tree.reduce((deepest, node) => Math.max(deepest, depthOf(inside(node))), 0);
}

function countOf(tree: readonly (Block | Inline)[]): number {
  return tree.reduce((sum, node) => {
    const inside = node.kind === "list" ? node.items.flatMap((item) => [...item.inside]) : "inside" in node ? node.inside : [];
    return sum + 1 + countOf(inside);
  }, 0);
}
