// Chromium with a tone for a microphone. The tone belongs to the whole process, so everybody has their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { growEars } from './ears.mjs';
import { writeTone } from './tone.mjs';
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

/** A page of Chromium, with the few verbs that a person needs. */
export class ChromiumPage {
  #browser;
  #folder;
  /** What the page complained about. */
  complaints = [];

  constructor(browser, folder, page) {
    this.#browser = browser;
    this.#folder = folder;
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
   * @param {import('playwright-core').BrowserContextOptions} [options.context]
   */
  static async open({ hertz, context = {} }) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cromulent-tone-'));
    const tone = path.join(folder, 'tone.wav');
    writeTone(tone, hertz);
    const microphone = [
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${tone}`,
    ];
    const browser = await chromium.launch({ executablePath: EXECUTABLE, args: [...QUIET, ...AWAKE, ...microphone] });
    const window = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    window.setDefaultTimeout(PATIENCE);
    await window.addInitScript(growEars);
    return new ChromiumPage(browser, folder, await window.newPage());
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

  async screenshot(file) {
    await this.page.screenshot({ path: file });
  }

  async close() {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function beginningWith(name) {
  return new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'i');
}
