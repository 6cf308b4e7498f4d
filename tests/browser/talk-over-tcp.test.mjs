// The same where no UDP gets through, as in many an office. Run it by `own-network --without-udp`.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { story } from './support/stage.mjs';
import { twoPeopleTalk } from './support/talking.mjs';

story('two people talk over TCP where UDP is blocked', async (stage) => {
  assert.equal(await udpArrives(), false, 'UDP works here: this test proves nothing without `own-network --without-udp`');
  await twoPeopleTalk(stage, 'tcp');
});

/** Whether a datagram from this machine to itself arrives. */
async function udpArrives() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const arrived = once(socket, 'message').then(() => true);
  socket.send('hello?', socket.address().port, '127.0.0.1');
  const answer = await Promise.race([arrived, pause(1000, false)]);
  socket.close();
  return answer;
}
