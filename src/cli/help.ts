import { LOG_LEVELS } from '../log.ts';

/** What `vigilia help` says. */
export const HELP = `vigilia: an always-on Telegram gateway

  vigilia start                 runs what VIGILIA_ROLE says (default: all)
  vigilia keep                  the same, and starts it again whenever it fails; where nothing else does (systemd, a container)
  vigilia config                prints the effective configuration, secrets masked
  vigilia login [--account ID] [--phone NUMBER | --qr] [--replace] [--url URL]
                                logs an account in, through the program that runs here (or at URL), or by itself
  vigilia session list          each account's stored sessions, and which is in use
  vigilia session backup FILE   all of them into one sealed file; may run beside the program
  vigilia session restore FILE [--account ID]
  vigilia session rotate-key    seals them anew with SESSION_KEY, or with a new key file
  vigilia session import [FILE | -] [--account ID] [--replace]
                                a GramJS or Telethon StringSession, from a file, TELEGRAM_SESSION_FILE or standard input
  vigilia machines [--svg DIR]  lists the state machines, or writes their charts as drawings
  vigilia simulator [options]   runs the Telegram simulator alone
      --world PATH              a Telegram Desktop export or a folder of them (default: the built-in demo world)
      --port N                  where to listen on 127.0.0.1 (default: any free port)
      --data DIR                where its keys and posts are kept (default: ./data/simulator)
      --rate N                  posts per second (default: 0)
      --control                 does what standard input says, one JSON object a line (docs/simulator.md)
      --log-level LEVEL         ${LOG_LEVELS.join(', ')} (default: info)
  vigilia version
  vigilia help

The environment configures it; a file .env in the working directory is read too. README.md has the table.
`;
