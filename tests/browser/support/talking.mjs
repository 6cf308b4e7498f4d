// Two people meet in a room and talk. The same story over every way that sound can travel.
import assert from 'node:assert/strict';

/** What "at once" means for a closed microphone. */
const MUTED_WITHIN_MS = 1000;

/**
 * @param {object} stage
 * @param {'udp' | 'tcp'} protocol How their sound must travel.
 */
export async function twoPeopleTalk(stage, protocol) {
  const server = await stage.server();
  const ana = await stage.person('ana', 440);
  const ben = await stage.person('ben', 880);
  await ana.setsUp(server);
  await ben.signsUp(server);

  await ana.joins('Lounge');
  await ben.joins('Lounge');
  for (const person of [ana, ben]) {
    const way = await person.way();
    stage.note(`${person.name} is connected over ${way.protocol} to ${way.server}, ${way.cipher}`);
    assert.equal(way.protocol, protocol);
  }

  // Nobody is heard before they open their microphone.
  await ana.hearsNothing();
  await ben.seesTalking('ana', false);

  await ana.unmutes();
  await ben.hears(ana.hertz);
  await ben.seesTalking('ana', true);
  // Ben's is still closed: whatever Ana heard now would be herself.
  await ana.hearsNothing();

  await ben.unmutes();
  await ana.hears(ben.hertz);
  await ana.seesTalking('ben', true);
  await ana.doesNotHear(ana.hertz);
  await ben.doesNotHear(ben.hertz);
  await ben.hears(ana.hertz);

  const pressed = await ben.mutes();
  const silence = (await ana.hearsNothing(pressed)) - pressed;
  await ana.seesTalking('ben', false);
  stage.note(`ben's mute silenced him for ana after ${silence} ms`);
  assert.ok(silence <= MUTED_WITHIN_MS, `ben was heard for ${silence} ms after his mute`);

  await ben.unmutes();
  await ana.hears(ben.hertz);
  await ana.seesTalking('ben', true);

  // Deaf to all, and not heard either.
  await ana.deafens();
  await ana.hearsNothing();
  await ben.hearsNothing();
  await ana.undeafens();
  await ana.hears(ben.hertz);

  await ana.posts('Can you read this too?');
  await ben.sees('Can you read this too?');

  await ben.leaves();
  await ana.hearsNothing();
}
