/*
 * How long a corruption takes, beside the Python original: CPU time of one thread for one
 * 224x224 picture at severity 3, the median over pictures.
 *
 *     corrupt [--pictures N] [--severity S] [--only NAME] [--alone]
 *
 * Both sides draw their random numbers. The original is tests/natural/oracle.py, which
 * calls the libraries that the original calls; --alone leaves it out.
 */
#include "tests/test.h"

#include "base/mem.h"
#include "tests/natural/cases.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { DISTINCT = 8 }; /* pictures; more of them are these again */

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(const struct natural *natural, const struct image *pictures,
                      int count, int severity)
{
    double *spent = mem_array((size_t)count, sizeof *spent);
    struct params params;
    params_init(&params, natural->params);
    struct natural_args args = {severity <= natural->severities ? severity : 1,
                                NATURAL_224, &params};
    for (int i = -1; i < count; i++) { /* one more to fill caches and tables */
        struct image image;
        struct rng rng;
        if (image_copy(&pictures[i < 0 ? 0 : i], &image))
            break;
        rng_open(&rng, (uint64_t)(i + 1), "bench", natural->name, 0);
        double start = cpu_ms();
        enum status st = natural_apply(natural, &image, &args, &rng);
        if (i >= 0)
            spent[i] = cpu_ms() - start;
        if (st)
            fprintf(stderr, "%s: %s\n", natural->name, status_message());
        image_clear(&image);
    }
    params_clear(&params);
    qsort(spent, (size_t)count, sizeof *spent, by_value);
    double median = spent[count / 2];
    free(spent);
    return median;
}

/* name -> milliseconds, as the oracle prints them. */
struct times {
    char name[64][32];
    double ms[64];
    int count;
};

static bool write_pictures(const char *path, const struct image *pictures, int count)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    for (int i = 0; i < count; i++)
        fwrite(pictures[i].data, 1, image_size(&pictures[i]), file);
    return fclose(file) == 0;
}

static void time_original(const struct image *pictures, int count, int severity,
                          struct times *times)
{
    char path[] = "/tmp/corrupt-XXXXXX", command[4096];
    const char *frost = shared_path("data/frost");
    int fd = mkstemp(path);
    if (fd < 0 || !frost || !write_pictures(path, pictures, count))
        return;
    close(fd);
    snprintf(command, sizeof command,
             "/usr/bin/python3 %s --frost %s --time %s %d %d 2>/dev/null",
             source_path("tests/natural/oracle.py"), frost, path, count, severity);
    FILE *pipe = popen(command, "r");
    while (pipe && times->count < 64 &&
           fscanf(pipe, "%31s %lf", times->name[times->count],
                  &times->ms[times->count]) == 2)
        times->count++;
    if (pipe)
        pclose(pipe);
    unlink(path);
}

static double find(const struct times *times, const char *name)
{
    for (int i = 0; i < times->count; i++)
        if (!strcmp(times->name[i], name))
            return times->ms[i];
    return 0;
}

int main(int argc, char **argv)
{
    int count = 30, severity = 3;
    bool alone = false;
    const char *only = NULL;
    for (int i = 1; i < argc; i++) {
        alone |= !strcmp(argv[i], "--alone");
        if (!strcmp(argv[i], "--pictures") && i + 1 < argc)
            count = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--severity") && i + 1 < argc)
            severity = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
    }
    if (count < 1 || severity < 1 || severity > 5) {
        fprintf(stderr, "corrupt: --pictures from 1, --severity from 1 to 5\n");
        return 2;
    }
    mem_keep_freed();
    struct image *pictures = mem_array((size_t)count, sizeof *pictures);
    for (int i = 0; i < count; i++) {
        pictures[i] = i < DISTINCT
                          ? picture_shared("data/imagenet-sample.tar", 13 * i, 224)
                          : pictures[i % DISTINCT];
        if (!pictures[i].data)
            pictures[i] = picture_synthetic(224, 224, (uint64_t)i);
    }
    static struct times original;
    if (!alone)
        time_original(pictures, count, severity, &original);
    printf("%-22s %12s %12s %8s\n", "severity", "ours, ms", "Python, ms", "ratio");
    double product = 0, total = 0, total_original = 0, worst = HUGE_VAL;
    int compared = 0;
    for (size_t i = 0; natural_registry[i]; i++) {
        if (only && strcmp(only, natural_registry[i]->name))
            continue;
        double ours = measure(natural_registry[i], pictures, count, severity);
        double theirs = find(&original, natural_registry[i]->name);
        printf("%-20s %d %12.3f", natural_registry[i]->name, severity, ours);
        if (theirs > 0) {
            printf(" %12.3f %8.1f", theirs, theirs / ours);
            product += log(theirs / ours);
            worst = fmin(worst, theirs / ours);
            total += ours;
            total_original += theirs;
            compared++;
        }
        printf("\n");
        fflush(stdout);
    }
    if (compared)
        printf("%-22s %12.3f %12.3f %8.1f   geometric mean %.1f, least %.1f\n",
               "together", total, total_original, total_original / total,
               exp(product / compared), worst);
    for (int i = 0; i < count && i < DISTINCT; i++)
        image_clear(&pictures[i]);
    free(pictures);
    return 0;
}
