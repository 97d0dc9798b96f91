/** Airflow's REST API, asked with the visitor's cookie: what Airflow lets them see is what they see here. */

export class ApiError extends Error {
  /** `status`: of the answer; 0 where there was none. `message`: a sentence for people. */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether the same request may succeed later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const MOST_DETAIL = 300;

/** What went wrong, and what to do. `detail`: in Airflow's words. */
export function sentence(status: number, detail: string): string {
  const words = detail ? ` Airflow's answer: ${detail}` : "";
  if (status === 0) return "Airflow's API server does not answer. It may be restarting, or the network is down.";
  if (status === 401) return "Your login has expired. Log in again.";
  if (status === 403) return `You lack the permission in Airflow to do or see this.${words}`;
  if (status === 404) return `Airflow does not have this (any more).${words}`;
  if (status === 429) return "Airflow's API server is asked too often.";
  if (status >= 500) return `Airflow's API server failed (${status}); its log has the reason.`;
  return `Airflow refused the request (${status}).${words}`;
}

/** `part` of a path, encoded. */
export function segment(part: string | number): string {
  return encodeURIComponent(String(part));
}

export interface Request {
  method?: "GET" | "POST";
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Where the path begins: Airflow's REST API, or what the plugin mounts (`downloader`). */
  root?: "api/v2" | "downloader";
}

/** Where Airflow is mounted may be below another path: its page says so in `<base>`. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** The JSON of `api/v2/PATH`. Throws ApiError, and the AbortError of `signal`. */
export async function ask(path: string, { method = "GET", body, signal, root = "api/v2" }: Request = {}): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(address(`${root}/${path}`), {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, sentence(0, ""));
  }
  if (!answer.ok) throw new ApiError(answer.status, sentence(answer.status, await detailOf(answer)));
  try {
    return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Airflow's API server gave an answer that is not JSON: a proxy may stand in between.");
  }
}

/** As `ask`, but null where Airflow answers 404. */
export async function askIfThere(path: string, request: Request = {}): Promise<unknown> {
  try {
    return await ask(path, request);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function detailOf(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    return (typeof detail === "string" ? detail : JSON.stringify(detail ?? "")).slice(0, MOST_DETAIL);
  } catch {
    return "";
  }
}
