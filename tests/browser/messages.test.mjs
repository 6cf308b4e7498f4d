// What one does with messages: write them anew, take them back, hand on where they stand, come back to where one stopped
// reading. With the keys, a pointer and a finger; and whatever goes wrong, no text is lost.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ask } from './support/requests.mjs';
import { DESK, inspect, isFocused, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** Longer than a long touch. */
const TOUCH_MS = 900;
/** More than two pages of the server. */
const MISSED = 120;

const composer = (person) => person.page.getByLabel('Write to #general');
const field = (person) => person.page.getByLabel('Edit message');
const row = (person, text) => person.page.locator('[data-message]').filter({ hasText: text });
const isSent = (person) => until('it is sent', () => person.page.locator('[data-state=sending]').count(), (count) => count === 0);

story('what was written is written anew and taken back before everybody’s eyes', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, { ...DESK, permissions: ['clipboard-read', 'clipboard-write'] });
  const ben = await stage.person('ben', 880, DESK);
  const cai = await stage.person('cai', 660, PHONE);
  const faults = [];
  await ana.setsUp(server);
  for (const person of [ben, cai]) await person.signsUp(server);
  for (const person of [ana, ben, cai]) await person.opens(`${server.url}/c/general`);

  // Up in an empty field is one's own last message. Enter saves, Shift and Enter break the line.
  await ben.posts('Shall we meet at nien?');
  await ana.posts('Where?');
  await ben.sees('Where?');
  await isSent(ben);
  await composer(ben).focus();
  await ben.presses('ArrowUp');
  await isFocused(field(ben), 'the field to edit in');
  assert.equal(await field(ben).inputValue(), 'Shall we meet at nien?');
  await field(ben).fill('Shall we meet at nine?');
  await ben.presses('Shift+Enter');
  await ben.page.keyboard.type('In the big room');
  faults.push(...(await inspect(ben, 'message-edit')));
  await ben.presses('Enter');
  await isFocused(composer(ben), 'the field to write in');
  for (const person of [ana, ben, cai]) {
    await person.sees('Shall we meet at nine?');
    await person.sees('(edited)');
  }
  assert.match(await ana.page.locator('.edited').getAttribute('title'), /^Edited .*\d\d:\d\d/);
  assert.equal(await ana.page.locator('.message-text br').count(), 1);

  // Escape leaves it as it was. What is too long is not sent, and says by how much.
  await ben.presses('ArrowUp');
  await isFocused(field(ben), 'the field to edit in');
  await field(ben).fill('y'.repeat(4_007));
  await ben.sees('7 characters too many');
  await ben.presses('Enter');
  await isFocused(field(ben), 'the field to edit in');
  await ben.presses('Escape');
  await isFocused(composer(ben), 'the field to write in');
  await ben.sees('Shall we meet at nine?');

  // Without the link the text stays, and goes when the link is back.
  await ben.presses('ArrowUp');
  await field(ben).fill('Shall we meet at ten?');
  await server.crash();
  await ben.sees('Offline. You can read');
  await ben.presses('Enter');
  await ben.sees('Not saved: you are offline.');
  faults.push(...(await inspect(ben, 'message-edit-refused')));
  await server.start();
  await until('ben is back', () => ben.page.getByText('Offline. You can read').count(), (count) => count === 0);
  await ben.page.getByRole('button', { name: 'Try again' }).click();
  for (const person of [ana, ben, cai]) await person.sees('Shall we meet at ten?');

  // A finger that stays opens the menu; what is not one's own can be copied and nothing else.
  await touchesLong(cai, row(cai, 'Shall we meet at ten?'));
  const menu = cai.page.getByRole('menu');
  await until('the menu is open', () => menu.isVisible());
  assert.deepEqual(await menu.getByRole('menuitem').allInnerTexts(), ['Copy text', 'Copy link']);
  faults.push(...(await inspect(cai, 'message-menu')));
  await cai.presses('Escape');
  await until('the menu is closed', async () => !(await menu.isVisible()));

  // An admin takes away what is somebody else's, after a question. Whoever edits it just then keeps the text.
  await composer(ben).focus();
  await ben.presses('ArrowUp');
  await field(ben).fill('Shall we meet at eleven?');
  await row(ana, 'Shall we meet at ten?').hover();
  await until('the tools are there', () => ana.page.getByRole('toolbar', { name: 'Message actions' }).isVisible());
  faults.push(...(await inspect(ana, 'message-tools')));
  await ana.page.getByRole('button', { name: 'More', exact: true }).click();
  await until('the menu is open', () => ana.page.getByRole('menu').isVisible());
  faults.push(...(await inspect(ana, 'message-menu')));
  await ana.page.getByRole('menuitem', { name: 'Delete' }).click();
  const question = ana.page.getByRole('dialog', { name: 'Delete message' });
  await until('ana is asked', () => question.isVisible());
  assert.match(await question.innerText(), /also for ben/);
  faults.push(...(await inspect(ana, 'message-delete')));
  await question.getByRole('button', { name: 'Delete' }).click();
  for (const person of [ana, cai]) {
    await person.sees('Message deleted');
    assert.equal(await row(person, 'Shall we meet').count(), 0);
  }
  await isFocused(row(ana, 'Message deleted'), 'the place of the message');
  await ben.sees('This message was deleted meanwhile.');
  assert.equal(await field(ben).inputValue(), 'Shall we meet at eleven?');
  faults.push(...(await inspect(ben, 'message-edit-gone')));
  await ben.page.getByRole('button', { name: 'Post it as a new message' }).click();
  for (const person of [ana, ben, cai]) await person.sees('Shall we meet at eleven?');

  // An edit that leaves nothing asks whether to delete.
  await isSent(ben);
  await composer(ben).focus();
  await ben.presses('ArrowUp');
  await field(ben).fill('');
  await ben.presses('Enter');
  const asked = ben.page.getByRole('dialog', { name: 'Delete message' });
  await until('ben is asked', () => asked.isVisible());
  await asked.getByRole('button', { name: 'Keep it' }).click();
  await isFocused(field(ben), 'the field to edit in');
  await ben.presses('Enter');
  await asked.getByRole('button', { name: 'Delete' }).click();
  await until('nothing of it is left', () => row(ana, 'Shall we meet').count(), (count) => count === 0);
  await until('the field is gone', () => field(ben).count(), (count) => count === 0);
  await ben.page.reload();
  await ben.sees('Where?');
  assert.equal(await row(ben, 'Shall we meet').count(), 0, 'what was deleted stays deleted');
  assert.deepEqual(faults, []);
});

