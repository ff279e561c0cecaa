/**
 * Ends servers whose owner has vanished. The owner starts this process by fork with an IPC channel and tells it each
 * server: {keep: pid} and {release: pid}. When the channel closes, the owner is gone, killed perhaps: every server that
 * is still kept is asked to end, and forced to after a while. This process is in a group of its own, so that Ctrl-C at
 * a terminal reaches the owner only.
 */
const PATIENCE_MS = 15_000;
const LOOK_MS = 100;

const kept = new Set();

process.on('message', ({ keep, release }) => {
  if (keep !== undefined) kept.add(keep);
  if (release !== undefined) kept.delete(release);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

/** Each server leads a group of its own, where the platform has groups: what it started ends with it. */
function send(pid, signal) {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
    return true;
  } catch {
    return false; // gone already
  }
}

process.on('disconnect', () => {
  for (const pid of kept) if (!send(pid, 'SIGTERM')) kept.delete(pid);
  const deadline = Date.now() + PATIENCE_MS;
  const look = () => {
    for (const pid of kept) if (!send(pid, 0)) kept.delete(pid);
    if (kept.size > 0 && Date.now() < deadline) return void setTimeout(look, LOOK_MS);
    for (const pid of kept) send(pid, 'SIGKILL');
    process.exit(0);
  };
  look();
});
