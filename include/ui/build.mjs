// Builds each app into one file: node build.mjs [FOLDER]. The same sources give the same bytes: a test compares them.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? resolve(here, "../../plugins/downloader_ui"));

// What Airflow's page holds for its plugins: a second React beside it would not see the first one's contexts.
const held = { react: "React", "react/jsx-runtime": "ReactJSXRuntime", "react-router-dom": "ReactRouterDOM" };

const fromAirflow = {
  name: "from-airflow",
  setup(building) {
    const filter = new RegExp(`^(${Object.keys(held).join("|")})$`);
    building.onResolve({ filter }, ({ path }) => ({ path, namespace: "from-airflow" }));
    building.onLoad({ filter: /.*/, namespace: "from-airflow" }, ({ path }) => ({
      contents: `module.exports = globalThis.${held[path]};`,
    }));
  },
};

await build({
  absWorkingDir: here,
  entryPoints: ["src/restore_tab.tsx", "src/restores_page.tsx"],
  outdir: folder,
  bundle: true,
  minify: true,
  format: "iife",
  charset: "ascii",
  target: "es2022",
  jsx: "automatic",
  loader: { ".css": "text" },
  legalComments: "none",
  banner: { js: "// Built from include/ui: see include/docs/ui.md. Do not edit." },
  plugins: [fromAirflow],
  logLevel: "warning",
});
