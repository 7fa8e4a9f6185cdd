import { expect, test } from 'vitest';
import { logTo } from '../../src/log.ts';

function written(fields: Readonly<Record<string, unknown>>): string {
  const lines: string[] = [];
  logTo('info', { write: (line: string) => void lines.push(line) }).error(fields, 'it failed');
  return lines.join('');
}

test('a line about an error has its kind, words, place and code, and nothing that it carries', () => {
  const carried = { request: { phoneCode: 'secret 12345' }, remaining: Buffer.from('secret'), detail: 'secret' };
  const cause = Object.assign(new Error('the cause'), carried);
  const error = Object.assign(new RangeError('the words', { cause }), { code: 'ECODE', ...carried });
  const line = written({ err: error });
  const { err } = JSON.parse(line) as { err: Record<string, unknown> };
  expect(Object.keys(err).sort()).toEqual(['code', 'message', 'stack', 'type']);
  expect(err).toMatchObject({ type: 'RangeError', code: 'ECODE', message: expect.stringContaining('the words') });
  expect(line).toContain('the cause');
  expect(line).not.toMatch(/secret|115,101,99/);
});

test('what was thrown and is no error is written in words', () => {
  expect(JSON.parse(written({ err: 'just words' }))).toMatchObject({ err: { type: 'string', message: 'just words' } });
});

test('known names of secrets are not written', () => {
  expect(written({ password: 'secret', login: { phone: 'secret' } })).not.toContain('"secret"');
});
