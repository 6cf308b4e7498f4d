// Where a story happens: it starts the server and the people a test asks for, ends them all whatever comes, and
// when the story fails it says what each of them saw last.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ChromiumPage } from './chromium.mjs';
import { FIREFOX_HERTZ, FirefoxPage } from './firefox.mjs';
import { Impaired } from './impaired.mjs';
import { Person } from './person.mjs';
import { freePort, Server, WORKERS } from './server.mjs';

const LOGS = fileURLToPath(new URL('../../../target/test-logs/browser/', import.meta.url));

/** No story takes this long; one that does is stuck. */
const STUCK_MS = 600_000;

/** Lines of the server's log that are worth reading after a failure. */
const LAST_LINES = 40;

/**
 * One test.
 * @param {string} name What holds.
 * @param {(stage: Stage) => Promise<void>} tell
 * @param {{ skip?: string | false, todo?: string | false }} [options] Why it cannot be told here, or does not hold yet.
 */
export function story(name, tell, options = {}) {
  test(name, { timeout: STUCK_MS, ...options }, async (context) => {
    const stage = new Stage(name, context);
    try {
      await tell(stage);
    } catch (error) {
      await stage.explain();
      throw error;
    } finally {
      await stage.close();
    }
  });
}

class Stage {
  #context;
  #slug;
  #log;
  #servers = [];
  /** @type {Impaired[]} */
  #networks = [];
  /** @type {Person[]} */
  #people = [];

  constructor(name, context) {
    this.#context = context;
    this.#slug = name.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
    this.#log = path.join(LOGS, `${this.#slug}.server.log`);
    mkdirSync(LOGS, { recursive: true });
  }

  /** A server that is ready. */
  async server(...flags) {
    const server = await Server.start(this.#log, flags);
    this.#servers.push(server);
    return server;
  }

  /** A server whose voice is reached only through a network that can have faults. */
  async serverBehindANetwork(...flags) {
    const front = await freePort(WORKERS);
    const outside = ['--voice-addresses', '127.0.0.1', '--voice-public-address', '127.0.0.1', '--voice-public-port', String(front)];
    const server = await this.server(...outside, ...flags);
    return { server, network: await this.network(front, server.voicePort, WORKERS) };
  }

  /**
   * A network between these ports of this machine.
   * @param {number} front The first port where clients come.
   * @param {number} port The first port of the server.
   * @param {number} ports How many.
   */
  async network(front, port, ports) {
    const network = await Impaired.start({ front, port, ports, seed: 1 });
    this.#networks.push(network);
    return network;
  }

  /**
   * Somebody with a Chromium of their own, whose microphone plays this tone.
   * @param {string} name
   * @param {number} hertz
   * @param {import('playwright-core').BrowserContextOptions} [context] How their window is.
   * @param {{ sound?: (path: string) => void, microphone?: string[] }} [more] Another microphone; see `ChromiumPage.open`.
   */
  async person(name, hertz, context, more = {}) {
    return this.#add(name, await ChromiumPage.open({ hertz, context, ...more }), hertz);
  }

  /**
   * Many people in one Chromium, each with a window and a tone of their own.
   * @param {[string, number][]} people Names and tones.
   */
  async crowd(people) {
    const pages = await ChromiumPage.openMany(people.map(([, hertz]) => hertz));
    return Promise.all(people.map(([name, hertz], index) => this.#add(name, pages[index], hertz)));
  }

  /** Somebody with Firefox. */
  async firefoxPerson(name) {
    return this.#add(name, await FirefoxPage.open(), FIREFOX_HERTZ);
  }

  async #add(name, page, hertz) {
    const person = new Person(name, page, hertz);
    this.#people.push(person);
    return person;
  }

  /** A figure for the reader of the test's output. */
  note(text) {
    this.#context.diagnostic(text);
  }

  /** After a failure: everybody's last picture and complaints, the end of the server's log. */
  async explain() {
    for (const person of this.#people) {
      const picture = path.join(LOGS, `${this.#slug}.${person.name}.png`);
      const seen = await person.describes(picture).catch((error) => `nothing any more: ${error}`);
      console.error(`${person.name} saw (${picture}): ${seen}`);
    }
    if (this.#servers.length > 0) {
      const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n');
      console.error(`The server's last lines (${this.#log}):\n${lines.slice(-LAST_LINES).join('\n')}`);
    }
  }

  async close() {
    const closed = await Promise.allSettled(this.#people.map((person) => person.goesAway()));
    closed.push(...(await Promise.allSettled(this.#servers.map((server) => server.stop()))));
    closed.push(...(await Promise.allSettled(this.#networks.map((network) => network.stop()))));
    const failed = closed.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
