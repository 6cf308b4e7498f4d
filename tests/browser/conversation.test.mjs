// What people write and read: how it looks, that nothing in it is ever more than text, that a channel of thousands of
// messages is as light as one of ten and never moves under the reader, and that the keys alone are enough.
import assert from 'node:assert/strict';
import { DESK, inspect, PHONE, TABLET } from './support/screens.mjs';
import { pourPosts } from './support/posts.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** Messages in the long channel; the connection limits let one person post these in some seconds. */
const MANY = 4_000;
/** A person may have 32 connections; one is the page's. */
const SOCKETS = 12;
/** Rows the page may have, whatever the channel has: the window, its slack, days. */
const ROWS = 380;
/** Pages that the reader goes up. */
const PAGES_UP = 30;
/** What reading two thousand messages may leave behind, once the browser has cleaned up. */
const HEAP_BYTES = 24 * 1024 * 1024;

const CODE = ['```rust', 'fn resize(&mut self, frames: usize) {', '    self.buf.resize(frames, 0.0);', '    self.head %= frames; // was missing', '}', '```'].join('\n');

const CONVERSATION = [
  ['ana', `Found the crash on rejoin. The ring kept its **old** index after a \`resize\`, so the first frame landed *outside*.\n${CODE}`],
  ['ben', '> The ring kept its old index\nThat is the drop we all heard at ~~ten~~ minute nine. [The notes](https://notes.example.org/latency-3) say:\n1. cable 61 ms\n2. radio 90 ms\n   - the tail is all *headsets*'],
  ['ben', 'Measurements are up: https://notes.example.org/a-rather-long-address/that-does-not-break/by-itself/and-must-not-widen-the-page'],
  ['cai', '@ana can you build tonight? Ask @ben, he has the only dongle.'],
];

/** What has opened a door somewhere. */
const HOSTILE = [
  '<img src=x onerror="window.broken=1">',
  '<script>window.broken=1</script>',
  '[x](javascript:window.broken=1)',
  '[x](JaVaScRiPt&#58;window.broken=1)',
  '[x](data:text/html,<script>window.broken=1</script>)',
  '```"><script>window.broken=1</script>\n<b>x</b>\n```',
  '`</code><img src=x onerror=window.broken=1>`',
  '[<img src=x onerror=window.broken=1>](https://example.org/"onmouseover="window.broken=1)',
  '\u202egnp.exe \u2066 https://example.org/\u202ecod.exe',
  'x'.repeat(3_900),
  `${'>'.repeat(1_900)} ${'*a '.repeat(600)}`,
  `${'- '.repeat(900)}${'['.repeat(2_000)}`,
];
/** All that a message is ever made of. */
const ELEMENTS = ['A', 'BDI', 'BLOCKQUOTE', 'BR', 'BUTTON', 'CODE', 'EM', 'FIGCAPTION', 'FIGURE', 'LI', 'OL', 'P', 'PRE', 'S', 'SPAN', 'STRONG', 'svg', 'UL', 'use'];

