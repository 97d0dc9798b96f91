import { expect, it } from "vitest";
import { visible } from "./visible";

it.each([
  ["plain ünïcode 文 😀", "plain ünïcode 文 😀"],
  ["a\nb\u001b[31m", "a\\x0ab\\x1b[31m"],
  ["cod\u202egnp.exe", "cod\\u202egnp.exe"],
  ["\u2066x\u2069\u200b", "\\u2066x\\u2069\\u200b"],
  ["\u{e0041}", "\\U000e0041"],
  ["\ud800", "\\ud800"],
  ["already \\n escaped", "already \\n escaped"],
  ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
])("%j", (text, shown) => {
  expect(visible(text)).toBe(shown);
});
