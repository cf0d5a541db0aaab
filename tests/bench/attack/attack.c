/*
 * Robust accuracy of one network under attacks, with costs:
 *
 *     attack MODEL DATASET STRIDE COUNT THREADS "NAME eps=... key=value" ...
 *
 * One line each: attack, right of all, clean-correct, 8-bit right, seconds, forwards and
 * backwards per clean-correct sample, and who broke how many. `@SOURCE` in front of the
 * name takes gradients from the network of that path; `?` prints the flags of all samples.
 */
#include "base/mem.h"
#include "base/text.h"
#include "noises/adversarial/protocol.h"
#include "tests/adversarial/gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum status parse(char *line, const struct attack **attack, struct params *params)
{
    char *rest = NULL, *word = strtok_r(line, " ", &rest);
    enum status st = attack_find(word, attack);
    if (st)
        return st;
    params_init(params, (*attack)->params);
    while (!st && (word = strtok_r(NULL, " ", &rest))) {
        char *value = strchr(word, '=');
        if (!value)
            return status_fail(ERR_USAGE, "%s: expected key=value", word);
        *value++ = 0;
        st = params_set(params, word, value);
    }
    return st;
}

static void print_credits(const struct attack_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        bool first = true;
        for (size_t k = 0; results[i].broken_by && k < count; k++)
            if (results[k].broken_by && !strcmp(results[k].broken_by, results[i].broken_by)) {
                same++;
                first &= k >= i;
            }
        if (results[i].broken_by && first)
            printf(" %s:%zu", results[i].broken_by, same);
    }
}

static void print_flags(const struct gallery *gallery, const struct gallery_run *run)
{
    struct flag_sums sums = {0};
    struct flag flags[FLAGS_MAX];
    for (size_t i = 0; i < gallery->count; i++)
        if (!run->results[i].broken || run->results[i].first_success > 0)
            flags_add(&sums, &run->results[i]);
    size_t count = flags_list(&sums, gallery->count, run->attack, run->params,
                              gallery->record->n_classes, flags);
    for (size_t i = 0; i < count; i++)
        printf(" %s=%.3g", flags[i].code, flags[i].value);
    if (sums.preflights)
        printf(" fidelity=%.3f", sums.fidelity / (double)sums.preflights);
}

static double median_distance(const struct attack_result *results, size_t count)
{
    double *all = mem_array(count, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (results[i].first_success || !results[i].broken)
            all[n++] = results[i].distance;
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && all[k] < all[k - 1]; k--) {
            double swap = all[k];
            all[k] = all[k - 1];
            all[k - 1] = swap;
        }
    double median = n ? all[n / 2] : 0;
    free(all);
    return median;
}

static enum status measure(const struct gallery *gallery, char *argument, int threads)
{
    struct gallery_run run = {.threads = threads};
    struct params params = {0};
    struct model *source = NULL;
    struct session_options victim = {0};
    bool flags = *argument == '?';
    char *line = mem_copy(argument + flags), *at = line;
    enum status st = OK;
    if (*line == '@') {
        at = strchr(line, ' ');
        *at++ = 0;
        st = model_open(line + 1, NULL, &source);
        run.options = &victim;
    }
    if (!st)
        st = parse(at, &run.attack, &params);
    run.params = &params;
    run.source = source;
    victim.gradient = !st && run.attack->own_gradient;
    run.right = mem_array(gallery->count, sizeof(bool));
    run.right_8bit = mem_array(gallery->count, sizeof(bool));
    run.results = mem_array(gallery->count, sizeof *run.results);
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    if (!st)
        st = gallery_attack(gallery, &run);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    if (!st) {
        size_t clean = 0, bad = 0;
        for (size_t i = 0; i < gallery->count; i++) {
            clean += !run.results[i].broken || run.results[i].first_success > 0;
            bad += run.results[i].budget_violated;
        }
        double cpu = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        printf("%-44s right %3zu of %3zu of %3zu  8-bit %3zu  wall %.2f s cpu %.3f s  "
               "F %.1f B %.1f",
               argument, count_true(run.right, gallery->count), clean, gallery->count,
               count_true(run.right_8bit, gallery->count), run.seconds, cpu,
               (double)run.forwards / (double)(clean ? clean : 1),
               (double)run.backwards / (double)(clean ? clean : 1));
        if (run.attack->minimum_norm)
            printf("  median %.5g", median_distance(run.results, gallery->count));
        if (bad)
            printf("  BUDGET %zu", bad);
        printf(" ");
        print_credits(run.results, gallery->count);
        print_flags(gallery, &run);
        printf("\n");
        for (size_t i = 0; flags && i < gallery->count; i++)
            putchar(run.right[i] ? '1' : '0');
        if (flags)
            printf("\n");
        fflush(stdout);
    }
    params_clear(&params);
    free(run.right);
    free(run.right_8bit);
    free(run.results);
    free(line);
    model_close(source);
    return st;
}

int main(int count, char **arguments)
{
    if (count < 7) {
        fprintf(stderr, "usage: attack MODEL DATASET STRIDE COUNT THREADS ATTACK...\n");
        return 2;
    }
    struct gallery gallery;
    enum status st = gallery_open(arguments[1], arguments[2], (size_t)atoi(arguments[3]),
                                  (size_t)atoi(arguments[4]), &gallery);
    for (int i = 6; i < count && !st; i++)
        st = measure(&gallery, arguments[i], atoi(arguments[5]));
    if (st)
        fprintf(stderr, "attack: %s\n", status_message());
    gallery_close(&gallery);
    return st != OK;
}
