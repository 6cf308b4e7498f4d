// How somebody wants to be heard: a key that is held, a voice that opens the microphone, and who is how loud.
import assert from 'node:assert/strict';
import { DESK, inspect, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** What "at once" means for a microphone that must close. */
const CLOSED_WITHIN_MS = 200;
/** And for whoever listens. */
const SILENT_WITHIN_MS = 1000;

story('a held key talks, and nothing else does', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ana.wantsToBeHeard({ transmit: 'push_to_talk', release_tail_ms: 0 });
  await ana.joins('Lounge');
  await ben.joins('Lounge');
  const { page } = ana;
  await page.getByText('Hold Space to talk').waitFor();
  const faults = await inspect(ana, 'dock-hold');
  assert.deepEqual(faults, []);

  await ben.hearsNothing();
  const before = await arrived(ana);
  await ben.hearsNothing();
  assert.equal(await arrived(ana), before, 'packets left the page while the gate was closed');

  await page.locator('body').click({ position: { x: 700, y: 300 } });
  await page.keyboard.down('Space');
  await ben.hears(ana.hertz);
  await ben.seesTalking('ana', true);
  await page.getByText('They hear you', { exact: true }).waitFor();
  await page.keyboard.up('Space');
  await ben.hearsNothing();
  await ben.seesTalking('ana', false);

  // Where one writes, Space is a space.
  await page.getByRole('textbox', { name: 'Write to #general' }).click();
  await page.keyboard.down('Space');
  await page.keyboard.down('a');
  await page.keyboard.up('Space');
  await page.keyboard.up('a');
  await ben.hearsNothing();
  assert.equal(await page.getByRole('textbox', { name: 'Write to #general' }).inputValue(), ' a');
  await page.getByRole('textbox', { name: 'Write to #general' }).fill('');

  // The window is left while the key is down, and nobody says that it came up.
  await page.locator('body').click({ position: { x: 700, y: 300 } });
  await page.keyboard.down('Space');
  await ben.hears(ana.hertz);
  const closed = await page.evaluate(
    () =>
      new Promise((done) => {
        const left = performance.now();
        const look = () => (window.ears.talks() ? setTimeout(look, 5) : done(performance.now() - left));
        dispatchEvent(new Event('blur'));
        look();
      }),
  );
  stage.note(`the microphone closed ${closed.toFixed(0)} ms after the window was left`);
  assert.ok(closed <= CLOSED_WITHIN_MS, `it stayed open for ${closed} ms`);
  await ben.hearsNothing();
  await page.keyboard.up('Space');

  // The button on the screen does the same.
  const button = page.getByRole('button', { name: 'Hold to talk' });
  const box = await button.boundingBox();
  await page.mouse.move(box.x + 10, box.y + 10);
  await page.mouse.down();
  await ben.hears(ana.hertz);
  const released = Date.now();
  await page.mouse.up();
  const silence = (await ben.hearsNothing(released)) - released;
  assert.ok(silence <= SILENT_WITHIN_MS, `ana was heard for ${silence} ms after letting go`);

  // A mouse button of one's choice, everywhere in the page.
  await ana.wantsToBeHeard({ talk_key: 'Mouse3' });
  await page.getByText('Hold mouse button 4 to talk').waitFor();
  await page.evaluate(() => document.querySelector('textarea').dispatchEvent(new MouseEvent('mousedown', { button: 3, bubbles: true, cancelable: true })));
  await ben.hears(ana.hertz);
  await page.evaluate(() => dispatchEvent(new MouseEvent('mouseup', { button: 3, bubbles: true })));
  await ben.hearsNothing();
});

story('a voice opens the microphone, and each is as loud as wanted', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880);
  await ana.setsUp(server);
  await ben.signsUp(server);
  // The tone is at about -9 dB: well above this line, and never stops.
  await ana.wantsToBeHeard({ transmit: 'voice_activity', threshold_db: -40 });
  await ana.joins('Lounge');
  await ben.joins('Lounge');
  await ana.unmutes();
  await ben.hears(ana.hertz);
  await ana.page.getByText('Voice activity').waitFor();

  // Ben turns ana down, for himself; she is heard by others as before.
  await ben.page.getByRole('button', { name: 'Volume of ana' }).click();
  await ben.page.getByRole('slider', { name: 'Volume of ana' }).fill('0');
  await ben.hearsNothing();
  await ben.page.reload();
  await ben.isInside();
  await ben.joins('Lounge');
  await ben.hearsNothing();
  await ben.page.getByRole('button', { name: 'Volume of ana' }).click();
  await ben.page.getByRole('slider', { name: 'Volume of ana' }).fill('100');
  await ben.hears(ana.hertz);
});

story('the settings of the voice', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  await ana.setsUp(server);
  const phone = await stage.person('ben', 880, PHONE);
  await phone.signsUp(server);
  const faults = [];
  for (const person of [ana, phone]) {
    const { page } = person;
    await page.goto(`${server.url}/settings/voice`);
    await page.getByRole('heading', { name: 'When you are heard' }).waitFor();
    await page.getByText('While I hold a key').click();
    await page.getByRole('button', { name: /Key to hold/ }).click();
    await page.keyboard.press('ControlRight');
    await page.getByRole('button', { name: /Key to hold Right Ctrl/ }).waitFor();
    faults.push(...(await inspect(person, 'settings-voice-key')));
    await page.getByText('When I speak').click();
    await page.getByRole('button', { name: 'Try the microphone' }).click();
    await page.getByRole('img', { name: 'What your microphone heard' }).waitFor();
    await page.getByRole('switch', { name: 'Set it for me' }).uncheck();
    await page.getByRole('slider', { name: 'Opens at' }).fill('-35');
    await until('it is kept', () => page.evaluate(async () => (await (await fetch('/api/account/voice')).json()).threshold_db), (db) => db === -35);
    await page.waitForTimeout(2500);
    faults.push(...(await inspect(person, 'settings-voice')));
    await page.getByRole('button', { name: 'Hear myself' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
  }
  assert.deepEqual(faults, []);
});

/** Voice packets that came in at the server, as an admin sees it. */
async function arrived(admin) {
  return admin.page.evaluate(async () => {
    const text = await (await fetch('/api/metrics')).text();
    return Number(/^cromulent_voice_packets_in_total (\d+)$/m.exec(text)[1]);
  });
}
