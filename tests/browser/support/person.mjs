// A person at a browser. The verbs are what people do and notice, so that the tests read as stories. What they
// notice is asked again and again until it holds: nothing here depends on how fast the machine is.
import { isHeard, isInThere, isSilent, LOUD } from './ears.mjs';
import { until } from './until.mjs';

/** How long silence, or the absence of a tone, must last before it counts. */
const A_WHILE_MS = 1000;

const PASSWORD = 'correct horse battery staple';

export class Person {
  #page;

  /**
   * @param {string} name
   * @param {import('./chromium.mjs').ChromiumPage | import('./firefox.mjs').FirefoxPage} page
   * @param {number} hertz What their microphone plays.
   */
  constructor(name, page, hertz) {
    this.name = name;
    this.hertz = hertz;
    this.#page = page;
  }

  /** The browser's own page, for what is not a person's business. */
  get page() {
    return this.#page.page;
  }

  async goesAway() {
    await this.#page.close();
  }

  // ---- coming in ----

  async opens(url) {
    await this.#page.goTo(url);
  }

  /** Makes the first admin, through the link that the console shows. */
  async setsUp(server) {
    await this.#page.goTo(await server.setupLink());
    await this.#makesAccount('Make me the admin');
  }

  async signsUp(server) {
    await this.#page.goTo(server.url);
    await this.asksForAnAccount();
    await this.#makesAccount('Create account');
  }

  /** From the door to the form that makes an account. */
  async asksForAnAccount() {
    await this.#page.press('button', 'Create an account');
  }

