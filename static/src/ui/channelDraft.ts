/**
 * A channel as a form has it, and what of it is different from the channel as it was.
 */
import { CHANNEL_NAME_MAX, CHANNEL_TOPIC_MAX, PEOPLE_MAX, type Channel, type ChannelSetting } from "../protocol";
import * as words from "../words/channels";
import { order } from "../words/order";

export type Draft = Pick<Channel, "name" | "kind" | "topic" | "category" | "admission" | "writers" | "max_speakers" | "people_max" | "voice_rights">;

export const freshDraft = (): Draft => ({
  name: "",
  kind: "voice",
  topic: "",
  category: null,
  admission: "everybody",
  writers: "everybody",
  max_speakers: null,
  people_max: null,
  voice_rights: { listen: "everybody", speak: "everybody", prioritise: "admins", mute_others: "admins", move_others: "admins" },
});

/** What the server has to be told; what nobody touched stays as others may have changed it meanwhile. */
export function differences(before: Draft, after: Draft): ChannelSetting[] {
  const all: ChannelSetting[] = [];
  if (after.name.trim() !== before.name) all.push({ name: after.name.trim() });
  if (after.topic.trim() !== before.topic) all.push({ topic: after.topic.trim() });
  if (after.admission !== before.admission) all.push({ admission: after.admission });
  if (after.kind === "text" && after.writers !== before.writers) all.push({ writers: after.writers });
  if (after.kind === "voice" && after.max_speakers !== before.max_speakers) all.push({ max_speakers: after.max_speakers });
  if (after.kind === "voice" && (after.people_max ?? null) !== before.people_max) all.push({ people_max: after.people_max ?? null });
  if (after.kind === "voice") {
    for (const right of ["listen", "speak", "prioritise", "mute_others", "move_others"] as const) {
      const grant = after.voice_rights[right];
      if (JSON.stringify(grant) !== JSON.stringify(before.voice_rights[right])) all.push({ voice_right: { right, grant } });
    }
  }
  if (after.category !== before.category) all.push({ place: { category: after.category, before: null } });
  return all;
}

export interface Faults {
  name?: string;
  topic?: string;
  people_max?: string;
}

/** The server checks again; here it only saves the way. */
export function faultsOf(draft: Draft): Faults {
  const faults: Faults = {};
  const places = draft.people_max ?? null;
  if (places !== null && !(Number.isInteger(places) && places >= 1 && places <= PEOPLE_MAX)) {
    faults.people_max = order.peopleMaxBad(PEOPLE_MAX);
  }
  const name = draft.name.trim();
  const length = [...name].length;
  if (length < 1 || length > CHANNEL_NAME_MAX || !/[a-z0-9]/iu.test(name)) faults.name = words.channels.nameBad;
  if ([...draft.topic.trim()].length > CHANNEL_TOPIC_MAX) faults.topic = words.channels.topicBad;
  return faults;
}
