/** Names and messages for people: what cannot be seen, or turns the direction of text, is written out. */

// As plugins/downloader/report/escaping.py has it, without the backslash: an escaped text stays as it is.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${hex(code, 2)}` : code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