story('a message is found again by its link, and with the keys alone', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, { ...DESK, permissions: ['clipboard-read', 'clipboard-write'] });
  const cai = await stage.person('cai', 660, PHONE);
  const faults = [];
  await ana.setsUp(server);
  await cai.signsUp(server);
  await ana.opens(`${server.url}/c/general`);
  await ana.posts('The plan for *the whole* year');
  await isSent(ana);

  // From the beginning of the text up to the messages; a letter does it there.
  await composer(ana).fill('half a thought');
  await ana.presses('Home');
  await ana.presses('ArrowUp');
  await isFocused(row(ana, 'The plan'), 'the last message');
  assert.match(await row(ana, 'The plan').getAttribute('aria-label'), /^ana, \d\d:\d\d, The plan for the whole year/);
  await ana.presses('t');
  await ana.sees('Text copied');
  assert.equal(await ana.page.evaluate(() => navigator.clipboard.readText()), 'The plan for *the whole* year');
  await ana.presses('Enter');
  await until('the menu is open', () => ana.page.getByRole('menu').isVisible());
  await isFocused(ana.page.getByRole('menuitem', { name: 'Edit' }), 'the first of the menu');
  await ana.presses('ArrowUp');
  await isFocused(ana.page.getByRole('menuitem', { name: 'Delete' }), 'the last of the menu');
  await ana.presses('Escape');
  await isFocused(row(ana, 'The plan'), 'the message');
  await ana.presses('c');
  await ana.sees('Link copied');
  const link = await ana.page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /\/c\/general\/[0-9a-f-]{36}$/);
  await ana.presses('Escape');
  await isFocused(composer(ana), 'the field to write in');
  await composer(ana).fill('');

  // A year later: far above what a page holds.
  await ana.page.evaluate(ask, Array.from({ length: MISSED }, (_, number) => post(`Line ${number}`)));
  await cai.opens(link);
  await isFocused(row(cai, 'The plan'), 'the message');
  assert.ok(await row(cai, 'The plan').evaluate((it) => it.classList.contains('is-target')), 'it is marked');
  faults.push(...(await inspect(cai, 'message-led')));
  await until('the address names the channel', () => cai.page.evaluate(() => location.pathname), (path) => path === '/c/general');
  await cai.page.getByRole('button', { name: /To the end|new message/ }).click();
  await cai.sees(`Line ${MISSED - 1}`);

  // Written in a message, the link leads there within the page.
  await ana.posts(`Look: ${link}`);
  await ana.page.getByRole('link', { name: /general/ }).last().click();
  await isFocused(row(ana, 'The plan'), 'the message');
  assert.equal(ana.page.context().pages().length, 1);

  // What is gone, and what never was, says so.
  await ana.presses('Delete');
  await ana.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await ana.sees('Message deleted');
  await cai.opens(link);
  await isFocused(row(cai, 'Message deleted'), 'its place');
  for (const id of [randomUUID(), 'nonsense']) {
    await cai.opens(`${server.url}/c/general/${id}`);
    await cai.sees('This message is not here.');
    await cai.sees('Look:');
  }
  faults.push(...(await inspect(cai, 'message-absent')));
  assert.deepEqual(faults, []);
});

