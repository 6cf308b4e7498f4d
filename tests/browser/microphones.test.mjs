// What becomes of the sound of a microphone, and of people who have none.
import assert from 'node:assert/strict';
import { DESK, inspect, PHONE } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { writeNoise, writeSpeech } from './support/tone.mjs';
import { until } from './support/until.mjs';

/** By how much noise must become softer, and by how much a voice may: ours is made, and not quite one. */
const NOISE_FALLS_DB = 15;
const VOICE_FALLS_DB = 10;
/** Over so long a voice and its gaps are one loudness. */
const LISTEN_MS = 3_000;
/** Nothing is changed by the browser, so that what is measured is ours. */
const PLAIN = { transmit: 'continuous', sound: 'voice', echo_cancellation: false, gain_control: false };

story('noise is taken out and a voice is left', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 0, DESK, { sound: writeNoise });
  const ben = await stage.person('ben', 0, DESK, { sound: writeSpeech });
  await ana.page.addInitScript(keepWhatIsGiven);
  await ana.setsUp(server);
  assert.deepEqual(await fetched(ana), [], 'noise removal was fetched before anybody wanted it');
  await ben.signsUp(server);
  for (const person of [ana, ben]) {
    await person.wantsToBeHeard({ ...PLAIN, noise_removal: false });
    await person.joins('Lounge');
    await person.unmutes();
  }
  const before = { noise: await loudness(ben), voice: await loudness(ana) };
  for (const person of [ana, ben]) await person.wantsToBeHeard({ noise_removal: true });
  const noise = await until('the noise is gone', () => loudness(ben), (db) => db <= before.noise - NOISE_FALLS_DB);
  const voice = await loudness(ana);
  stage.note(`noise ${before.noise.toFixed(1)} -> ${noise.toFixed(1)} dB, voice ${before.voice.toFixed(1)} -> ${voice.toFixed(1)} dB`);
  assert.ok(before.noise > -40 && before.voice > -40, 'both were heard before');
  assert.ok(voice >= before.voice - VOICE_FALLS_DB, `a voice fell from ${before.voice} to ${voice} dB`);
  assert.equal(await ana.page.evaluate(() => window.given.at(-1).noiseSuppression), false, 'the browser took noise out too');
  assert.notDeepEqual(await fetched(ana), []);
});

story('where noise removal cannot start the browser does it, and that is said', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 0, DESK, { sound: writeSpeech });
  const ben = await stage.person('ben', 0, PHONE, { sound: writeSpeech });
  await ana.setsUp(server);
  await ben.signsUp(server);
  for (const person of [ana, ben]) {
    await person.page.addInitScript(keepWhatIsGiven);
    await person.page.reload();
    await person.isInside();
    await person.wantsToBeHeard({ ...PLAIN, noise_removal: true });
  }
  // Ana cannot fetch it; ben's is there, compiles, and does nothing: the silent way to fail.
  await ana.page.route('**/*.wasm', (route) => route.abort());
  const nothing = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  await ben.page.route('**/*.wasm', (route) => route.fulfill({ contentType: 'application/wasm', body: nothing }));
  const faults = [];
  for (const person of [ana, ben]) {
    await person.joins('Lounge');
    await person.unmutes();
    await person.isTold("Strong noise removal could not start here. Your browser's own takes its place.");
    const settings = await until('the browser takes the noise out', () => person.page.evaluate(() => window.given), (given) => given.at(-1).noiseSuppression);
    assert.equal(settings[0].noiseSuppression, false, 'ours was tried first');
  }
  await until('ben hears ana', () => loudness(ben), (db) => db > -40);
  await until('ana hears ben', () => loudness(ana), (db) => db > -40);
  for (const person of [ana, ben]) {
    // Without loading the page anew: the room goes on.
    await person.page.evaluate(() => {
      history.pushState(null, '', '/settings/voice');
      dispatchEvent(new PopStateEvent('popstate'));
    });
    await person.page.locator('#voice-noise_removal-hint', { hasText: "Your browser's own takes its place" }).scrollIntoViewIfNeeded();
    faults.push(...(await inspect(person, 'settings-voice-stand-in')));
  }
  assert.deepEqual(faults, []);
});

