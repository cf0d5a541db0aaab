/*
 * Progress on stderr: a bar with rate and time left on a terminal, a plain line now and
 * then elsewhere. Safe to call from workers.
 */
#pragma once

#include <stddef.h>

/* `total` steps to come; `unit` is what a step is ("images"). Quiet when `quiet` is set.
 */
void progress_begin(size_t total, const char *unit, int quiet);
/* What is running now; shown beside the bar. Copied. */
void progress_label(const char *label);
void progress_step(size_t steps);
/* Prints a line without tearing the bar; printf-like, newline added. */
void progress_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

double clock_now(void); /* seconds, monotonic */
double clock_cpu(void); /* seconds of CPU time of this process */
