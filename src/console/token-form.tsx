import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { text } from './texts.ts';

/** Asks for a token, once for this tab. */
export function TokenForm({
  wrong,
  onToken,
}: {
  readonly wrong: boolean;
  readonly onToken: (token: string) => void;
}): JSX.Element {
  const [token, setToken] = useState('');
  return (
    <main class="gate">
      <h1>{text.title}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') onToken(token.trim());
        }}
      >
        <p>{text.tokenAsk}</p>
        <label>
          {text.token}
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            aria-invalid={wrong}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {wrong && (
          <p class="trouble" role="alert">
            {text.tokenWrong}
          </p>
        )}
        <button type="submit">{text.enter}</button>
        <p class="hint">{text.tokenWhy}</p>
      </form>
    </main>
  );
}
