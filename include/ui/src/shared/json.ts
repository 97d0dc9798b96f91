/** Readers of JSON whose shape nobody vouches for: it may be of another version. */

export type Json = Record<string, unknown>;

/** `value` where it is an object, else an empty one. */
export function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** `value` where it is a list, else an empty one. */
export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `value` where it is a string, else "". */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** `value` where it is a finite number, else null. */
export function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** `value` where it is a number that counts something, else 0. */
export function asCount(value: unknown): number {
  return Math.max(0, asNumber(value) ?? 0);
}
