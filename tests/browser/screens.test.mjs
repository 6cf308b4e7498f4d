// Every screen in every width and both themes: a picture to look at, and no fault that a machine can find.
import assert from 'node:assert/strict';
import { DESK, inspect, PHONE, TABLET } from './support/look.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

const CONVERSATION = [
  ['ana', 'Morning. The new cable is in, the line no longer drops when somebody uses the microwave.'],
  ['ben', 'Heard it. Night and day.'],
  ['ben', 'Shall we try the big room tonight? I would like to know whether it holds with everybody in it.'],
  ['ana', 'At nine. I will write to the others.'],
  ['ana', 'https://example.org/a-rather-long-address/that-does-not-break/by-itself/and-must-not-widen-the-page'],
  ['cai', 'In.'],
];

story('every screen is sound, in every width and theme', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, TABLET);
  const cai = await stage.person('cai', 660, PHONE);
  const people = { ana, ben, cai };
  const faults = [];
  const look = async (screen) => {
    for (const person of [ana, ben, cai]) faults.push(...(await inspect(person, screen)));
  };

  await ana.opens(server.url);
  await ben.opens(server.url);
  await cai.opens(server.url);
  await look('door');
  await ana.opens(await server.setupLink());
  await until('the setup page is there', () => ana.page.getByRole('heading', { level: 1 }).isVisible());
  faults.push(...(await inspect(ana, 'setup')));

  await ana.setsUp(server);

  for (const person of [ben, cai]) {
    await person.opens(server.url);
    await person.asksForAnAccount();
    faults.push(...(await inspect(person, 'register')));
  }
  await ben.signsUp(server);
  await cai.signsUp(server);
  await look('empty');

  for (const person of [ben, cai]) await person.opens(`${server.url}/c/general`);
  for (const [name, text] of CONVERSATION) await people[name].posts(text);
  for (const person of [ana, ben, cai]) await person.sees('In.');
  await look('conversation');

  // On a phone the rooms are a screen of their own.
  await cai.opens(server.url);
  for (const person of [ana, ben, cai]) await person.joins('Lounge');
  await ana.unmutes();
  await ana.seesTalking('ana', true);
  await look('room');

  await cai.looksWhoIsIn('Lounge');
  await cai.seesTalking('ana', true);
  faults.push(...(await inspect(cai, 'people')));

  await server.crash();
  for (const person of [ana, ben, cai]) await person.isReconnecting();
  await look('outage');

  assert.deepEqual(faults, []);
});

story("the admin's dialogs are sound, in every width and theme", async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  await ana.joins('Lounge');
  const { page } = ana;
  const name = page.getByLabel('Name', { exact: true });
  const most = page.getByLabel('Heard at once', { exact: true });
  const button = (title) => page.getByRole('button', { name: title, exact: true });
  const faults = [];

  for (const { viewport } of [DESK, TABLET, PHONE]) {
    await page.setViewportSize(viewport);
    await ana.opens(server.url);
    await ana.isInside();
    await ana.joins('Lounge');

    await button('New channel').click();
    await isFocused(name, 'the name of the new channel');
    faults.push(...(await inspect(ana, 'new-channel')));
    await button('Create').click();
    await isFocused(name, 'the name that is missing');
    await ana.sees('1 to 60 characters');
    faults.push(...(await inspect(ana, 'new-channel-fault')));
    await page.getByRole('radio', { name: 'Text' }).check();
    await until('text has no number of voices', () => most.isHidden());
    await ana.presses('Escape');
    await isFocused(button('New channel'), 'what opened the dialog');

    if (viewport === TABLET.viewport) await button('People').click();
    if (viewport === PHONE.viewport) await ana.looksWhoIsIn('Lounge');
    await button('Settings of Lounge').click();
    faults.push(...(await inspect(ana, 'room-settings')));
    await button('Cancel').click();
    await isFocused(button('Settings of Lounge'), 'what opened the dialog');
  }

  await button('Settings of Lounge').click();
  await most.selectOption('3 people');
  await button('Save').click();
  await until('the dialog is closed', () => most.isHidden());
  await button('Settings of Lounge').click();
  assert.equal(await most.inputValue(), '3');
  await button('Cancel').click();

  await ana.opens(server.url);
  await ana.isInside();
  await button('New channel').click();
  await name.fill('Garden');
  await button('Create').click();
  await ana.joins('Garden');

  assert.deepEqual(faults, []);
});

async function isFocused(place, what) {
  await until(`${what} has the focus`, () => place.evaluate((element) => element === document.activeElement));
}
