/**
 * How the client is built: into `dist/`, which the server embeds and serves under `/`.
 *
 * The server's Content-Security-Policy allows no inline script, no inline style and no data: font, so
 * nothing may be inlined here.
 */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    // The polyfill would be for browsers that cannot run the rest of the page either.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/api/socket": { target: server, ws: true },
      "/api": { target: server },
    },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
    // Without this the styles that tests read would be empty.
    css: true,
    // A busy machine may take its time; what never ends still ends here.
    testTimeout: 120_000,
  },
});
