/* What a run will take and what it took, in words. */
#include "harness/run.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* "42 s", "21 min", "3.4 h". */
static const char *in_words(double seconds, char out[16])
{
    if (seconds < 120)
        snprintf(out, 16, "%.*f s", seconds < 10 ? 1 : 0, seconds);
    else if (seconds < 7200)
        snprintf(out, 16, "%.0f min", seconds / 60);
    else
        snprintf(out, 16, "%.1f h", seconds / 3600);
    return out;
}

const char *run_prospect(const struct plan_cost *cost, int threads)
{
    static _Thread_local char line[160];
    char time[16];
    if (cost->unknown == cost->cells)
        return cost->cells ? "nothing like this was run before: no prediction" : "";
    int used = snprintf(line, sizeof line, "%zu cells to do: about %s on %d worker%s, %.1f MB",
                        cost->cells, in_words(cost->cpu_s / threads, time), threads,
                        threads == 1 ? "" : "s", cost->bytes / 1e6);
    if (cost->unknown)
        snprintf(line + used, sizeof line - (size_t)used,
                 ", and %zu without a precedent", cost->unknown);
    return line;
}

static void count(struct text *out, size_t number, const char *what)
{
    if (number)
        text_addf(out, ", %zu %s", number, what);
}

char *run_summary(const struct run_report *report)
{
    struct text out = {0};
    text_addf(&out, "%zu cells done", report->done);
    count(&out, report->found, "already there");
    count(&out, report->failed, "failed");
    count(&out, report->timed_out, "timed out");
    count(&out, report->flagged, "with flags");
    if (report->unread)
        text_addf(&out, ", %zu sample%s unreadable and counted as wrong (table failure)",
                  report->unread, report->unread == 1 ? "" : "s");
    text_addf(&out, " in %.1f s", report->seconds);
    if (report->interrupted)
        text_add(&out, "; interrupted: the same command goes on from here");
    else if (report->done)
        text_addf(&out, " (%.0f images/s, %" PRId64 " MiB)",
                  (double)report->samples / report->seconds, report->peak_kb >> 10);
    if (report->cpu_predicted > 0)
        text_addf(&out, "; %.1f s of CPU where %.1f were predicted", report->cpu_s,
                  report->cpu_predicted);
    return out.data;
}
