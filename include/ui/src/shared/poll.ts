import { useEffect, useRef, useState } from "react";
import { ApiError } from "./api";
import { backoff } from "./backoff";

export interface Polled<T> {
  /** The newest answer; null before the first. */
  value: T | null;
  /** Why the newest request failed; null where it did not. */
  error: Error | null;
  /** Asks at once, and for all of it: `load` gets no value before. */
  again: () => void;
}

/**
 * Asks again and again: the next request starts `interval(value)` ms after the last one has ended, none where that is
 * null. A hidden page does not ask. What cannot pass by itself (401, 403, 404) is not asked again.
 *
 * `key`: what is asked for; another key starts anew. `load` gets the value before.
 */
export function usePolled<T>(
  key: string,
  load: (signal: AbortSignal, before: T | null) => Promise<T>,
  interval: (value: T) => number | null,
): Polled<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: Error | null }>(empty(key));
  const [round, setRound] = useState(0);
  const asked = useRef({ load, interval });
  asked.current = { load, interval };
  const newest = useRef<{ key: string; value: T | null }>({ key, value: null });

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let asking = false;
    let ended = false;
    if (newest.current.key !== key) newest.current = { key, value: null };
    let before: T | null = null;

    const later = (pause: number | null) => {
      ended = pause === null;
      if (pause !== null && !document.hidden) timer = setTimeout(() => void once(), pause);
    };
    const once = async () => {
      asking = true;
      try {
        const value = await asked.current.load(stop.signal, before);
        if (stop.signal.aborted) return;
        failures = 0;
        before = value;
        newest.current = { key, value };
        setState({ key, value, error: null });
        asking = false;
        later(asked.current.interval(value));
      } catch (caught) {
        if (stop.signal.aborted) return;
        const error = caught instanceof Error ? caught : new Error(String(caught));
        setState({ key, value: newest.current.value, error });
        asking = false;
        failures += 1;
        later(error instanceof ApiError && !error.passes ? null : backoff(2_000, failures));
      }
    };
    const shown = () => {
      clearTimeout(timer);
      if (!document.hidden && !asking && !ended) void once();
    };
    void once();
    document.addEventListener("visibilitychange", shown);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [key, round]);

  const current = state.key === key ? state : empty<T>(key);
  return { value: current.value, error: current.error, again: () => setRound((before) => before + 1) };
}

function empty<T>(key: string): { key: string; value: T | null; error: Error | null } {
  return { key, value: null, error: null };
}
