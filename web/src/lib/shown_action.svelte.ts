// The action that is asked about at the moment, and what was done last.
// Must hold: one dialogue at a time; an action's result is told where people look and read out once.
import { cliOf, curlOfAction, perform, type Action } from './action';
import { Problem } from './api';
import { t } from '../strings';

export interface Notice {
  text: string;
  bad: boolean;
  cli?: string;
  curl?: string;
  undo?: string;
}

class ShownAction {
  asked = $state.raw<Action | null>(null);
  notice = $state.raw<Notice | null>(null);
  private then: (() => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  // Opens the dialogue.
  ask(action: Action, then?: () => void): void {
    this.asked = action;
    this.then = then;
  }

  close(): void {
    this.asked = null;
    this.then = undefined;
  }

  // Does it at once; what came of it stands in the notice.
  async run(action: Action, then: (() => void) | undefined = this.then): Promise<boolean> {
    try {
      const answer = await perform(action);
      const changed = typeof answer['count'] === 'number' ? (answer['count'] as number) : null;
      const text = changed !== null && action.countable ? t.action.changed(changed) : t.action.done(action.title);
      this.say({ text, bad: false, cli: cliOf(action), curl: curlOfAction(action), undo: action.undo });
      then?.();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.say({ text: error.next ? `${error.detail}. ${error.next}` : error.detail, bad: true });
      return false;
    }
  }

  say(notice: Notice): void {
    this.notice = notice;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.notice = null), notice.bad ? 20_000 : 10_000);
  }
}

export const actions = new ShownAction();
