/**
 * What the browser does for somebody who talks: sounds for what happens in the room, and a word when the noise removal
 * is another than wanted.
 *
 * Loaded when the page stands: nothing of it is needed to draw it.
 */
import type { ChannelId } from "../protocol";
import { realTimers } from "../timers";
import { standsIn } from "../voice/hardware";
import { RoomCues } from "../voice/roomCues";
import { voiceSettings } from "../words/voice";
import type { App } from "./app.svelte";
import { cues } from "./notices";
import { wishes } from "./wishes.svelte";

export function begin(app: App): () => void {
  const stops = [playCues(app), tellOfNoise(app)];
  return () => {
    for (const stop of stops) stop();
  };
}

function playCues(app: App): () => void {
  const { store, voice } = app.client;
  const room = new RoomCues();
  let listening: ChannelId | null = null;
  let stopRoom = () => {};

  function look() {
    const { channel, state, muted, deafened } = voice;
    if (channel !== listening) {
      stopRoom();
      listening = channel;
      stopRoom = channel === null ? () => {} : store.listen(`room:${channel}`, look);
    }
    const there = channel === null ? [] : (store.room(channel)?.participants ?? []);
    const people = new Set(there.map((one) => one.user));
    const cue = room.look({ state, muted, deafened, people, me: store.me, undisturbed: store.undisturbed }, realTimers.now());
    if (cue && store.hearing.preferences?.cues) cues.play(cue, wishes.volume / 100, store.sound);
  }

  look();
  const stopVoice = store.listen("voice", look);
  return () => {
    stopVoice();
    stopRoom();
  };
}

function tellOfNoise(app: App): () => void {
  let told = standsIn();
  return app.client.store.listen("voice", () => {
    if (told || !standsIn()) return;
    told = true;
    app.say(voiceSettings.standsIn);
  });
}
