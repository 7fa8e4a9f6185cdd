import type { ApiCall, ApiMethods } from './api-call.ts';
import type { TlObject } from './tl-codec.ts';

function config(call: ApiCall): TlObject {
  const now = call.host.now();
  return {
    _: 'config',
    date: now,
    expires: now + 3600,
    testMode: false,
    thisDc: call.dcId,
    dcOptions: call.host.dataCentres.map(({ id, host, port }) => ({ _: 'dcOption', id, ipAddress: host, port, static: true })),
    dcTxtDomainName: '',
    chatSizeMax: 200,
    megagroupSizeMax: 200_000,
    forwardedCountMax: 100,
    onlineUpdatePeriodMs: 210_000,
    offlineBlurTimeoutMs: 5_000,
    offlineIdleTimeoutMs: 30_000,
    onlineCloudTimeoutMs: 300_000,
    notifyCloudDelayMs: 30_000,
    notifyDefaultDelayMs: 1_500,
    pushChatPeriodMs: 60_000,
    pushChatLimit: 2,
    editTimeLimit: 172_800,
    revokeTimeLimit: 2_147_483_647,
    revokePmTimeLimit: 2_147_483_647,
    ratingEDecay: 2_419_200,
    stickersRecentLimit: 200,
    channelsReadMediaPeriod: 604_800,
    callReceiveTimeoutMs: 20_000,
    callRingTimeoutMs: 90_000,
    callConnectTimeoutMs: 30_000,
    callPacketTimeoutMs: 10_000,
    meUrlPrefix: 'https://t.me/',
    captionLengthMax: 1024,
    messageLengthMax: 4096,
    webfileDcId: call.dcId,
  };
}

/** What a client asks before anything else. */
export const configMethods: ApiMethods = {
  'help.getConfig': { anonymous: true, run: config },
  'help.getNearestDc': {
    anonymous: true,
    run: ({ dcId }) => ({ _: 'nearestDc', country: 'PT', thisDc: dcId, nearestDc: dcId }),
  },
};
