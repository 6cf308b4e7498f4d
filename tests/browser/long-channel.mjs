// How it is to read a channel in which very much was written. A measurement, and no test: it prints figures as JSON and
// fails only when something does not work at all. Run it on a quiet machine, after a build:
//
//   node long-channel.mjs [--messages 50000] [--back 5000] [--opens 7] [--server ../../target/debug/cromulent]
//
// It fills the database of a server of its own with `sqlite3`, which must be installed, and then looks through Chromium:
//
//   open_ms       from the press on the channel's name until its last messages are painted; every page of it is fetched
//   again_ms      the same, when the page still has the end of it
//   to_new_ms     from the key until the first new message is painted, with everything in the channel unread
//   back          going up so many messages: what the heap kept after the browser cleaned up, the most rows there were,
//                 and by how much what was read moved
//   long_tasks_ms everything that kept the page busy for more than 50 ms, by what was being done
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ChromiumPage } from './support/chromium.mjs';
import { Person } from './support/person.mjs';
import { DESK } from './support/screens.mjs';
import { Server } from './support/server.mjs';
import { until } from './support/until.mjs';

/** Messages in one page of the server. */
const PAGE = 50;
/** Everything is this far apart, so that there are days and runs as in life. */
const APART_MS = 90_000;
const LINE = 'A line of a long evening, in which somebody tells what happened to the cable, and to the other one. ';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    back: { type: 'string', default: '5000' },
    opens: { type: 'string', default: '7' },
    server: { type: 'string' },
  },
});
const [messages, back, opens] = [Number(values.messages), Number(values.back), Number(values.opens)];

