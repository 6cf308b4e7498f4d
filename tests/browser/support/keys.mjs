// A person without a pointer: the Tab key leads to everything, and what has the focus is in sight.
import assert from 'node:assert/strict';
import { isFocused } from './screens.mjs';

/** More stops than any screen has. */
const STOPS = 80;

export class Keys {
  /** Stops that nobody could see. */
  unseen = [];

  constructor({ page }) {
    this.page = page;
  }

  /** By the Tab key alone. */
  async to(place, what) {
    for (let stop = 0; stop < STOPS; stop += 1) {
      if (await place.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
      const unseen = await this.page.evaluate(outOfSight);
      if (unseen !== null) this.unseen.push(unseen);
    }
    throw new Error(`the Tab key does not lead to ${what}`);
  }

  /** In the place of what the field says. */
  async writes(text) {
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.type(text);
  }

  async presses(place, what) {
    await this.to(place, what);
    await this.page.keyboard.press('Enter');
  }

  /** The field has the focus, and its description says what is wrong with it. */
  async isTold(field, fault) {
    await isFocused(field, `what is wrong (${fault})`);
    const told = await field.evaluate((element) => {
      const notes = (element.getAttribute('aria-describedby') ?? '').split(' ');
      return element.getAttribute('aria-invalid') === 'true' && notes.map((id) => document.getElementById(id)?.textContent).join(' ');
    });
    assert.ok(told && told.includes(fault), `the field says ${told} and not ${fault}`);
  }

  /** What it says of each wrong text, and then nothing of the right one. */
  async triesIn(field, faults) {
    await this.to(field, 'the field');
    for (const [text, fault] of faults) {
      await this.writes(text);
      await this.page.keyboard.press('Enter');
      await this.isTold(field, fault);
    }
  }
}

// ---- inside the page ----

/** What has the focus, if nobody can see it; a radio button is where its label is. */
function outOfSight() {
  const element = document.activeElement;
  if (element === null || element === document.body) return null;
  const { left, right, top, bottom, width, height } = (element.labels?.[0] ?? element).getBoundingClientRect();
  const seen = width > 0 && height > 0 && left > -2 && right < innerWidth + 2 && bottom > 0 && top < innerHeight;
  return seen ? null : `${element.outerHTML.slice(0, 120)} at ${left} ${top} ${right} ${bottom}`;
}
