// Requests without a page to make them in: a program inside a page, with the cookie of whoever is signed in there. It
// must not use anything from outside itself.

/** Asks one thing after the other, where `CHANNEL` stands for the first text channel; returns what was answered. */
export async function ask(requests) {
  const SLOWER_MS = 250; // when the server says: too often
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/socket`);
  const answers = new Map();
  let next = 1;
  const send = (request) =>
    new Promise((resolve, reject) => {
      const id = next++;
      answers.set(id, ({ result, error }) => (error ? reject(new Error(JSON.stringify(error))) : resolve(result)));
      socket.send(JSON.stringify({ id, ...request }));
    });
  const ready = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'ready') resolve(frame.snapshot);
      answers.get(frame.id)?.(frame);
    };
  });
  await new Promise((resolve) => (socket.onopen = resolve));
  await send({ type: 'hello', protocol: 2, resume: null });
  const { channels, users } = await ready;
  const channel = channels.find((each) => each.kind === 'text').id;
  const names = new Map([['CHANNEL', channel], ...users.map((user) => [`USER ${user.username}`, user.id])]);
  const results = [];
  for (const request of requests) {
    const filled = Object.fromEntries(
      Object.entries(request).map(([key, value]) => {
        if (typeof value !== 'string') return [key, value];
        const earlier = /^ANSWER (\d+) (\w+)$/.exec(value);
        return [key, earlier ? results[earlier[1]][earlier[2]].id : (names.get(value) ?? value)];
      }),
    );
    let result;
    while (result === undefined) {
      result = await send(filled).catch((error) => {
        if (!error.message.includes('rate_limited')) throw error;
      });
      if (result === undefined) await new Promise((resolve) => setTimeout(resolve, SLOWER_MS));
    }
    results.push(result);
  }
  socket.close();
  return results;
}
