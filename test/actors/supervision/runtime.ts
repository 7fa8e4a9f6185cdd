/** The modules under test: the real ones, or ones with a rule broken. */
export interface Runtime {
  readonly task: typeof import('../../../src/actors/actor.ts').task;
  readonly VigiliaError: typeof import('../../../src/errors.ts').VigiliaError;
  readonly Registry: typeof import('../../../src/actors/registry.ts').Registry;
  readonly supervisorSpec: typeof import('../../../src/actors/supervisor.ts').supervisorSpec;
  readonly startSystem: typeof import('../../../src/actors/system.ts').startSystem;
  readonly currentOwner: typeof import('../../../src/actors/stray.ts').currentOwner;
}

/** @returns the modules under a `src` folder */
export async function loadRuntime(src: string): Promise<Runtime> {
  const modules = ['actors/actor', 'errors', 'actors/registry', 'actors/supervisor', 'actors/system', 'actors/stray'];
  return Object.assign({}, ...(await Promise.all(modules.map((name) => import(`${src}/${name}.ts`)))));
}
