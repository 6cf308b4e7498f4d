/**
 * How much a browser fetches before it shows anything: held to a budget wherever a build is there to be weighed.
 */
import { expect, it } from "vitest";

/** Compressed, of all scripts that the page names; what is loaded later is not counted. */
const SCRIPTS = 80_000;

const pages = import.meta.glob<string>("../dist/index.html", { query: "?raw", import: "default", eager: true });
const scripts = import.meta.glob<string>("../dist/assets/*.js", { query: "?raw", import: "default", eager: true });

const page = pages["../dist/index.html"] ?? "";
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/gu)].map(([, path]) => `../dist/${path}`);

// Without a build, or with the page that stands in for one, there is nothing to weigh.
it.skipIf(named.length === 0)("the first scripts weigh no more than the budget", async () => {
  const weights = await Promise.all(named.map(async (path) => [path, await compressed(scripts[path] ?? "")] as const));
  // What is not there weighs 20; some parts are only a few words.
  for (const [path, weight] of weights) expect(weight, path).toBeGreaterThan(40);
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  expect(sum, JSON.stringify(weights)).toBeLessThanOrEqual(SCRIPTS);
});

async function compressed(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
