/*
 * Runs a fuzz target over every file of the corpora named on the command line, and over
 * truncations and single-byte changes of each, in place of a fuzzer: a crash or a
 * sanitizer's report fails the test. Linked with a fuzz_<parser>.c.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILE = 1 << 20, CUTS = 64, CHANGES = 512 };

/* Exactly as large as the input, so that a read past its end is one past an allocation.
 */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
    run(data, size);
    for (size_t i = 0; i < CUTS && size; i++)
        run(data, size * i / CUTS);
    uint32_t state = 1;
    for (size_t i = 0; i < CHANGES && size; i++) {
        state = state * 1664525u + 1013904223u;
        size_t at = (state >> 8) % size;
        uint8_t old = data[at];
        static const uint8_t values[] = {0, 0xff, 0x80, 0x7f, '9'};
        data[at] = i % 6 < 5 ? values[i % 6] : (uint8_t)(state >> 24);
        run(data, size);
        data[at] = old;
    }
}

static int run_file(const char *path)
{
    static uint8_t buffer[MAX_FILE];
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    size_t size = fread(buffer, 1, sizeof buffer, file);
    int readable = !ferror(file);
    fclose(file);
    if (readable)
        run_variants(buffer, size);
    return readable;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.' && run_file(path))
                count++;
        }
        if (folder)
            closedir(folder);
    }
    printf("1..1\n%sok 1 - %zu files of the corpus and their variants\n",
           count ? "" : "not ", count);
    return !count;
}
