/**
 * What `postmaster.pid` in a data folder stands for. A server that lost whoever watched over it (SIGKILL, no memory left)
 * runs on, and PostgreSQL starts no second one on its data. It is ended properly when it is ours for certain; a process
 * that merely has the number now is left alone, and its number is taken out of the way.
 *
 * | postmaster.pid | who has the number | |
 * |---|---|---|
 * | absent, or of a process that is gone | nobody | PostgreSQL clears it by itself |
 * | the server at its port knows our password and reads this very file | our server | fast shutdown, which loses nothing |
 * | | a PostgreSQL of this folder that is starting or stopping | waited for |
 * | | a PostgreSQL of this folder that does not let us in | refused, by its number |
 * | | another program, or a PostgreSQL of another folder | the file is removed |
 * | empty | nobody knows | refused: a person deletes it |
 */
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Failure } from './failure.mjs';

const run = promisify(execFile);
const later = (ms) => new Promise((done) => setTimeout(done, ms));

const LOOK_EVERY_MS = 100;
/** A shutdown writes a checkpoint first. */
const PATIENCE_MS = 30_000;
/** Whoever makes the file fills it in the next moment. */
const FILLING_MS = 1_000;

/** Lines of postmaster.pid (PostgreSQL, src/include/utils/pidfile.h): pid, data folder, start, port. */
export function readLock(dataDir) {
  let text;
  try {
    text = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
  const [pid, , , port] = text.split('\n').map((line) => line.trim());
  return { text, pid: Number(pid), port: Number(port ?? 0), isEmpty: text.trim() === '' };
}

/** 'gone', 'here', or 'apart' for a process that this account may not touch. */
function stateOf(pid) {
  if (!Number.isInteger(pid) || pid <= 1) return 'gone';
  try {
    process.kill(pid, 0);
    return 'here';
  } catch (error) {
    return error.code === 'EPERM' ? 'apart' : 'gone';
  }
}

/**
 * Resolves when nothing uses the data any more, with how it came to that: 'none' there was nothing, 'ended' our own
 * server of an earlier run was stopped, 'gone' what ran there stopped by itself, 'foreign' the number was another
 * program's.
 * @param stop ends the server of this folder properly
 * @throws Failure `postmaster_pid_empty`, `data_folder_locked`
 */
export async function clearFormerServer({ dataDir, password, stop }) {
  const startedAt = Date.now();
  let found = 'none';
  for (;;) {
    const lock = readLock(dataDir);
    if (lock === null) return found;
    if (lock.isEmpty) {
      if (Date.now() - startedAt > FILLING_MS) throw empty(dataDir);
    } else {
      if (stateOf(lock.pid) === 'gone') return found;
      const who = await identify(lock, dataDir, password);
      if (who === 'foreign') {
        if (readLock(dataDir)?.text === lock.text) rmSync(join(dataDir, 'postmaster.pid'));
        return 'foreign';
      }
      if (who === 'ours') {
        await stop();
        found = 'ended';
      } else if (found === 'none') found = 'gone';
      if (who === 'stranger' || Date.now() - startedAt > PATIENCE_MS) throw locked(dataDir, lock.pid);
    }
    await later(LOOK_EVERY_MS);
  }
}

/** 'ours', 'busy' (of this folder, starting or stopping), 'stranger' (of this folder, and refuses us) or 'foreign'. */
async function identify(lock, dataDir, password) {
  const answer = await askServer(lock, password);
  if (answer === 'ours') return 'ours';
  if (!(await mayBeServerOf(lock.pid, dataDir))) return 'foreign';
  return answer === 'refused' ? 'stranger' : 'busy';
}

/** Is it the server of this folder that answers at the noted port? It is when it reads there what we have read. */
async function askServer(lock, password) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    host: '127.0.0.1',
    port: lock.port,
    user: 'postgres',
    database: 'postgres',
    password,
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query(`select pg_read_file('postmaster.pid') as text`);
    return rows[0].text === lock.text ? 'ours' : 'another';
  } catch (error) {
    return error.code === '28P01' || error.code === '28000' ? 'refused' : 'silent';
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Only what is known for certain to be something else is not. */
async function mayBeServerOf(pid, dataDir) {
  if (process.platform !== 'win32' && stateOf(pid) === 'apart') return false; // ours runs as an account that we may touch
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir); // it goes there and stays there
    } catch {
      // another account's process keeps its folder to itself
    }
  }
  const command = await commandOf(pid);
  if (command === null) return true;
  return command.includes('postgres') && (!command.includes(' -D ') || command.includes(dataDir));
}

/** How a process was called; null where nobody tells. */
async function commandOf(pid) {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    if (process.platform === 'win32')
      return (await run('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'])).stdout;
    return (await run('ps', ['-p', String(pid), '-o', 'command='])).stdout;
  } catch {
    return null;
  }
}

const empty = (dataDir) =>
  new Failure(
    'postmaster_pid_empty',
    `${join(dataDir, 'postmaster.pid')} is empty, as a full disk or a power cut leaves it: whether a PostgreSQL uses this data cannot be read from it.`,
    'If no PostgreSQL runs on this folder, delete that file and start again: it holds no data.',
  );

const locked = (dataDir, pid) =>
  new Failure(
    'data_folder_locked',
    `A PostgreSQL (process ${pid}) works on ${dataDir} and is not known to be ours: it does not take the password of this installation's key, or does not answer.`,
    process.platform === 'win32'
      ? `End process ${pid} properly, and start again.`
      : `End it properly, which loses nothing, and start again: kill -INT ${pid}`,
  );
