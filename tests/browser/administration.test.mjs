// What admins decide: the server's settings, its relays, its groups, and what is written down of it.
import assert from 'node:assert/strict';
import { Relay, SECRET } from './support/relay.mjs';
import { DESK, inspect, isFocused, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

const PASSWORD = 'correct horse battery staple';

story('an admin sees every channel, how many are in it, and archives and deletes from there', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  const { page } = ana;
  await ana.opens(`${server.url}/admin/channels`);
  const row = (slug) => page.locator(`[data-channel="${slug}"]`);
  await until('how many are in it is known', () => row('general').getByText('Text, 1 person').isVisible());
  await page.getByLabel('Find a channel').fill('loun');
  await until('only the lounge is left', () => page.locator('[data-channel]').count(), (count) => count === 1);
  assert.equal(await page.getByRole('status').filter({ hasText: '1 channel found' }).count(), 1);
  await page.getByRole('button', { name: 'Archive Lounge' }).click();
  await until('it is in the archive', () => row('lounge').getByText('Voice, in the archive, 1 person').isVisible());
  await page.getByRole('button', { name: 'Delete Lounge' }).click();
  await page.getByLabel('Name of the channel').fill('Lounge');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await until('it is gone', () => row('lounge').count(), (count) => count === 0);
  await page.getByLabel('Find a channel').fill('');
  const faults = [];
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    await until('the list is there', () => row('general').isVisible());
    faults.push(...(await inspect(ana, 'admin-channels')));
  }
  assert.deepEqual(faults, []);
});

story('what an admin decides holds on every open page at once', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  const cai = await stage.person('cai', 660, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await cai.opens(server.url);
  await cai.asksForAnAccount();
  await ana.joins('Lounge');
  await ben.joins('Lounge');
  const { page } = ana;
  const turns = (name) => page.getByRole('switch', { name, exact: true }).click();
  const faults = [];
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    await ana.opens(`${server.url}/admin/server`);
    await until('the switches are there', () => page.getByRole('switch', { name: 'Voice', exact: true }).isVisible());
    faults.push(...(await inspect(ana, 'admin-server')));
  }
  // Without a mail server nobody can be asked.
  assert.equal(await page.getByRole('switch', { name: 'Confirm e-mail addresses' }).isDisabled(), true);

  await ben.isConnected();
  await turns('Voice');
  await ana.sees('Voice: saved.');
  await ben.sees('Voice is switched off on this server');
  await until('ben sees no rooms', () => ben.page.getByRole('button', { name: /^Lounge/u }).isHidden());
  faults.push(...(await inspect(ben, 'voice-off')));
  await turns('Voice');
  await ben.joins('Lounge');

  await turns('Open door');
  await ana.sees('Open door: saved.');
  await cai.page.getByLabel('Name', { exact: true }).fill('cai');
  await cai.page.getByLabel('E-mail', { exact: true }).fill('cai@example.org');
  await cai.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await cai.page.getByRole('button', { name: 'Create account' }).click();
  await cai.sees('This server takes no new accounts.');
  await until('the form is gone', () => cai.page.getByRole('heading', { name: 'Sign in' }).isVisible());
  assert.deepEqual(faults, []);
});

story('what is given where the server is started is shown and not to be changed', async (stage) => {
  const server = await stage.server('--registration', 'closed');
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  await ana.opens(`${server.url}/admin/server`);
  await ana.sees('Set where the server is started, and not to be changed here.');
  assert.equal(await ana.page.getByRole('switch', { name: 'Open door' }).isDisabled(), true);
  assert.equal(await ana.page.getByRole('switch', { name: 'Voice', exact: true }).isDisabled(), false);
});

story('whom no direct way leads to talks through a relay, which the page tries before', async (stage) => {
  const relay = await Relay.start();
  try {
    const server = await stage.server();
    const ana = await stage.person('ana', 440, DESK);
    const ben = await stage.person('ben', 880, DESK);
    await ana.setsUp(server);
    await ana.opens(`${server.url}/admin/server`);
    const { page } = ana;
    const button = (name) => page.getByRole('button', { name, exact: true });
    await page.getByLabel('Addresses', { exact: true }).fill('http://relay.example.org');
    await button('Save relays').click();
    await ana.sees('turn:HOST, turn:HOST:PORT or turns:HOST:PORT, four at most.');
    await page.getByLabel('Addresses', { exact: true }).fill(relay.url);
    await page.getByLabel('Secret', { exact: true }).fill('another-secret');
    await button('Save relays').click();
    await ana.sees('Relays: saved.');
    await button('Try the relays').click();
    await ana.sees('refuses us. Its secret is another one.');
    await page.getByLabel('Secret', { exact: true }).fill(SECRET);
    await button('Save relays').click();
    await ana.sees('Relays: saved.');
    assert.equal(await page.getByLabel('Secret', { exact: true }).inputValue(), '');
    await button('Try the relays').click();
    await ana.sees('works. It gave the place');
    const faults = [];
    for (const { viewport } of [PHONE, DESK]) {
      await page.setViewportSize(viewport);
      faults.push(...(await inspect(ana, 'admin-relays')));
    }

    // Ben's browser takes no other way.
    await ben.page.addInitScript(() => {
      const Plain = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Plain {
        constructor(configuration) {
          super({ ...configuration, iceTransportPolicy: 'relay' });
        }
      };
    });
    await ben.signsUp(server);
    await page.getByRole('link', { name: 'Back to the rooms' }).click();
    await ana.joins('Lounge');
    await ana.unmutes();
    await ben.joins('Lounge');
    await ben.unmutes();
    await ben.hears(440);
    await ana.hears(880);
    assert.deepEqual(faults, []);
  } finally {
    await relay.stop();
  }
});

