// The server under test: the binary of the ordinary build, a data directory of its own, ports nobody else has.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PATIENCE, until } from './until.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = path.join(ROOT, 'target/debug/cromulent');

/** Two, so that people who talk to each other may well be on different threads. */
export const WORKERS = 2;

export class Server {
  #child;
  #log;
  #output = '';
  #binary;
  #arguments;

  /**
   * @param {number} port
   * @param {number} voicePort
   * @param {string} log Where its log goes.
   * @param {string[]} flags What it is told besides.
   * @param {string} binary
   */
  constructor(port, voicePort, log, flags, binary) {
    this.#binary = binary;
    this.url = `http://localhost:${port}`;
    /** Where it listens: the page, and the first port of voice. */
    this.port = port;
    this.voicePort = voicePort;
    this.data = mkdtempSync(path.join(tmpdir(), 'cromulent-data-'));
    this.#log = createWriteStream(log);
    this.#arguments = [
      ['--listen', `127.0.0.1:${port}`],
      ['--data-dir', this.data],
      ['--voice-port', String(voicePort)],
      ['--voice-workers', String(WORKERS)],
      // Strong hashes would only make the tests slow.
      ['--password-memory-kib', '64'],
      ['--password-passes', '1'],
      // All of these people come from one address.
      ['--password-tries-per-minute', '0'],
      // It goes nowhere that messages point to, unless a story says where: there is nothing at this port (discard).
      ['--previews-ports', '9'],
      flags,
    ].flat();
  }

  /**
   * A running server.
   * @param {string} log
   * @param {string[]} [flags]
   * @param {string} [binary] Another one than that of the ordinary build.
   */
  static async start(log, flags = [], binary = BINARY) {
    const [port, voicePort] = [await freePort(1), await freePort(WORKERS)];
    const server = new Server(port, voicePort, log, flags, binary);
    await server.start();
    return server;
  }

  /** Starts it, again on the same ports and data, and waits until it takes requests. */
  async start() {
    this.#output = '';
    const child = spawn(this.#binary, this.#arguments, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.on('data', (data) => {
      this.#output += data;
      this.#log.write(data);
    });
    child.stderr.on('data', (data) => this.#log.write(data));
    child.on('error', (error) => this.#log.write(`${error}\n`));
    await until(`the server answers at ${this.url}`, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      /** When it was asked the first question that it answered. */
      this.readyAt = Date.now();
      return this.isReady();
    });
  }

  async isReady() {
    try {
      return (await fetch(`${this.url}/api/health`)).ok;
    } catch {
      return false;
    }
  }

  /** The one-time link that makes the first admin, as the console showed it. */
  async setupLink() {
    const token = await until('the console shows the setup link', () => this.#output.match(/\/setup\/[\w-]+/)?.[0]);
    return this.url + token;
  }

  /** No goodbye: SIGKILL, as when the power fails. */
  async crash() {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, and throws away what it stored. */
  async stop() {
    await this.#end('SIGTERM');
    this.#log.end();
    rmSync(this.data, { recursive: true, force: true });
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const patience = new AbortController();
    const tooLong = pause(PATIENCE, true, { signal: patience.signal }).catch(() => false);
    if (await Promise.race([ended.then(() => false), tooLong])) {
      child.kill('SIGKILL');
      await ended;
      throw new Error(`the server did not end within ${PATIENCE} ms of ${signal}`);
    }
    patience.abort();
  }
}

/**
 * The first of `count` neighbouring ports that are free for TCP and for UDP. They are below those that the system
 * hands out by itself, or a browser might take one before the server does.
 * @param {number} count
 */
export async function freePort(count) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    const free = await Promise.all(ports.map(async (port) => (await isFreeTcp(port)) && (await isFreeUdp(port))));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

/** @param {number} port */
function isFreeTcp(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '0.0.0.0', () => probe.close(() => resolve(true)));
  });
}

/** @param {number} port */
function isFreeUdp(port) {
  return new Promise((resolve) => {
    const probe = createSocket('udp4');
    probe.once('error', () => resolve(false));
    probe.bind(port, '0.0.0.0', () => probe.close(() => resolve(true)));
  });
}