story('who was meant stands out, and only who may call everybody is offered to', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, PHONE);
  const faults = [];
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ana.page.evaluate(ask, [
    { type: 'create_group', name: 'Release crew', color: '#ffee00' },
    { type: 'set_group_member', group: 'ANSWER 0 group', user: 'USER ben', member: true },
    { type: 'create_group', name: 'Night owls', color: '#000060' },
  ]);
  for (const person of [ana, ben]) await person.opens(`${server.url}/c/general`);

  // A few letters, hyphens among them, and Tab.
  await composer(ana).focus();
  await ana.page.keyboard.type('@release-c');
  await until('the group is offered', () => ana.page.getByRole('option', { name: /Release crew/ }).isVisible());
  await ana.presses('Tab');
  assert.equal(await composer(ana).inputValue(), '@release-crew ');
  await ana.page.keyboard.type('and @nigh');
  await until('the group is offered', () => ana.page.getByRole('option', { name: /Night owls/ }).isVisible());
  await ana.presses('Enter');
  await ana.page.keyboard.type('and `@ben`: @her');
  await until('here is offered', () => ana.page.getByRole('option', { name: /@here/ }).isVisible());
  faults.push(...(await inspect(ana, 'calling-many')));
  await ana.presses('Escape');
  await ana.presses('Backspace');
  await ana.presses('Backspace');
  await ana.presses('Backspace');
  // Nobody is called so, and Enter sends.
  await ana.page.keyboard.type('nobody-at-all');
  await until('nothing is offered', () => ana.page.getByRole('option').count(), (count) => count === 0);
  await ana.presses('Enter');
  for (const person of [ana, ben]) {
    await person.sees('nobody-at-all');
    await until('two are drawn', () => person.page.locator('[data-mention]').count(), (count) => count === 2);
  }
  assert.equal(await ben.page.locator('.is-you').count(), 1, 'ben is of the crew');
  assert.equal(await ana.page.locator('.is-you').count(), 0, 'one’s own call means nobody here');
  await ana.posts('@ben and @here, and @ben-the-other');
  await until('ben is called by name', () => ben.page.locator('.at--you').count(), (count) => count === 3);
  for (const person of [ana, ben]) faults.push(...(await inspect(person, 'mentions')));

  await composer(ben).focus();
  await ben.page.keyboard.type('@every');
  await until('everyone is offered in a small channel', () => ben.page.getByRole('option', { name: /@everyone/ }).isVisible());
  assert.deepEqual(faults, []);
});

story('only what somebody had before their eyes is read, and the way back to the rest is one key', async (stage) => {
  const server = await stage.server();
  const ben = await stage.person('ben', 880, DESK);
  await ben.setsUp(server);
  const ana = await stage.person('ana', 440, DESK);
  await ana.signsUp(server);
  const session = await ana.page.context().storageState();
  const elsewhere = await stage.person('ana elsewhere', 660, { ...PHONE, storageState: session });
  await ana.opens(`${server.url}/c/general`);
  await elsewhere.opens(server.url);
  const isNew = (yes) => until('it is new, or not', () => elsewhere.page.locator('.chan.is-new').count(), (count) => (count > 0) === yes);

  // Her window is on the screen, and another one has the focus.
  await ana.page.evaluate(turnAway);
  await ben.posts('Are you there?');
  await ana.sees('Are you there?');
  await isNew(true);
  await until('the line is there', () => ana.page.getByText('New since').isVisible());
  await ana.page.evaluate(turnBack);
  await isNew(false);

  // She is in another place while much is written.
  await ana.opens(`${server.url}/settings`);
  await ben.page.evaluate(ask, Array.from({ length: MISSED }, (_, number) => post(`Line ${number}.`)));
  await isNew(true);
  await ana.opens(`${server.url}/c/general`);
  await ana.sees(`Line ${MISSED - 1}.`);
  const pill = ana.page.getByRole('button', { name: 'To the first new message' });
  await until('the way there is offered', () => pill.isVisible());
  const faults = await inspect(ana, 'message-new-above');
  await ana.presses('Shift+PageUp');
  await isFocused(row(ana, /Line 0\./), 'the first new message');
  await until('the line is in sight', () => ana.page.getByText('New since').isVisible());
  await until('the way there is not offered any more', async () => !(await pill.isVisible()));
  faults.push(...(await inspect(ana, 'message-new')));
  await ana.presses('Shift+PageDown');
  await ana.sees(`Line ${MISSED - 1}.`);
  assert.deepEqual(faults, []);
});

// ---- what people do ----

function post(body) {
  return { type: 'post_message', channel: 'CHANNEL', body, nonce: randomUUID() };
}

async function touchesLong(person, place) {
  const { page } = person;
  const devtools = await page.context().newCDPSession(page);
  const { x, y, width, height } = await place.boundingBox();
  const point = { x: x + width / 2, y: y + height / 2 };
  await devtools.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] });
  await page.waitForTimeout(TOUCH_MS);
  await devtools.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

// ---- inside the page ----

/** As when another window has the focus; the browser of a test is always in front. */
function turnAway() {
  document.hasFocus = () => false;
  dispatchEvent(new Event('blur'));
}

function turnBack() {
  delete document.hasFocus;
  dispatchEvent(new Event('focus'));
}