story('groups are made with the keyboard alone, and another admin sees each change at once', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const { page } = ana;
  const button = (name) => page.getByRole('button', { name, exact: true });
  const tabsTo = async (place, what) => {
    for (let times = 0; times < 60; times += 1) {
      if (await place.evaluate((element) => element === document.activeElement).catch(() => false)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`${what} is never reached`);
  };
  await ana.opens(`${server.url}/admin/people`);
  await button('Manage ben').click();
  await button('Make admin').click();
  await until('ben is an admin', () => button('Make member').isVisible());
  await button('Close').click();
  // What another admin does is seen at once.
  await ben.opens(`${server.url}/admin/people`);
  await until('ben sees that ana is in', () => ben.page.locator('[data-person=ana]').isVisible());
  assert.equal(await ben.page.locator('[data-person=ben]').getByText('admin').isVisible(), true);
  await ben.opens(`${server.url}/admin/groups`);
  await ben.sees('There is no group yet.');

  await ana.opens(`${server.url}/admin/groups`);
  await ana.sees('There is no group yet.');
  await tabsTo(button('New group'), 'the button');
  await page.keyboard.press('Enter');
  await isFocused(page.getByLabel('Name', { exact: true }), 'the name');
  await page.keyboard.type('Dev Team');
  await tabsTo(page.getByRole('radio', { name: 'None' }), 'the colour');
  await page.keyboard.press('ArrowDown');
  await tabsTo(button('Create group'), 'the button');
  await page.keyboard.press('Enter');
  await until('its people can be chosen', () => page.getByLabel('Add somebody').isVisible());
  const bens = ben.page.locator('[data-group=dev-team]');
  await until('ben sees it', () => bens.isVisible());
  await tabsTo(page.getByLabel('Add somebody'), 'the search');
  await page.keyboard.type('be');
  await until('ben is found', () => button('Add ben').isVisible());
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until('ben is in it', () => button('Remove ben').isVisible());
  const faults = [];
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    faults.push(...(await inspect(ana, 'admin-group')));
  }
  await page.keyboard.press('Escape');
  await until('the group is in the list', () => page.locator('[data-group=dev-team]').isVisible());
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    faults.push(...(await inspect(ana, 'admin-groups')));
  }

  // A colour that is lost in one theme is said to be.
  await button('Edit Dev Team').click();
  await page.getByLabel('Own colour').fill('#fefefe');
  await ana.sees('This colour cannot be told from the page in the light theme.');
  await page.getByRole('radio', { name: 'Violet' }).check();
  await page.getByLabel('Name', { exact: true }).fill('ben');
  await button('Save').click();
  await ana.sees('Somebody, or another group, has this name.');
  await page.getByLabel('Name', { exact: true }).fill('Devs');
  await button('Save').click();
  await until('ben sees the new name', () => ben.page.locator('[data-group=devs]').isVisible());
  await button('Edit Devs').click();
  await button('Delete group').click();
  await ana.sees('Nobody can mention it any more.');
  await button('Delete group').click();
  await ana.sees('There is no group yet.');
  await ben.sees('There is no group yet.');

  await ana.opens(`${server.url}/admin/audit`);
  await ana.sees('deleted the group Devs');
  await ana.sees('put ben into the group Dev Team');
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    faults.push(...(await inspect(ana, 'admin-audit')));
  }
  await page.getByLabel('What', { exact: true }).selectOption('Role changed');
  await until('only that is left', () => page.locator('tbody tr').count(), (count) => count === 1);
  await ana.sees('changed the role of ben');
  await page.getByLabel('By whom').selectOption('ben');
  await ana.sees('Nothing of this kind was done.');
  assert.deepEqual(faults, []);
});

story('people are found among many, and an account is ended with a question', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  const { page } = ana;
  // One after the other: the server refuses to hash more passwords at once than it has patience for.
  for (let number = 0; number < 105; number += 1) {
    const reply = await page.request.post(`${server.url}/api/users`, {
      headers: { origin: server.url },
      data: { username: `guest-${String(number).padStart(3, '0')}`, email: `guest${number}@example.org`, password: PASSWORD },
    });
    assert.equal(reply.status(), 201);
  }
  await ana.opens(`${server.url}/admin/people`);
  const rows = page.locator('[data-person]');
  const button = (name) => page.getByRole('button', { name, exact: true });
  await until('a page of them is there', () => rows.count(), (count) => count === 100);
  await button('Show more').click();
  await until('all are there', () => rows.count(), (count) => count === 106);
  await page.getByLabel('Find somebody').fill('GUEST-07');
  await until('those who are looked for are there', () => rows.count(), (count) => count === 10);
  const faults = [];
  for (const { viewport } of [PHONE, DESK]) {
    await page.setViewportSize(viewport);
    faults.push(...(await inspect(ana, 'admin-people')));
  }
  await button('Manage guest-070').click();
  await button('Delete account').click();
  await ana.sees('There is no way back.');
  faults.push(...(await inspect(ana, 'admin-person-end')));
  await button('Delete for good').click();
  await ana.sees('The account guest-070 is gone.');
  await until('it is not in the list', () => rows.count(), (count) => count === 9);
  await page.getByLabel('Find somebody').fill('nobody at all');
  await ana.sees('Nobody has this in a name or address.');
  assert.deepEqual(faults, []);
});
