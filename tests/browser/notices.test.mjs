// What calls a person's attention: how people are seen, the inbox, badges, pop-ups and sounds, on all their devices.
import assert from 'node:assert/strict';
import { DESK, inspect, isFocused, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** Somebody at one of their devices, with the words of this page. */
class Hand {
  constructor(person) {
    this.person = person;
    this.page = person.page;
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  get bell() {
    return this.page.getByRole('button', { name: /^Inbox(, .* unread)?$/ });
  }

  get inbox() {
    return this.page.locator('.inbox');
  }

  /** What the badge says, to those who see it and to those who do not. */
  async hasWaiting(count) {
    const name = count === 0 ? 'Inbox' : `Inbox, ${count} unread`;
    await until(`${this.person.name} has ${count} waiting`, () => this.button(name).isVisible());
    await until('the title says so', () => this.page.title(), (title) => title.startsWith('(') === count > 0);
  }

  /** The notifications in sight: what was said, and whether it was seen. */
  async finds(...expected) {
    await until(
      `${this.person.name} finds ${expected}`,
      async () => {
        const rows = await this.inbox.locator('li').all();
        const read = async (row) => `${await row.locator('.said').innerText()}${(await row.getAttribute('data-read')) === 'true' ? '' : '!'}`;
        return Promise.all(rows.map(read));
      },
      (found) => found.join() === expected.join(),
    );
  }

  async seesAs(name, presence) {
    const row = this.page.locator(`[data-members] [data-user="${name}"]`);
    await until(`${this.person.name} sees ${name} as ${presence}`, () => row.getAttribute('data-presence'), (now) => now === presence);
  }

  /** Chooses a status with the keyboard alone. */
  async chooses(status) {
    await this.button('Menu').focus();
    await this.page.keyboard.press('Enter');
    const choice = this.page.getByRole('dialog', { name: 'Menu' }).getByRole('button', { name: status, exact: true });
    for (let tabs = 0; tabs < 10 && !(await choice.evaluate((one) => one === document.activeElement)); tabs++) {
      await this.page.keyboard.press('Tab');
    }
    await this.page.keyboard.press('Enter');
    await until(`${status} is chosen`, () => choice.getAttribute('aria-pressed'), (pressed) => pressed === 'true');
  }
}

/** Another device of the same user. */
async function elsewhere(stage, person, hertz, options) {
  const storageState = await person.page.context().storageState();
  return stage.person(`${person.name} elsewhere`, hertz, { ...options, storageState });
}

/** What the browser answers when the page asks about pop-ups. What is not granted once anything was is denied. */
async function permits(person, setting) {
  const { page } = person;
  const context = page.context();
  if (setting === 'prompt') await context.clearPermissions();
  else await context.grantPermissions(setting === 'granted' ? ['notifications'] : [], { origin: new URL(page.url()).origin });
}

/** Keeps every pop-up and every note that is played, as they are made. */
function keepsWhatCalls() {
  window.popUps = [];
  window.notes = 0;
  const Real = window.Notification;
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options);
      this.said = `${title}: ${options.body}`;
      this.open = true;
      window.popUps.push(this);
    }
    close() {
      this.open = false;
      super.close();
    }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...all) {
    window.notes += 1;
    return start.apply(this, all);
  };
}

const popUpsIn = (page) => page.evaluate(() => window.popUps.map(({ said, open }) => (open ? said : `(${said})`)));
const notesIn = (page) => page.evaluate(() => window.notes);

story('How people are seen is theirs to choose, with the keyboard, and holds on every device', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 660, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const other = await elsewhere(stage, ana, 880, DESK);
  await other.opens(server.url);
  const [hers, his, elsewhereHers] = [new Hand(ana), new Hand(ben), new Hand(other)];
  const faults = [];
  for (const [choice, toOthers, toHerself] of [
    ['Away', 'away', 'away'],
    ['Invisible', 'offline', 'invisible'],
    ['Do not disturb', 'do_not_disturb', 'do_not_disturb'],
  ]) {
    await hers.chooses(choice);
    await his.seesAs('ana', toOthers);
    await elsewhereHers.seesAs('ana', toHerself);
    if (choice === 'Away') faults.push(...(await inspect(ana, 'notices-menu')));
    await ana.presses('Escape');
  }
  await ben.page.reload();
  await his.seesAs('ana', 'do_not_disturb');
  faults.push(...(await inspect(ben, 'notices-undisturbed')));
  await hers.chooses('Online');
  await his.seesAs('ana', 'online');
  assert.deepEqual(faults, []);
});

