import { describe } from 'vitest';
import { storeContract } from './store.contract.ts';
import { pgliteHarness } from './store-harness.ts';

describe('store on PGlite', () => storeContract(pgliteHarness));
