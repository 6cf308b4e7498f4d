// A stream of posts and a reader of everything, as programs inside a page: they speak the protocol on a socket of
// their own, with the cookie of whoever is signed in there. They must not use anything from outside themselves.

/**
 * Posts without end, several at a time, until the socket closes. `posting.acknowledged` grows with every answer;
 * `posting.ended` is what came of it.
 */
export function startPosting() {
  const AT_A_TIME = 8;
  const SLOWER_MS = 250; // when the server says: too often
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/socket`);
  const acknowledged = [];
  const waiting = new Map();
  let channel;
  let next = 1;

  const ask = (request, text) => {
    const id = next++;
    if (text) waiting.set(id, text);
    socket.send(JSON.stringify({ id, ...request }));
  };
  const post = (text) => ask({ type: 'post_message', channel, body: text, nonce: `stream ${text}` }, text);
  const postNext = () => post(`Post number ${next}`);

  socket.onopen = () => ask({ type: 'hello', protocol: 2, resume: null });
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === 'ready') {
      channel = frame.snapshot.channels.find((each) => each.kind === 'text').id;
      for (let i = 0; i < AT_A_TIME; i++) postNext();
    }
    const text = waiting.get(frame.id);
    if (text === undefined) return;
    waiting.delete(frame.id);
    if (frame.result) {
      acknowledged.push(text);
      postNext();
    } else {
      setTimeout(() => post(text), SLOWER_MS);
    }
  };
  window.posting = {
    acknowledged,
    ended: new Promise((resolve) => {
      socket.onclose = () => resolve({ acknowledged, unanswered: waiting.size });
    }),
  };
}

/** The texts of all messages of the first text channel, oldest first. */
export async function readEverything() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/socket`);
  const answers = new Map();
  let next = 1;
  const ask = (request) =>
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
  await ask({ type: 'hello', protocol: 2, resume: null });
  const channel = (await ready).channels.find((each) => each.kind === 'text').id;

  const texts = [];
  let page = 'latest';
  for (;;) {
    const { messages, more } = await ask({ type: 'load_messages', channel, page });
    texts.unshift(...messages.map((message) => message.body));
    if (!more || messages.length === 0) break;
    page = { before: messages[0].id };
  }
  socket.close();
  return texts;
}

/**
 * Posts so many messages to the first text channel as fast as the server lets one person, on many sockets. Resolves
 * with the number of posts that were acknowledged.
 */
export async function pourPosts({ count, sockets }) {
  const AT_A_TIME = 4;
  const SLOWER_MS = 250; // when the server says: too often
  const LINE = 'A line of a long evening, in which somebody tells what happened to the cable, and to the other one. ';
  let next = 0;
  let done = 0;

  const pour = () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/socket`);
      const waiting = new Map();
      let channel;
      let id = 1;
      const ask = (request, number) => {
        if (number !== undefined) waiting.set(id, number);
        socket.send(JSON.stringify({ id: id++, ...request }));
      };
      const post = (number) => {
        const body = `Number ${number}. ${LINE.repeat(number % 4)}`;
        ask({ type: 'post_message', channel, body, nonce: `pour ${number}` }, number);
      };
      const postNext = () => {
        if (next < count) post(next++);
        else if (waiting.size === 0) socket.close();
      };
      socket.onopen = () => ask({ type: 'hello', protocol: 2, resume: null });
      socket.onclose = () => (waiting.size === 0 ? resolve() : reject(new Error('the socket closed')));
      socket.onmessage = ({ data }) => {
        // Most of what comes is everybody's posts.
        if (data.includes('"message_posted"') && !data.includes('"result"')) return;
        const frame = JSON.parse(data);
        if (frame.type === 'ready') {
          channel = frame.snapshot.channels.find((each) => each.kind === 'text').id;
          for (let i = 0; i < AT_A_TIME; i++) postNext();
        }
        const number = waiting.get(frame.id);
        if (number === undefined) return;
        waiting.delete(frame.id);
        if (frame.result) {
          done += 1;
          postNext();
        } else {
          // Under a name of its own it keeps the socket open until it is asked again.
          waiting.set(`again ${number}`, number);
          setTimeout(() => {
            waiting.delete(`again ${number}`);
            post(number);
          }, SLOWER_MS);
        }
      };
    });
  await Promise.all(Array.from({ length: sockets }, pour));
  return done;
}
