/**
 * What the browser does for somebody who talks: sounds for what happens in the room, a word when the noise removal is
 * another than wanted, the keys and the screen of the system, and sound that goes on after a sleep.
 *
 * Loaded when the page stands: nothing of it is needed to draw it.
 */
import type { ChannelId } from "../protocol";
import { realTimers } from "../timers";
import { Attendance } from "../voice/attendance";
import { standsIn } from "../voice/hardware";
import { RoomCues } from "../voice/roomCues";
import { voiceSettings } from "../words/voice";
import type { App } from "./app.svelte";
import { cues } from "./notices";
import { wishes } from "./wishes.svelte";

export function begin(app: App): () => void {
  const stops = [playCues(app), tellOfNoise(app), attend(app), wakeUp(app)];
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

function attend(app: App): () => void {
  const { voice, store } = app.client;
  if (!("mediaSession" in navigator)) return () => {};
  // On a desk the screen is its owner's business, and a call in the background goes on without it.
  const phone = matchMedia("(pointer: coarse)").matches && "wakeLock" in navigator;
  const attendance = new Attendance({
    session: navigator.mediaSession,
    wake: phone ? () => navigator.wakeLock.request("screen") : null,
    describe: (room) => new MediaMetadata({ title: room, artist: store.server.name }),
    visible: () => document.visibilityState === "visible",
    toggleMicrophone: () => voice.setMuted(!voice.muted),
    hangUp: () => voice.leave(),
  });
  const look = () => {
    const { channel, muted } = voice;
    const room = channel === null ? undefined : store.channels.find((one) => one.id === channel);
    attendance.look(room ? { room: room.name, muted } : null);
  };
  const visibilityChanged = () => attendance.visibilityChanged();
  document.addEventListener("visibilitychange", visibilityChanged);
  look();
  const stop = store.listen("voice", look);
  return () => {
    stop();
    document.removeEventListener("visibilitychange", visibilityChanged);
    attendance.look(null);
  };
}

/** A machine that slept, or a phone that was called, holds the sound back; browsers do not always let it go again. */
function wakeUp(app: App): () => void {
  const wake = () => {
    if (document.visibilityState !== "visible" || app.client.voice.channel === null) return;
    app.client.voice.resume();
    app.speakers.resume();
  };
  document.addEventListener("visibilitychange", wake);
  document.addEventListener("resume", wake);
  addEventListener("pageshow", wake);
  return () => {
    document.removeEventListener("visibilitychange", wake);
    document.removeEventListener("resume", wake);
    removeEventListener("pageshow", wake);
  };
}
