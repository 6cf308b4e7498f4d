/**
 * Whether a colour can be seen where it is shown: 3 to 1 at least against the reading surface (WCAG 2.2, 1.4.11), in
 * both themes. Pure.
 */

/** `--bg` of the tokens; a test holds them together. */
export const SURFACES = { light: "#fbfcfc", dark: "#11191c" } as const;

const ENOUGH = 3;

/** The ratio of WCAG 2.2 between two colours, each `#` and six digits. */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** In which theme a colour cannot be told from the surface; null when it can in both. */
export function hiddenIn(color: string): keyof typeof SURFACES | null {
  if (contrast(color, SURFACES.light) < ENOUGH) return "light";
  return contrast(color, SURFACES.dark) < ENOUGH ? "dark" : null;
}

function luminance(color: string): number {
  const part = (at: number) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}
