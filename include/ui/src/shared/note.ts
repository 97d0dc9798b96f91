/** The note of a run as it reads: it is Markdown, in which names are escaped (plugins/downloader_tasks/run_names.py). */
export function plainNote(note: string): string {
  return note.replace(/\\([!-/:-@[-`{-~])/g, "$1");
}
