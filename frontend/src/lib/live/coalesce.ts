// Turns a burst of signals into few runs of a task, of which no two overlap.

/** Runs `task` soon after it is called, at most once per `intervalMs`, and once more after the last call. */
export function coalesce(task: () => Promise<unknown>, intervalMs: number): () => void {
  let wanted = false
  let running = false

  const run = async () => {
    running = true
    while (wanted) {
      wanted = false
      await task().catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, intervalMs))
    }
    running = false
  }

  return () => {
    wanted = true
    if (!running) void run()
  }
}
