// Loaded into a whole program by `node --import`: whoever is sent SIGUSR2 throws where nobody catches it.
process.on('SIGUSR2', () => {
  throw new Error('planted by a test');
});