  async #makesAccount(button) {
    await this.#page.fill('Name', this.name);
    await this.#page.fill('E-mail', `${this.name}@example.org`);
    await this.#page.fill('Password', PASSWORD);
    await this.#page.press('button', button);
    await this.isInside();
    // Pure tones are noise to a noise suppressor, and nobody here wants to hold a key.
    await this.wantsToBeHeard({ transmit: 'continuous', sound: 'raw' });
  }

  /** Changes how this person wants to be heard, as the settings page does. */
  async wantsToBeHeard(change) {
    await this.#ask(async (change) => {
      const now = await (await fetch('/api/account/voice')).json();
      const body = JSON.stringify({ ...now, ...change });
      const answer = await fetch('/api/account/voice', { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
      if (!answer.ok) throw new Error(`refused: ${answer.status}`);
    }, change);
  }

  async isInside() {
    await until(`${this.name} is inside`, () => this.#ask(() => document.querySelector('[data-voice-state]') !== null));
  }

  async presses(key) {
    await this.#page.pressKey(key);
  }

  // ---- writing ----

  async posts(text) {
    await this.#page.fill('Write to #general', text);
    await this.#page.pressKey('Enter');
  }

  async sees(text) {
    await until(`${this.name} sees "${text}"`, () => this.#page.shows(text));
  }

  /** What is said to those who do not see the page, once and without being looked for. */
  async isTold(text) {
    await until(
      `${this.name} is told "${text}"`,
      () => this.#ask(() => document.querySelector('[aria-live="polite"]').textContent),
      (told) => told === text,
    );
  }

  // ---- talking ----

  /** Enters a voice room by its row. */
  async joins(room) {
    await this.#page.press('button', room);
    await this.isConnected();
  }

  async leaves() {
    await this.#page.press('button', 'Leave');
  }

  /** On a phone: from the dock to the people of one's room. */
  async looksWhoIsIn(room) {
    await this.#page.press('button', `Who is in ${room}`);
  }

  /** Opens the microphone, which is closed at the first join. */
  async unmutes() {
    await this.#turns('Mute', false);
  }

  /** Closes the microphone; returns when the button was pressed, on the clock that all pages share. */
  async mutes() {
    return this.#turns('Mute', true);
  }

  async deafens() {
    return this.#turns('Deafen', true);
  }

  async undeafens() {
    return this.#turns('Deafen', false);
  }

  async #turns(button, on) {
    const pressed = () => this.#ask(isPressed, button);
    if ((await pressed()) === on) throw new Error(`${this.name}: ${button} was ${on} already`);
    await this.#ask(noteNextClick);
    await this.#page.press('button', button);
    await until(`${button} of ${this.name} is ${on}`, pressed, (now) => now === on);
    return this.#ask(() => window.clickedAt);
  }

  async isConnected() {
    await this.#voiceIs('connected');
  }

  async isReconnecting() {
    await this.#voiceIs('reconnecting');
  }

  async #voiceIs(wanted) {
    await until(
      `the dock of ${this.name} says ${wanted}`,
      () => this.#ask(() => document.querySelector('[data-voice-state]').dataset.voiceState),
      (state) => state === wanted,
    );
  }

  /** How this person's sound travels: udp or tcp, to which address, how encrypted. */
  async way() {
    const ways = await until(
      `${this.name} has one connected peer`,
      () => this.#ask(() => window.ears.ways()),
      (all) => all.length === 1 && all[0].protocol !== undefined,
    );
    return ways[0];
  }

  // ---- noticing ----

  /** Whether the ring of somebody is lit, here. */
  async seesTalking(who, talking) {
    await until(
      `${this.name} sees ${who} ${talking ? 'talking' : 'silent'}`,
      () => this.#ask(isTalking, who),
      (now) => now === talking,
    );
  }

  /** Hears this tone. Returns when it was heard first since then. */
  async hears(hertz, since = 0) {
    const heard = (samples) => samples.find((sample) => isHeard(sample, hertz));
    // Without a moment to count from, what counts is now.
    const from = since || (await this.#now());
    const samples = await until(`${this.name} hears ${hertz} Hz`, () => this.#samples(from), heard);
    return heard(samples).at;
  }

  /** Hears this tone, and goes on hearing it for a while. */
  async goesOnHearing(hertz) {
    const steadily = (samples) => {
      const before = samples.findLastIndex((sample) => !isHeard(sample, hertz));
      return samples.length > 0 && samples.at(-1).at - (samples[before + 1]?.at ?? Infinity) >= A_WHILE_MS;
    };
    const from = await this.#now();
    await until(`${this.name} goes on hearing ${hertz} Hz`, () => this.#samples(from), steadily);
  }

  /** The longest time since then in which every moment was without this tone. */
  async longestWithout(hertz, since) {
    let longest = 0;
    let last = since;
    for (const sample of await this.#samples(since)) {
      if (isHeard(sample, hertz)) last = sample.at;
      else longest = Math.max(longest, sample.at - last);
    }
    return longest;
  }

  /** The strongest tone of every voice that was heard, moment by moment since then. */
  async heard(since) {
    return this.#ask((question) => window.ears.heard(question), { since, loud: LOUD });
  }

  /** For a while the tone is in nothing that is heard. */
  async doesNotHear(hertz) {
    const samples = await this.#listensAWhile();
    const found = samples.find((sample) => isInThere(sample, hertz));
    if (found) throw new Error(`${this.name} hears ${hertz} Hz: ${JSON.stringify(found)}`);
  }

  /** Nothing is heard for a while. Returns when the silence began. */
  async hearsNothing(since = 0) {
    const from = since || (await this.#now());
    const samples = await until(
      `${this.name} hears nothing`,
      () => this.#samples(from),
      (all) => all.length > 0 && all.at(-1).at - startOfSilence(all) >= A_WHILE_MS,
    );
    return startOfSilence(samples);
  }

  async #listensAWhile() {
    const from = await this.#now();
    return until(`${this.name} listens`, () => this.#samples(from), (all) => all.at(-1)?.at - from >= A_WHILE_MS);
  }

  async #samples(since) {
    return this.#ask((time) => window.ears.since(time), since);
  }

  async #now() {
    return this.#ask(() => Date.now());
  }

  async #ask(script, argument) {
    return this.#page.evaluate(script, argument);
  }

  /** What is in this person's window, into a file. */
  async picture(file) {
    await this.#page.picture(file);
  }

  /** What this person sees, for whoever looks into a failure. */
  async describes(picture) {
    await this.#page.picture(picture);
    const view = await this.#ask(() => ({
      address: location.pathname,
      voice: document.querySelector('[data-voice-state]')?.dataset.voiceState,
      audio: window.ears?.state(),
      hears: window.ears?.since(0).at(-1)?.voices,
      heardLately: window.ears?.heard({ since: Date.now() - 3000, loud: 0 }).map(({ tones }) => tones.join(' ')),
    }));
    return JSON.stringify({ ...view, ways: await this.#ask(() => window.ears.ways()), complaints: this.#page.complaints });
  }
}

/** When the silence began that goes on to the last sample; never, when the last sample is not silent. */
function startOfSilence(samples) {
  const loud = samples.findLastIndex((sample) => !isSilent(sample));
  return samples[loud + 1]?.at ?? Infinity;
}

// ---- inside the page ----

function isPressed(name) {
  const buttons = [...document.querySelectorAll('button[aria-pressed]')];
  const button = buttons.find((each) => (each.getAttribute('aria-label') ?? each.textContent).trim().startsWith(name));
  return button ? button.getAttribute('aria-pressed') === 'true' : null;
}

function noteNextClick() {
  window.clickedAt = undefined;
  addEventListener('click', () => (window.clickedAt = Date.now()), { once: true, capture: true });
}

function isTalking(name) {
  const row = document.querySelector(`[data-user="${CSS.escape(name)}"]`);
  return row ? row.dataset.talking === 'true' : null;
}
