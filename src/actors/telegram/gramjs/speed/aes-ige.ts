import { readFileSync } from 'node:fs';
import { getWasmUrl, ige256Decrypt, ige256Encrypt, initSync } from '@mtcute/wasm';
import ige from 'telegram/crypto/IGE.js';
import { expectAnswer, type SpeedPart } from './speed-part.ts';

/** GramJS's cipher: both ways begin at the same initialization vector, whatever was called before. */
interface IgeCipher {
  decryptIge(cipherText: Buffer): Buffer;
  encryptIge(plainText: Buffer): Buffer;
}

type IgeClass = new (key: Buffer, iv: Buffer) => IgeCipher;

/** GramJS's module, whose users look the class up anew each time. */
export interface IgeModule {
  IGE: IgeClass;
}

const BLOCK_BYTES = 16;
const KEY_BYTES = 32;
const IV_BYTES = 32;
/** More than any packet of Telegram; WASM memory never shrinks, and its allocator is not asked for what it may not have. */
const MAX_BYTES = 16 << 20;

/**
 * AES-256-IGE in WASM. Whatever it is not made for (other sizes of key or vector, a length that is no whole number of blocks)
 * goes to GramJS's own, so that malformed data fails exactly as it always did, and padding stays GramJS's business.
 */
export function fastIge(Original: IgeClass): IgeClass {
  return class WasmIge implements IgeCipher {
    readonly #key: Buffer;
    readonly #iv: Buffer;

    constructor(key: Buffer, iv: Buffer) {
      this.#key = key;
      this.#iv = iv;
    }

    decryptIge(cipherText: Buffer): Buffer {
      if (!this.#fits(cipherText)) return new Original(this.#key, this.#iv).decryptIge(cipherText);
      return asBuffer(ige256Decrypt(cipherText, this.#key, this.#iv));
    }

    encryptIge(plainText: Buffer): Buffer {
      if (!this.#fits(plainText)) return new Original(this.#key, this.#iv).encryptIge(plainText);
      return asBuffer(ige256Encrypt(plainText, this.#key, this.#iv));
    }

    #fits({ length }: Buffer): boolean {
      const sizes = this.#key.length === KEY_BYTES && this.#iv.length === IV_BYTES;
      return sizes && length > 0 && length <= MAX_BYTES && length % BLOCK_BYTES === 0;
    }
  };
}

/** The same memory as a Buffer. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Compiles the WASM module; once a process, a second time does nothing. */
export function initWasm(): void {
  initSync(readFileSync(getWasmUrl()));
}

/** The known answer for 96 bytes that look random; OpenSSL's AES gives the same (through the simulator's IGE). */
const KNOWN = {
  key: Buffer.from(Array.from({ length: KEY_BYTES }, (_, at) => (at * 167 + 13) & 255)),
  iv: Buffer.from(Array.from({ length: IV_BYTES }, (_, at) => (at * 89 + 201) & 255)),
  plain: Buffer.from(Array.from({ length: 96 }, (_, at) => (at * at * 31 + at * 7 + 5) & 255)),
  cipherHex:
    '883331d51b2fe44f3565cc727ee5984bd27bff4da82be37e89a4cadd41f8555693c118af93533ef20c149d2bd932e3f6c647f75864ee9bf9db58a43d66b3899f96ecbf775020ff67403e3325524a564999bcc78eff756dbe5255b30d0c4c36a6',
};

/** AES-IGE. @param target the module that exports GramJS's class */
export function aesIgePart(target: IgeModule = ige as unknown as IgeModule): SpeedPart {
  const Original = target.IGE;
  const Ours = fastIge(Original);
  return {
    name: 'aes-ige',
    check() {
      initWasm();
      const { key, iv, plain, cipherHex } = KNOWN;
      const cipher = Buffer.from(cipherHex, 'hex');
      for (const [who, Cipher] of [['GramJS', Original] as const, ['ours', Ours] as const]) {
        expectAnswer(who, 'the known plaintext', hexOf(new Cipher(key, iv).encryptIge(plain)), cipherHex);
        expectAnswer(who, 'the known ciphertext', hexOf(new Cipher(key, iv).decryptIge(cipher)), hexOf(plain));
      }
    },
    install() {
      target.IGE = Ours;
    },
  };
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex');
}
