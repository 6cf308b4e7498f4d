// What a machine can find wrong with a screen, and a picture of it for who looks at the rest.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';

const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));
const THEMES = ['dark', 'light'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const DESK = { viewport: { width: 1280, height: 800 } };
export const TABLET = { viewport: { width: 900, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** A picture and the faults of what one person sees, in both themes. */
export async function inspect(person, screen) {
  mkdirSync(SHOTS, { recursive: true });
  const { page } = person;
  const { width } = page.viewportSize();
  const faults = [];
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: `${SHOTS}${screen}-${width}-${colorScheme}.png` });
    const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (sideways) faults.push(`${screen} at ${width}, ${colorScheme}: scrolls sideways`);
    for (const { id, nodes } of violations) {
      faults.push(`${screen} at ${width}, ${colorScheme}: ${id}: ${nodes.map((node) => node.target).join(', ')}`);
    }
  }
  return faults;
}
