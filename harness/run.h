/* `gauntlet run`: a suite into the store. */
#pragma once

#include "harness/command.h"
#include "harness/plan.h"
#include "harness/wave.h"

struct run_report {
    size_t done, found, failed, timed_out, samples; /* samples: computed in this run */
    size_t flagged; /* finished cells with a reliability flag */
    size_t unread;  /* samples that could not be read, in the cell with most of them */
    double seconds;
    double cpu_s, cpu_predicted; /* of finished cells that had a precedent */
    int64_t run_id, peak_kb;
    bool interrupted;
};

/* Runs what is missing, wave by wave, and writes the run's end. The status is that of the
 * run itself; cells' failures are in the report. */
enum status run_plan(struct plan *plan, struct store *store, const struct store_run *row,
                     const struct run_options *options, struct run_report *out);

/* "8 cells to do: about 21 min on 2 workers, 3.1 MB", as messages say it; "" with nothing
 * to do. Static per thread. */
const char *run_prospect(const struct plan_cost *cost, int threads);
/* "8 cells done, 2 already there in 20.9 s (240 images/s, 56 MiB)". The caller frees. */
char *run_summary(const struct run_report *report);

enum exit_code run_exit_code(const struct run_report *report, enum status st,
                             bool strict);
