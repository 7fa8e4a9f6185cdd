import type { Random } from '../../src/clock.ts';
import { between } from '../../src/simulator/seeded.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';

/** How long Telegram's file references and stripped thumbnails are, about, in bytes. */
const FILE_REFERENCE_BYTES = 29;
const STRIPPED_BYTES = 160;

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => between(random, 0, 255)));
}

/** Any 64-bit number: ids and access hashes use all of their bits. */
function long(random: Random): bigint {
  return bytes(random, 8).readBigInt64LE();
}

function sizes(random: Random): TlObject[] {
  return [
    { _: 'photoStrippedSize', type: 'i', bytes: bytes(random, STRIPPED_BYTES) },
    { _: 'photoSize', type: 'm', w: 320, h: 180, size: between(random, 9_000, 30_000) },
    { _: 'photoSize', type: 'x', w: 800, h: 450, size: between(random, 40_000, 90_000) },
    {
      _: 'photoSizeProgressive',
      type: 'y',
      w: 1280,
      h: 720,
      sizes: [8_000, 21_000, 40_000, 70_000, between(random, 90_000, 200_000)],
    },
  ];
}

function photo(random: Random, date: number): TlObject {
  const id = long(random);
  const fileReference = bytes(random, FILE_REFERENCE_BYTES);
  return { _: 'photo', id, accessHash: long(random), fileReference, date, sizes: sizes(random), dcId: 2 };
}

function video(random: Random, id: number, date: number): TlObject {
  return {
    _: 'document',
    id: long(random),
    accessHash: long(random),
    fileReference: bytes(random, FILE_REFERENCE_BYTES),
    date,
    mimeType: 'video/mp4',
    size: between(random, 1_000_000, 90_000_000),
    thumbs: sizes(random).slice(0, 2),
    dcId: 2,
    attributes: [
      { _: 'documentAttributeVideo', supportsStreaming: true, duration: random() * 600, w: 1280, h: 720 },
      { _: 'documentAttributeFilename', fileName: `clip-${id}.mp4` },
    ],
  };
}

function webPage(random: Random, id: number, date: number): TlObject {
  return {
    _: 'webPage',
    id: long(random),
    url: `https://example.org/news/2026/${id}/a-long-title-of-an-article`,
    displayUrl: `example.org/news/2026/${id}/a-long-title-of-an-article`,
    hash: between(random, 0, 2 ** 31 - 1),
    type: 'article',
    siteName: 'Example',
    title: `An article, number ${id}`,
    description:
      'What the article says in a sentence or two: enough for a reader to know whether to open it, and no more than that.',
    photo: photo(random, date),
    author: 'A. Author',
  };
}

/** @returns the media of a post, with all that Telegram says of it: a photo, a video or a web page, in the proportion 2 : 1 : 1 */
export function richMedia(random: Random, id: number, date: number): TlObject {
  const kind = random();
  if (kind < 0.5) return { _: 'messageMediaPhoto', photo: photo(random, date) };
  if (kind < 0.75) return { _: 'messageMediaDocument', video: true, document: video(random, id, date) };
  return { _: 'messageMediaWebPage', webpage: webPage(random, id, date) };
}
