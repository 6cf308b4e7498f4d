// Firefox numbers its payloads and header extensions otherwise than Chromium; each must hear the other all the
// same. Run it by `own-network`: Firefox uses no loopback address for media, so it needs a card with another.
import { story } from './support/stage.mjs';

story('Firefox and Chromium talk in one room', async (stage) => {
  const server = await stage.server();
  const cleo = await stage.person('cleo', 440);
  const finn = await stage.firefoxPerson('finn');
  await cleo.setsUp(server);
  await finn.signsUp(server);

  await cleo.joins('Lounge');
  await finn.joins('Lounge');
  for (const person of [cleo, finn]) {
    const way = await person.way();
    stage.note(`${person.name} is connected over ${way.protocol} to ${way.server}, ${way.cipher}`);
  }

  await cleo.unmutes();
  await finn.hears(cleo.hertz);
  await finn.seesTalking('cleo', true);

  await finn.unmutes();
  await cleo.hears(finn.hertz);
  await cleo.seesTalking('finn', true);
  await cleo.doesNotHear(cleo.hertz);
  await finn.doesNotHear(finn.hertz);

  await finn.mutes();
  await cleo.hearsNothing();
  await cleo.seesTalking('finn', false);

  await finn.posts('Greetings from the other browser');
  await cleo.sees('Greetings from the other browser');
});
