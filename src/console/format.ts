import { LANGUAGE, text } from './texts.ts';

/** @returns how long: `3 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds % 60 && minutes < 10 ? ` ${seconds % 60} s` : ''}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
  return `${Math.floor(hours / 24)} d${hours % 24 ? ` ${hours % 24} h` : ''}`;
}

/** @returns `3 s ago` */
export function ago(ms: number): string {
  return ms < 1500 ? text.now : text.ago(duration(ms));
}

/** @returns a day and time, as people here write it */
export function moment(at: number | string): string {
  return new Date(at).toLocaleString(LANGUAGE, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** @returns a time of day */
export function clockTime(at: number | string): string {
  return new Date(at).toLocaleTimeString(LANGUAGE);
}

export function count(value: number): string {
  return value.toLocaleString(LANGUAGE);
}
