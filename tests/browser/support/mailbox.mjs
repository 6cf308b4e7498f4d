// A mail server that keeps what it gets: enough of SMTP (RFC 5321) for one letter after the other.
import { createServer } from 'node:net';
import { until } from './until.mjs';

export class Mailbox {
  #server;
  #letters = [];
  #read = 0;

  static async open() {
    const box = new Mailbox();
    box.#server = createServer((socket) => box.#converse(socket));
    await new Promise((listening) => box.#server.listen(0, '127.0.0.1', listening));
    return box;
  }

  /** What a server is told to send its mail here. */
  get flags() {
    const { port } = this.#server.address();
    return ['--smtp-host', '127.0.0.1', '--smtp-port', String(port), '--smtp-tls', 'none', '--mail-from', 'chat@example.org'];
  }

  /** The link in the next letter. */
  async link() {
    await until('a letter comes', () => this.#letters.length > this.#read);
    const text = this.#letters[this.#read++].replace(/=\r\n/g, '');
    return text.match(/http:\/\/\S+/)[0];
  }

  async close() {
    await new Promise((closed) => this.#server.close(closed));
  }

  #converse(socket) {
    let text = '';
    let inLetter = false;
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // Who breaks off is their own affair.
    socket.write('220 mailbox.example.org ESMTP\r\n');
    socket.on('data', (data) => {
      text += data;
      for (;;) {
        const end = text.indexOf(inLetter ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const part = text.slice(0, end);
        text = text.slice(end + (inLetter ? 5 : 2));
        if (inLetter) {
          this.#letters.push(part);
          inLetter = false;
          socket.write('250 kept\r\n');
        } else if (/^DATA/i.test(part)) {
          inLetter = true;
          socket.write('354 go on\r\n');
        } else if (/^QUIT/i.test(part)) {
          socket.end('221 bye\r\n');
        } else {
          socket.write('250 ok\r\n');
        }
      }
    });
  }
}
