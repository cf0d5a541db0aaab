#include "base/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    size_t total, done;
    const char *unit;
    bool active, quiet, terminal;
    double start, shown;
    char label[160];
} bar;

static double seconds(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_now(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double clock_cpu(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 40)
        return 80;
    return size.ws_col;
}

static void format_duration(double s, char out[16])
{
    if (!(s >= 0))
        snprintf(out, 16, "--:--");
    else if (s < 3600)
        snprintf(out, 16, "%d:%02d", (int)s / 60, (int)s % 60);
    else
        snprintf(out, 16, "%dh%02dm", (int)(s / 3600) % 10000, (int)(s / 60) % 60);
}

static void draw(double now)
{
    double share = bar.total ? (double)bar.done / (double)bar.total : 0;
    double rate = now > bar.start ? (double)bar.done / (now - bar.start) : 0;
    char left[16];
    format_duration(rate > 0 ? (double)(bar.total - bar.done) / rate : -1, left);

    char line[512];
    if (bar.terminal) {
        enum { CELLS = 20 };
        char cells[CELLS + 1];
        for (int i = 0; i < CELLS; i++)
            cells[i] = i < (int)(share * CELLS) ? '#' : '.';
        cells[CELLS] = 0;
        snprintf(line, sizeof line, "[%s] %3.0f%% %.0f %s/s, %s left  %s", cells,
                 100 * share, rate, bar.unit, left, bar.label);
        fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
    } else {
        fprintf(stderr, "%3.0f%% %zu/%zu %s, %.0f/s, %s left: %s\n", 100 * share,
                bar.done, bar.total, bar.unit, rate, left, bar.label);
    }
    fflush(stderr);
    bar.shown = now;
}

void progress_begin(size_t total, const char *unit, int quiet)
{
#pragma omp critical(progress)
    {
        memset(&bar, 0, sizeof bar);
        bar.total = total;
        bar.unit = unit;
        bar.active = true;
        bar.quiet = quiet != 0;
        bar.terminal = isatty(STDERR_FILENO) != 0;
        bar.start = bar.shown = clock_now();
    }
}

void progress_label(const char *label)
{
#pragma omp critical(progress)
    snprintf(bar.label, sizeof bar.label, "%s", label);
}

void progress_step(size_t steps)
{
#pragma omp critical(progress)
    {
        bar.done += steps;
        double now = clock_now();
        if (bar.active && !bar.quiet && now - bar.shown > (bar.terminal ? 0.1 : 10.0))
            draw(now);
    }
}

void progress_note(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
#pragma omp critical(progress)
    {
        bool shown = bar.active && bar.terminal && !bar.quiet;
        fprintf(stderr, "%s%s\n", shown ? "\r\033[K" : "", line);
        if (shown)
            draw(clock_now());
    }
}

void progress_end(void)
{
#pragma omp critical(progress)
    {
        if (bar.active && !bar.quiet && bar.terminal)
            fputs("\r\033[K", stderr);
        bar.active = false;
    }
}
