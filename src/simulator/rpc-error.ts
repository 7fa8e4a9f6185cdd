/** What Telegram answers in place of a result (https://core.telegram.org/api/errors). */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** 400, 401, 420 … */
  readonly code: number;

  /** @param message Telegram's word for it: `CHANNEL_INVALID` */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
