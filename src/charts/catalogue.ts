import type { AnyStateMachine } from 'xstate';
import { connectionMachine } from '../machines/connection.machine.ts';
import { feedMachine } from '../machines/feed.machine.ts';
import { jobMachine } from '../machines/job.machine.ts';
import { leaseMachine } from '../machines/lease.machine.ts';
import { linkMachine } from '../machines/link.machine.ts';
import { loginMachine } from '../machines/login.machine.ts';
import { slotMachine } from '../machines/slot.machine.ts';
import { supervisorMachine } from '../machines/supervisor.machine.ts';

/** A machine, and what it is for, in a sentence. */
export interface CataloguedMachine {
  readonly machine: AnyStateMachine;
  readonly purpose: string;
}

/** Every machine there is, in the order in which somebody new would look at them. */
export const MACHINES: readonly CataloguedMachine[] = [
  {
    machine: connectionMachine,
    purpose: 'One account’s connection to Telegram: it never gives up, and always says where it stands.',
  },
  { machine: loginMachine, purpose: 'A person logs an account in: by code, by password, or by QR code.' },
  { machine: jobMachine, purpose: 'A job’s life. It is never alive itself: each step is taken on the job’s row.' },
  { machine: feedMachine, purpose: 'One channel’s updates: in order, without a gap, or on the way to it.' },
  { machine: leaseMachine, purpose: 'Whose an account is: one owner at a time holds its lease.' },
  { machine: linkMachine, purpose: 'A server that may be away: the database, RabbitMQ, Redis.' },
  {
    machine: supervisorMachine,
    purpose:
      'A supervisor, as OTP has it: starts its children in order, restarts those that fail, gives up when it is too often.',
  },
  { machine: slotMachine, purpose: 'A child’s place under its supervisor, over all its lives.' },
];
