// Looking at a screen: its picture in both themes, and the faults that a machine finds.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { until } from './until.mjs';

const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));
const THEMES = ['dark', 'light'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const DESK = { viewport: { width: 1280, height: 800 } };
export const TABLET = { viewport: { width: 900, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

mkdirSync(SHOTS, { recursive: true });

/** Whether the focus is where it should be. */
export async function isFocused(place, what) {
  await until(`${what} has the focus`, () => place.evaluate((element) => element === document.activeElement));
}

/** A picture and the faults of what one person sees, in both themes. */
export async function inspect(person, screen) {
  const { page } = person;
  const { width } = page.viewportSize();
  const faults = [];
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await person.picture(`${SHOTS}${screen}-${width}-${colorScheme}.png`);
    const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (sideways) faults.push(`${screen} at ${width}, ${colorScheme}: scrolls sideways`);
    for (const { id, nodes } of violations) {
      faults.push(`${screen} at ${width}, ${colorScheme}: ${id}: ${nodes.map((node) => node.target).join(', ')}`);
    }
  }
  return faults;
}
