/**
 * Folders may not import each other in a circle either: what stands in such a knot can be understood only all at once.
 * Files at the root of `src`, which everybody there may use, count as no folder.
 *
 * Apart from .dependency-cruiser.cjs, because a folder is judged as a whole: with its specs and fixtures, which use what
 * stands above what they test, every folder would be in a circle.
 */
const { options } = require('./.dependency-cruiser.cjs');

const FOLDER = '^((apps|libs)/[^/]+|stack)/src/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-folder-cycles',
      comment: 'Move what both need into a folder below them, or to the root of src.',
      severity: 'error',
      scope: 'folder',
      from: { path: FOLDER },
      to: { path: FOLDER, circular: true },
    },
  ],
  options: {
    ...options,
    exclude: { path: '/dist/|[.](spec|fixture)[.]ts$|[-.]conformance[.]ts$|/(test|histories)/' },
  },
};
