// Builds one self-contained module per widget into ../interpwidgets/static, and a manifest that tells whether the
// committed files are fresh. `node build.mjs --watch` rebuilds on every save.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "interpwidgets", "static");
const HARD_LIMIT = 150 * 1024;

const widgets = readdirSync(join(here, "src", "widgets")).sort();
const entries = Object.fromEntries([
  ...widgets.map((name) => [name, join(here, "src", "widgets", name, "index.ts")]),
  ["standalone", join(here, "src", "standalone", "index.ts")],
]);

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

// The same walk is made by tests/contract/test_static.py, which needs no Node.
function sources() {
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath ?? entry.path, entry.name)).replaceAll("\\", "/"));
  return [...files, "build.mjs", "package.json"].sort();
}

function writeManifest() {
  const digest = createHash("sha256");
  for (const file of sources()) digest.update(`${file}\n${sha256(readFileSync(join(here, file)))}\n`);
  const modules = {};
  for (const name of Object.keys(entries).sort()) {
    const data = readFileSync(join(out, `${name}.js`));
    if (data.length > HARD_LIMIT)
      throw new Error(`${name}.js has ${data.length} bytes, over the limit of ${HARD_LIMIT}`);
    modules[name] = { bytes: data.length, sha256: sha256(data) };
  }
  writeFileSync(
    join(out, "manifest.json"),
    `${JSON.stringify({ sources: digest.digest("hex"), modules }, null, 2)}\n`,
  );
  for (const [name, { bytes }] of Object.entries(modules))
    console.log(`${name}.js  ${(bytes / 1024).toFixed(1)} KiB`);
}

mkdirSync(out, { recursive: true });
const context = await esbuild.context({
  entryPoints: entries,
  outdir: out,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  inject: [join(here, "src", "core", "math.ts")],
  define: Object.fromEntries(
    ["Max", "Min", "Floor", "Round", "Ceil", "Abs"].map((name) => [
      `Math.${name.toLowerCase()}`,
      `math${name}`,
    ]),
  ),
  // A script that sets `widget`, then one export line: a static page takes the line off and runs the rest as it is.
  format: "iife",
  globalName: "widget",
  footer: { js: "export default widget.default;" },
  plugins: [
    {
      name: "css as text, minified",
      setup(build) {
        build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
          const { code } = await esbuild.transform(readFileSync(path, "utf8"), {
            loader: "css",
            minify: true,
          });
          return { contents: code, loader: "text" };
        });
      },
    },
    {
      name: "manifest",
      setup(build) {
        build.onEnd((result) => {
          if (result.errors.length === 0) writeManifest();
        });
      },
    },
  ],
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
