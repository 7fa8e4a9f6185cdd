/** An answer to messages.getHistory as bytes, and the page of rows that it is. */
interface KnownHistory {
  readonly answerHex: string;
  readonly pageJson: string;
}

/**
 * A page of four messages with most kinds of fields (written by the simulator's codec, which shares nothing with GramJS's),
 * and the answer that nothing has changed.
 */
export const KNOWN_HISTORY: readonly KnownHistory[] = [
  {
    answerHex: [
      '4eba76c7020000000b0000000400000015c4b51c04000000e9bbfd968ccf520100000000070000002217515900000000010000001e37a5a2cb04fb',
      '711f010000bbf44d4e210000009a01c6364d0000000000000003416e6101f15365ffffffffffffffffdb09bcaf500000000300000003c3a76102f1',
      '53650e6f6cc3a120f09f8c8d206c696e6b0098e7d64b3171745800000000000000800000000046311f75013f000015c4b51c0000000015c4b51c01',
      '000000cae216ff46311f750161000015c4b51c000000000200ff002024df7a0e00000015c4b51c01000000d2da6d3b010000000200ff0000000000',
      '0100000015c4b51c0100000022175159050000000000000015c4b51c0300000027d3a67607000000040000001368747470733a2f2f6578616d706c',
      '652e6f7267f805cfc80400000002000000ffffffffffffff7facaaccf1010000000000000003000000000000000300000003f15365010000000000',
      '20000b9f330a0000000015c4b51c0100000080cbd1a300000000b886221b04f09f918d0000000200000015c4b51c01000000b4ac72d003616c6c01',
      '72000000000000e9bbfd960002000000000000060000001e37a5a2cb04fb711f01000000f15365fefe000078787878787878787878787878787878',
      '7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878',
      '7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878',
      '7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878',
      '7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878',
      '7878000074d4e05663f6a2b20000000000000000008022c0000000000040434000000000000000004085d2d300000000020000001e37a5a2cb04fb',
      '711f01000000105e5fadcb47bd0154000015c4b51c020000000100000000000000020000000000000084caa690000000000100000015c4b51c0000',
      '000015c4b51c0000000015c4b51c00000000',
    ].join(''),
    pageJson: [
      '{"messages":[{"chatId":-2234567890123,"id":7,"date":1700000002,"editDate":1700000003,"pts":0,"kind":"message","text"',
      ':"olá 🌍 link","entities":[{"type":"text_link","offset":7,"length":4,"url":"https://example.org"},{"type":"custom_em',
      'oji","offset":4,"length":2,"customEmojiId":"9223372036854775807"},{"type":"expandable_blockquote","offset":0,"length',
      '":3}],"fromId":4294967296,"replyToId":3,"views":0,"media":"Poll","raw":{"_":"Message","post":true,"pinned":true,"fwd',
      'From":{"_":"MessageFwdHeader","fromId":{"_":"PeerChat","chatId":"77"},"fromName":"Ana","date":1700000001},"viaBotId"',
      ':"-1","replyTo":{"_":"MessageReplyHeader","replyToMsgId":3,"quoteText":"ça"},"media":{"_":"MessageMediaPoll","poll":',
      '{"_":"Poll","id":"-9223372036854775808","question":{"_":"TextWithEntities","text":"?","entities":[]},"answers":[{"_"',
      ':"PollAnswer","text":{"_":"TextWithEntities","text":"a","entities":[]},"option":"AP8="}]},"results":{"_":"PollResult',
      's","results":[{"_":"PollAnswerVoters","chosen":true,"option":"AP8=","voters":0}],"totalVoters":1,"recentVoters":[{"_',
      '":"PeerUser","userId":"5"}]}},"forwards":3,"groupedId":"9007199254740993","reactions":{"_":"MessageReactions","resul',
      'ts":[{"_":"ReactionCount","reaction":{"_":"ReactionEmoji","emoticon":"👍"},"count":2}]},"restrictionReason":[{"_":"R',
      'estrictionReason","platform":"all","reason":"r","text":""}]}},{"chatId":-2234567890123,"id":6,"date":1700000000,"edi',
      'tDate":null,"pts":0,"kind":"message","text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","entities":[],"fromId":null,"replyToId":null,"v',
      'iews":null,"media":"Geo","raw":{"_":"Message","media":{"_":"MessageMediaGeo","geo":{"_":"GeoPoint","long":-9.25,"lat',
      '":38.5,"accessHash":"0"}}}},{"chatId":-2234567890123,"id":2,"date":1600000000,"editDate":null,"pts":0,"kind":"servic',
      'e","text":"","entities":[],"fromId":null,"replyToId":null,"views":null,"media":null,"raw":{"_":"MessageService","act',
      'ion":{"_":"MessageActionChatCreate","title":"T","users":["1","2"]}}}],"oldestId":1,"total":4,"pts":11}',
    ].join(''),
  },
  {
    answerHex: ['215f537409000000'].join(''),
    pageJson: ['{"messages":[],"oldestId":null,"total":9,"pts":null}'].join(''),
  },
];
