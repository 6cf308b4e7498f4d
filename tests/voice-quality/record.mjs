// Records batches: node record.mjs FOLDER SPEECH [--quick] [--times N] [--seconds S] [NAME...]
//
// Every batch has two browsers of its own, for those who talk and those who listen, a page for everybody, a server for each room, and a network for each way.
// A batch that is in the folder already is not recorded again, and none is begun that does not end within S seconds:
// so the set can be recorded piece by piece, in whatever quiet a machine has.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ChromiumPage, launchMuted, SMALL } from '../browser/support/chromium.mjs';
import { Impaired } from '../browser/support/impaired.mjs';
import { Person } from '../browser/support/person.mjs';
import { freePort, Server, WORKERS } from '../browser/support/server.mjs';
import { until } from '../browser/support/until.mjs';
import { instrument, RECORDER, speaks } from './inside.mjs';
import { BATCHES, QUICK } from './plan.mjs';

/** From the first fault until what counts: reports have come, buffers and encoders know. */
const LEAD_MS = 8000;
/** A loop of speech and a third: at least three blocks are whole. */
const RECORDED_MS = 33_000;
const QUICK_MS = 20_000;
/** What a batch takes on two cores, with everybody's sign-up. */
const BATCH_MS = 85_000;
/** What whoever talks all the time says; a browser's own microphone keeps time better than a page's. */
const MONOLOGUE = 'speech.wav';
/** What a control may conceal: beyond it the machine is measured and not the network. */
const SOUND_CONTROL = 0.01;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, times: { type: 'string', default: '1' }, seconds: { type: 'string', default: '100000' } },
});
const [folder, speech, ...only] = positionals;
async function main() {
  const ends = Date.now() + Number(options.seconds) * 1000;
  const batches = Object.entries(options.quick ? QUICK : BATCHES).filter(([name]) => only.length === 0 || only.includes(name));
  let left = 0;
  for (let time = 1; time <= Number(options.times); time++) {
    for (const [name, rooms] of batches) {
      const into = path.join(folder, `${name}-${time}`);
      if (existsSync(into)) continue;
      if (Date.now() + BATCH_MS > ends) left += 1;
      else await record(into, rooms, time);
    }
  }
  console.log(left === 0 ? 'all recorded' : `${left} to go: run it again`);
}

