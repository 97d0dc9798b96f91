/** How far the archived objects of a run are: `thaw` of the task state store, plugins/downloader_tasks/execution/thaw_wait.py. */

import { asCount, asNumber, asObject, asText } from "../shared/json";
import { count, moment, size } from "../shared/format";

export interface Thaw {
  tier: string;
  objects: number;
  bytes: number;
  ready: number;
  readyBytes: number;
  refused: number;
  /** When the restores were asked for, when more were last seen to be ready, when S3 is asked again; "" for none. */
  since: string;
  readySince: string;
  next: string;
}

export function thawOf(value: unknown): Thaw | null {
  const thaw = asObject(value);
  if (asNumber(thaw["objects"]) === null) return null;
  return {
    tier: asText(thaw["tier"]),
    objects: asCount(thaw["objects"]),
    bytes: asCount(thaw["bytes"]),
    ready: asCount(thaw["ready"]),
    readyBytes: asCount(thaw["ready_bytes"]),
    refused: asCount(thaw["refused"]),
    since: asText(thaw["since"]),
    readySince: asText(thaw["ready_since"]),
    next: asText(thaw["next"]),
  };
}

/** Those of all shards together; null where nothing is thawed. All times are in UTC and of one form, so texts compare. */
export function whole(thaws: Thaw[]): Thaw | null {
  const [first, ...others] = thaws.filter(({ objects }) => objects > 0);
  if (first === undefined) return null;
  return others.reduce(
    (all, one) => ({
      tier: all.tier,
      objects: all.objects + one.objects,
      bytes: all.bytes + one.bytes,
      ready: all.ready + one.ready,
      readyBytes: all.readyBytes + one.readyBytes,
      refused: all.refused + one.refused,
      since: all.since < one.since ? all.since : one.since,
      readySince: all.readySince > one.readySince ? all.readySince : one.readySince,
      next: [all.next, one.next].filter(Boolean).sort()[0] ?? "",
    }),
    first,
  );
}

/** What the tab says of it. */
export function sentence(thaw: Thaw): string {
  const parts = [
    `Thaw (${thaw.tier}): ${count(thaw.ready)} of ${count(thaw.objects)} archived objects, ${size(thaw.readyBytes)} of ${size(thaw.bytes)}, are ready`,
    thaw.readySince ? `the latest since ${moment(thaw.readySince)}` : "",
    thaw.refused ? `${count(thaw.refused)} were refused` : "",
    `asked for at ${moment(thaw.since)}`,
    thaw.next ? `S3 is asked again at ${moment(thaw.next)}` : "",
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