const server = await Server.start(path.join(tmpdir(), 'long-channel.server.log'), [], values.server);
const window = await ChromiumPage.open({ hertz: 440, context: DESK });
try {
  const ana = new Person('ana', window, 440);
  await ana.setsUp(server);
  const { page } = window;
  await page.getByRole('button', { name: 'New channel' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Long');
  await page.getByRole('radio', { name: 'Text' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await until('the channel is there', () => page.locator('a[href="/c/long"]').count());

  // One's own messages are never new, so somebody else writes.
  const made = await fetch(`${server.url}/api/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url },
    body: JSON.stringify({ username: 'ben', email: 'ben@example.org', password: 'correct horse battery staple', setup_token: null }),
  });
  if (!made.ok) throw new Error(`no account for ben: ${made.status}`);

  await server.crash();
  await fill(path.join(server.data, 'cromulent.db'));
  await server.start();

  const figures = { messages, server: values.server ?? 'target/debug/cromulent', chromium: page.context().browser().version() };
  const longTasks = {};
  const during = async (what, work) => {
    await page.evaluate(watchLongTasks);
    const result = await work();
    longTasks[what] = await page.evaluate(() => window.longTasks.map(({ duration }) => Math.round(duration)));
    return result;
  };
  const arrive = async () => {
    await page.goto(`${server.url}/c/general`);
    await ana.isInside();
    await until('the channel can be pressed', () => page.locator('a[href="/c/long"]').isVisible());
    // What the page does at the beginning is over.
    await page.waitForTimeout(1_000);
  };

  // The first time everything is unread.
  await arrive();
  await page.evaluate(openChannel, { slug: 'long', name: 'Long' });
  figures.to_new_ms = await during('to_new', () => page.evaluate(goToNew, 'Number 1.'));

  const cold = [];
  for (let time = 0; time < opens; time += 1) {
    await arrive();
    cold.push(await during('open', () => page.evaluate(openChannel, { slug: 'long', name: 'Long' })));
  }
  figures.open_ms = summary(cold);
  const warm = [];
  for (let time = 0; time < opens; time += 1) {
    await page.evaluate(openChannel, { slug: 'general', name: 'general' });
    warm.push(await during('again', () => page.evaluate(openChannel, { slug: 'long', name: 'Long' })));
  }
  figures.again_ms = summary(warm);

  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    const { nodes } = await devtools.send('Memory.getDOMCounters');
    return { kib: Math.round(usedSize / 1024), nodes };
  };
  const kept = [await heap()];
  let rows = 0;
  let moved = 0;
  await during('back', async () => {
    for (let step = 1; step <= back / PAGE; step += 1) {
      moved = Math.max(moved, Math.abs(await page.evaluate(goUp)));
      rows = Math.max(rows, await page.locator('[data-message]').count());
      if (step % 20 === 0) kept.push(await heap());
    }
  });
  figures.back = { messages: back, heap: kept, most_rows: rows, moved_px: moved };
  figures.long_tasks_ms = longTasks;
  console.log(JSON.stringify(figures, null, 2));
} finally {
  await window.close();
  await server.stop();
}

/** Writes the messages of the channel, as if they had been posted over weeks; nobody has read any. */
async function fill(database) {
  const sqlite = spawn('sqlite3', ['-bail', database], { stdio: ['pipe', 'inherit', 'inherit'] });
  sqlite.on('error', () => {
    console.error('sqlite3 is needed to fill the database');
    process.exitCode = 1;
  });
  const say = async (text) => {
    if (!sqlite.stdin.write(text)) await once(sqlite.stdin, 'drain');
  };
  const channel = "(select id from channels where slug = 'long')";
  const begin = Date.now() - messages * APART_MS;
  await say('begin;\n');
  for (let number = 1; number <= messages; number += 1) {
    const at = begin + number * APART_MS;
    // UUIDv7 (RFC 9562 section 5.7): the time, then chance.
    const id = `${at.toString(16).padStart(12, '0')}7${randomBytes(2).toString('hex').slice(1)}8${randomBytes(8).toString('hex').slice(1)}`;
    const body = `Number ${number}. ${LINE.repeat(number % 4)}`;
    await say(
      `insert into messages (id, channel_id, author_id, body, nonce, posted_at, number) select x'${id}', ${channel}, id, '${body}', 'long ${number}', ${at}, ${number} from users where username = 'ben';\n`,
    );
  }
  await say(`insert or replace into heads (channel_id, number) values (${channel}, ${messages});\n`);
  await say('commit;\n');
  sqlite.stdin.end();
  const [code] = await once(sqlite, 'exit');
  if (code !== 0) throw new Error(`sqlite3 ended with ${code}`);
}

function summary(all) {
  const sorted = all.map((each) => Math.round(each)).toSorted((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)], worst: sorted.at(-1), all: sorted };
}

// ---- inside the page ----

function watchLongTasks() {
  window.longTasks = [];
  window.longTaskWatch?.disconnect();
  window.longTaskWatch = new PerformanceObserver((list) => window.longTasks.push(...list.getEntries()));
  window.longTaskWatch.observe({ type: 'longtask' });
}

/** Presses a channel's name; how long it takes until its end is painted. */
async function openChannel({ slug, name }) {
  const frame = () => new Promise(requestAnimationFrame);
  const drawn = () => document.querySelectorAll(`[aria-label="Messages in ${name}"] [data-message]`).length >= (slug === 'long' ? 20 : 0) && document.querySelector(`[aria-label="Messages in ${name}"]`) !== null;
  performance.mark('pressed');
  document.querySelector(`a[href="/c/${slug}"]`).click();
  while (!drawn()) await frame();
  // In this frame they are painted; the next one begins after that.
  await frame();
  performance.mark('drawn');
  return performance.measure('open', 'pressed', 'drawn').duration;
}

/** The key to the first new message; how long it takes until that is painted. */
async function goToNew(text) {
  const frame = () => new Promise(requestAnimationFrame);
  while (!document.querySelector('[aria-keyshortcuts="Shift+PageUp"]')) await frame();
  performance.mark('pressed');
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageUp', shiftKey: true, bubbles: true, cancelable: true }));
  while (!document.activeElement.textContent.includes(text)) await frame();
  await frame();
  performance.mark('drawn');
  return Math.round(performance.measure('to new', 'pressed', 'drawn').duration);
}

/** Scrolls to the upper edge until a page has come above; how far what was read moved meanwhile. */
async function goUp() {
  const box = document.querySelector('.talk');
  const first = () => document.querySelector('[data-message]').dataset.message;
  const frame = () => new Promise(requestAnimationFrame);
  const before = first();
  box.scrollTop = Math.min(box.scrollTop, 300);
  await frame();
  const edge = box.getBoundingClientRect().top;
  const row = [...document.querySelectorAll('[data-message]')].find((each) => each.getBoundingClientRect().top >= edge);
  const offset = row.getBoundingClientRect().top;
  while (first() === before) await frame();
  for (let frames = 0; frames < 3; frames += 1) await frame();
  return row.getBoundingClientRect().top - offset;
}
