// What is at the other end of a hyperlink is shown, by our own server: nobody's browser goes anywhere by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { deflateSync, crc32 } from 'node:zlib';
import { DESK, inspect, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

const PAGE = `<!doctype html><meta charset=utf-8><title>Latency notes</title>
<meta property=og:site_name content="The Workshop"><meta property=og:title content="Where ninety milliseconds go">
<meta property=og:description content="A cable, a radio and a headset walk into a room. We measured each of them for a week, in three houses and on two trains, and the tail is all headsets. The tables are at the end.">
<meta property=og:image content="/notes.png"><meta property=og:url content="javascript:window.broken=1">`;
const HOSTILE = `<title>&lt;img src=x onerror=window.broken=1&gt;</title><meta name=description content="&lt;script&gt;window.broken=1&lt;/script&gt;">`;

/** A site that lets its pictures go when it is told to, and remembers who asked. */
async function site() {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ path: request.url, cookie: request.headers.cookie, agent: request.headers['user-agent'] });
    const pages = { '/notes': PAGE, '/hostile': HOSTILE };
    if (pages[request.url]) response.writeHead(200, { 'Content-Type': 'text/html' }).end(pages[request.url]);
    else if (request.url === '/notes.png') response.writeHead(200, { 'Content-Type': 'image/png' }).end(png(1200, 630));
    else if (request.url === '/tall.png') response.writeHead(200, { 'Content-Type': 'image/png' }).end(png(300, 500));
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const flags = ['--previews-allow', '127.0.0.1', '--previews-ports', String(port)];
  return { asked, flags, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

story('a hyperlink shows what is at its other end, and nobody but the server goes there', async (stage) => {
  const web = await site();
  try {
    const server = await stage.server(...web.flags);
    const ana = await stage.person('ana', 440, DESK);
    const ben = await stage.person('ben', 660, PHONE);
    const elsewhere = [];
    const complaints = [];
    for (const person of [ana, ben]) {
      person.page.on('request', (request) => {
        const { protocol, host } = new URL(request.url());
        if (protocol.startsWith('http') && host !== new URL(server.url).host) elsewhere.push(request.url());
      });
      person.page.on('console', (message) => {
        if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
      });
    }
    await ana.setsUp(server);
    await ben.signsUp(server);
    for (const person of [ana, ben]) await person.opens(`${server.url}/c/general`);

    await ana.posts(`Found it: ${web.url}/notes`);
    await ben.posts(`${web.url}/tall.png`);
    await ben.posts(`Careful: ${web.url}/hostile`);
    const faults = [];
    for (const person of [ana, ben]) {
      await person.sees('Where ninety milliseconds go');
      await until('all previews are there', () => person.page.locator('[data-preview]').count(), (count) => count === 3);
      await until('the pictures are there', () => person.page.evaluate(shownPictures), (all) => all.length === 2 && all.every(({ loaded }) => loaded));
      for (const picture of await person.page.evaluate(shownPictures)) {
        assert.equal(new URL(picture.src).origin, new URL(server.url).origin);
        assert.ok(picture.ratio < 0.02, `out of shape: ${JSON.stringify(picture)}`);
      }
      faults.push(...(await inspect(person, 'previews')));
    }
    assert.deepEqual(faults, []);

    // Where they lead, what they are called, and that nothing of it runs.
    const { page } = ana;
    const card = page.locator('[data-preview=page]').first();
    assert.equal(await card.getByRole('link').getAttribute('href'), `${web.url}/notes`, 'not where the page says');
    assert.match(await card.getByRole('link').innerText(), /The Workshop · 127\.0\.0\.1/);
    assert.equal(await page.getByRole('img', { name: /^Picture from 127\.0\.0\.1/ }).count(), 1);
    assert.match(await page.locator('[data-preview=page]').nth(1).innerText(), /<img src=x onerror=window\.broken=1>/);
    assert.equal(await page.evaluate(() => 'broken' in window), false);
    for (const link of await page.locator('[data-preview] a').all()) {
      assert.match(await link.getAttribute('rel'), /noopener.*noreferrer/);
    }

    // What is read stays in its place while previews and their pictures come, and after a reload.
    const wall = Array.from({ length: 30 }, (_, n) => `Line ${n}`).join('\n');
    await ana.posts(wall);
    await ana.sees('Line 29');
    await page.reload();
    await ana.isInside();
    await until('the end is in sight', () => page.evaluate(isAtEnd));
    await page.evaluate(() => (document.querySelector('.talk').scrollTop = 0));
    await until('the pictures are there', () => page.evaluate(shownPictures), (all) => all.every(({ loaded }) => loaded));
    // Days and older pages come in one after the other after a reload; what counts begins when that is over.
    let before = NaN;
    await until('all stands still', async () => {
      const now = await page.evaluate(topOf, 'Line 0');
      const stands = now === before;
      before = now;
      return stands;
    });
    await ben.posts(`And again: ${web.url}/notes`);
    await until('ana has it', () => page.locator('[data-preview]').count(), (count) => count === 4);
    assert.ok(Math.abs((await page.evaluate(topOf, 'Line 0')) - before) <= 1, 'what is read moved');

    // The keys alone: from the link to what takes the preview away, and the focus is not lost.
    await card.getByRole('link').focus();
    await ana.presses('Tab');
    const dismiss = card.getByRole('button', { name: 'Remove the preview' });
    await until('the button has the focus', () => dismiss.evaluate((it) => it === document.activeElement && getComputedStyle(it).opacity === '1'));
    await ana.presses('Enter');
    for (const person of [ana, ben]) {
      await until('it is gone', () => person.page.locator('[data-preview]').count(), (count) => count === 3);
    }
    await until('the focus is in the conversation', () => page.evaluate(() => document.activeElement.closest('.talk') !== null));
    // Ben did not write the first one, and is no admin.
    assert.equal(await ben.page.getByRole('button', { name: 'Remove the preview' }).count(), 3);

    assert.deepEqual(elsewhere, [], 'nothing was asked of anybody else');
    assert.deepEqual(complaints, []);
    assert.deepEqual(web.asked.map(({ path }) => path).sort(), ['/hostile', '/notes', '/notes.png', '/tall.png'], 'each once');
    assert.ok(web.asked.every(({ cookie, agent }) => cookie === undefined && agent.startsWith('Cromulent/')));
  } finally {
    web.close();
  }
});

/** A grey PNG of this size, bright enough to see on both themes. */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const whole = Buffer.alloc(body.length + 8);
    whole.writeUInt32BE(data.length);
    body.copy(whole, 4);
    whole.writeUInt32BE(crc32(body), body.length + 4);
    return whole;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = ((x >> 5) + (y >> 5)) % 2 ? 110 : 160;
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]);
}

// ---- inside the page ----

function shownPictures() {
  return [...document.querySelectorAll('[data-preview] img')].map((image) => {
    const { width, height } = image.getBoundingClientRect();
    return {
      src: image.src,
      loaded: image.complete && image.naturalWidth > 0,
      ratio: Math.abs(width / height / (image.naturalWidth / image.naturalHeight) - 1),
    };
  });
}

function isAtEnd() {
  const box = document.querySelector('.talk');
  return box !== null && box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

function topOf(text) {
  const row = [...document.querySelectorAll('[data-message]')].find((each) => each.innerText.includes(text));
  return row.getBoundingClientRect().top;
}
