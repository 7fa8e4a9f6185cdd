/** What a server says in four bytes in place of a packet (https://core.telegram.org/mtproto/mtproto-transports#transport-errors). */
export const TRANSPORT_ERRORS = {
  /** The auth key is unknown, or the packet is not what its holder sent. */
  notFound: -404,
  /** Too many connections, or too much over one. */
  flood: -429,
  /** The data centre that a client takes this one for is another. */
  wrongDataCentre: -444,
} as const;

/** One of {@link TRANSPORT_ERRORS}. */
export type TransportErrorCode = (typeof TRANSPORT_ERRORS)[keyof typeof TRANSPORT_ERRORS];
