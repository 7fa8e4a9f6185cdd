import apiSchema from 'telegram/tl/apiTl.js';
import protocolSchema from 'telegram/tl/schemaTl.js';
import { TlCodec } from './tl-codec.ts';
import { parseTlSchema, type TlDefinition } from './tl-schema.ts';

/** The API layer of GramJS's schema text (`telegram/tl/AllTLObjects`); calls at another layer are refused. */
export const LAYER = 198;

/** The key exchange declares its big numbers as strings; they are bytes (https://core.telegram.org/mtproto/auth_key). */
function keyExchangeBytes(definition: TlDefinition): TlDefinition {
  if (!/^(resPQ|p_q_inner_data|server_DH|client_DH|req_DH|set_client_DH|msgs_state_info|msgs_all_info)/.test(definition.name)) {
    return definition;
  }
  return {
    ...definition,
    fields: definition.fields.map((field) => (field.type === 'string' ? { ...field, type: 'bytes' } : field)),
  };
}

/**
 * The whole schema, API and protocol. Only GramJS's schema *text* is used, the one thing of it that is imported here: its
 * classes keep a parser's failure for the life of the process, and a server that shares its client's code would share its errors.
 */
export const tl = new TlCodec([...parseTlSchema(apiSchema), ...parseTlSchema(protocolSchema).map(keyExchangeBytes)]);
