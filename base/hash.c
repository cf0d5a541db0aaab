#include "base/hash.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void hash_init(struct hash *hash)
{
    hash->state = EVP_MD_CTX_new();
    if (!hash->state || !EVP_DigestInit_ex(hash->state, EVP_sha256(), NULL)) {
        fputs("gauntlet: libcrypto has no SHA-256\n", stderr);
        abort();
    }
}

void hash_add(struct hash *hash, const void *bytes, size_t size)
{
    EVP_DigestUpdate(hash->state, bytes, size);
}

void hash_add_string(struct hash *hash, const char *string)
{
    if (string)
        hash_add(hash, string, strlen(string));
    hash_add(hash, "", 1);
}

void hash_add_u64(struct hash *hash, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    hash_add(hash, bytes, sizeof bytes);
}

void hash_finish(struct hash *hash, char hex[HASH_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(hash->state, digest, &size);
    EVP_MD_CTX_free(hash->state);
    hash->state = NULL;
    for (unsigned i = 0; i < size && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void hash_bytes(const void *bytes, size_t size, char hex[HASH_HEX])
{
    struct hash hash;
    hash_init(&hash);
    hash_add(&hash, bytes, size);
    hash_finish(&hash, hex);
}

enum status hash_file(const char *path, char hex[HASH_HEX])
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return status_fail(ERR_IO, "%s: %s", path, strerror(errno));

    struct hash hash;
    hash_init(&hash);
    static _Thread_local unsigned char buffer[1 << 16];
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        hash_add(&hash, buffer, got);
    int failed = ferror(file);
    fclose(file);
    hash_finish(&hash, hex);
    return failed ? status_fail(ERR_IO, "%s: cannot be read", path) : OK;
}

static enum status hash_folder(const char *path, char hex[HASH_HEX])
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0)
        return status_fail(ERR_IO, "%s: %s", path, strerror(errno));

    enum status st = OK;
    struct hash hash;
    hash_init(&hash);
    for (int i = 0; i < count; i++) {
        char *file = mem_format("%s/%s", path, entries[i]->d_name);
        char digest[HASH_HEX];
        struct stat info;
        if (!st && !stat(file, &info) && S_ISREG(info.st_mode)) {
            st = hash_file(file, digest);
            hash_add_string(&hash, entries[i]->d_name);
            hash_add_string(&hash, st ? "" : digest);
        }
        free(file);
        free(entries[i]);
    }
    free(entries);
    hash_finish(&hash, hex);
    return st;
}

enum status hash_path(const char *path, char hex[HASH_HEX])
{
    struct stat info;
    if (!stat(path, &info) && S_ISDIR(info.st_mode))
        return hash_folder(path, hex);
    return hash_file(path, hex);
}

uint64_t hash_key(const char *string)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(string, strlen(string), digest, NULL, EVP_sha256(), NULL);
    uint64_t key = 0;
    for (int i = 7; i >= 0; i--)
        key = key << 8 | digest[i];
    return key;
}
