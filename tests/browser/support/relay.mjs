// A real relay: Debian's coturn, on a free port, ended by whoever started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './until.mjs';

export const SECRET = 'a-secret-of-relays';

export class Relay {
  #child;
  #folder;

  /** One that shares {@link SECRET}, on an address that browsers use: an own one of this machine, not loopback. */
  static async start() {
    const relay = new Relay();
    const own = Object.values(networkInterfaces()).flat().find((one) => one?.family === 'IPv4' && !one.internal);
    const ip = own?.address ?? '127.0.0.1';
    const port = await freePort();
    relay.url = `turn:${ip}:${port}?transport=udp`;
    relay.#folder = mkdtempSync(path.join(tmpdir(), 'cromulent-relay-'));
    relay.#child = spawn(
      'turnserver',
      [
        ['-n', '--no-cli', '--no-tls', '--no-dtls', '--log-file=stdout', '--realm=house', '--use-auth-secret'],
        [`--static-auth-secret=${SECRET}`, `--listening-ip=${ip}`, `--relay-ip=${ip}`, `--listening-port=${port}`],
        ['--allow-loopback-peers', `--pidfile=${relay.#folder}/pid`, `--userdb=${relay.#folder}/db`],
      ].flat(),
      { stdio: 'ignore' },
    );
    relay.#child.on('error', () => {});
    await until('the relay listens', () => isOpen(ip, port));
    return relay;
  }

  async stop() {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '0.0.0.0', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function isOpen(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
