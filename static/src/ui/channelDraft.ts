/**
 * A channel as a form has it, and what of it is different from the channel as it was.
 */
import { CHANNEL_NAME_MAX, CHANNEL_TOPIC_MAX, type Channel, type ChannelSetting } from "../protocol";
import * as words from "../words/channels";

export type Draft = Pick<Channel, "name" | "kind" | "topic" | "category" | "admission" | "writers" | "max_speakers">;

export const freshDraft = (): Draft => ({
  name: "",
  kind: "voice",
  topic: "",
  category: null,
  admission: "everybody",
  writers: "everybody",
  max_speakers: null,
});

/** What the server has to be told; what nobody touched stays as others may have changed it meanwhile. */
export function differences(before: Draft, after: Draft): ChannelSetting[] {
  const all: ChannelSetting[] = [];
  if (after.name.trim() !== before.name) all.push({ name: after.name.trim() });
  if (after.topic.trim() !== before.topic) all.push({ topic: after.topic.trim() });
  if (after.admission !== before.admission) all.push({ admission: after.admission });
  if (after.kind === "text" && after.writers !== before.writers) all.push({ writers: after.writers });
  if (after.kind === "voice" && after.max_speakers !== before.max_speakers) all.push({ max_speakers: after.max_speakers });
  if (after.category !== before.category) all.push({ place: { category: after.category, before: null } });
  return all;
}

/** The server checks again; here it only saves the way. */
export function faultsOf(draft: Draft): { name?: string; topic?: string } {
  const faults: { name?: string; topic?: string } = {};
  const name = draft.name.trim();
  const length = [...name].length;
  if (length < 1 || length > CHANNEL_NAME_MAX || !/[a-z0-9]/iu.test(name)) faults.name = words.channels.nameBad;
  if ([...draft.topic.trim()].length > CHANNEL_TOPIC_MAX) faults.topic = words.channels.topicBad;
  return faults;
}
