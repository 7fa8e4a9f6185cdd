import { pipeline, Readable } from 'node:stream';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import type { App } from './app.ts';

/** Less is not worth it, in bytes. */
const LEAST = 1_024;
const COMPRESSIBLE = /^(application\/json|text\/(?!event-stream)|image\/svg\+xml)/;

/** Nearly as small as the best, at a tenth of its time. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Compresses answers, in a thread of Node's pool, for clients that say they understand it. Streams of events never. */
export function compressAnswers(app: App): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const type = String(reply.getHeader('content-type') ?? '');
    if (!COMPRESSIBLE.test(type)) return done(null, payload);
    const vary = reply.getHeader('vary');
    reply.header('vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
    const isLong = payload instanceof Readable || sizeOf(payload) >= LEAST;
    const encoding = isLong && !reply.hasHeader('content-encoding') ? chosen(request.headers['accept-encoding']) : undefined;
    if (encoding === undefined) return done(null, payload);
    reply.header('content-encoding', encoding).removeHeader('content-length');
    if (payload instanceof Readable) {
      const compressor = encoding === 'br' ? createBrotliCompress(BROTLI) : createGzip();
      // Whichever fails ends the other, and with it the answer.
      return done(
        null,
        pipeline(payload, compressor, () => {}),
      );
    }
    const compressed = (error: Error | null, bytes: Buffer): void => (error === null ? done(null, bytes) : done(error));
    const whole = payload as string | Buffer;
    if (encoding === 'br') brotliCompress(whole, BROTLI, compressed);
    else gzip(whole, compressed);
  });
}

/** @returns bytes; 0 for what is not whole at once */
function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.byteLength(payload) : 0;
}

/** @returns the one of ours that is liked best (RFC 9110, 12.5.3), brotli of two that are liked the same */
function chosen(header: string | undefined): 'br' | 'gzip' | undefined {
  if (header === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim());
    const q = parameters.find((word) => word.startsWith('q='))?.slice(2);
    weights.set(name, q === undefined ? 1 : Number(q));
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0;
  const br = weightOf('br');
  const gz = weightOf('gzip');
  if (br > 0 && br >= gz) return 'br';
  return gz > 0 ? 'gzip' : undefined;
}