story('What was not seen waits in the inbox of every device, until it was seen on one', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 660, PHONE);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const other = await elsewhere(stage, ben, 880, PHONE);
  await ben.opens(server.url);
  await other.opens(server.url);
  const [his, elsewhereHis] = [new Hand(ben), new Hand(other)];
  const faults = [];
  await his.hasWaiting(0);
  await his.bell.click();
  await ben.sees('Nothing is waiting for you');
  faults.push(...(await inspect(ben, 'notices-inbox-empty')));
  await ana.posts('@ben have a **look** at `this`, please');
  await his.finds('@ben have a look at this, please!');
  await ana.posts('@everyone lunch');
  await his.finds('@everyone lunch!', '@ben have a look at this, please!');
  await elsewhereHis.hasWaiting(2);
  faults.push(...(await inspect(other, 'notices-badges')), ...(await inspect(ben, 'notices-inbox')));

  // One is marked; the other device knows, and the row stays where it is.
  await ben.page.getByRole('button', { name: 'Mark as read: ana in #general' }).first().click();
  await his.finds('@everyone lunch', '@ben have a look at this, please!');
  await elsewhereHis.hasWaiting(1);

  // With the keyboard: from one to the next, and to the message.
  await ben.page.locator('a.one').first().focus();
  await ben.presses('ArrowDown');
  await isFocused(ben.page.locator('a.one').nth(1), 'the second');
  await ben.presses('Enter');
  await until('the message is there', () => ben.page.locator('[data-message]').getByText('please').isVisible());
  assert.match(new URL(ben.page.url()).pathname, /^\/c\/general(\/|$)/);
  await elsewhereHis.hasWaiting(0);

  // Everything at once; what was seen is found under All.
  await ben.opens(server.url);
  await ana.posts('@ben one more');
  await ana.posts('@ben and another');
  await elsewhereHis.hasWaiting(2);
  await elsewhereHis.bell.click();
  await elsewhereHis.finds('@ben and another!', '@ben one more!');
  await elsewhereHis.button('Mark all read').click();
  await elsewhereHis.finds('@ben and another', '@ben one more');
  await his.hasWaiting(0);
  await elsewhereHis.inbox.getByText('All', { exact: true }).click();
  await elsewhereHis.finds('@ben and another', '@ben one more', '@everyone lunch', '@ben have a look at this, please');
  await elsewhereHis.button('Close inbox').click();
  await isFocused(elsewhereHis.bell, 'the bell');

  // Without the server what is known stays.
  await ana.page.keyboard.press('Control+i');
  await ana.sees('Nothing is waiting for you');
  faults.push(...(await inspect(ana, 'notices-inbox-empty')));
  await elsewhereHis.bell.click();
  await elsewhereHis.inbox.getByText('All', { exact: true }).click();
  await elsewhereHis.finds('@ben and another', '@ben one more', '@everyone lunch', '@ben have a look at this, please');
  await server.crash();
  await other.sees('Offline. This is what we knew last.');
  faults.push(...(await inspect(other, 'notices-inbox-offline')));
  await elsewhereHis.inbox.getByText('Unread', { exact: true }).click();
  await other.sees('The inbox could not be loaded');
  faults.push(...(await inspect(other, 'notices-inbox-failed')));
  await server.start();
  await other.sees('Nothing is waiting for you');
  await ana.presses('Escape');
  await until('the inbox is closed', () => ana.page.locator('.inbox').isHidden());
  assert.deepEqual(faults, []);
});

story('What one wants to hear of a channel holds on every device', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 660, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const other = await elsewhere(stage, ben, 880, PHONE);
  await other.opens(server.url);
  const [his, elsewhereHis] = [new Hand(ben), new Hand(other)];
  const faults = [];
  await ben.page.locator('.main').getByRole('button', { name: 'About general' }).click();
  const dialog = ben.page.getByRole('dialog');
  await until('mentions are the default', () => dialog.getByRole('radio', { name: 'Mentions' }).isChecked());
  await dialog.getByRole('radio', { name: 'Nothing' }).check();
  await ben.sees('Muted: no mention in it reaches you');
  faults.push(...(await inspect(ben, 'notices-involvement')));
  await ben.presses('Escape');
  await until('the other device greys it', () => other.page.locator('.chan.is-muted').isVisible());
  // Not before him: on his settings page.
  await ben.opens(`${server.url}/settings/notifications`);
  await ana.posts('@ben are you there');
  await until('the muted channel has something new', () => other.page.locator('.chan.is-muted.is-new').isVisible());
  await elsewhereHis.hasWaiting(0);
  faults.push(...(await inspect(other, 'notices-muted')));
  await ben.opens(server.url);
  await his.hasWaiting(0);
  assert.deepEqual(faults, []);
});

