/*
 * Tar headers: V7, ustar (POSIX 1003.1-1988), GNU and pax (POSIX 1003.1-2001), read where
 * they lie. Nothing is unpacked and no name is ever opened, so that "../" or "/etc" in
 * one is a name and nothing more.
 */
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct tar_member {
    const char *name;   /* whole, as the archive has it; valid during the visit */
    const char *target; /* of a link, else "" */
    char type;       /* '0' file, '1' hard link, '2' symbolic link, '5' folder, other */
    uint64_t offset; /* of the contents from the archive's start */
    uint64_t size;
};

/*
 * Visits the members in order. Every header is checked against its checksum and every
 * size against the archive's own. ERR_FORMAT names the member and the offset of the
 * fault; ERR_UNSUPPORTED for sparse and multi-volume members.
 */
enum status tar_each(const uint8_t *data, size_t size,
                     enum status (*visit)(void *context, const struct tar_member *member),
                     void *context);

/* Whether the first block is a tar header. */
int tar_sniff(const uint8_t *data, size_t size);
