/** Since when the account of the examples has been in service. */
export const LOGGED_IN_AT = '2026-01-30T12:00:01.903Z';
/** The process of the examples. */
export const PROCESS = '20f150a0-991a-41da-8552-ce1da120dd78';
