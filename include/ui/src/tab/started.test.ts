import { expect, it } from "vitest";
import { isScheduled, startedOf } from "./started";

it("the run is read from the link of the task", () => {
  const address = "https://airflow.example.org/base/dags/minio_downloader/runs/nightly__2026-11-28T03%3A00%3A00%2B01%3A00?x=1";
  expect(startedOf({ extra_links: { "Triggered DAG": address } })).toEqual({
    dagId: "minio_downloader",
    runId: "nightly__2026-11-28T03:00:00+01:00",
  });
});

it.each([null, {}, { extra_links: null }, { extra_links: { "Triggered DAG": null } }, { extra_links: { "Triggered DAG": "/dags/x/runs/%E0%A4%A" } }])(
  "no run yet: %j",
  (links) => {
    expect(startedOf(links)).toBeNull();
  },
);

it("scheduled DAGs are known by their names", () => {
  expect([isScheduled("schedule_nightly"), isScheduled("s3_downloader")]).toEqual([true, false]);
});
