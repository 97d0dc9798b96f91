/** Amounts as the project's reports and logs write them: a KB is 1,024 bytes. */

const UNITS = ["KB", "MB", "GB", "TB", "PB"];

/** `512 B`, `1.5 KB`, `1.2 GB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** `3.8 MB/s`. */
export function speed(bytesASecond: number): string {
  return `${size(bytesASecond)}/s`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 89.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1,234`. */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** `1 file`, `2,000 files`. */
export function counted(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** Whole percent, 100 only where all is done. */
export function percent(done: number, total: number): number | null {
  return total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : null;
}

/** `2026-11-28 00:32:38`, in the visitor's time zone; "" for what is no time. */
export function moment(iso: string | null | undefined): string {
  const time = iso ? new Date(iso) : null;
  if (time === null || Number.isNaN(time.getTime())) return "";
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
