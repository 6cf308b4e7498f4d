/**
 * What is said before a message calls many at once; see `words`.
 */
import { people } from "../words";

export const calls = {
  ask: (whom: "here" | "everyone", count: number | null) =>
    count === null ? `@${whom} may reach many people.` : `@${whom} reaches ${people(count)}.`,
  keep: "Not yet",
  send: "Send it",
} as const;
