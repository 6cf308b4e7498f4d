// What is new is known to the server: it survives a reload, and what is read on one device is read on the other.
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** As wide as a phone: the list of channels is a page of its own, and nobody reads a channel behind it. */
const PHONE = { viewport: { width: 390, height: 844 } };

async function showsNew(person, yes) {
  const shows = () => person.page.evaluate(() => document.querySelector('.chan.is-new') !== null);
  await until(`${person.name} ${yes ? 'has' : 'has no'} new messages`, shows, (now) => now === yes);
}

story('What is read on one device is read on the other', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, PHONE);
  await ana.setsUp(server);
  const ben = await stage.person('ben', 660);
  await ben.signsUp(server);
  const session = await ana.page.context().storageState();
  const other = await stage.person('ana elsewhere', 880, { ...PHONE, storageState: session });
  await ana.opens(server.url);
  await other.opens(server.url);
  await showsNew(ana, false);

  await ben.posts('@ana, hello');
  await showsNew(ana, true);
  await showsNew(other, true);
  await other.page.reload();
  await showsNew(other, true);

  await ana.opens(`${server.url}/c/general`);
  await ana.sees('@ana, hello');
  await showsNew(other, false);
  await ana.opens(server.url);
  await showsNew(ana, false);
  await other.page.reload();
  await showsNew(other, false);
});
