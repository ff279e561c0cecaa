export { run } from './run.js';
export { processIo, type InputStream, type Io, type OutputStream } from './io.js';
export { EXIT, exitCodeOf } from './failure.js';
