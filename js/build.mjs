// Bundles the two ES modules of the widget, and the script of a page without a kernel, into
// nbtrace/static.
//
// No code splitting: front ends import a widget's module from a blob URL, from which a relative
// chunk cannot be loaded. The style sheet is text inside the bundle, because it is put into each
// widget's own element (marimo draws in a shadow root).
import { readFile } from "node:fs/promises";
import { context, transform } from "esbuild";

/** Style sheets are text to the bundler, which therefore leaves them as they are. */
const minifyStyles = {
  name: "minify-styles",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), {
        loader: "css",
        minify: true,
        target: "es2022",
      });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  define: { "define.amd": "false" },
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [minifyStyles],
  logLevel: "warning",
};

// The cwd is js/: npm scripts and the build hook both start there.
const targets = [
  { ...common, entryPoints: ["src/loader.ts"], outfile: "../nbtrace/static/loader.js" },
  { ...common, entryPoints: ["src/widget.tsx"], outfile: "../nbtrace/static/widget.js" },
  {
    ...common,
    format: "iife",
    entryPoints: ["src/standalone/page.ts"],
    outfile: "../nbtrace/static/page.js",
  },
];

for (const target of targets) {
  const build = await context(target);
  await build.rebuild();
  if (process.argv.includes("--watch")) {
    await build.watch();
  } else {
    await build.dispose();
  }
}
