// Firefox, whose fake microphone is a tone of its own, and the sound card that it wants to have.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import puppeteer from 'puppeteer-core';
import { growEars, SHARP_EARS } from './ears.mjs';
import { PATIENCE, until } from './until.mjs';

const EXECUTABLE = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

/** What Firefox's fake microphone plays. */
export const FIREFOX_HERTZ = 1000;

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  // Tests live on one machine: real addresses as candidates, and sockets that may use them.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.mtransport_process': false,
  'network.process.enabled': false,
};

/** A sound card that swallows everything. Without one, Firefox's audio graphs never start. */
class SoundCard {
  #folder = mkdtempSync(path.join(tmpdir(), 'cromulent-sound-'));
  #process;

  static async open() {
    const card = new SoundCard();
    const socket = path.join(card.#folder, 'pulse/native');
    const options = ['-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm=yes'];
    const modules = ['-L', 'module-native-protocol-unix', '-L', 'module-null-sink sink_name=null'];
    card.environment = { XDG_RUNTIME_DIR: card.#folder, PULSE_SERVER: `unix:${socket}` };
    card.#process = spawn('pulseaudio', [...options, ...modules], {
      stdio: 'ignore',
      env: { ...process.env, ...card.environment, HOME: card.#folder },
    });
    card.#process.on('error', () => {}); // The wait below says it.
    await until('the sound card is there', () => existsSync(socket));
    return card;
  }

  async close() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A page of Firefox, with the same verbs as the page of Chromium. */
export class FirefoxPage {
  #browser;
  #sound;
  complaints = [];

  constructor(browser, sound, page) {
    this.#browser = browser;
    this.#sound = sound;
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warn') this.complaints.push(message.text());
    });
  }

  static async open() {
    const sound = await SoundCard.open();
    try {
      const browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath: EXECUTABLE,
        headless: true,
        timeout: 120_000, // the first start of Firefox on a busy machine is slow
        extraPrefsFirefox: PREFERENCES,
        // Firefox refuses to run as root in the home of somebody else.
        env: { ...process.env, ...sound.environment, HOME: userInfo().homedir },
        defaultViewport: { width: 1280, height: 800 },
      });
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(growEars, SHARP_EARS);
      return new FirefoxPage(browser, sound, page);
    } catch (error) {
      await sound.close();
      throw error;
    }
  }

  async beforehand(script, argument) {
    await this.page.evaluateOnNewDocument(script, argument);
  }

  async goTo(url) {
    await this.page.goto(url);
  }

  async fill(label, text) {
    const field = await until(`there is a field "${label}"`, () => this.#labelled(label));
    await field.click();
    await this.page.keyboard.type(text);
  }

  async pressKey(key) {
    await this.page.keyboard.press(key);
  }

  async press(role, name) {
    const element = await until(`there is a ${role} "${name}"`, () => this.#find(role, name));
    await element.click();
  }

  async shows(text) {
    return (await this.page.$(`::-p-text(${text})`)) !== null;
  }

  async evaluate(script, argument) {
    return this.page.evaluate(script, argument);
  }

  async picture(file) {
    await this.page.screenshot({ path: file });
  }

  async close() {
    try {
      await this.#browser.close();
    } finally {
      await this.#sound.close();
    }
  }

  /** The field that a label names. */
  async #labelled(label) {
    const handle = await this.page.evaluateHandle((wanted) => {
      const named = [...document.querySelectorAll('label')].find((each) => each.textContent.trim() === wanted);
      return named?.control ?? document.querySelector(`[aria-label="${CSS.escape(wanted)}"]`);
    }, label);
    return handle.asElement();
  }

  /** The first visible element with this role and a name that begins so; its text stands for its name. */
  async #find(role, name) {
    const selectors = { button: 'button, [role=button]', link: 'a[href]' };
    for (const element of await this.page.$$(selectors[role])) {
      const fits = await element.evaluate((node, wanted) => {
        const words = (node.getAttribute('aria-label') ?? node.textContent ?? '').trim();
        return node.checkVisibility() && words.toLowerCase().startsWith(wanted.toLowerCase());
      }, name);
      if (fits) return element;
    }
    return null;
  }
}
