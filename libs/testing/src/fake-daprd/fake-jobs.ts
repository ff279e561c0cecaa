import { fault, type FakeAnswer } from './fake-publish.js';

interface FakeJob {
  readonly data: unknown;
  readonly retryMs: number;
  readonly maxRetries: number;
  timer: NodeJS.Timeout;
}

/** The scheduler takes names of DNS, without case, and drops `_`, `:`, `-` and blanks before it looks. */
const NAME = /^[a-z0-9]+(\.[a-z0-9]+)*$/;

/** The scheduler: it keeps jobs beside the sidecars, and tells any sidecar of the app that made one. */
export class FakeScheduler {
  private readonly jobs = new Map<string, FakeJob>();
  private readonly sidecars = new Map<string, ((name: string, data: unknown) => Promise<number>)[]>();

  /** @param tell posts to the app and answers its status */
  attach(appId: string, tell: (name: string, data: unknown) => Promise<number>): () => void {
    const ofApp = this.sidecars.get(appId) ?? [];
    this.sidecars.set(appId, ofApp);
    ofApp.push(tell);
    return () => void ofApp.splice(ofApp.indexOf(tell), 1);
  }

  /** `POST` and `DELETE /v1.0/jobs/<name>` as daprd 1.18.1 answers them. */
  answer(appId: string, method: string, name: string, body: string): FakeAnswer {
    if (!NAME.test(name.toLowerCase().replaceAll(/[_: -]/g, '')))
      return fault(500, 'DAPR_SCHEDULER_SCHEDULE_JOB', `failed to schedule job: job name is invalid: ${name}`);
    const key = `${appId}/${name}`;
    if (method === 'DELETE') {
      this.remove(key);
      return { status: 204 };
    }
    const { dueTime, schedule, overwrite, data, failurePolicy } = JSON.parse(body) as Record<string, unknown>;
    const dueAt = typeof dueTime === 'string' ? Date.parse(dueTime) : NaN;
    if (schedule === undefined && Number.isNaN(dueAt))
      return fault(400, 'SCHEDULER_SCHEDULE_EMPTY', 'dueTime and schedule are both empty');
    if (this.jobs.has(key) && overwrite !== true)
      return fault(409, 'DAPR_SCHEDULER_JOB_ALREADY_EXISTS', `job already exists: ${name}`);
    this.remove(key);
    const { interval = '1s', maxRetries = 3 } =
      (failurePolicy as { constant?: { interval?: string; maxRetries?: number } } | undefined)?.constant ?? {};
    const job: FakeJob = { data, retryMs: Number.parseFloat(interval) * 1_000, maxRetries, timer: undefined as never };
    this.jobs.set(key, job);
    this.ring(appId, name, job, Math.max(0, dueAt - Date.now()), 0);
    return { status: 204 };
  }

  stop(): void {
    for (const key of this.jobs.keys()) this.remove(key);
  }

  /** A tick that nobody takes waits; one that is refused comes again by its policy; 404 counts as taken, as with daprd. */
  private ring(appId: string, name: string, job: FakeJob, delayMs: number, attempts: number): void {
    job.timer = setTimeout(() => {
      void (async () => {
        const tell = this.sidecars.get(appId)?.[0];
        if (tell === undefined) return this.ring(appId, name, job, 20, attempts);
        const status = await tell(name, job.data).catch(() => 503);
        if (this.jobs.get(`${appId}/${name}`) !== job) return; // made anew meanwhile
        if ((status >= 200 && status <= 299) || status === 404 || attempts >= job.maxRetries)
          this.remove(`${appId}/${name}`);
        else this.ring(appId, name, job, job.retryMs, attempts + 1);
      })();
    }, delayMs);
  }

  private remove(key: string): void {
    clearTimeout(this.jobs.get(key)?.timer);
    this.jobs.delete(key);
  }
}
