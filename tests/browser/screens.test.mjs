// Every screen in every width and both themes: a picture to look at, and no fault that a machine can find.
import assert from 'node:assert/strict';
import { DESK, inspect, isFocused, PHONE, TABLET } from './support/screens.mjs';
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
  // Whoever points at the second line of a run sees when that one was written.
  for (const person of [ana, ben]) {
    await person.page.getByText('Shall we try').hover();
    faults.push(...(await inspect(person, 'line-under-pointer')));
    assert.ok((await nearestTimes(person)) >= 6, 'two times stand too close to each other');
    await person.page.mouse.move(0, 0);
  }

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

story('a busy server says so, in every width and theme', async (stage) => {
  // A thousandth of a core for each of its threads of voice, which people who talk use up.
  const server = await stage.server('--voice-budget', '1', '--voice-slots', '2');
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, TABLET);
  const cai = await stage.person('cai', 660, PHONE);
  const all = [ana, ben, cai];
  const faults = [];
  await ana.setsUp(server);
  await ben.signsUp(server);
  await cai.signsUp(server);
  const { page } = ana;
  await page.getByRole('button', { name: 'New channel', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('Garden');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  // On a phone the rooms and the text are screens of their own; the way between them must not end a stay.
  const toText = () => cai.page.getByRole('link', { name: 'general' }).first().click();
  await toText();
  const field = cai.page.getByLabel('Write to #general');
  await until('there is room for a line to write', () => field.evaluate((it) => it.clientHeight >= it.scrollHeight));

  // The room's home has too much to do; the other thread would still let people in.
  for (const person of [ana, ben]) {
    await person.joins('Lounge');
    await person.unmutes();
  }
  await isBusy(all, 'The server is busy: fewer people are heard at once.');
  for (const person of all) faults.push(...(await inspect(person, 'busy-fewer-voices')));

  await cai.page.getByRole('button', { name: 'Rooms', exact: true }).click();
  await until('the list of rooms says so too', () => banner(cai).isVisible());
  faults.push(...(await inspect(cai, 'busy-rooms')));
  await cai.joins('Garden');
  await cai.unmutes();
  await toText();
  await isBusy(all, 'The server is busy: nobody else can join a room just now. Who is talking stays.');
  for (const person of all) faults.push(...(await inspect(person, 'busy-full')));

  for (const person of all) await person.leaves();
  for (const person of all) await person.isTold('The server is no longer busy: rooms are as usual.');
  for (const person of all) await until('the banner is gone', () => banner(person).isHidden());

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
  // In the head of the people; the row of the room has one too.
  const about = () => page.locator('.side').getByRole('button', { name: 'About Lounge', exact: true });
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
    await about().click();
    await button('Settings').click();
    faults.push(...(await inspect(ana, 'room-settings')));
    await button('Cancel').click();
    await isFocused(about(), 'what opened the first dialog');
  }

  await about().click();
  await button('Settings').click();
  await most.selectOption('3 people');
  await button('Save').click();
  await until('the dialog is closed', () => most.isHidden());
  await about().click();
  await button('Settings').click();
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

function banner(person) {
  return person.page.locator('[data-banner="load"]');
}

async function isBusy(people, sentence) {
  for (const person of people) {
    await until(`${person.name} sees "${sentence}"`, async () => {
      return (await banner(person).isVisible()) && (await banner(person).innerText()).trim() === sentence;
    });
    await person.isTold(sentence);
  }
}

/** The smallest distance between two times in the text, from the foot of one to the head of the next. */
async function nearestTimes(person) {
  return person.page.evaluate(() => {
    const times = [...document.querySelectorAll('li[data-message] time')];
    const seen = times.filter((time) => time.checkVisibility({ opacityProperty: true }));
    const boxes = seen.map((time) => time.getBoundingClientRect()).sort((a, b) => a.top - b.top);
    return Math.min(...boxes.slice(1).map((box, index) => box.top - boxes[index].bottom));
  });
}
