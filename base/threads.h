/*
 * The worker pool (OpenMP). Work is handed out item by item, and every result must depend
 * on its item alone, so that any number of threads gives the same bytes.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

int threads_available(void);

/*
 * Calls work(context, item, worker) for item = 0..count-1, in no fixed order, on up to
 * `threads` workers numbered 0..threads-1 (0 = all available). Libraries called from
 * inside see a single thread. A failing item stops the hand-out of further ones; the
 * status and message of the lowest failing item are returned to the caller.
 * Ctrl-C (threads_interrupt) ends the loop with ERR_INTERRUPTED after the running items.
 */
enum status threads_each(int threads, size_t count,
                         enum status (*work)(void *context, size_t item, int worker),
                         void *context);

/* Async-signal-safe: ask running loops to stop; and whether somebody has. */
void threads_interrupt(void);
bool threads_interrupted(void);
