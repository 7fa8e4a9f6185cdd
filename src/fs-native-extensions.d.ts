declare module 'fs-native-extensions' {
  /** Asks for an exclusive lock on an open file; the system gives it back when the process ends. @returns whether it was granted */
  export function tryLock(fd: number): boolean;
}
