// Bundles the two ES modules of the widget, and the script of a page without a kernel, into
// nbtrace/static.
//
// No code splitting: front ends import a widget's module from a blob URL, from which a relative
// chunk cannot be loaded. The style sheet is text inside the bundle, because it is put into each
// widget's own element (marimo draws in a shadow root).
import { readFile, rename, writeFile } from "node:fs/promises";
import { context, transform } from "esbuild";
import { minify } from "terser";

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

/** What esbuild has made small becomes 5 % smaller when names are chosen for the compression. */
const compress = {
  name: "compress",
  setup(build) {
    const module = build.initialOptions.format === "esm";
    build.onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        const { code } = await minify(text, { module, ecma: 2022, compress: { passes: 2 } });
        // Whoever reads the file meanwhile has the old one whole.
        await writeFile(`${path}.new`, `${code}\n`);
        await rename(`${path}.new`, path);
      }
    });
  },
};

const common = {
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  define: { "define.amd": "false" },
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [minifyStyles, compress],
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
