import { render } from 'preact';
import { App } from './app.tsx';
import { LANGUAGE } from './texts.ts';

document.documentElement.lang = LANGUAGE === 'pt' ? 'pt-BR' : 'en';
const root = document.getElementById('app');
if (root) render(<App />, root);