story('A mention is one pop-up and one sound of one page, if they are allowed', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 660, DESK);
  await ben.page.context().addInitScript(keepsWhatCalls);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const settings = `${server.url}/settings/notifications`;
  const faults = [];

  // Denied: it says what helps. Not asked yet: it asks when it is told to, and not before.
  await permits(ben, 'denied');
  await ben.opens(settings);
  await ben.sees('Your browser blocks pop-ups from this page.');
  faults.push(...(await inspect(ben, 'notices-settings-denied')));
  await permits(ben, 'prompt');
  await ben.opens(settings);
  await until('it can be asked', () => ben.page.getByRole('button', { name: 'Allow pop-ups' }).isVisible());
  await ana.posts('@ben before you were asked');
  await until('there is a sound alone', () => notesIn(ben.page), (notes) => notes === 2);
  assert.deepEqual(await popUpsIn(ben.page), []);
  await permits(ben, 'granted');
  await ben.page.getByRole('button', { name: 'Allow pop-ups' }).click();
  await until('pop-ups are on', () => ben.page.getByRole('switch', { name: 'Show pop-ups' }).isChecked());
  faults.push(...(await inspect(ben, 'notices-settings')));
  await ben.page.setViewportSize(PHONE.viewport);
  faults.push(...(await inspect(ben, 'notices-settings')));
  await ben.page.setViewportSize(DESK.viewport);

  // Two pages, neither with the channel before it: one of them speaks.
  const second = await ben.page.context().newPage();
  await second.goto(settings);
  await until('the second page is inside', () => second.getByRole('switch', { name: 'Show pop-ups' }).isVisible());
  const both = async () => [...(await popUpsIn(ben.page)), ...(await popUpsIn(second))];
  await ana.posts('@ben **one** of you');
  await until('one pop-up is there', both, (all) => all.join() === 'ana in #general: @ben one of you');

  // Read on another device, it goes.
  const other = await elsewhere(stage, ben, 880, DESK);
  await other.opens(`${server.url}/c/general`);
  await other.sees('of you');
  await until('the pop-up is gone', both, (all) => all.join() === '(ana in #general: @ben one of you)');
  await other.opens(settings);

  // Whoever has the channel before them is told by it, in whatever page.
  await second.goto(`${server.url}/c/general`);
  await until('the channel is before him', () => second.getByLabel('Write to #general').isVisible());
  await ana.posts('@ben you see this');
  await until('he sees it', () => second.getByText('you see this').first().isVisible());
  await second.goto(settings);
  await until('the second page is inside', () => second.getByRole('switch', { name: 'Show pop-ups' }).isVisible());
  await ana.posts('@ben press me');
  const pressMe = (said) => said === 'ana in #general: @ben press me';
  await until('the next one is there', both, (all) => all.filter(pressMe).length === 1);
  assert.ok(!(await both()).some((said) => said.includes('you see this')));

  // A press leads to the message.
  for (const page of [ben.page, second]) {
    await page.evaluate(() => window.popUps.find(({ open }) => open)?.onclick(new Event('click')));
  }
  await until(
    'one page is at the message',
    () => [ben.page, second].map((page) => new URL(page.url()).pathname),
    (paths) => paths.filter((path) => path.startsWith('/c/general')).length === 1,
  );

  // Not to be disturbed: neither, and it counts.
  for (const page of [ben.page, second]) await page.goto(settings);
  await other.opens(server.url);
  await new Hand(other).chooses('Do not disturb');
  await other.presses('Escape');
  await other.opens(settings);
  await until('it is said where one looks for it', () => second.getByText('You are not to be disturbed').isVisible());
  const before = await second.title();
  await ana.posts('@ben in peace');
  await until('it counts', () => second.title(), (title) => title !== before && title.startsWith('('));
  assert.deepEqual(await both(), []);
  assert.deepEqual([await notesIn(ben.page), await notesIn(second)], [0, 0]);
  assert.deepEqual(faults, []);
});
