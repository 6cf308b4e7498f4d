/** For tests: a channel that nothing is said of. */
import type { Channel, ChannelKind } from "../protocol";

export const bareChannel = (id: string, kind: ChannelKind, name = id, position = 0): Channel => ({
  id,
  name,
  slug: name.toLowerCase(),
  kind,
  max_speakers: null,
  topic: "",
  category: null,
  position,
  admission: "everybody",
  writers: "everybody",
  archived: false,
  voice_rights: { listen: "everybody", speak: "everybody", prioritise: "admins", mute_others: "admins", move_others: "admins" },
  people_max: null,
});
