/** How the program exits. */

export const EXIT = { done: 0, failed: 1, usage: 2, config: 3, stopped: 4, interrupted: 130 } as const;
