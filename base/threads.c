#include "base/threads.h"

#include <omp.h>

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted;

void threads_interrupt(void)
{
    interrupted = 1;
}

bool threads_interrupted(void)
{
    return interrupted != 0;
}

int threads_available(void)
{
    return omp_get_num_procs();
}

struct failure {
    size_t item;
    enum status st;
    char message[1024];
};

static void record(struct failure *first, size_t item, enum status st)
{
#pragma omp critical(threads_failure)
    if (!first->st || item < first->item) {
        first->item = item;
        first->st = st;
        snprintf(first->message, sizeof first->message, "%s", status_message());
    }
}

enum status threads_each(int threads, size_t count,
                         enum status (*work)(void *context, size_t item, int worker),
                         void *context)
{
    struct failure first = {0};
    size_t next = 0;
    bool stop = false;

    if (threads < 1)
        threads = threads_available();
#pragma omp parallel num_threads(threads)
    {
        int worker = omp_get_thread_num();
        omp_set_num_threads(1);
        for (;;) {
            bool stopped;
            size_t item;
#pragma omp atomic read
            stopped = stop;
            if (stopped || interrupted)
                break;
#pragma omp atomic capture
            item = next++;
            if (item >= count)
                break;
            enum status st = work(context, item, worker);
            if (st) {
                record(&first, item, st);
#pragma omp atomic write
                stop = true;
            }
        }
    }
    if (first.st)
        return status_fail(first.st, "%s", first.message);
    if (interrupted)
        return status_fail(ERR_INTERRUPTED, "interrupted");
    return OK;
}
