// The power fails while people talk and write. Nothing that was acknowledged is lost, and nobody has to press
// anything to be back.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { readEverything, startPosting } from './support/posts.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** The promise: from the moment the server takes connections until voices are heard. */
const BACK_WITHIN_MS = 5000;
/** Away for longer than a browser's first tries. */
const AWAY_MS = 3000;
/** Enough posts that some are in every stage of being stored when the power fails. */
const POSTS = 40;

story('a killed server comes back with every acknowledged message and everybody in the room', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440);
  const ben = await stage.person('ben', 880);
  await ana.setsUp(server);
  await ben.signsUp(server);
  for (const person of [ana, ben]) {
    await person.joins('Lounge');
    await person.unmutes();
  }
  await ana.hears(ben.hertz);
  await ben.hears(ana.hertz);

  await ana.page.evaluate(startPosting);
  await until(`${POSTS} posts are acknowledged`, () => ana.page.evaluate(() => window.posting.acknowledged.length), (count) => count >= POSTS);
  await server.crash();
  const { acknowledged, unanswered } = await ana.page.evaluate(() => window.posting.ended);
  assert.ok(unanswered > 0, 'the server was killed between two posts and not during one');
  await pause(AWAY_MS);
  await server.start();

  const back = [
    (await ana.hears(ben.hertz, server.readyAt)) - server.readyAt,
    (await ben.hears(ana.hertz, server.readyAt)) - server.readyAt,
  ];
  stage.note(`heard again ${back.join(' and ')} ms after the server took connections`);
  assert.ok(Math.max(...back) <= BACK_WITHIN_MS, `it took ${Math.max(...back)} ms until everybody was heard again`);
  await ana.isConnected();
  await ben.isConnected();

  const stored = await ana.page.evaluate(readEverything);
  const times = (text) => stored.filter((each) => each === text).length;
  const missing = acknowledged.filter((text) => times(text) !== 1);
  stage.note(`${acknowledged.length} posts acknowledged, ${unanswered} under way, ${stored.length} stored`);
  assert.deepEqual(missing, [], 'acknowledged, but not stored exactly once');
  await ben.sees(stored.at(-1));

  await ana.posts('We are all here again');
  await ben.sees('We are all here again');
});