story('what happens in the room is heard, unless one wants no sounds', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880);
  await ana.page.addInitScript(keepNotes);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ana.joins('Lounge');
  await plays(ana, [392, 587]);
  assert.equal(await ana.page.evaluate(() => navigator.mediaSession.metadata?.title), 'Lounge');
  await ana.unmutes();
  await plays(ana, [330]);
  await ana.mutes();
  await plays(ana, [220]);
  await ana.deafens();
  await plays(ana, [220, 165]);
  await ana.undeafens();
  await plays(ana, [165, 220]);
  // Who was just settling in is not told who else is.
  await ana.page.waitForTimeout(5_500);
  await ben.joins('Lounge');
  await plays(ana, [587]);
  await ana.page.waitForTimeout(1_600);
  await ben.leaves();
  await plays(ana, [392]);
  await ana.wantsToBeHeard({ cues: false });
  await ana.page.waitForTimeout(1_000);
  await ana.unmutes();
  await ana.leaves();
  await ana.page.waitForTimeout(1_000);
  await plays(ana, []);
  assert.equal(await ana.page.evaluate(() => navigator.mediaSession.metadata), null);
});

story('without a microphone one listens, is told why, and what helps', async (stage) => {
  const server = await stage.server();
  // A real browser that refuses, and a machine that has none.
  const ana = await stage.person('ana', 0, DESK, { microphone: ['--use-fake-device-for-media-stream', '--deny-permission-prompts'] });
  const ben = await stage.person('ben', 0, PHONE, { microphone: ['--use-fake-ui-for-media-stream'] });
  const cleo = await stage.person('cleo', 880);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await cleo.signsUp(server);
  await cleo.joins('Lounge');
  await cleo.unmutes();
  const faults = [];
  for (const [person, big] of [
    [ana, 'Your browser blocks the microphone'],
    [ben, 'No microphone found'],
  ]) {
    await person.joins('Lounge');
    await person.page.getByText(big).waitFor();
    await person.hears(880);
    await person.page.getByRole('button', { name: 'Try again' }).focus();
    await person.page.keyboard.press('Enter');
    await person.page.getByText(big).waitFor();
    faults.push(...(await inspect(person, 'no-microphone')));
  }
  assert.deepEqual(faults, []);
});

/** These notes were played since the last look, in Hz. */
async function plays(person, hertz) {
  const heard = await until('it is played', () => person.page.evaluate(() => window.notes), (notes) => notes.length >= hertz.length);
  assert.deepEqual(heard, hertz);
  await person.page.evaluate(() => (window.notes = []));
}

/** Inside a page: keeps the notes that it plays. */
function keepNotes() {
  window.notes = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.notes.push(Math.round(this.frequency.value));
    return start.apply(this, when);
  };
}

/** How loud the voices are that somebody hears, in dB, over a while. */
async function loudness(person) {
  await person.page.waitForTimeout(LISTEN_MS);
  const power = await person.page.evaluate((ms) => {
    const samples = window.ears.since(Date.now() - ms);
    const powers = samples.map(({ voices }) => voices.reduce((sum, { rms }) => sum + rms * rms, 0));
    return powers.reduce((sum, one) => sum + one, 0) / Math.max(1, powers.length);
  }, LISTEN_MS - 500);
  return 10 * Math.log10(power + 1e-12);
}

/** What of the noise removal a page has fetched. */
async function fetched(person) {
  const names = await person.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  return names.filter((name) => /rnnoise|noiseRemoval/i.test(name));
}

/** Inside a page: keeps how each microphone was given. */
function keepWhatIsGiven() {
  window.given = [];
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.given.push(stream.getAudioTracks()[0].getSettings());
    return stream;
  };
}