story('a name opens the card about its owner, and calling many is asked about first', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const { page } = ana;
  const dialog = page.getByRole('dialog');
  const field = page.getByLabel('Write to #general');
  for (const person of [ana, ben]) await person.opens(`${server.url}/c/general`);

  // From the author of a message to who that is, and back to the name.
  await ben.posts('hello there');
  await ana.sees('hello there');
  const name = page.locator('.msg .name', { hasText: 'ben' });
  await name.click();
  await until('the card is there', () => dialog.getByText('@ben').isVisible());
  assert.equal(await dialog.locator('[data-card-presence]').getAttribute('data-card-presence'), 'online');
  await dialog.getByRole('button', { name: 'Mention in a message' }).click();
  await until('ben is called', () => field.inputValue(), (text) => text === '@ben ');

  // The list of keys.
  await ana.presses('Control+/');
  await until('the keys are there', () => dialog.getByRole('heading', { name: 'Keys' }).isVisible());
  await ana.presses('Escape');
  await until('they are gone', () => dialog.isHidden());

  // Few are told at once, many after a question.
  await field.fill('supper, @here now');
  await ana.presses('Enter');
  await ben.sees('supper,');
  await page.evaluate(async () => {
    for (let number = 0; number < 50; number += 1) {
      const body = JSON.stringify({ username: `many${number}`, email: `many${number}@example.org`, password: 'a password of many' });
      const answer = await fetch('/api/users', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!answer.ok) throw new Error(`refused: ${answer.status}`);
    }
  });
  await field.fill('supper is ready, @everyone come');
  await ana.presses('Enter');
  await ana.sees('@everyone reaches 51 people.');
  await ana.presses('Escape');
  assert.equal(await field.inputValue(), 'supper is ready, @everyone come');
  await ana.presses('Enter');
  await until('it is asked again', () => page.getByRole('button', { name: 'Send it' }).isVisible());
  await ana.presses('Enter');
  await ben.sees('supper is ready,');

  // Two who are shown by one name are told apart.
  await page.evaluate(async () => {
    const body = JSON.stringify({ display_name: 'Many Names', avatar: { kind: 'none' } });
    await fetch('/api/account/profile', { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  });
  await ben.page.evaluate(async () => {
    const body = JSON.stringify({ display_name: 'MANY names', avatar: { kind: 'none' } });
    await fetch('/api/account/profile', { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  });
  await until('ben is told apart', () => page.locator('.msg .name', { hasText: 'MANY names' }).first().innerText(), (text) => text.includes('@ben'));
});

story('a conversation is sound, in every width and theme', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, TABLET);
  const cai = await stage.person('cai', 660, PHONE);
  const people = { ana, ben, cai };
  const faults = [];
  await ana.setsUp(server);
  for (const person of [ben, cai]) await person.signsUp(server);
  for (const person of [ana, ben, cai]) await person.opens(`${server.url}/c/general`);
  for (const [name, text] of CONVERSATION) {
    await people[name].posts(text);
    await until('it is sent', () => people[name].page.locator('[data-state=sending]').count(), (count) => count === 0);
  }
  for (const person of [ana, ben, cai]) {
    await person.sees('the only dongle');
    await until('the code has its colours', () => person.page.locator('pre .key').count());
    faults.push(...(await inspect(person, 'writing')));
  }
  assert.equal(await ana.page.locator('.is-you').count(), 1, 'what calls ana stands out for ana');
  assert.equal(await ben.page.locator('[data-mention=ben]').count(), 1);

  for (const person of [ana, ben, cai]) {
    await person.page.getByLabel('Write to #general').fill('Thanks @');
    await until('people are suggested', () => person.page.getByRole('option').count(), (count) => count === 5);
    faults.push(...(await inspect(person, 'calling')));
    await person.presses('Escape');
    await person.page.getByLabel('Write to #general').fill('x'.repeat(4_012));
    await person.sees('12 characters too many');
    faults.push(...(await inspect(person, 'too-long')));
    await person.page.getByLabel('Write to #general').fill('');
  }

  for (const person of [ana, ben]) {
    await person.presses('Control+k');
    await until('the list is open', () => person.page.getByRole('combobox').isVisible());
    faults.push(...(await inspect(person, 'jump')));
    await person.page.getByRole('combobox').fill('nobody is called so');
    await person.sees('Nothing is called that');
    await person.presses('Escape');
  }
  await cai.opens(server.url);
  await cai.page.getByRole('button', { name: 'Jump to anything' }).click();
  await until('the list is open', () => cai.page.getByRole('combobox').isVisible());
  faults.push(...(await inspect(cai, 'jump')));
  assert.deepEqual(faults, []);
});

story('whatever is written is never more than text', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  const asked = [];
  ana.page.on('request', (request) => asked.push(new URL(request.url()).host));
  for (const text of HOSTILE) {
    await ana.posts(text);
    await until('it is sent', () => ana.page.locator('[data-state=sent]').count(), (count) => count === HOSTILE.indexOf(text) + 1);
  }
  const found = await ana.page.evaluate(() => {
    const all = [...document.querySelectorAll('.message-text *')];
    return {
      broken: 'broken' in window,
      elements: [...new Set(all.map((element) => element.tagName))],
      handlers: all.flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on') || name === 'style'),
      links: [...document.querySelectorAll('.message-text a')].map((link) => link.href),
      deepest: Math.max(...all.map((element) => {
        let depth = 0;
        for (let up = element; !up.matches('.message-text'); up = up.parentElement) depth += 1;
        return depth;
      })),
      sideways: document.documentElement.scrollWidth > innerWidth,
    };
  });
  assert.equal(found.broken, false);
  assert.deepEqual(found.elements.filter((name) => !ELEMENTS.includes(name)), []);
  assert.deepEqual(found.handlers, []);
  for (const link of found.links) assert.match(link, /^https:\/\/example\.org\//);
  assert.ok(found.deepest < 40, `the tree is ${found.deepest} deep`);
  assert.equal(found.sideways, false);
  assert.deepEqual(asked.filter((host) => host !== new URL(server.url).host), [], 'nothing was asked of anybody else');
});

story('thousands of messages are as light as ten, and do not move under the reader', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, TABLET);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const { page } = ana;
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize;
  };
  const rows = () => page.locator('[data-message]').count();

  // Ana reads the end while all of it arrives. Ben's page shows nothing meanwhile: it has enough to do.
  const before = await heap();
  await ben.opens(`${server.url}/api/health`);
  assert.equal(await ben.page.evaluate(pourPosts, { count: MANY, sockets: SOCKETS }), MANY);
  await until('the end is in sight', () => page.evaluate(isAtEnd));
  await until('ana has the last', () => page.evaluate((number) => document.body.innerText.includes(`Number ${number}.`), MANY - 1));
  const atEnd = await rows();
  assert.ok(atEnd <= ROWS, `${atEnd} rows at the end`);

  // Up, page by page: the row that is read stays where it is, and nobody is told of what is old.
  const told = () => page.locator('[aria-live=polite]').first().innerText();
  const toldBefore = await told();
  let most = 0;
  let worst = 0;
  for (let step = 0; step < PAGES_UP; step += 1) {
    const moved = await page.evaluate(goUp);
    worst = Math.max(worst, Math.abs(moved));
    most = Math.max(most, await rows());
  }
  assert.ok(most <= ROWS, `${most} rows`);
  assert.ok(worst <= 1, `what was read moved by ${worst} px`);
  assert.equal(await told(), toldBefore);

  // Another width breaks every line anew; another message at the end changes nothing here.
  await ben.opens(`${server.url}/c/general`);
  const held = await page.evaluate(noteRow);
  await page.setViewportSize({ width: 1000, height: 800 });
  await ben.posts('Something new at the end');
  await until('ana is told', () => page.getByRole('button', { name: '1 new message' }).isVisible());
  const after = await page.evaluate(offsetOf, held.id);
  assert.ok(Math.abs(after - held.offset) <= 1, `moved from ${held.offset} to ${after}`);
  await page.setViewportSize(DESK.viewport);

  const grown = (await heap()) - before;
  assert.ok(grown < HEAP_BYTES, `the heap grew by ${grown} bytes`);
  stage.note(`${MANY} messages: at most ${most} rows, moved by ${worst} px at most, the heap grew by ${Math.round(grown / 1024)} KiB`);

  // Down again by what comes after, and to the end by the button.
  const low = await page.evaluate(goDown);
  assert.ok(Math.abs(low) <= 1, `what was read moved by ${low} px on the way down`);
  await page.getByRole('button', { name: '1 new message' }).click();
  await ana.sees('Something new at the end');
  await until('the end is in sight', () => page.evaluate(isAtEnd));

  // What one writes while reading far above is at the end, and there one is.
  for (let step = 0; step < 8; step += 1) await page.evaluate(goUp);
  await ana.posts('From far above');
  await ana.sees('From far above');
  await until('it is sent', () => page.locator('[data-state=sending]').count(), (count) => count === 0);
  await until('the end is in sight', () => page.evaluate(isAtEnd));
});

