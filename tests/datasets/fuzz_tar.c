/* Any bytes as a tar archive: the header reader and what makes keys and classes of names.
 */
#include "datasets/index.h"
#include "datasets/tar_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status visit(void *context, const struct tar_member *member)
{
    if (member->type == '0')
        index_add(context, member->name, member->offset, member->size);
    return OK;
}

static void read_archive(const uint8_t *data, size_t size)
{
    struct dataset dataset = {.path = mem_copy("fuzz.tar")};
    struct index index = {.arena = &dataset.arena};
    enum status st = tar_each(data, size, visit, &index);
    if (!st)
        (void)index_finish(&index, &dataset, NULL);
    else
        free(index.entries);
    for (size_t i = 0; i < dataset.count; i++)
        if (dataset.samples[i].offset > size ||
            dataset.samples[i].size > size - dataset.samples[i].offset)
            abort();
    dataset_close(&dataset);
}

/* Makes every header's checksum right, or few inputs would get past the first. */
static void mend(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= 512; at += 512) {
        uint8_t *block = data + at;
        if (memcmp(block + 257, "ustar", 5))
            continue;
        unsigned sum = 0;
        char digits[16];
        memset(block + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
            sum += block[i];
        snprintf(digits, sizeof digits, "%06o", sum);
        memcpy(block + 148, digits, 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_archive(data, size);
    uint8_t *mended = mem_new(size);
    if (size)
        memcpy(mended, data, size);
    mend(mended, size);
    read_archive(mended, size);
    free(mended);
    return 0;
}
