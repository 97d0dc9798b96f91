/** The page Restores: the runs of all four DAGs. */
export function RestoresPage() {
  return <main>Restores</main>;
}
