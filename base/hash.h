/* SHA-256 (FIPS 180-4, through libcrypto) as lower-case hex. */
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { HASH_HEX = 65 }; /* 64 digits and the end of string */

struct hash {
    void *state; /* EVP_MD_CTX; NULL before hash_init */
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t size);
/* The string and its end, so that "ab","c" and "a","bc" differ. NULL adds an end alone. */
void hash_add_string(struct hash *hash, const char *string);
void hash_add_u64(struct hash *hash, uint64_t value);
void hash_finish(struct hash *hash, char hex[HASH_HEX]); /* releases the state too */

void hash_bytes(const void *bytes, size_t size, char hex[HASH_HEX]);
enum status hash_file(const char *path, char hex[HASH_HEX]);
/* A file, or the names and contents of the files directly in a folder, by name. */
enum status hash_path(const char *path, char hex[HASH_HEX]);

/* 64 well-mixed bits of a string: keys for the generator, never for identity. */
uint64_t hash_key(const char *string);
