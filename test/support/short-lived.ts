/**
 * Options for Node of a process that lives for seconds: the embedded database's WebAssembly is compiled once, and not better and better while it runs,
 * which is a third of the CPU that a start costs and never comes back. The same code of ours and of the database runs. Without them, as users run it,
 * the program runs in `e2e/exports`, `e2e/remove-account` and the tests of its commands.
 */
export const SHORT_LIVED: readonly string[] = ['--liftoff-only'];
