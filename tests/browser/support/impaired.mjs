// The network with faults between browsers and the server: a process of the workspace's own (tests/impaired).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL(path.join('../../..', 'target/debug/impaired'), import.meta.url));

export class Impaired {
  #child;
  #answers;

  /**
   * @param {object} way
   * @param {number} way.front The first port where clients come.
   * @param {number} way.port The first port of the server.
   * @param {number} way.ports How many neighbouring ports.
   * @param {number} way.seed Of chance.
   */
  static async start({ front, port, ports, seed }) {
    const network = new Impaired();
    /** Where clients come. */
    network.fronts = Array.from({ length: ports }, (_, index) => `127.0.0.1:${front + index}`);
    const ways = ['--listen', `127.0.0.1:${front}`, '--upstream', `127.0.0.1:${port}`, '--ports', String(ports)];
    network.#child = spawn(BINARY, [...ways, '--seed', String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] });
    network.#child.on('error', () => {});
    network.#answers = createInterface({ input: network.#child.stdout })[Symbol.asyncIterator]();
    await network.#answer();
    return network;
  }

  /** These faults from now on. */
  async arms({ up = {}, down = {} }) {
    await this.#does({ do: 'arm', up, down });
  }

  async disarms() {
    await this.#does({ do: 'disarm' });
  }

  /** Nothing passes for so long. Returns when it is over, at the latest. */
  async goesDark(ms) {
    await this.#does({ do: 'blackout', ms });
    return Date.now() + ms;
  }

  /** Everybody comes from another port from now on. Returns when that began, at the earliest. */
  async forgets() {
    const now = Date.now();
    await this.#does({ do: 'rebind' });
    return now;
  }

  /** Breaks all streams of TCP. Returns how many there were. */
  async cuts() {
    return (await this.#does({ do: 'cut' })).streams;
  }

  /** What happened to packets so far. */
  async figures() {
    return (await this.#does({ do: 'figures' })).figures;
  }

  async stop() {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
  }

  async #does(command) {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    return this.#answer();
  }

  async #answer() {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the network is gone');
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`the network refuses: ${answer.error}`);
    return answer;
  }
}