story('the keys alone are enough to write, to call and to go elsewhere', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, TABLET);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const { page } = ana;
  await page.getByRole('button', { name: 'New channel' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Workbench');
  await page.getByRole('radio', { name: 'Text' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  const field = (name) => page.getByLabel(`Write to #${name}`);
  await until('the new channel is open', () => field('Workbench').isVisible());

  // Enter sends, Shift and Enter break the line.
  await field('Workbench').focus();
  await page.keyboard.type('one');
  await ana.presses('Shift+Enter');
  await page.keyboard.type('two @BE');
  await until('ben is suggested', () => page.getByRole('option', { name: 'ben' }).isVisible());
  assert.equal(await field('Workbench').getAttribute('aria-activedescendant'), 'composer-people-0');
  await ana.presses('Enter');
  assert.equal(await field('Workbench').inputValue(), 'one\ntwo @ben ');
  await page.keyboard.type('and @nobody');
  await ana.presses('Enter');
  await until('it is sent', () => page.locator('[data-state=sent]').count());
  assert.equal(await field('Workbench').inputValue(), '');
  assert.equal(await page.locator('.message-text br').count(), 1);
  assert.equal(await page.locator('[data-mention]').count(), 1);

  // What was begun waits in its channel, over a change of channels and over a reload.
  await page.keyboard.type('half a thought');
  await ana.presses('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('gene');
  await ana.presses('Enter');
  await until('the field of general has the focus', () => field('general').evaluate((it) => it === document.activeElement));
  assert.equal(await field('general').inputValue(), '');
  await page.reload();
  await ana.isInside();
  await ana.presses('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('workb');
  await until('one place is left', () => page.getByRole('option').count(), (count) => count === 1);
  await ana.presses('Enter');
  await until('the draft is there', () => field('Workbench').inputValue(), (text) => text === 'half a thought');

  // Escape closes the list and gives the focus back; so do the keys that opened it.
  await field('Workbench').focus();
  for (const key of ['Escape', 'Control+k']) {
    await ana.presses('Control+k');
    await until('the list is open', () => page.getByRole('combobox').isVisible());
    await ana.presses(key);
    await until('the list is closed', async () => !(await page.getByRole('combobox').isVisible()));
    await until('the field has the focus again', () => field('Workbench').evaluate((it) => it === document.activeElement));
  }

  // The theme is a command, and stays.
  await ana.presses('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('>light');
  await ana.presses('Enter');
  const themed = () => page.evaluate(() => document.documentElement.dataset.theme);
  await until('it is light', themed, (theme) => theme === 'light');
  await page.reload();
  await ana.isInside();
  assert.equal(await themed(), 'light');
});

// ---- inside the page ----

function isAtEnd() {
  const box = document.querySelector('.talk');
  return box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

/** The first message that stands wholly in sight, and where. */
function noteRow() {
  const edge = document.querySelector('.talk').getBoundingClientRect().top;
  const row = [...document.querySelectorAll('[data-message]')].find((each) => each.getBoundingClientRect().top >= edge);
  return { id: row.dataset.message, offset: row.getBoundingClientRect().top - edge };
}

function offsetOf(id) {
  const row = document.querySelector(`[data-message="${id}"]`);
  return row.getBoundingClientRect().top - document.querySelector('.talk').getBoundingClientRect().top;
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

/** The same downwards. */
async function goDown() {
  const box = document.querySelector('.talk');
  const last = () => [...document.querySelectorAll('[data-message]')].at(-1).dataset.message;
  const frame = () => new Promise(requestAnimationFrame);
  const before = last();
  box.scrollTop = box.scrollHeight - box.clientHeight - 300;
  await frame();
  const edge = box.getBoundingClientRect().top;
  const row = [...document.querySelectorAll('[data-message]')].find((each) => each.getBoundingClientRect().top >= edge);
  const offset = row.getBoundingClientRect().top;
  while (last() === before) await frame();
  for (let frames = 0; frames < 3; frames += 1) await frame();
  return row.getBoundingClientRect().top - offset;
}
