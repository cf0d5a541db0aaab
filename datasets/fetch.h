/*
 * Downloads: several at once, resumed where they broke off, and visible under their name
 * only once whole and checked.
 *
 * A file grows as PATH.part, which one process at a time may hold. Broken connections,
 * time-outs and the answers 408, 425, 429 and 5xx are tried again after a pause that
 * doubles (or the pause the server asks for), from where the file ends if the server
 * grants it. Other answers and wrong contents lead to the next address. What is written is
 * checked against size and checksum, synced and renamed. http, https and file addresses;
 * redirects lead to http and https alone, and never from https to http. Proxies are those
 * of the environment, certificates those of CURL_CA_BUNDLE, SSL_CERT_FILE or the system.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch_item {
    /* what is wanted */
    const char *name;         /* for messages */
    const char *const *urls;  /* NULL-ended, tried in turn */
    const char *sha256, *md5; /* hexadecimal; at least one */
    int64_t bytes;            /* of the file; 0: not known */
    const char *path;         /* where it will be; its folder exists */

    /* what came of it */
    enum status st;
    char *message;         /* of a failure; fetch_items_clear() frees */
    bool was_there;        /* nothing had to be fetched */
    int64_t fetched_bytes; /* that came over the wire */
};

struct fetch_options {
    const char *mirror; /* tried first: MIRROR/FILE, FILE the last part of the URL */
    bool offline;       /* only see whether it is there */
    bool verify;        /* check again what is there already */
    bool quiet;         /* no progress */
    int at_once;        /* 0: 4 */
    int tries;          /* per address, 0: 5 */
    double pause_s;     /* before the second try, 0: 1; doubles up to 60 */
    double stall_s;     /* without a byte, then it counts as broken; 0: 30 */
};

/* Fetches all, whatever becomes of the others. Returns OK when every item's st is, else
 * the first failure's status and message. ERR_INTERRUPTED keeps what has come so far. */
enum status fetch_all(struct fetch_item *items, size_t count,
                      const struct fetch_options *options);
void fetch_items_clear(struct fetch_item *items, size_t count);

/* ERR_FORMAT when the file has another size or checksum; both are in the message. */
enum status fetch_check(const char *path, const char *sha256, const char *md5,
                        int64_t bytes);

/*
 * Unpacks a tar (of any compression) or zip into `folder`, which must not exist and
 * appears only when all is there. ERR_FORMAT refuses absolute names, names with "..",
 * links, devices and members that stand there twice; ERR_LIMIT more than 5 million
 * members, or contents of more than 200 times the archive beyond 64 MiB. The archive's
 * owners and modes are ignored.
 */
enum status archive_unpack(const char *archive, const char *folder);
