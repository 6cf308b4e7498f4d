// Ten people in one room that has three lines: everybody hears exactly who talks, by tone, and never themselves.
import assert from 'node:assert/strict';
import { isSame } from './support/ears.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

const SLOTS = 3;

/** Far enough apart that no ear takes one for another, and none a multiple of another. */
const PEOPLE = [
  ['ana', 410],
  ['ben', 530],
  ['cleo', 650],
  ['dan', 770],
  ['eve', 890],
  ['finn', 1010],
  ['gus', 1130],
  ['hana', 1250],
  ['ivo', 1370],
  ['jana', 1490],
];

/** Moments in a row that must agree before they count: a second of the pages' ears, longer on a busy machine. */
const MOMENTS = 10;
/** Ten pages are asked at once. */
const ASK_EVERY_MS = 300;
/** How long sound may be on its way on a busy machine: it lies in the listener's page then. */
const LATE_MS = 5000;

story('ten people and three lines: who talks is heard', async (stage) => {
  const server = await stage.server('--voice-slots', String(SLOTS));
  const people = await stage.crowd(PEOPLE);
  await people[0].setsUp(server);
  for (const person of people.slice(1)) await person.signsUp(server);
  for (const person of people) await person.joins('Lounge');
  const began = Date.now();

  const talks = new Talks();
  const [ana, ben, cleo, dan, eve, finn] = people;
  const jana = people.at(-1);

  await allHear(people, []);
  // One after the other, among them those who came too late for a line of their own.
  for (const talker of [jana, ana, finn]) {
    await talks.begin(talker);
    await allHear(people, [talker]);
    await talks.end(talker);
    await allHear(people, []);
  }

  // As many at once as there are lines.
  for (const talker of [ben, eve, jana]) await talks.begin(talker);
  await allHear(people, [ben, eve, jana]);
  await talks.end(eve);
  await allHear(people, [ben, jana]);
  await talks.begin(dan);
  await allHear(people, [ben, dan, jana]);

  // More than there are lines: everybody hears the same three, whichever these are.
  for (const talker of [ana, cleo]) await talks.begin(talker);
  const five = [ana, ben, cleo, dan, jana];
  const three = await allHear(people, five);
  stage.note(`of ${names(five)} the room heard ${names(three)}`);

  // Who is left over takes the lines that the others leave.
  for (const talker of three) await talks.end(talker);
  const rest = five.filter((talker) => !three.includes(talker));
  await allHear(people, rest);

  for (const person of people) talks.check(person, await person.heard(began), people);
  stage.note(`${((Date.now() - began) / 1000).toFixed(0)} s together in the room`);
});

/**
 * Until everybody hears the same talkers, no more than there are lines, and nothing else; nobody hears themselves.
 * All of them when there are lines enough. Returns who was heard.
 */
async function allHear(people, talkers) {
  const from = Date.now();
  const count = Math.min(talkers.length, SLOTS);
  const ask = async () => {
    const heard = await Promise.all(people.map(async (person) => lately(await person.heard(from))));
    return heard.map((tones, index) => ({ listener: people[index].name, ...tones }));
  };
  const whoIsHeard = (all) => talkers.filter((talker) => all.some(({ tones }) => has(tones, talker.hertz)));
  const fits = (all) => {
    const heard = whoIsHeard(all);
    return heard.length === count && all.every((ears, index) => isJust(ears, heard.filter((one) => one !== people[index])));
  };
  const what = `all hear ${count < talkers.length ? `the same ${count} of ` : ''}${names(talkers) || 'nobody'}`;
  return whoIsHeard(await until(what, ask, fits, ASK_EVERY_MS));
}

/** The tones of the last moments, and how many there were at the same time. */
function lately(moments) {
  const last = moments.slice(-MOMENTS);
  return {
    moments: last.length,
    tones: [...new Set(last.flatMap(({ tones }) => tones))],
    together: Math.max(0, ...last.map(({ tones }) => tones.length)),
  };
}

/** Whether these talkers were heard, all of them at the same time, and nobody else. */
function isJust({ moments, tones, together }, talkers) {
  const all = talkers.every((talker) => has(tones, talker.hertz));
  const only = tones.every((tone) => talkers.some((talker) => isSame(tone, talker.hertz)));
  return moments === MOMENTS && all && only && together === talkers.length;
}

function has(tones, hertz) {
  return tones.some((tone) => isSame(tone, hertz));
}

function names(people) {
  return people.map((person) => person.name).join(', ');
}

/** Who talked from when to when, and whether what somebody heard in the whole story is just that. */
class Talks {
  #all = [];

  async begin(talker) {
    this.#all.push({ talker, from: Date.now(), to: Infinity });
    await talker.unmutes();
  }

  async end(talker) {
    const pressed = await talker.mutes();
    this.#all.findLast((talk) => talk.talker === talker).to = pressed + LATE_MS;
  }

  check(listener, moments, people) {
    assert.ok(moments.length > MOMENTS, `${listener.name} has ears`);
    let before = [];
    for (const { at, tones } of moments) {
      // A click may look like any tone, but only for one moment.
      const heard = people.filter((person) => has(tones, person.hertz));
      const lasting = heard.filter((person) => before.includes(person));
      before = heard;
      const then = this.#all.filter(({ from, to }) => from <= at && at <= to);
      const talkers = then.map(({ talker }) => talker).filter((talker) => talker !== listener);
      const strange = lasting.filter((person) => !talkers.includes(person));
      const whatWasThere = `at ${at}, when ${names(talkers) || 'nobody else'} talked`;
      assert.equal(names(strange), '', `${listener.name} heard others ${whatWasThere}`);
      assert.ok(tones.length <= SLOTS, `${listener.name} heard ${tones.length} voices ${whatWasThere}`);
    }
  }
}
