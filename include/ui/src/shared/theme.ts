import { useSyncExternalStore } from "react";

/** Whether Airflow shows its dark theme: the class of `<html>`. */
export function useDark(): boolean {
  return useSyncExternalStore(watch, () => document.documentElement.classList.contains("dark"));
}

function watch(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}

const PHONE = "(max-width: 640px)";

/** Whether the window is as narrow as a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const phone = matchMedia(PHONE);
      phone.addEventListener("change", changed);
      return () => phone.removeEventListener("change", changed);
    },
    () => matchMedia(PHONE).matches,
  );
}
