/**
 * What the list of keys says; see `words`.
 */
export const keyList = {
  title: "Keys",
  press: "All keys",
  /** The key, and what it does. */
  groups: [
    {
      title: "Everywhere",
      keys: [
        ["Ctrl /", "This list"],
        ["Ctrl K", "Jump to a room, a channel, somebody, a command"],
        ["Ctrl I", "The inbox"],
        ["Alt ↑ ↓", "The channel above, below"],
        ["Alt Shift ↑ ↓", "The same, only those with something new"],
        ["F6", "The next part of the page; with Shift the one before"],
        ["Escape", "Closes what lies over the page"],
      ],
    },
    {
      title: "In a room",
      keys: [
        ["Ctrl Shift M", "Mute"],
        ["Ctrl Shift D", "Deafen"],
        ["Ctrl Shift H", "Leave"],
      ],
    },
    {
      title: "Writing",
      keys: [
        ["Enter", "Sends; with Shift it begins a line"],
        ["@", "Calls somebody: arrows choose, Tab takes"],
        ["↑", "In an empty field: edits your last message"],
      ],
    },
    {
      title: "On a message",
      keys: [
        ["↑ ↓", "From message to message; Home and End go to the first and the last"],
        ["Enter", "What can be done with it"],
        ["Shift Page Up", "To the first new message"],
      ],
    },
  ],
  mac: "On a Mac ⌘ does the same as Ctrl.",
  close: "Close",
} as const;