async function record(into, rooms, seed) {
  const half = `${into}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  const closing = [];
  try {
    const browser = await launchMuted();
    closing.push(() => browser.close());
    const speaking = await launchMuted(path.resolve(speech, MONOLOGUE));
    closing.push(() => speaking.close());
    const began = Date.now();
    const people = [];
    for (const room of rooms) people.push(...(await open(room, { browser, speaking, began, seed, log: path.join(half, 'server.log'), closing })));
    await Promise.all(people.map(({ network, up, down }) => network.arms({ up, down })));
    await pause(LEAD_MS);

    const machine = new Machine();
    const quick = options.quick;
    if (!quick) await Promise.all(people.map(({ page, talks }) => page.evaluate((how) => window.measured.begins(how), { what: talks ? 'microphone' : 'heard', recorder: RECORDER })));
    const before = await Promise.all(people.map(counts));
    await pause(quick ? QUICK_MS : RECORDED_MS);
    const after = await Promise.all(people.map(counts));
    const load = machine.read();
    const rows = [];
    for (const [index, { page, network, name, talks, ...what }] of people.entries()) {
      const row = { name, talks, ...what.told, counts: [before[index], after[index]], network: await network.figures() };
      if (!quick) {
        const { marks, sound } = await page.evaluate(() => window.measured.ends());
        row.marks = marks;
        writeFileSync(path.join(half, `${name}.s16`), Buffer.from(sound, 'base64'));
      }
      rows.push(row);
    }
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const batch = { seed, commit, browser: browser.version(), load, people: rows };
    writeFileSync(path.join(half, 'batch.json'), JSON.stringify(batch));
    if (quick) report(batch);
    else console.log(`${path.basename(into)}: ${load.words}; the control concealed ${percent(concealed(rows.find(({ name }) => name === 'clean')))}`);
    renameSync(half, into);
  } finally {
    for (const close of closing.reverse()) await close().catch((error) => console.error(error));
  }
}

/** A room with everybody in it, who talk and hear. */
async function open(room, { browser, speaking, began, seed, log, closing }) {
  const flags = ['--voice-addresses', '127.0.0.1', '--voice-slots', String(room.slots)];
  const server = await Server.start(log, flags);
  closing.push(() => server.stop());
  const called = room.listeners[0].name;
  const talkers = room.talkers.map((talker, index) => ({ ...talker, down: {}, talks: true, name: `${called}-talker${index}`, told: { room: called, file: talker.file } }));
  const listeners = room.listeners.map((listener) => ({ ...listener, up: {}, talks: false, file: null, told: { room: called, plain: listener.plain } }));
  const people = [];
  for (const who of [...talkers, ...listeners]) {
    const front = await freePort(WORKERS);
    // Of one condition, those with and without RED lose the same packets.
    const network = await Impaired.start({ front, port: server.voicePort, ports: WORKERS, seed: seed * 100 + sum(who.name.replace('-plain', '')) });
    closing.push(() => network.stop());
    // The recorder is none of the page's own scripts, which its policy would forbid.
    const own = who.file === MONOLOGUE;
    const window = await (own ? speaking : browser).newContext({ ...SMALL, permissions: ['microphone'], bypassCSP: true });
    const ways = Array.from({ length: WORKERS }, (_, index) => [server.voicePort + index, front + index]);
    await window.addInitScript(instrument, { ways, plain: who.plain });
    await window.addInitScript(speaks, { own, file: who.file, began });
    await window.route('**/measuring/*', (route) => {
      const file = path.basename(new URL(route.request().url()).pathname);
      return route.fulfill({ contentType: 'audio/wav', body: readFileSync(path.join(speech, file)) });
    });
    const page = await window.newPage();
    const person = new Person(`guest${people.length + 1}`, new ChromiumPage(page, () => window.close()), 0);
    if (people.length === 0) await person.setsUp(server);
    else await person.signsUp(server);
    people.push({ ...who, network, page, person });
  }
  for (const { person, talks } of people) {
    await person.joins('Lounge');
    if (talks) await person.unmutes();
  }
  for (const who of people.filter(({ talks }) => !talks)) {
    await until(`${who.name} hears something`, async () => (await counts(who)).stats.some(({ type, packetsReceived }) => type === 'inbound-rtp' && packetsReceived > 50));
  }
  return people;
}

function counts({ page }) {
  return page.evaluate(() => window.measured.counts());
}

/** The line that most was heard on: its share of sound that the browser made up. */
function concealed({ counts: [before, after] }) {
  const line = after.stats.filter(({ type }) => type === 'inbound-rtp').toSorted((a, b) => b.packetsReceived - a.packetsReceived)[0];
  const then = before.stats.find(({ id }) => id === line.id) ?? { concealedSamples: 0, totalSamplesReceived: 0 };
  return (line.concealedSamples - then.concealedSamples) / (line.totalSamplesReceived - then.totalSamplesReceived);
}

/** The gate of the quick set. */
function report({ people, load, commit }) {
  const LIMITS = { loss10: 0.01, loss20: 0.025, burst10: 0.03 };
  const heard = Object.fromEntries(people.filter(({ talks }) => !talks).map((who) => [who.name, concealed(who)]));
  console.log(JSON.stringify({ commit, load, concealed: heard }));
  if (heard.clean > SOUND_CONTROL) {
    console.log(`the control concealed ${percent(heard.clean)}: the machine is too busy to tell anything`);
    process.exitCode = 2;
    return;
  }
  for (const [name, limit] of Object.entries(LIMITS)) {
    const good = heard[name] <= limit;
    console.log(`${good ? 'ok    ' : 'NOT OK'} ${name}: ${percent(heard[name])} concealed, at most ${percent(limit)}`);
    if (!good) process.exitCode = 1;
  }
}

function percent(share) {
  return `${(share * 100).toFixed(2)} %`;
}

/** A number that a name always has. */
function sum(name) {
  return [...name].reduce((all, letter) => (all * 31 + letter.charCodeAt(0)) % 97, 0);
}

/** How busy the machine is from now on. */
class Machine {
  #before = Machine.#ticks();
  #load = loadavg()[0];

  read() {
    const [idle, all] = Machine.#ticks().map((now, index) => now - this.#before[index]);
    const busy = 1 - idle / all;
    const load = [this.#load, loadavg()[0]].map((value) => Number(value.toFixed(1)));
    const words = `${availableParallelism()} cores ${Math.round(busy * 100)} % busy, load ${load.join(' to ')}`;
    return { busy, load, words, machine: cpus()[0].model };
  }

  static #ticks() {
    const times = cpus().map((cpu) => cpu.times);
    const total = (each) => each.user + each.nice + each.sys + each.irq + each.idle;
    return [times.reduce((all, each) => all + each.idle, 0), times.reduce((all, each) => all + total(each), 0)];
  }
}

await main();
