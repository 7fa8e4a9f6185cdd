/** Says a line to whoever started the command. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Complains to whoever started the command. */
export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}
