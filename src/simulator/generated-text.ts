import type { Random } from '../clock.ts';
import { joinParts, type TextPart } from './formatted-text.ts';
import { between, pick } from './seeded.ts';
import type { TlObject } from './tl-codec.ts';

/** Words of several scripts, so that whoever stores the texts meets more than ASCII. */
const WORDS =
  `vigília notícia canal mensagem rede servidor relatório amanhã ontem equipe versão código ação coração preço gráfico atualização
  signal update market release node cluster latency queue worker memory index replica thread packet buffer stream cursor lease
  новость канал сообщение сервер очередь данные отчёт сеть команда выпуск 市場 更新 消息 速報 שלום عاجل 😀 🚀 📈 🔥 👩‍👩‍👧‍👦 🇧🇷`.split(
    /\s+/,
  );

const HASHTAGS = ['#dev', '#notícias', '#сигнал', '#release', '#2026'];
const LINKS = ['https://example.org/a', 'https://example.org/paginas?x=1&y=2', 'https://example.net/заметка'];

function words(random: Random, count: number): string {
  return Array.from({ length: count }, () => pick(random, WORDS)).join(' ');
}

/** How long texts are, in words: mostly short, some long. */
function lengthInWords(random: Random): number {
  const kind = random();
  if (kind < 0.5) return between(random, 3, 20);
  return kind < 0.95 ? between(random, 20, 80) : between(random, 80, 250);
}

/** A text with a few entities, drawn from the given chance. */
export function generatedText(random: Random): { readonly text: string; readonly entities: readonly TlObject[] } {
  const parts: TextPart[] = [];
  if (random() < 0.4) parts.push({ type: 'bold', text: words(random, between(random, 2, 6)) }, { type: 'plain', text: '\n\n' });
  parts.push({ type: 'plain', text: words(random, lengthInWords(random)) });
  if (random() < 0.3) {
    parts.push({ type: 'plain', text: ' ' }, { type: 'text_link', text: words(random, 2), href: pick(random, LINKS) });
  }
  if (random() < 0.1) parts.push({ type: 'plain', text: '\n' }, { type: 'pre', text: 'select 1;', language: 'sql' });
  if (random() < 0.1) {
    const type = pick(random, ['italic', 'underline', 'strikethrough', 'spoiler', 'code', 'blockquote']);
    parts.push({ type: 'plain', text: ' ' }, { type, text: words(random, 3) });
  }
  if (random() < 0.15) parts.push({ type: 'plain', text: '\n' }, { type: 'link', text: pick(random, LINKS) });
  if (random() < 0.25) parts.push({ type: 'plain', text: '\n\n' }, { type: 'hashtag', text: pick(random, HASHTAGS) });
  return joinParts(parts);
}
