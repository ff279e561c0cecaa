import { createHash } from 'node:crypto';
import { API_VERSION } from '@dsops/contracts/api';

const WHAT = 'dsops rotates credentials without an outage, proves every step, and keeps the record.';
const PLACES = [
  { path: '/api/health', what: 'is everything running?' },
  { path: `/api/v${API_VERSION}/openapi.json`, what: 'the API, as OpenAPI 3.1' },
  { path: `/api/v${API_VERSION}/events`, what: 'what happens, live, as server-sent events' },
] as const;
const COMMANDS = [
  { command: 'pnpm dsops rotation status', what: 'where each service stands' },
  { command: 'pnpm dsops rotation watch', what: 'follow all rotations' },
  { command: 'pnpm dsops --help', what: 'everything else' },
] as const;
const KEY = 'The API wants "Authorization: Bearer <key>". The dsops command has the key of this machine already.';

const width = Math.max(
  ...[...PLACES.map(({ path }) => path), ...COMMANDS.map(({ command }) => command)].map((text) => text.length),
);
const row = (left: string, right: string): string => `  ${left.padEnd(width)}   ${right}\n`;

/** What `curl` shows at `/`. */
export const welcomeText = (version: string): string =>
  `dsops ${version}\n${WHAT}\n\n${PLACES.map(({ path, what }) => row(path, what)).join('')}\n` +
  `${COMMANDS.map(({ command, what }) => row(command, what)).join('')}\n${KEY}\n`;

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c2128, #e6e8eb); --soft: light-dark(#57606a, #9aa4af);
  --paper: light-dark(#fbfbfa, #15181c); --line: light-dark(#dfe1e4, #2c3138); --link: light-dark(#0b5cad, #7ab7ff); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 12vh 1.5rem 3rem; }
h1 { font-size: 1.75rem; margin: 0 0 .25rem; letter-spacing: -.01em; }
h1 small { font-size: .875rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
p { margin: .5rem 0 1.5rem; } footer { color: var(--soft); font-size: .875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.5rem; margin: 0 0 1.5rem;
  padding: 1rem 0; border-top: 1px solid var(--line); }
dd { margin: 0; color: var(--soft); } a { color: var(--link); } code { font: .875rem/1.7 ui-monospace, monospace; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .75rem; } }
`;
/** The page runs nothing and loads nothing; its one style is named by its hash. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const list = (rows: readonly (readonly [string, string])[]): string =>
  `<dl>\n${rows.map(([term, what]) => `<dt>${term}</dt><dd>${escape(what)}</dd>`).join('\n')}\n</dl>`;

/** What a browser shows at `/`. The feed needs a key, which a link cannot send, so it is no link. */
export const welcomePage = (version: string): { html: string; contentSecurityPolicy: string } => ({
  contentSecurityPolicy: POLICY,
  html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dsops</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>dsops <small>${escape(version)}</small></h1>
<p>${escape(WHAT)}</p>
${list(PLACES.map(({ path, what }) => [path.endsWith('/events') ? `<code>${path}</code>` : `<a href="${path}"><code>${path}</code></a>`, what]))}
${list(COMMANDS.map(({ command, what }) => [`<code>${escape(command)}</code>`, what]))}
<footer>${escape(KEY)}</footer>
</main>
</body>
</html>
`,
});
