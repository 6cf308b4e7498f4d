import { expect, it } from "vitest";
import { contrast, hiddenIn, SURFACES } from "./contrast";
import { GROUP_COLORS } from "./words/administration";

const styles = import.meta.glob<string>("./styles/tokens.css", { query: "?raw", import: "default", eager: true });
const tokens = styles["./styles/tokens.css"];

it("measures as WCAG does", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#ffffff", "#000000")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

it("knows the surfaces of both themes", () => {
  expect(tokens).toContain(`--mist-0: ${SURFACES.light}`);
  expect(tokens).toContain(`--spruce-950: ${SURFACES.dark}`);
  expect(tokens).toContain("--bg: light-dark(var(--mist-0), var(--spruce-950))");
});

it("says where a colour is lost, and offers none that is", () => {
  expect(hiddenIn("#ffffff")).toBe("light");
  expect(hiddenIn("#10181b")).toBe("dark");
  for (const { color } of GROUP_COLORS) expect(hiddenIn(color), color).toBe(null);
});
