// Chromium with a tone for a microphone. The tone belongs to the whole process, so everybody has their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium, errors } from 'playwright-core';
import { CHEAP_EARS, growEars, SHARP_EARS } from './ears.mjs';
import { singTone, writeTone } from './tone.mjs';
import { PATIENCE } from './until.mjs';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

const QUIET = [
  // As root, and in containers, there is no sandbox and little shared memory.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
];

/** A page that is not looked at must go on hearing and talking. */
const AWAKE = [
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];

/**
 * How long a picture may take, how often it is tried, and how long the compositor is woken in between. A headless window
 * in which nothing moves while sound goes on may fall asleep and answer after a minute or never; one that is awake takes
 * a second on a busy machine.
 */
const PICTURE_MS = 15_000;
const PICTURE_TRIES = 4;
const WAKING_MS = 250;

/** A window that costs little to paint. */
export const SMALL = { viewport: { width: 360, height: 480 }, reducedMotion: 'reduce' };

/** A page of Chromium, with the few verbs that a person needs. */
export class ChromiumPage {
  #close;
  /** What the page complained about. */
  complaints = [];

  /**
   * @param {import('playwright-core').Page} page
   * @param {() => Promise<void>} close Ends everything that was opened for it alone.
   */
  constructor(page, close) {
    this.#close = close;
    /** The page of playwright, for what only this browser can do. */
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
  }

  /**
   * @param {object} options
   * @param {number} options.hertz The tone of its microphone.
   * @param {(path: string) => void} [options.sound] Writes what its microphone plays instead.
   * @param {string[]} [options.microphone] How there is another microphone, or none.
   * @param {import('playwright-core').BrowserContextOptions} [options.context]
   */
  static async open({ hertz, sound, microphone, context = {} }) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cromulent-tone-'));
    const tone = path.join(folder, 'tone.wav');
    if (sound) sound(tone);
    else writeTone(tone, hertz);
    const args = [...QUIET, ...AWAKE, ...(microphone ?? playing(tone))];
    const browser = await chromium.launch({ executablePath: EXECUTABLE, args });
    const window = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    window.setDefaultTimeout(PATIENCE);
    await window.addInitScript(growEars, SHARP_EARS);
    return new ChromiumPage(await window.newPage(), async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /**
   * One browser with a window for each tone, all small and calm: ten browsers, and ten large windows, are too many
   * for a small machine. The microphone of a process plays one tone only, so here every page makes its own.
   * @param {number[]} tones
   */
  static async openMany(tones) {
    const browser = await launchMuted();
    let open = tones.length;
    const closeOne = async () => {
      open -= 1;
      if (open === 0) await browser.close();
    };
    const pages = [];
    for (const hertz of tones) {
      const window = await browser.newContext({ ...SMALL, permissions: ['microphone'] });
      window.setDefaultTimeout(PATIENCE);
      await window.addInitScript(growEars, CHEAP_EARS);
      await window.addInitScript(singTone, hertz);
      pages.push(new ChromiumPage(await window.newPage(), closeOne));
    }
    return pages;
  }

  /** Before the page's own scripts run. */
  async beforehand(script, argument) {
    await this.page.addInitScript(script, argument);
  }

  async goTo(url) {
    await this.page.goto(url);
  }

  /** Types into the field with this label. */
  async fill(label, text) {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  async pressKey(key) {
    await this.page.keyboard.press(key);
  }

  /** Presses what has this role and a name that begins so. */
  async press(role, name) {
    await this.page.getByRole(role, { name: beginningWith(name) }).first().click();
  }

  async shows(text) {
    return this.page.getByText(text, { exact: false }).first().isVisible();
  }

  async evaluate(script, argument) {
    return this.page.evaluate(script, argument);
  }

  /** A picture of what is in the window. Chromium sometimes draws no frame for it; then it is woken and asked again. */
  async picture(file) {
    for (let tries = PICTURE_TRIES; ; tries--) {
      try {
        return await this.page.screenshot({ path: file, timeout: PICTURE_MS });
      } catch (error) {
        if (tries === 1 || !(error instanceof errors.TimeoutError)) throw error;
        await Promise.race([this.#wakesTheCompositor().catch(() => {}), pause(PICTURE_MS, undefined, { ref: false })]);
      }
    }
  }

  /** A screencast asks for frames by itself, whether anything has changed or not. */
  async #wakesTheCompositor() {
    await this.page.bringToFront();
    const session = await this.page.context().newCDPSession(this.page);
    await session.send('Page.startScreencast', { format: 'jpeg', quality: 1 });
    await pause(WAKING_MS);
    await session.send('Page.stopScreencast');
    await session.detach();
  }

  async close() {
    await this.#close();
  }
}

/**
 * A browser without loudspeakers, for pages that make their own microphones; or with a microphone for all of them that
 * plays a file round and round.
 * @param {string} [file]
 */
export function launchMuted(file) {
  return chromium.launch({ executablePath: EXECUTABLE, args: [...QUIET, ...AWAKE, '--mute-audio', ...(file ? playing(file) : [])] });
}

/** The microphone of a whole process. */
function playing(file) {
  return ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${file}`];
}

function beginningWith(name) {
  return new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'i');
}
