// Order in a voice room: who is muted, moved and put out by others, and how a stage goes. What counts is what is heard.
import assert from 'node:assert/strict';
import { DESK, inspect } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** What holds for a decision of others, whatever one's own page does: until it is in the sound, and until one has moved. */
const WITHIN_MS = 1000;

story('an admin keeps order, and a stage lets people speak', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ana.joins('Lounge');
  await ben.joins('Lounge');
  await ben.unmutes();
  await ana.hears(ben.hertz);
  const dock = ben.page.getByRole('contentinfo').getByRole('status');

  // By keyboard, from the row of Ben to his card.
  const row = ana.page.getByRole('complementary').getByRole('button', { name: 'ben', exact: true }).first();
  await row.focus();
  await ana.page.keyboard.press('Enter');
  const card = ana.page.getByRole('dialog');
  const mute = card.getByRole('button', { name: 'Mute for everybody' });
  await mute.focus();
  const muted = Date.now();
  await ana.page.keyboard.press('Enter');
  const silence = (await ana.hearsNothing(muted)) - muted;
  stage.note(`silent ${silence} ms after the press`);
  assert.ok(silence <= WITHIN_MS, `ben was heard for ${silence} ms`);
  await dock.getByText('ana muted you for everybody in this room.').waitFor();
  await ana.page.getByText('muted by ana').waitFor();
  const faults = await inspect(ana, 'order-card');
  faults.push(...(await inspect(ben, 'order-muted')));
  // His own button opens nothing.
  await ben.mutes();
  await ben.unmutes();
  await ana.hearsNothing();
  await card.getByRole('button', { name: 'Let them be heard' }).click();
  await ana.hears(ben.hertz);

  // Moved: his page follows without a press.
  await ana.page.keyboard.press('Escape');
  await ana.page.getByRole('button', { name: 'New channel' }).first().click();
  await ana.page.getByRole('textbox', { name: 'Name' }).fill('Garden');
  await ana.page.getByRole('button', { name: 'Create' }).click();
  await ana.page.locator('[data-room=garden]').waitFor();
  await row.click();
  await card.getByRole('combobox', { name: 'Move to' }).selectOption({ label: 'Garden' });
  const moved = await ana.page.evaluate(() => Date.now());
  await card.getByRole('button', { name: 'Move', exact: true }).click();
  await ben.page.locator('[data-room=garden].is-here').waitFor();
  await ben.isConnected();
  const took = (await ben.page.evaluate(() => Date.now())) - moved;
  stage.note(`moved and connected after ${took} ms`);
  await dock.getByText('ana moved you here.').waitFor();
  await card.getByRole('button', { name: 'Close' }).click();
  await ana.hearsNothing();
  await ana.joins('Garden');
  await ana.hears(ben.hertz);

  // A stage: only admins speak, until somebody is let.
  await ana.page.locator('[data-room=garden]').getByRole('button', { name: /About/ }).click();
  await ana.page.getByRole('dialog').getByRole('button', { name: 'Settings' }).click();
  await ana.page.getByRole('combobox', { name: 'Speak', exact: true }).selectOption('admins');
  faults.push(...(await inspect(ana, 'order-rights')));
  await ana.page.getByRole('button', { name: 'Save' }).click();
  await ana.hearsNothing();
  await ben.page.getByRole('button', { name: 'Raise hand' }).click();
  await dock.getByText('Your hand is up. You are next.').waitFor();
  await ana.page.getByRole('button', { name: 'Let speak: ben' }).waitFor();
  faults.push(...(await inspect(ana, 'order-hands')), ...(await inspect(ben, 'order-hand')));
  await ana.page.getByRole('button', { name: 'Let speak: ben' }).click();
  await ana.hears(ben.hertz);
  await dock.getByText('You were let speak.').waitFor();

  await ana.page.getByRole('complementary').getByRole('button', { name: 'ben', exact: true }).first().click();
  await card.getByRole('button', { name: 'Back to the audience' }).click();
  await ana.hearsNothing();
  await card.getByRole('button', { name: 'Put out of the room' }).click();
  await ben.page.getByText('ana put you out of the room.').waitFor();
  await until('ben is out', () => ben.page.locator('[data-voice-state]').getAttribute('data-voice-state'), (state) => state === 'failed');
  faults.push(...(await inspect(ben, 'order-out')));
  assert.deepEqual(faults, []);
});
